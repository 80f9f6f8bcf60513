//! What can be wrong with a configuration.

use std::path::PathBuf;

/// Why a configuration cannot be used. The text is one sentence with the next step, and never holds
/// the value of a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}; check its path and permissions", path.display())]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The text is no TOML, or holds a key that does not exist or a value of the wrong type.
    #[error(
        "line {line} of the configuration file: {problem}; `peerhall config schema` shows every key with its type"
    )]
    Syntax {
        /// Line in the file, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A value breaks the rule of its key.
    #[error(
        "{key} is {value}, but {rule}; change it in the configuration file, in {variable} or in the flag that set it"
    )]
    Invalid {
        /// The key with its section, as in `limits.frame_burst`.
        key: &'static str,
        /// The environment variable of the same setting.
        variable: String,
        /// The value that was given; `<redacted>` for secrets.
        value: String,
        /// What a value must be, as the end of a sentence.
        rule: String,
    },
    /// Of two keys that belong together one is missing.
    #[error("{missing} is not set, but {present} is and the two belong together; set both or neither")]
    Incomplete {
        /// The key that was given.
        present: &'static str,
        /// The key that is needed with it.
        missing: &'static str,
    },
    /// An environment variable looks like a setting and is none.
    #[error("the environment variable {name} names no setting; `peerhall config schema` shows every key")]
    UnknownVariable {
        /// The variable.
        name: String,
    },
}

/// A foreign text for a message: what a terminal would obey is written as an escape.
pub(super) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}
