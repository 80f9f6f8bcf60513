//! Python and the packages of the foreign clients, in an environment of our own.

use std::{env, path::PathBuf};

use super::is_in_step;
use crate::{
    failure::Failure,
    process::{self, announce},
    workspace::{self, Workspace},
};

const REQUIREMENTS: &str = "crates/peerhall-e2e/foreign/python/requirements.txt";
const ENVIRONMENT: &str = ".cache/venv";

/// Names an interpreter that has the packages already.
const OVERRIDE: &str = "PEERHALL_PYTHON";

/// The interpreter of the tests: `PEERHALL_PYTHON`, else that of the environment.
pub(super) fn interpreter(workspace: &Workspace) -> PathBuf {
    let own = || workspace.path(ENVIRONMENT).join("bin").join("python");
    env::var_os(OVERRIDE).map_or_else(own, PathBuf::from)
}

/// Makes the environment anew unless it works and holds exactly what the requirements list.
pub(super) fn ensure_environment(workspace: &Workspace) -> Result<(), Failure> {
    if env::var_os(OVERRIDE).is_some() {
        return Ok(());
    }
    let requirements = workspace.read(REQUIREMENTS)?;
    let stamp = workspace.path(ENVIRONMENT).join("peerhall-requirements.txt");
    let python = interpreter(workspace);
    let python = python.to_string_lossy();
    // An environment outlives the Python it was made from, and is dead then.
    if is_in_step(&stamp, &requirements) && process::succeeds(workspace.command(&python).arg("--version")) {
        return Ok(());
    }
    announce(&format!("python3 -m venv --clear {ENVIRONMENT}"));
    process::run(workspace.command("python3").args(["-m", "venv", "--clear", ENVIRONMENT]))?;
    announce(&format!("pip install -r {REQUIREMENTS}"));
    let pip =
        ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", "-r", REQUIREMENTS];
    process::run(workspace.command(&python).args(pip))?;
    workspace::write(&stamp, &requirements)
}
