//! The Autobahn WebSocket testsuite, which runs on Python 2.7 only, in a folder of our own.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::is_in_step;
use crate::{
    failure::Failure,
    process::{self, announce},
    workspace::{self, Workspace},
};

const REQUIREMENTS: &str = "crates/peerhall-e2e/foreign/autobahn/requirements.txt";
const FOLDER: &str = ".cache/autobahn";

/// Names a Python 2.7 that is in none of the usual places.
const PYTHON: &str = "PEERHALL_PYTHON27";

/// Names a folder that has the suite already.
const OVERRIDE: &str = "PEERHALL_AUTOBAHN";

/// The folder of the suite: `PEERHALL_AUTOBAHN`, else our own.
pub(super) fn folder(workspace: &Workspace) -> PathBuf {
    env::var_os(OVERRIDE).map_or_else(|| workspace.path(FOLDER), PathBuf::from)
}

/// Installs the suite unless exactly what the requirements list is installed.
pub(super) fn ensure_suite(workspace: &Workspace) -> Result<(), Failure> {
    if env::var_os(OVERRIDE).is_some() {
        return Ok(());
    }
    let requirements = workspace.read(REQUIREMENTS)?;
    let folder = folder(workspace);
    let stamp = folder.join("peerhall-requirements.txt");
    if is_in_step(&stamp, &requirements) && process::succeeds(&mut wstest(&folder)) {
        return Ok(());
    }
    let python = python().ok_or_else(|| Failure::Missing {
        what: "the Autobahn testsuite needs Python 2.7, which was not found".to_owned(),
        cure: format!(
            "install it with `pyenv install 2.7.18` (https://github.com/pyenv/pyenv), or name one by the variable {PYTHON}"
        ),
    })?;
    announce(&format!("pip install -r {REQUIREMENTS} (Python 2.7)"));
    let pip = ["-m", "pip", "install", "--user", "--ignore-installed", "--no-warn-script-location"];
    let quiet = ["--disable-pip-version-check", "--no-input", "--quiet", "-r", REQUIREMENTS];
    let mut pip_install = workspace.command(&python.to_string_lossy());
    pip_install.args(pip).args(quiet);
    process::run(pip_install.env("PYTHONUSERBASE", &folder).env("PIP_NO_PYTHON_VERSION_WARNING", "1"))?;
    workspace::write(&stamp, &requirements)
}

fn wstest(folder: &Path) -> Command {
    let mut wstest = Command::new(folder.join("bin/wstest"));
    wstest.arg("--help").env("PYTHONUSERBASE", folder);
    wstest
}

/// A Python 2.7 that works: the one that is named, one of pyenv's, or the one on `PATH`.
fn python() -> Option<PathBuf> {
    let named = env::var_os(PYTHON).map(PathBuf::from);
    let found = process::find_on_path("python2.7");
    named.into_iter().chain(pyenv_versions()).chain(found).find(|python| is_python_27(python))
}

/// The interpreters that pyenv has built, whichever of them is switched on.
fn pyenv_versions() -> Vec<PathBuf> {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let Some(root) = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(home) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(root.join("versions")) else { return Vec::new() };
    let versions = entries.flatten().map(|entry| entry.path());
    versions.map(|version| version.join("bin/python2.7")).filter(|python| python.is_file()).collect()
}

fn is_python_27(python: &Path) -> bool {
    let check = "import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))";
    process::succeeds(Command::new(python).args([OsStr::new("-c"), OsStr::new(check)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_python_27_is_not_taken_for_one() {
        assert!(!is_python_27(Path::new("python3")));
        assert!(!is_python_27(Path::new("peerhall-no-such-program")));
    }
}
