//! libFuzzer through cargo-fuzz: installing it, running one target, keeping what it found.
//!
//! Without a sanitizer: our code has no `unsafe`, so what is looked for are panics, hangs, memory and
//! broken promises, and those are found two to five times as fast.

use std::{
    env,
    ffi::OsString,
    fmt,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    failure::Failure,
    process::{self, announce},
    workspace::Workspace,
};

/// The version of cargo-fuzz that is installed below the target folder.
const CARGO_FUZZ: &str = "0.13.2";

/// Longest inputs in bytes; longer ones say nothing new and cost time. Of a life of the hub two bytes
/// are one step; proptest lives the longer ones.
const MAX_BYTES: [(&str, u32); 7] = [
    ("handshake", 1_024),
    ("hub", 50),
    ("jwt", 600),
    ("origin", 128),
    ("pattern", 160),
    ("rtc_candidate", 600),
    ("rtc_description", 3_000),
];
const MAX_BYTES_ELSEWHERE: u32 = 512;

/// Seconds that one input may take, and memory of the process (promise P9). The second of the promise is
/// that of a quiet machine; beside other work an input may wait longer for its turn.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=512"];

/// How long a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// So many inputs.
    Runs(u64),
    /// So many seconds.
    Seconds(u64),
}

impl Until {
    /// What libFuzzer calls it.
    fn option(self) -> String {
        match self {
            Self::Runs(runs) => format!("-runs={runs}"),
            Self::Seconds(seconds) => format!("-max_total_time={seconds}"),
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs(runs) => write!(f, "{runs} inputs"),
            Self::Seconds(seconds) => write!(f, "{seconds} s"),
        }
    }
}

/// How a run ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) failed: bool,
    pub(crate) inputs: u64,
    pub(crate) seconds: u64,
    /// Edges of the program that the inputs reach.
    pub(crate) coverage: u64,
}

/// The names of all targets, sorted.
///
/// # Errors
///
/// [`Failure::File`] when the folder of their programs cannot be read.
pub(crate) fn targets(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let folder = workspace.path("fuzz/fuzz_targets");
    let failure = |cause| Failure::File { path: folder.clone(), cause };
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(failure)? {
        let path = entry.map_err(failure)?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// cargo-fuzz, installed.
#[derive(Debug)]
pub(crate) struct Fuzzer<'w> {
    workspace: &'w Workspace,
    /// Where it was built and where new inputs go.
    target_directory: PathBuf,
}

impl<'w> Fuzzer<'w> {
    /// Installs cargo-fuzz and a nightly toolchain when they are missing.
    ///
    /// # Errors
    ///
    /// Those of the installers.
    pub(crate) fn prepare(workspace: &'w Workspace) -> Result<Self, Failure> {
        let fuzzer = Self { workspace, target_directory: workspace.metadata()?.target_directory };
        let nightly = ["run", "nightly", "rustc", "--version"];
        if !process::succeeds(workspace.command("rustup").args(nightly)) {
            announce("rustup toolchain install nightly");
            let install = ["toolchain", "install", "nightly", "--profile", "minimal"];
            process::run(workspace.command("rustup").args(install))?;
        }
        let root = fuzzer.target_directory.join("tools");
        if !root.join("bin").join("cargo-fuzz").is_file() {
            announce("cargo install --locked cargo-fuzz (once; some minutes)");
            let install = ["install", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ, "--root"];
            process::run(workspace.cargo().args(install).arg(root))?;
        }
        Ok(fuzzer)
    }

    /// Tries inputs on one target, beginning with those that are kept.
    ///
    /// # Errors
    ///
    /// [`Failure::Start`] when cargo-fuzz cannot be started, [`Failure::File`] for a folder.
    pub(crate) fn run(&self, target: &str, until: Until, seed: u32) -> Result<Outcome, Failure> {
        let found = self.found(target);
        std::fs::create_dir_all(&found).map_err(|cause| Failure::File { path: found.clone(), cause })?;
        let bytes =
            MAX_BYTES.iter().find(|(name, _)| *name == target).map_or(MAX_BYTES_ELSEWHERE, |row| row.1);
        let mut command = self.call(target);
        command.arg(&found).arg(self.kept(target)).arg("--").args(LIMITS);
        command.args([until.option(), format!("-seed={seed}"), format!("-max_len={bytes}")]);
        let words = self.workspace.path("fuzz/dictionaries").join(format!("{target}.dict"));
        if words.is_file() {
            command.arg(format!("-dict={}", words.display()));
        }
        announce(&format!("fuzz: {target}, {until}, seed {seed}"));
        follow(&mut command)
    }

    /// Adds to the committed inputs those found ones that reach something the committed do not.
    ///
    /// # Errors
    ///
    /// Those of libFuzzer.
    pub(crate) fn keep(&self, target: &str) -> Result<(), Failure> {
        announce(&format!("fuzz: keeping what {target} has found"));
        let mut command = self.call(target);
        // By edges alone: how often each was passed would keep thousands of inputs.
        command.arg(self.kept(target)).arg(self.found(target)).args(["--", "-merge=1", "-use_counters=0"]);
        process::run(command.stderr(Stdio::null()))
    }

    fn kept(&self, target: &str) -> PathBuf {
        self.workspace.path("fuzz/corpus").join(target)
    }

    fn found(&self, target: &str) -> PathBuf {
        self.target_directory.join("fuzz/found").join(target)
    }

    fn call(&self, target: &str) -> Command {
        // By the name that rustup listens to, without what cargo told us about the stable toolchain.
        let mut command = self.workspace.command("cargo");
        for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN", "CARGO_TARGET_DIR"] {
            command.env_remove(name);
        }
        command.env("PATH", self.path());
        command.args(["+nightly", "fuzz", "run", "--sanitizer", "none", "--target-dir"]);
        command.arg(self.target_directory.join("fuzz")).arg(target);
        command
    }

    fn path(&self) -> OsString {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let tools = self.target_directory.join("tools").join("bin");
        let folders = std::iter::once(tools).chain(env::split_paths(&inherited));
        env::join_paths(folders).unwrap_or(inherited)
    }
}

