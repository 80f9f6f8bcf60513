//! The page and the lines that a comparison leaves behind.

use std::fmt::{self, Write};
use std::fs;

use serde_json::json;

use super::Outcome;

/// The machine a comparison ran on, as far as the system tells.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    processor: Option<String>,
    cores: usize,
    kernel: Option<String>,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        let processors = read("/proc/cpuinfo");
        let named = |name: &'static str| {
            processors.iter().flat_map(|text| text.lines()).filter(move |line| line.starts_with(name))
        };
        let model = || Some(named("model name").next()?.split_once(':')?.1.trim().to_owned());
        // Not those that this thread may use, which is pinned to one.
        let listed = named("processor").count();
        let usable = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self {
            processor: model(),
            cores: if listed > 0 { listed } else { usable() },
            kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |what: &Option<String>| what.clone().unwrap_or_else(|| "unknown".to_owned());
        write!(f, "{} x {}, Linux {}", self.cores, known(&self.processor), known(&self.kernel))
    }
}

/// What stands above the table.
#[derive(Debug, Clone)]
pub struct Page {
    /// The day, as `2026-11-21`.
    pub date: String,
    /// What was typed.
    pub command: String,
    /// Seed of the run.
    pub seed: u64,
    /// Where it ran.
    pub machine: Machine,
    /// Lines of what was judged without a peer.
    pub alone: Vec<String>,
}

impl Page {
    /// The page for people.
    #[must_use]
    pub fn markdown(&self, outcomes: &[Outcome]) -> String {
        let failed = outcomes.iter().filter(|outcome| !outcome.is_pass()).count();
        let mut text = format!(
            "# Peerhall beside what people would pick instead\n\n\
             Written by `{}` on {}, seed {}; do not edit. Machine: {}. Servers on one core, \
             generator on another, loopback, 200-byte payload. A ratio is the median of pairs of windows \
             taken in turn; above 1 Peerhall costs less. Peerhall checks a token for every connection and \
             has limits, metrics and presence on. Noise is what other programs took of the two cores.\n\n\
             {} of {} ratios passed.\n\n\
             | figure | beside | ratio | range | asked | Peerhall | other | unit | noise | lost | |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
            self.command,
            self.date,
            self.seed,
            self.machine,
            outcomes.len() - failed,
            outcomes.len(),
        );
        for outcome in outcomes {
            let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), super::figure);
            let range =
                outcome.range.map_or_else(|| "–".to_owned(), |(low, high)| format!("{low:.2} to {high:.2}"));
            let ratio = outcome.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {ratio} | {range} | {:.2} | {} | {} | {} | {:.2} | {} | {} |",
                outcome.check.case.name(),
                outcome.check.peer,
                outcome.check.at_least,
                number(outcome.ours),
                number(outcome.theirs),
                outcome.check.unit(),
                outcome.noise,
                outcome.lost,
                if outcome.is_pass() { "PASS" } else { "**FAIL**" },
            );
        }
        for line in &self.alone {
            let _ = write!(text, "\n{line}\n");
        }
        text
    }

    /// The same for programs: one line for each check.
    #[must_use]
    pub fn json_lines(&self, outcomes: &[Outcome]) -> String {
        let line = |outcome: &Outcome| {
            let line = json!({
                "date": self.date,
                "seed": self.seed,
                "figure": outcome.check.case.name(),
                "peer": outcome.check.peer.name(),
                "ratio": outcome.ratio,
                "range": outcome.range,
                "atLeast": outcome.check.at_least,
                "ours": outcome.ours,
                "theirs": outcome.theirs,
                "unit": outcome.check.unit(),
                "pairs": outcome.pairs,
                "noise": outcome.noise,
                "lost": outcome.lost,
                "theirLost": outcome.their_lost,
                "pass": outcome.is_pass(),
                "fault": outcome.fault,
            });
            format!("{line}\n")
        };
        outcomes.iter().map(line).collect()
    }
}
