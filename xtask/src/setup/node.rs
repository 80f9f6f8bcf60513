//! Node.js and the npm packages of the foreign clients and servers.

use std::{env, ffi::OsString, process::Command};

use super::is_in_step;
use crate::{
    failure::Failure,
    process::{self, announce},
    workspace::{self, Workspace},
};

/// Folder of the foreign clients that tests start.
pub(super) const TESTS: &str = "crates/peerhall-e2e/foreign/js";

/// Folder of the tools that pages are built with, in which the npm package is tried.
pub(super) const PACKAGE_TESTS: &str = "packages/peerhall/tests";

/// Folder of the servers that `cargo xtask bench` compares with.
pub(super) const BENCH: &str = "crates/peerhall-load/peers";

/// Folder of the peer connections that it compares with.
pub(super) const BENCH_RTC: &str = "crates/peerhall-load/peers/rtc";

/// The oldest major version whose `fetch`, and async iteration of streams the scripts rely on.
const OLDEST: u32 = 20;

/// The Node.js of the tests: `PEERHALL_NODE`, else `node`.
pub(super) fn program() -> OsString {
    env::var_os("PEERHALL_NODE").unwrap_or_else(|| "node".into())
}

/// Refuses a Node.js that is missing or too old.
pub(super) fn ensure_version(_workspace: &Workspace) -> Result<(), Failure> {
    let cure = format!(
        "install Node.js {OLDEST} or newer (https://nodejs.org), or name one by the variable PEERHALL_NODE"
    );
    let Ok(answer) = process::output(Command::new(program()).arg("--version")) else {
        return Err(Failure::Missing {
            what: "the tests need Node.js, which is not on PATH".to_owned(),
            cure,
        });
    };
    match major(&answer) {
        Some(major) if major >= OLDEST => Ok(()),
        Some(_) | None => Err(Failure::Missing {
            what: format!("the tests need a newer Node.js than {}", answer.trim()),
            cure,
        }),
    }
}

/// Installs the packages of a folder's lock file unless exactly those are installed.
pub(super) fn ensure_modules(workspace: &Workspace, folder: &str) -> Result<(), Failure> {
    let lock = workspace.read(&format!("{folder}/package-lock.json"))?;
    let stamp = workspace.path(&format!("{folder}/node_modules/.peerhall-lock"));
    if is_in_step(&stamp, &lock) {
        return Ok(());
    }
    announce(&format!("npm ci in {folder}"));
    let mut npm = Command::new("npm");
    process::run(npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(workspace.path(folder)))?;
    workspace::write(&stamp, &lock)
}

/// `20` of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_node_prints() {
        assert_eq!(major("v20.11.1\n"), Some(20));
        assert_eq!(major("v8"), Some(8));
        assert_eq!(major("not node"), None);
    }
}
