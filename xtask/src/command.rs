//! The registry of jobs and the way from the command line to one of them.

mod bench;
mod ci;
mod conformance;
mod dependencies;
mod dev;
mod fuzz;
mod layers;
mod natlab;
mod package;
mod style;
mod test;
mod torture;

use std::{ffi::OsString, process::ExitCode};

use crate::{failure::Failure, workspace::Workspace};

/// A job. To add one, write `command/<name>.rs` with a `COMMAND` and list it in [`ALL`].
#[derive(Debug)]
pub(crate) struct Command {
    /// The word after `cargo xtask`.
    name: &'static str,
    /// What may follow the name, as the help shows it; empty when nothing may.
    usage: &'static str,
    /// What the job does, in one line of the help.
    about: &'static str,
    /// Does the job with everything that followed its name.
    run: fn(&Workspace, &[OsString]) -> Result<ExitCode, Failure>,
}

/// Every job, in the order of the help.
const ALL: [&Command; 12] = [
    &dev::COMMAND,
    &package::COMMAND,
    &test::COMMAND,
    &ci::COMMAND,
    &conformance::COMMAND,
    &torture::COMMAND,
    &bench::COMMAND,
    &natlab::COMMAND,
    &layers::COMMAND,
    &dependencies::COMMAND,
    &style::COMMAND,
    &fuzz::COMMAND,
];

/// Finds the job named by the first argument and does it; without one, prints the help.
///
/// # Errors
///
/// [`Failure::Usage`] for an unknown name, else what the job failed with.
pub(crate) fn dispatch(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", help());
        return Ok(ExitCode::SUCCESS);
    };
    if ["help", "--help", "-h"].iter().any(|word| name == word) {
        print!("{}", help());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(command) = ALL.into_iter().find(|command| name == command.name) else {
        return Err(Failure::Usage {
            problem: format!("there is no job `{}`", name.display()),
            usage: "cargo xtask lists them".to_owned(),
        });
    };
    (command.run)(&Workspace::current(), rest)
}

/// Refuses arguments on behalf of a job that takes none.
fn expect_no_arguments(command: &Command, arguments: &[OsString]) -> Result<(), Failure> {
    match arguments.first() {
        None => Ok(()),
        Some(first) => Err(Failure::Usage {
            problem: format!("`{}` takes no argument, got `{}`", command.name, first.display()),
            usage: format!("cargo xtask {}", command.name),
        }),
    }
}

fn help() -> String {
    let mut text = "The jobs of this workspace:\n\n".to_owned();
    for command in ALL {
        let call = format!("cargo xtask {} {}", command.name, command.usage);
        text.push_str(&format!("  {:<44}  {}\n", call.trim_end(), command.about));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_job_once() {
        let help = help();
        for command in ALL {
            let call = format!("  cargo xtask {} ", command.name);
            assert_eq!(help.matches(&call).count(), 1, "{}", command.name);
        }
    }

    #[test]
    fn an_unknown_job_is_refused_by_name() {
        let refusal = dispatch(&["frobnicate".into()]).unwrap_err().to_string();
        assert!(refusal.contains("`frobnicate`"), "{refusal}");
    }

    #[test]
    fn a_job_without_arguments_refuses_one() {
        let refusal = expect_no_arguments(&layers::COMMAND, &["--fast".into()]).unwrap_err().to_string();
        assert!(refusal.contains("--fast"), "{refusal}");
    }
}
