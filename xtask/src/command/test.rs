//! `cargo xtask test`: every test of the project in one run.

use std::{
    ffi::{OsStr, OsString},
    process::ExitCode,
};

use super::Command;
use crate::{failure::Failure, process, setup::Tools, workspace::Workspace};

pub(super) const COMMAND: Command = Command {
    name: "test",
    usage: "[--no-setup] [FILTER]…",
    about: "installs what tests need, then runs all of them, or those that match",
    run,
};

/// Runs the tests that `arguments` (filters and options of `cargo nextest run`) select.
///
/// This process becomes the runner, so that the last lines and the exit status are the runner's.
///
/// # Errors
///
/// What the set-up lacks, or that the runner could not be started.
pub(super) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let (no_setup, passed_on): (Vec<&OsStr>, Vec<&OsStr>) =
        arguments.iter().map(OsString::as_os_str).partition(|argument| *argument == "--no-setup");
    let tools = if no_setup.is_empty() { Tools::install(workspace)? } else { Tools::assume(workspace)? };

    if passed_on.is_empty() {
        vendored(workspace)?;
    }
    let mut runner = workspace.cargo();
    runner.args(["nextest", "run", "--workspace"]).args(passed_on).envs(tools.environment());
    process::announce(&process::shown(&runner));
    process::become_program(&mut runner)
}

/// Those of the packages of others that we changed, which are no members of the workspace.
fn vendored(workspace: &Workspace) -> Result<(), Failure> {
    let mut tests = workspace.cargo();
    tests.args(["test", "--quiet", "--locked", "--manifest-path", "vendor/sctp-proto/Cargo.toml"]);
    tests.arg("--target-dir").arg(workspace.metadata()?.target_directory.join("vendor"));
    process::announce(&process::shown(&tests));
    process::run(&mut tests)
}
