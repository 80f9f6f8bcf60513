//! `peerhall completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Cli;
use crate::failure::{Failure, Outcome};
use crate::output::print;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall completions bash > /etc/bash_completion.d/peerhall
  peerhall completions zsh > \"${fpath[1]}/_peerhall\"
  peerhall completions fish > ~/.config/fish/completions/peerhall.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "peerhall", &mut script);
        let script = String::from_utf8(script)
            .map_err(|error| Failure::Output(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))?;
        print(&script)
    }
}
