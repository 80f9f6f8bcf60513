//! `peerhall config check`.

use std::path::PathBuf;

use clap::Args;
use peerhall_server::config::{Config, RawConfig};
use serde::Serialize;

use crate::failure::Outcome;
use crate::output::{print, print_json};

/// Check a configuration file
///
/// Says what is wrong with the first key that breaks a rule. The environment is not looked at.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  peerhall config check /etc/peerhall.toml && systemctl restart peerhall")]
pub(crate) struct Check {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print one line of JSON: file and valid
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Verdict<'a> {
    file: std::borrow::Cow<'a, str>,
    valid: bool,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        Config::default().with(RawConfig::read(&self.file)?)?;
        if self.json {
            return print_json(&Verdict { file: self.file.to_string_lossy(), valid: true });
        }
        print(&format!("{} is a valid configuration.\n", self.file.display()))
    }
}
