//! `cargo xtask natlab`: two peers behind every pair of networks that this machine can imitate.

use std::{ffi::OsString, process::ExitCode};

use super::Command;
use crate::{failure::Failure, process, setup, workspace::Workspace};

/// The page with the table.
const PAGE: &str = "docs/connectivity.md";

pub(super) const COMMAND: Command = Command {
    name: "natlab",
    usage: "[--only TEXT|--send MEGABYTES]",
    about: "native peers and a browser behind pairs of NATs and firewalls; rewrites the tables of docs/connectivity.md",
    run,
};

fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode, Failure> {
    setup::for_torture(workspace)?;
    // A browser and Python take part.
    let tools = setup::Tools::install(workspace)?;
    let mut cargo = workspace.cargo();
    cargo
        .args(["run", "--quiet", "-p", "peerhall-e2e", "--example", "natlab", "--"])
        .envs(tools.environment());
    match arguments {
        [] => cargo.arg(workspace.path(PAGE)),
        arguments => cargo.args(arguments),
    };
    process::announce(&process::shown(&cargo));
    process::become_program(&mut cargo)
}
