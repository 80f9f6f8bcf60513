//! The command `peerhall`: starts servers, keeps keys and apps, mints tokens.
//!
//! Each command is one file under `command/`: its arguments with their help, and what it does. Status 0
//! means that everything was done; otherwise one sentence on standard error says what was not and what
//! to do next.

mod command;
mod data;
mod failure;
mod log;
mod output;
mod signals;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use crate::command::Command;

/// Gives back what a crowd took some seconds after it has left. The C library keeps it: pieces of what
/// stays stand between what is free.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Realtime signalling server for WebRTC and WebSocket clients.
#[derive(Debug, Parser)]
#[command(
    name = "peerhall",
    version,
    after_help = "Examples:
  peerhall dev                                        a server to try, with everything on
  peerhall key create --data ./data --type secret     a key for your backend
  peerhall serve --data ./data                        a server for production

`peerhall COMMAND --help` explains a command with examples."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => cli.command.run(),
        Err(error) => usage::explain::<Cli>(&error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            failure.status()
        }
    }
}
