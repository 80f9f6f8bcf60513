//! Our data channels beside other people's, and what a connected peer costs.
//!
//! Each stack is a program that starts itself a second time, sends messages from one process to the other over
//! loopback, and prints a line of JSON. They take turns, round after round, so that whatever else the machine
//! does hits all of them. What is judged are ratios of medians, and sizes of our own.

mod program;

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::error::LoadError;
use crate::window::median;
use program::said;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `bulk`, an example of `peerhall-rtc`.
    pub bulk: PathBuf,
    /// `remotes`, an example of `peerhall-e2e`.
    pub remotes: PathBuf,
    /// The program around libdatachannel.
    pub libdatachannel: PathBuf,
    /// The program around the crate `webrtc`.
    pub webrtc: PathBuf,
    /// The folder with the scripts for libwebrtc and aiortc.
    pub scripts: PathBuf,
    /// Node.js.
    pub node: PathBuf,
    /// Python with aiortc.
    pub python: PathBuf,
}

/// A stack that is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// libdatachannel, by the crate `datachannel`.
    Libdatachannel,
    /// The crate `webrtc`.
    Webrtc,
    /// libwebrtc in Node.js, by the package `@roamhq/wrtc`.
    Libwebrtc,
    /// aiortc, Python's.
    Aiortc,
}

impl Stack {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Libdatachannel, Self::Webrtc, Self::Libwebrtc, Self::Aiortc];

    /// Name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Libdatachannel => "libdatachannel",
            Self::Webrtc => "webrtc",
            Self::Libwebrtc => "libwebrtc",
            Self::Aiortc => "aiortc",
        }
    }

    fn command(self, programs: &Programs) -> Command {
        let script = |interpreter: &PathBuf, name: &str| {
            let mut command = Command::new(interpreter);
            command.arg(programs.scripts.join(name));
            command
        };
        match self {
            Self::Libdatachannel => Command::new(&programs.libdatachannel),
            Self::Webrtc => Command::new(&programs.webrtc),
            Self::Libwebrtc => script(&programs.node, "wrtc.mjs"),
            Self::Aiortc => script(&programs.python, "aiortc_peer.py"),
        }
    }

    /// How many times its bytes for each second of CPU ours have to be; nothing is asked beside `webrtc`, which is
    /// measured to know what is possible.
    fn asked(self) -> Option<f64> {
        match self {
            Self::Libdatachannel | Self::Libwebrtc => Some(1.0),
            Self::Webrtc => None,
            Self::Aiortc => Some(6.0),
        }
    }
}

/// What a program says about one run.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    seconds: f64,
    cpu_seconds: f64,
    round_trip_micros: f64,
    #[serde(default)]
    peak_mib: f64,
}

/// What one peer with idle remote peers costs.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Idle {
    kib_each: f64,
    percent_of_a_core: f64,
    open_millis: f64,
}

/// A statement with its figure.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Whether it holds.
    pub pass: bool,
    /// The figure, what was asked, and what it was made of.
    pub line: String,
}

impl Verdict {
    fn at_least(what: &str, found: Option<f64>, asked: f64, made_of: &str) -> Self {
        Self::judged(
            what,
            found,
            found.is_some_and(|found| found >= asked),
            &format!("at least {asked}"),
            made_of,
        )
    }

    /// Something that is only to be known.
    fn told(what: &str, found: Option<f64>, made_of: &str) -> Self {
        Self::judged(what, found, found.is_some(), "nothing", made_of)
    }

    fn at_most(what: &str, found: Option<f64>, asked: f64, made_of: &str) -> Self {
        Self::judged(
            what,
            found,
            found.is_some_and(|found| found <= asked),
            &format!("at most {asked}"),
            made_of,
        )
    }

