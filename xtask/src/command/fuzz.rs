//! `cargo xtask fuzz`: libFuzzer on every door.

use std::{
    ffi::OsString,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use super::Command;
use crate::{
    failure::Failure,
    fuzzer::{self, Fuzzer, Outcome, Until},
    workspace::Workspace,
};

pub(super) const COMMAND: Command = Command {
    name: "fuzz",
    usage: "[TARGET]… [--runs N|--seconds N] [--seed S] [--keep]",
    about: "runs the fuzz targets with libFuzzer; --keep adds what found new code to fuzz/corpus",
    run,
};

/// Inputs of each target when nothing else is asked for.
const DEFAULT_RUNS: u64 = 1_000_000;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    targets: Vec<String>,
    until: Until,
    seed: Option<u32>,
    keep: bool,
}

fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let known = fuzzer::targets(workspace)?;
    let request = Request::read(arguments, &known)?;
    let seed = request.seed.unwrap_or_else(seed_of_the_clock);
    let fuzzer = Fuzzer::prepare(workspace)?;
    let mut failed = false;
    for target in if request.targets.is_empty() { &known } else { &request.targets } {
        let outcome = fuzzer.run(target, request.until, seed)?;
        println!("{}", verdict(target, seed, &outcome));
        failed |= outcome.failed;
        if request.keep && !outcome.failed {
            fuzzer.keep(target)?;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn verdict(target: &str, seed: u32, outcome: &Outcome) -> String {
    let word = if outcome.failed { "FAIL" } else { "PASS" };
    let Outcome { inputs, seconds, coverage, .. } = outcome;
    let cure = if outcome.failed { "; the input is below fuzz/artifacts" } else { "" };
    format!("{word} fuzz {target}: {inputs} inputs in {seconds} s, {coverage} edges, seed {seed}{cure}")
}

fn seed_of_the_clock() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // libFuzzer takes 0 for "choose one", and that one would not be printed.
    since.subsec_nanos().max(1)
}

impl Request {
    fn read(arguments: &[OsString], known: &[String]) -> Result<Self, Failure> {
        let mut request =
            Self { targets: Vec::new(), until: Until::Runs(DEFAULT_RUNS), seed: None, keep: false };
        let mut words = arguments.iter().map(|word| word.to_string_lossy());
        while let Some(word) = words.next() {
            match &*word {
                "--runs" => request.until = Until::Runs(number(&word, words.next())?),
                "--seconds" => request.until = Until::Seconds(number(&word, words.next())?),
                "--seed" => request.seed = Some(number(&word, words.next())?),
                "--keep" => request.keep = true,
                name if known.iter().any(|target| target == name) => request.targets.push(name.to_owned()),
                name => {
                    let problem = format!("there is no target `{name}`; there are {}", known.join(", "));
                    return Err(misused(problem));
                }
            }
        }
        Ok(request)
    }
}

fn number<T: std::str::FromStr>(option: &str, value: Option<impl AsRef<str>>) -> Result<T, Failure> {
    let parsed = value.as_ref().and_then(|text| text.as_ref().parse().ok());
    parsed.ok_or_else(|| misused(format!("`{option}` wants a number")))
}

fn misused(problem: String) -> Failure {
    Failure::Usage { problem, usage: format!("cargo xtask {} {}", COMMAND.name, COMMAND.usage) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Request, String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Request::read(&words, &["jwt".to_owned(), "hub".to_owned()]).map_err(|failure| failure.to_string())
    }

    #[test]
    fn targets_and_options_come_in_any_order() {
        let request = read(&["--runs", "5", "hub", "--keep", "--seed", "7", "jwt"]).unwrap();
        let targets = vec!["hub".to_owned(), "jwt".to_owned()];
        assert_eq!(request, Request { targets, until: Until::Runs(5), seed: Some(7), keep: true });
    }

    #[test]
    fn what_is_no_target_and_no_number_is_refused() {
        assert!(read(&["nothing"]).unwrap_err().contains("there are jwt, hub"));
        assert_eq!(read(&["--seconds", "600"]).unwrap().until, Until::Seconds(600));
        assert!(read(&["--runs", "many"]).unwrap_err().contains("--runs"));
        assert!(read(&["--seed"]).unwrap_err().contains("--seed"));
    }
}
