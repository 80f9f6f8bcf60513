//! Every job of the workspace as a subcommand: `cargo xtask` lists them.
//!
//! A job is one file under `command/` and one line of `ALL` in `command.rs`. Jobs say what they do on
//! stderr, one line per step, so that stdout belongs to the program they start.

mod command;
mod dependency_list;
mod failure;
mod fuzzer;
mod layers;
mod metadata;
mod metrics;
mod process;
mod setup;
mod workspace;

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    command::dispatch(&arguments).unwrap_or_else(|failure| {
        eprintln!("xtask: {failure}");
        ExitCode::FAILURE
    })
}
