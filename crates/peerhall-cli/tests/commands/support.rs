//! Running the binary.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The binary in an environment without settings.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerhall"));
    command.env_clear().env("USER", "tester");
    command
}

/// Runs the binary on a data folder to its end.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Run {
    Run(command().args(arguments).arg("--data").arg(folder).output().unwrap())
}

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Run(pub(crate) Output);

impl Run {
    /// Standard output of a run that did everything.
    pub(crate) fn text(&self) -> String {
        assert!(self.0.status.success(), "{self:?}");
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    /// The one line of JSON that a run with `--json` prints.
    pub(crate) fn json(&self) -> Value {
        let text = self.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The sentence of a run that failed with `status`.
    pub(crate) fn sentence(&self, status: i32) -> String {
        assert_eq!(self.0.status.code(), Some(status), "{self:?}");
        assert!(self.0.stdout.is_empty(), "results are for successes: {self:?}");
        let text = String::from_utf8(self.0.stderr.clone()).unwrap();
        let sentence = text.strip_prefix("error: ").and_then(|rest| rest.strip_suffix('\n'));
        let sentence = sentence.unwrap_or_else(|| panic!("{text:?}"));
        assert!(
            !sentence.contains('\n') && sentence.contains("; "),
            "one sentence with the next step: {text}"
        );
        sentence.to_owned()
    }
}
