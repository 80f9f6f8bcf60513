//! The commands, one file each.

mod access;
mod app;
mod bench;
mod completions;
mod config;
mod dev;
mod doctor;
mod files;
mod join;
mod key;
mod serve;
mod token;

use clap::Subcommand;

use crate::failure::Outcome;

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(dev::Dev),
    Serve(serve::Serve),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    App(app::App),
    #[command(subcommand)]
    Token(token::Token),
    #[command(subcommand)]
    Config(config::Config),
    Join(join::Join),
    Doctor(doctor::Doctor),
    Send(files::Send),
    Receive(files::Receive),
    Bench(bench::Bench),
    Completions(completions::Completions),
}

impl Command {
    /// Does what was asked.
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Dev(dev) => dev.run(),
            Self::Serve(serve) => serve.run(),
            Self::Key(key) => key.run(),
            Self::App(app) => app.run(),
            Self::Token(token) => token.run(),
            Self::Config(config) => config.run(),
            Self::Join(join) => join.run(),
            Self::Doctor(doctor) => doctor.run(),
            Self::Send(send) => send.run(),
            Self::Receive(receive) => receive.run(),
            Self::Bench(bench) => bench.run(),
            Self::Completions(completions) => completions.run(),
        }
    }
}
