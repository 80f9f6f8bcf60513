//! `peerhall config`.

mod check;
mod schema;

use clap::Subcommand;

use crate::failure::Outcome;

/// Check a configuration file, or print one to start from
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Check(check::Check),
    Schema(schema::Schema),
}

impl Config {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Check(check) => check.run(),
            Self::Schema(schema) => schema.run(),
        }
    }
}
