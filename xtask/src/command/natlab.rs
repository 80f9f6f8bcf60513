//! `cargo xtask natlab`: two peers behind every pair of networks that this machine can imitate.

use std::{ffi::OsString, process::ExitCode};

use super::Command;
use crate::{failure::Failure, process, setup, workspace::Workspace};

/// The page with the table.
const PAGE: &str = "docs/connectivity.md";

pub(super) const COMMAND: Command = Command {
    name: "natlab",
    usage: "[--only TEXT]",
    about: "native peers behind every pair of NATs and firewalls; rewrites the table of docs/connectivity.md",
    run,
};

fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode, Failure> {
    setup::for_torture(workspace)?;
    let binary = setup::build_binary(workspace)?;
    let mut cargo = workspace.cargo();
    cargo
        .args(["run", "--quiet", "-p", "peerhall-e2e", "--example", "natlab", "--"])
        .env("PEERHALL_BIN", binary);
    match arguments {
        [] => cargo.arg(workspace.path(PAGE)),
        arguments => cargo.args(arguments),
    };
    process::announce(&process::shown(&cargo));
    process::become_program(&mut cargo)
}