/// Runs libFuzzer and reads its figures from what it says; shows its lines when it fails.
fn follow(command: &mut Command) -> Result<Outcome, Failure> {
    let program = process::shown(command);
    let failure = |cause| Failure::Start { program: program.clone(), cause };
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(failure)?;
    let mut outcome = Outcome::default();
    let mut last = Vec::new();
    for line in child.stderr.take().into_iter().flat_map(|said| BufReader::new(said).lines()).flatten() {
        outcome.read(&line);
        last.push(line);
        if last.len() > 60 {
            last.remove(0);
        }
    }
    outcome.failed = !child.wait().map_err(failure)?.success();
    if outcome.failed {
        eprintln!("{}", last.join("\n"));
    }
    Ok(outcome)
}

impl Outcome {
    /// Takes the figures out of a line such as `#4096 pulse  cov: 231 ft: 500` or
    /// `Done 1000 runs in 3 second(s)`.
    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["Done", inputs, "runs", "in", seconds, ..] = words[..] {
            self.inputs = inputs.parse().unwrap_or(self.inputs);
            self.seconds = seconds.parse().unwrap_or(self.seconds);
        } else if let Some(inputs) = words.first().and_then(|word| word.strip_prefix('#')) {
            self.inputs = inputs.parse().unwrap_or(self.inputs);
        }
        let coverage = words.iter().position(|word| *word == "cov:").and_then(|at| words.get(at + 1));
        self.coverage = coverage.and_then(|edges| edges.parse().ok()).unwrap_or(self.coverage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_read_from_what_libfuzzer_says() {
        let mut outcome = Outcome::default();
        outcome.read("#4096\tpulse  cov: 231 ft: 500 corp: 20/1Kb exec/s: 2048 rss: 40Mb");
        assert_eq!((outcome.inputs, outcome.coverage), (4_096, 231));
        outcome.read("Done 1000000 runs in 31 second(s)");
        assert_eq!((outcome.inputs, outcome.seconds, outcome.coverage), (1_000_000, 31, 231));
        outcome.read("INFO: seed corpus: files: 22 min: 1b");
        assert_eq!(outcome.inputs, 1_000_000);
    }

    #[test]
    fn every_target_of_the_workspace_is_found() {
        let targets = targets(&Workspace::current()).unwrap();
        assert!(
            targets.contains(&"ws_frame".to_owned()) && targets.contains(&"hub".to_owned()),
            "{targets:?}"
        );
    }
}
