//! Where this workspace is and how cargo is called in it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{failure::Failure, metadata::Metadata, process};

/// The checkout this program works on.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout cargo started this program in, else the one it was built from.
    ///
    /// The two differ when several checkouts share one target folder.
    pub(crate) fn current() -> Self {
        let own = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let own = own.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        Self { root: own.parent().unwrap_or(&own).to_owned() }
    }

    /// A path given relative to the root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A program to be started in the root.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that started us, to be started in the root.
    ///
    /// What `cargo run` tells us about our own package is taken out of its environment: build
    /// scripts that watch those variables would otherwise run again whenever a build through
    /// xtask follows a build by hand.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let about_us = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
            if about_us.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command
    }

    /// What cargo knows about our own packages.
    ///
    /// # Errors
    ///
    /// Those of [`process::output`], and [`Failure::Metadata`].
    pub(crate) fn metadata(&self) -> Result<Metadata, Failure> {
        let mut cargo = self.cargo();
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        Ok(Metadata::parse(&process::output(&mut cargo)?)?)
    }

    /// The text of a file given relative to the root.
    ///
    /// # Errors
    ///
    /// [`Failure::File`] with the path.
    pub(crate) fn read(&self, relative: &str) -> Result<String, Failure> {
        read(&self.path(relative))
    }
}

/// The text of a file.
///
/// # Errors
///
/// [`Failure::File`] with the path.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|cause| Failure::File { path: path.to_owned(), cause })
}

/// Replaces a file's text.
///
/// # Errors
///
/// [`Failure::File`] with the path.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|cause| Failure::File { path: path.to_owned(), cause })
}