    fn judged(what: &str, found: Option<f64>, pass: bool, asked: &str, made_of: &str) -> Self {
        let word = if pass { "PASS" } else { "FAIL" };
        let found = found.map_or_else(|| "not measured".to_owned(), |found| format!("{found:.2}"));
        let made_of = if made_of.is_empty() { String::new() } else { format!("; {made_of}") };
        Self { pass, line: format!("{word} {what}: {found}, {asked} asked{made_of}") }
    }
}

/// How much is sent, in megabytes.
const MEGABYTES: f64 = 100.0;

/// Bytes of a message in the comparison.
const MESSAGE: u32 = 65_536;

/// Sizes of messages that must not stall either, the largest among them, and seconds that 100 MB of them may take: ten
/// times what they do take on a slow machine. Messages that wait for a delayed acknowledgement each take 20 and more.
const OTHER_MESSAGES: [u32; 4] = [16_384, 131_072, 1_000_000, 1_048_576];
const STALLED: f64 = 10.0;

/// What the sender may hold at its most, in MiB: the program itself, 4 MiB that wait, 1 MiB in the engine, and
/// what is on its way.
const PEAK: f64 = 48.0;

/// Remote peers of the idle peer, and how long it idles, in seconds.
const IDLE: [&str; 2] = ["50", "10"];

/// Runs everything, `rounds` times each, and tells each verdict as it is known.
#[must_use]
pub fn compare(programs: &Programs, rounds: usize, mut tell: impl FnMut(&Verdict)) -> Vec<Verdict> {
    let mut ours = Vec::new();
    let mut theirs = Stack::ALL.map(|_| Vec::new());
    for _ in 0..rounds {
        ours.push(run(&mut Command::new(&programs.bulk), MESSAGE));
        for (stack, runs) in Stack::ALL.into_iter().zip(&mut theirs) {
            runs.push(run(&mut stack.command(programs), MESSAGE));
        }
    }
    let mut verdicts = Vec::new();
    for (stack, runs) in Stack::ALL.into_iter().zip(&theirs) {
        verdicts.extend(beside(stack, &ours, runs));
    }
    let peak = middle(&ours, |run| run.peak_mib);
    verdicts.push(Verdict::at_most("peak memory of the sender, MiB", peak, PEAK, "buffers of 4 MiB"));
    for size in OTHER_MESSAGES {
        let alone = [run(&mut Command::new(&programs.bulk), size)];
        let what = format!("seconds for 100 MB in messages of {size}");
        verdicts.push(Verdict::at_most(&what, middle(&alone, |run| run.seconds), STALLED, &fault(&alone)));
    }
    verdicts.extend(idle(programs));
    verdicts.iter().for_each(&mut tell);
    verdicts
}

/// Ours beside one other stack.
fn beside(stack: Stack, ours: &[Result<Run, LoadError>], theirs: &[Result<Run, LoadError>]) -> Vec<Verdict> {
    let name = stack.name();
    let speed = |run: &Run| MEGABYTES / run.cpu_seconds;
    let (our_speed, their_speed) = (middle(ours, speed), middle(theirs, speed));
    let ratio = our_speed.zip(their_speed).map(|(ours, theirs)| ours / theirs);
    let made_of = format!(
        "{} MB for each second of CPU against {}, {} s against {} s{}",
        shown(our_speed),
        shown(their_speed),
        shown(middle(ours, |run| run.seconds)),
        shown(middle(theirs, |run| run.seconds)),
        fault(theirs)
    );
    let what = format!("bytes for each second of CPU beside {name}");
    let mut verdicts = vec![match stack.asked() {
        Some(asked) => Verdict::at_least(&what, ratio, asked, &made_of),
        None => Verdict::told(&what, ratio, &made_of),
    }];
    if stack == Stack::Libdatachannel {
        let trip = |run: &Run| run.round_trip_micros;
        let (our_trip, their_trip) = (middle(ours, trip), middle(theirs, trip));
        let ratio = our_trip.zip(their_trip).map(|(ours, theirs)| theirs / ours);
        let made_of = format!("{} µs against {}, median of 1,000", shown(our_trip), shown(their_trip));
        verdicts.push(Verdict::at_least(
            "round trip of 64 bytes beside libdatachannel",
            ratio,
            1.0,
            &made_of,
        ));
    }
    verdicts
}

