//! Figures as people and programs read them.

use std::fmt;

use serde::Serialize;

use crate::scenario::Case;
use crate::window::{Window, median};

/// What kept a figure from being better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// The server used up its core: this many cores.
    ServerCpu(f64),
    /// The generator did: the server could have done more.
    GeneratorCpu(f64),
    /// Other programs took this many cores: nothing here can be compared with another run.
    Noise(f64),
    /// Neither was busy: each operation waits for one before it.
    RoundTrip,
    /// The rate is fixed.
    Rate,
    /// Open files of this process.
    Descriptors,
    /// Memory of the server.
    Memory,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerCpu(cores) => write!(f, "the server's CPU ({cores:.2} cores)"),
            Self::GeneratorCpu(cores) => write!(f, "the generator's CPU ({cores:.2} cores)"),
            Self::Noise(cores) => {
                write!(f, "noise: other programs took {cores:.2} cores, so compare nothing")
            }
            Self::RoundTrip => f.write_str("the round trip: few operations are on their way at a time"),
            Self::Rate => f.write_str("the fixed rate"),
            Self::Descriptors => f.write_str("descriptors: raise the limit on open files (ulimit -n)"),
            Self::Memory => f.write_str("memory of the server"),
        }
    }
}

/// One figure: the medians of its windows. What `/proc` does not say is `None`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// Its name: `fanout-100-w32`.
    pub figure: String,
    /// What is counted.
    pub unit: &'static str,
    /// Seed of the run.
    pub seed: u64,
    /// Windows behind the medians.
    pub windows: usize,
    /// Deliveries, answers or connections that were due and did not come, in all windows. Has to be 0.
    pub lost: u64,
    /// CPU microseconds of the server for one unit, user and kernel.
    pub cpu_micros: Option<f64>,
    /// Least of the windows.
    pub cpu_micros_min: Option<f64>,
    /// Most of the windows.
    pub cpu_micros_max: Option<f64>,
    /// Units in a second.
    pub per_second: Option<f64>,
    /// Seconds until the work was done.
    pub seconds: Option<f64>,
    /// CPU seconds of the server in a window.
    pub cpu_seconds: Option<f64>,
    /// CPU milliseconds of the server in a second.
    pub cpu_millis_per_second: Option<f64>,
    /// Frames that the generator received in a window.
    pub frames: Option<f64>,
    /// Microseconds that half of the deliveries took less than.
    pub p50_micros: Option<f64>,
    /// That nine in ten took less than.
    pub p90_micros: Option<f64>,
    /// That all but one in a hundred took less than.
    pub p99_micros: Option<f64>,
    /// Of the slowest delivery.
    pub max_micros: Option<f64>,
    /// KiB of resident memory for each connection.
    pub kib_per_connection: Option<f64>,
    /// Resident memory before the first connection, in KiB.
    pub base_kib: Option<f64>,
    /// Resident memory after they have left, in KiB.
    pub after_kib: Option<f64>,
    /// Cores that the server used.
    pub server_cores: Option<f64>,
    /// Cores that the generator used.
    pub generator_cores: Option<f64>,
    /// Cores that everybody else used.
    pub noise_cores: Option<f64>,
    /// What kept it from being better.
    pub limit: String,
}

