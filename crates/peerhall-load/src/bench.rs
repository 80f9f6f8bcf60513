//! One scenario after the other on one server, window by window.

use std::time::{Duration, Instant};

use crate::error::LoadError;
use crate::machine;
use crate::report::{Figure, Limit};
use crate::scenario::{Case, Conditions, Load, Scenario, Size};
use crate::subject::Subject;
use crate::window::{self, Window};

/// Cores of one CPU that make a limit of it.
const SATURATED: f64 = 0.85;

/// Descriptors that generator and server need for other things than connections.
const SPARE_DESCRIPTORS: usize = 200;

/// What is measured, and how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which loads. Default: all.
    pub scenarios: Vec<Scenario>,
    /// How much of each.
    pub size: Size,
    /// Connections of the idle crowd. Default: 10,000, or as many as descriptors allow.
    pub connections: Option<usize>,
    /// Windows whose median is reported. Default 3.
    pub windows: usize,
    /// Length of a window in seconds. Default 2.
    pub seconds: f64,
    /// Noise in cores up to which a window is quiet. Default 0.15.
    pub quiet: f64,
    /// How long quiet windows are waited for, for each figure. Default 20 s.
    pub patience: Duration,
    /// What everything is measured with.
    pub conditions: Conditions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scenarios: Scenario::ALL.to_vec(),
            size: Size::Full,
            connections: None,
            windows: 3,
            seconds: 2.0,
            quiet: 0.15,
            patience: Duration::from_secs(20),
            conditions: Conditions::default(),
        }
    }
}

impl Options {
    /// The least that touches everything: one short window of each small load.
    #[must_use]
    pub fn smoke() -> Self {
        Self { size: Size::Smoke, windows: 1, seconds: 0.2, patience: Duration::ZERO, ..Self::default() }
    }
}

/// Measures, and hands out each figure as soon as it is known.
///
/// # Errors
///
/// What went wrong. Lost deliveries are in the figures and no error here.
pub fn run(
    subject: &Subject,
    options: &Options,
    mut each: impl FnMut(&Figure) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let descriptors = usize::try_from(machine::raise_descriptor_limit()).unwrap_or(usize::MAX);
    let room = descriptors.saturating_sub(SPARE_DESCRIPTORS);
    for scenario in &options.scenarios {
        for case in scenario.cases(options.size, options.connections) {
            let (case, is_cut) = fit(case, room);
            let running = subject.start()?;
            let mut load = case.prepare(running.target(), &options.conditions)?;
            let windows = measure(&case, load.as_mut(), options)?;
            let lost = windows.iter().map(|window| window.lost).sum();
            let kept = window::quietest(windows, options.windows);
            let limit = limit(&case, &kept, options, is_cut);
            each(&Figure::new(&case, options.conditions.seed, lost, &kept, limit))?;
        }
    }
    Ok(())
}

/// Takes windows until enough of them are quiet, or nobody has patience left.
fn measure(case: &Case, load: &mut dyn Load, options: &Options) -> Result<Vec<Window>, LoadError> {
    if case.is_measured_once() {
        return Ok(vec![load.window(options.seconds)?]);
    }
    let until = Instant::now() + options.patience;
    // The first window of a server is not like the others; only what it lost counts.
    let warm_up = load.window(options.seconds / 4.0)?;
    let mut windows = Vec::new();
    loop {
        let window = load.window(options.seconds)?;
        windows.push(window);
        let quiet = windows.iter().filter(|window| window.noise() <= options.quiet).count();
        if quiet >= options.windows || (windows.len() >= options.windows && Instant::now() >= until) {
            break;
        }
    }
    if let Some(first) = windows.first_mut() {
        first.lost += warm_up.lost;
    }
    Ok(windows)
}

/// The case, with no more connections than there are descriptors; whether that cut it.
fn fit(case: Case, room: usize) -> (Case, bool) {
    match case {
        Case::Idle { connections, rest } if connections > room => {
            (Case::Idle { connections: room, rest }, true)
        }
        Case::Idle { .. }
        | Case::Connect { .. }
        | Case::Fanout { .. }
        | Case::Rooms { .. }
        | Case::Direct { .. }
        | Case::Join { .. }
        | Case::Latency { .. } => (case, false),
    }
}

/// What kept a figure from being better.
fn limit(case: &Case, windows: &[Window], options: &Options, is_cut: bool) -> Limit {
    let cores = |of: fn(&Window) -> Option<f64>| window::median(windows.iter().map(of)).unwrap_or_default();
    let noise = cores(|window| window.usage.others);
    let server = cores(|window| window.usage.server_cores());
    let generator = cores(|window| window.usage.generator_cores());
    match case {
        Case::Idle { .. } if is_cut => Limit::Descriptors,
        Case::Idle { .. } => Limit::Memory,
        _ if noise > options.quiet.max(0.15) => Limit::Noise(noise),
        Case::Latency { .. } => Limit::Rate,
        _ if server >= SATURATED => Limit::ServerCpu(server),
        _ if generator >= SATURATED => Limit::GeneratorCpu(generator),
        Case::Connect { .. }
        | Case::Fanout { .. }
        | Case::Rooms { .. }
        | Case::Direct { .. }
        | Case::Join { .. } => Limit::RoundTrip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Usage;

    fn windows(server: f64, generator: f64, others: f64) -> Vec<Window> {
        let usage =
            Usage { seconds: 1.0, server: Some(server), generator: Some(generator), others: Some(others) };
        vec![Window { usage, ..Window::default() }]
    }

    #[test]
    fn the_limit_is_whoever_is_busy_and_noise_before_all() {
        let case = Case::Fanout { subscribers: 100, in_flight: 32 };
        let of = |windows: &[Window]| limit(&case, windows, &Options::default(), false);
        assert_eq!(of(&windows(0.97, 0.8, 0.0)), Limit::ServerCpu(0.97));
        assert_eq!(of(&windows(0.6, 0.99, 0.0)), Limit::GeneratorCpu(0.99));
        assert_eq!(of(&windows(0.5, 0.5, 0.0)), Limit::RoundTrip);
        assert_eq!(of(&windows(0.97, 0.8, 0.5)), Limit::Noise(0.5));
    }

    #[test]
    fn an_idle_crowd_is_cut_to_the_descriptors_and_says_so() {
        let idle = |connections| Case::Idle { connections, rest: Duration::ZERO };
        assert_eq!(fit(idle(900), 800), (idle(800), true));
        assert_eq!(fit(idle(700), 800), (idle(700), false));
        assert_eq!(limit(&idle(1), &[], &Options::default(), true), Limit::Descriptors);
    }
}
