//! Arguments that do not fit, told in one sentence.

use std::ffi::OsString;
use std::net::SocketAddr;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory};

use crate::failure::{Failure, Outcome};

/// Prints the help that was asked for, or says what is wrong with the arguments of this process.
pub(crate) fn explain<C: CommandFactory>(error: &clap::Error) -> Outcome {
    let kind = error.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return error.print().map_err(Failure::Output);
    }
    let text = error.render().to_string();
    Err(Failure::Usage(sentence(kind, &text, &C::command(), std::env::args_os())))
}

fn sentence(
    kind: ErrorKind,
    text: &str,
    root: &Command,
    arguments: impl Iterator<Item = OsString>,
) -> String {
    let (path, command) = chosen(root, arguments.skip(1));
    if matches!(kind, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand) {
        let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        return format!("`{path}` needs one of {}; see `{path} --help`", names.join(", "));
    }
    format!("{}; see `{path} --help`", what_is_wrong(text))
}

/// The command that the arguments name, with the words that lead to it.
fn chosen(root: &Command, arguments: impl Iterator<Item = OsString>) -> (String, &Command) {
    let mut path = root.get_name().to_owned();
    let mut command = root;
    for argument in arguments {
        let Some(next) = command.find_subcommand(&argument) else { continue };
        path = format!("{path} {}", next.get_name());
        command = next;
    }
    (path, command)
}

/// The message and the tip, without the usage that clap adds: paragraphs up to that, as one line.
fn what_is_wrong(text: &str) -> String {
    let said = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let mut sentence = String::new();
    for line in said.map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("tip:") {
            sentence.push(',');
        }
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        sentence.push_str(line.strip_prefix("error: ").unwrap_or(line));
    }
    without_secrets(&sentence)
}

/// A secret that was pasted into the wrong place is not repeated.
fn without_secrets(sentence: &str) -> String {
    let mut parts = sentence.split("sk_secret_");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let secret = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        text.push_str("sk_secret_…");
        text.push_str(part.trim_start_matches(secret));
    }
    text
}

/// Reads the value of `--listen`.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "it must be an address and a port such as 127.0.0.1:7788 or [::]:443")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        let text = "unexpected argument 'sk_secret_0123-4_5' found, or sk_secret_ab";
        assert_eq!(without_secrets(text), "unexpected argument 'sk_secret_…' found, or sk_secret_…");
        assert_eq!(without_secrets("nothing here"), "nothing here");
    }

    #[test]
    fn message_and_tip_become_one_line_without_the_usage() {
        let text = "error: unexpected argument '--a' found\n\n  tip: a similar argument exists: '--ab'\n\n\
                    Usage: peerhall key\n\nFor more information, try '--help'.\n";
        let line = "unexpected argument '--a' found, tip: a similar argument exists: '--ab'";
        assert_eq!(what_is_wrong(text), line);
    }
}