impl Figure {
    /// The medians of `windows`; `lost` is of all windows, the noisy ones too.
    #[must_use]
    pub fn new(case: &Case, seed: u64, lost: u64, windows: &[Window], limit: Limit) -> Self {
        let middle = |of: &dyn Fn(&Window) -> Option<f64>| median(windows.iter().map(of));
        let costs = || windows.iter().filter_map(Window::cpu_micros);
        let is_idle = matches!(case, Case::Idle { .. });
        let work = |value: Option<f64>| value.filter(|_| !is_idle);
        Self {
            figure: case.name(),
            unit: case.unit(),
            seed,
            windows: windows.len(),
            lost,
            cpu_micros: work(middle(&Window::cpu_micros)),
            cpu_micros_min: work(costs().min_by(f64::total_cmp)),
            cpu_micros_max: work(costs().max_by(f64::total_cmp)),
            per_second: work(middle(&|window| Some(window.rate()))),
            seconds: middle(&|window| Some(window.seconds)),
            cpu_seconds: middle(&|window| window.usage.server),
            cpu_millis_per_second: middle(&|window| window.usage.server_cores().map(|cores| cores * 1e3)),
            frames: middle(&|window| Some(window.frames as f64)),
            p50_micros: middle(&|window| Some(window.latency?.p50)),
            p90_micros: middle(&|window| Some(window.latency?.p90)),
            p99_micros: middle(&|window| Some(window.latency?.p99)),
            max_micros: middle(&|window| Some(window.latency?.max)),
            kib_per_connection: middle(&Window::kib_per_connection),
            base_kib: middle(&|window| Some(window.memory?.base_kib)),
            after_kib: middle(&|window| Some(window.memory?.after_kib)),
            server_cores: middle(&|window| window.usage.server_cores()),
            generator_cores: middle(&|window| window.usage.generator_cores()),
            noise_cores: middle(&|window| window.usage.others),
            limit: limit.to_string(),
        }
    }

    /// The figure in a few lines for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut rows = vec![format!("{}\n", self.figure)];
        let mut row = |name: &str, value: String| rows.push(format!("  {name:<12}{value}\n"));
        if let Some(cost) = self.cpu_micros {
            let range = format!(
                "{:.3} to {:.3}",
                self.cpu_micros_min.unwrap_or(cost),
                self.cpu_micros_max.unwrap_or(cost)
            );
            row("server CPU", format!("{cost:.3} µs a {} ({range} in {} windows)", self.unit, self.windows));
        }
        if let Some(rate) = self.per_second.filter(|_| !self.figure.starts_with("join")) {
            row("rate", format!("{rate:.0} {} in a second", plural(self.unit)));
        }
        if self.figure.starts_with("join") {
            let cpu = self.cpu_seconds.map_or_else(String::new, |cpu| format!(", {cpu:.3} s of server CPU"));
            let (seconds, frames) = (self.seconds.unwrap_or_default(), self.frames.unwrap_or_default());
            row("complete", format!("all know all after {seconds:.3} s{cpu}, {frames:.0} frames"));
        }
        if let (Some(p50), Some(p90), Some(p99), Some(max)) =
            (self.p50_micros, self.p90_micros, self.p99_micros, self.max_micros)
        {
            row("latency", format!("p50 {p50:.0} µs, p90 {p90:.0} µs, p99 {p99:.0} µs, max {max:.0} µs"));
        }
        if let (Some(each), Some(base), Some(after)) =
            (self.kib_per_connection, self.base_kib, self.after_kib)
        {
            let (base, after) = (base / 1024.0, after / 1024.0);
            row("memory", format!("{each:.2} KiB a connection; {base:.1} MiB before, {after:.1} MiB after"));
        }
        if let Some(idle) = self.cpu_millis_per_second.filter(|_| self.kib_per_connection.is_some()) {
            row("idle CPU", format!("{idle:.1} ms in a second"));
        }
        if self.cpu_seconds.is_none() {
            row("server CPU", "not known: no /proc here, or no process id (--pid)".to_owned());
        }
        row("lost", self.lost.to_string());
        row("limit", self.limit.clone());
        rows.concat()
    }
}

fn plural(unit: &str) -> String {
    match unit {
        "delivery" => "deliveries".to_owned(),
        "publish" => "publishes".to_owned(),
        other => format!("{other}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_null_and_said_to_be_unknown() {
        let case = Case::Fanout { subscribers: 100, in_flight: 1 };
        let window = Window { units: 500, seconds: 1.0, ..Window::default() };
        let figure = Figure::new(&case, 9, 0, &[window], Limit::RoundTrip);
        let json = serde_json::to_value(&figure).unwrap();
        assert_eq!(json["figure"], "fanout-100-w1");
        assert_eq!(json["seed"], 9);
        assert!(json["cpuMicros"].is_null() && json["p50Micros"].is_null());
        assert_eq!(json["perSecond"], 500.0);
        assert!(figure.text().contains("not known"), "{}", figure.text());
    }
}