/// An idle peer, and how soon channels open.
fn idle(programs: &Programs) -> [Verdict; 3] {
    let figures = said(Command::new(&programs.remotes).args(IDLE)).and_then(|value| {
        serde_json::from_value::<Idle>(value).map_err(|error| LoadError::Program(error.to_string()))
    });
    let fault = figures.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let of = |figure: fn(&Idle) -> f64| figures.as_ref().ok().map(figure);
    [
        Verdict::at_most("KiB for each of 50 idle remote peers", of(|idle| idle.kib_each), 150.0, &fault),
        Verdict::at_most(
            "CPU of 50 idle remote peers, % of a core",
            of(|idle| idle.percent_of_a_core),
            1.0,
            &fault,
        ),
        Verdict::at_most(
            "ms from subscribe ack to open channel, p50",
            of(|idle| idle.open_millis),
            60.0,
            &fault,
        ),
    ]
}

fn run(command: &mut Command, size: u32) -> Result<Run, LoadError> {
    let value = said(command.arg(MEGABYTES.to_string()).arg(size.to_string()))?;
    serde_json::from_value(value).map_err(|error| LoadError::Program(error.to_string()))
}

fn middle(runs: &[Result<Run, LoadError>], figure: impl Fn(&Run) -> f64) -> Option<f64> {
    median(runs.iter().flatten().map(|run| Some(figure(run))))
}

/// The first thing that went wrong, behind a comma.
fn fault(runs: &[Result<Run, LoadError>]) -> String {
    runs.iter().find_map(|run| run.as_ref().err()).map(|error| format!(", {error}")).unwrap_or_default()
}

fn shown(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cpu_seconds: f64, round_trip_micros: f64) -> Result<Run, LoadError> {
        Ok(Run { seconds: 1.0, cpu_seconds, round_trip_micros, peak_mib: 20.0 })
    }

    #[test]
    fn the_ratio_is_that_of_medians_and_more_bytes_for_a_second_are_better() {
        let ours = [of(1.0, 50.0), of(9.0, 50.0), of(1.0, 50.0)];
        let theirs = [of(2.0, 100.0), of(2.0, 100.0), of(0.1, 100.0)];
        let verdicts = beside(Stack::Libdatachannel, &ours, &theirs);
        let [speed, trip] = &*verdicts else { panic!("{verdicts:?}") };
        assert!(speed.pass && speed.line.contains(": 2.00, at least 1 asked"), "{}", speed.line);
        assert!(trip.pass && trip.line.contains(": 2.00"), "{}", trip.line);
        let turned = beside(Stack::Libdatachannel, &theirs, &ours);
        assert!(turned.iter().all(|verdict| !verdict.pass), "{turned:?}");
    }

    #[test]
    fn what_was_not_measured_fails_and_says_why() {
        let broken = [Err(LoadError::Program("no such file".to_owned()))];
        let verdicts = beside(Stack::Aiortc, &[of(1.0, 50.0)], &broken);
        let [verdict] = &*verdicts else { panic!("{verdicts:?}") };
        assert!(
            !verdict.pass && verdict.line.contains("not measured") && verdict.line.contains("no such file")
        );
    }

    #[test]
    fn beside_whom_nothing_is_asked_any_ratio_passes_but_not_none() {
        let verdicts = beside(Stack::Webrtc, &[of(2.0, 50.0)], &[of(1.0, 50.0)]);
        let [verdict] = &*verdicts else { panic!("{verdicts:?}") };
        assert!(verdict.pass && verdict.line.contains(": 0.50, nothing asked"), "{}", verdict.line);
        let broken = [Err(LoadError::Program("no such file".to_owned()))];
        assert!(!beside(Stack::Webrtc, &[of(2.0, 50.0)], &broken)[0].pass);
    }
}
