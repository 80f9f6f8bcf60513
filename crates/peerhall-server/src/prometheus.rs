//! `/metrics`: the counters of all shards and of the process in the Prometheus text format 0.0.4.
//!
//! No label names an app, a key, a channel or a peer: the page is as open as `/health`.

mod relay;

use std::fmt::{Display, Write};
use std::fs;
use std::sync::atomic::Ordering::Relaxed;

use peerhall_hub::HubStats;

use crate::metrics::{Metrics, ShardMetrics};

/// `Content-Type` of [`render`].
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the operating system says of this process; each figure only where it says it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Process {
    resident_bytes: Option<u64>,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
}

impl Process {
    /// Reads the figures from `/proc`. Blocks for as long as listing the descriptors takes.
    pub(crate) fn read() -> Self {
        Self {
            resident_bytes: fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes),
            open_fds: fs::read_dir("/proc/self/fd").ok().and_then(|fds| u64::try_from(fds.count()).ok()),
            max_fds: rlimit::Resource::NOFILE.get_soft().ok(),
        }
    }
}

/// `VmRSS:     1234 kB` of `/proc/self/status`.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

/// Writes everything that is counted.
pub(crate) fn render(metrics: &Metrics, process: &Process, is_ready: bool) -> String {
    let mut text = Exposition::default();
    text.family("peerhall_build_info", Kind::Gauge, "The running version; the value is always 1.");
    text.sample("peerhall_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.gauge(
        "peerhall_ready",
        "1 while the server serves, 0 while it starts or drains.",
        u8::from(is_ready),
    );
    text.gauge("peerhall_shards", "Threads that carry connections.", metrics.shards().len());
    write_sockets(&mut text, metrics);
    write_traffic(&mut text, metrics);
    write_closes(&mut text, metrics);
    if let Some(relay) = metrics.relay() {
        relay::write(&mut text, &relay.counted());
    }
    write_process(&mut text, process);
    text.0
}

fn write_sockets(text: &mut Exposition, metrics: &Metrics) {
    let hub = |read: fn(&HubStats) -> u64| total(metrics, |shard| read(&shard.hub()));
    let own = |read: fn(&ShardMetrics) -> u64| total(metrics, read);
    text.gauge("peerhall_connections", "Live WebSocket connections.", hub(|stats| stats.sessions));
    text.gauge("peerhall_sockets", "Open sockets that a shard looks after.", metrics.sockets());
    text.gauge(
        "peerhall_rooms",
        "Channels with members; one that has members on several shards counts on each.",
        hub(|stats| stats.rooms),
    );
    text.gauge(
        "peerhall_deadlines",
        "Deadlines that wait: pings, ends of tokens, returns of lost members.",
        hub(|stats| stats.deadlines),
    );
    text.counter(
        "peerhall_connects_total",
        "WebSocket connections that were upgraded and authenticated.",
        own(|shard| shard.accepted.load(Relaxed)),
    );
    text.counter(
        "peerhall_connects_rate_limited_total",
        "Upgrades answered with 429.",
        own(|shard| shard.rate_limited.load(Relaxed)),
    );
    text.counter(
        "peerhall_sockets_shed_total",
        "Sockets dropped because the process had as many as it may.",
        own(|shard| shard.shed.load(Relaxed)),
    );
    text.counter(
        "peerhall_slow_consumers_total",
        "Connections cut because they read too slowly.",
        own(|shard| shard.slow_consumers.load(Relaxed)),
    );
    text.counter(
        "peerhall_silent_connections_total",
        "Connections given up because they did not answer pings.",
        own(|shard| shard.silent.load(Relaxed)),
    );
    text.counter(
        "peerhall_connection_faults_total",
        "Connections ended by a fault in the server itself; each is a defect to report.",
        own(|shard| shard.faults.load(Relaxed)),
    );
}

fn write_traffic(text: &mut Exposition, metrics: &Metrics) {
    let hub = |read: fn(&HubStats) -> u64| total(metrics, |shard| read(&shard.hub()));
    text.counter(
        "peerhall_frames_received_total",
        "Text messages from clients.",
        hub(|stats| stats.frames_in),
    );
    text.counter(
        "peerhall_received_bytes_total",
        "Bytes of text messages from clients.",
        total(metrics, |shard| shard.bytes_in.load(Relaxed)),
    );
    text.counter("peerhall_publishes_total", "Messages published to channels.", hub(|stats| stats.publishes));
    text.counter(
        "peerhall_messages_delivered_total",
        "Copies of published messages handed to connections.",
        hub(|stats| stats.deliveries),
    );
    text.counter("peerhall_directs_total", "Messages sent to one peer.", hub(|stats| stats.directs));
    text.counter(
        "peerhall_presence_frames_total",
        "Presence frames, snapshots and changes.",
        hub(|stats| stats.presence_frames),
    );
    text.counter("peerhall_errors_total", "Error frames sent to clients.", hub(|stats| stats.errors));
}

fn write_closes(text: &mut Exposition, metrics: &Metrics) {
    const NAME: &str = "peerhall_closes_total";
    text.family(NAME, Kind::Counter, "Connections that the server closed, by close code.");
    let mut sums: Vec<(String, u64)> = Vec::new();
    for shard in metrics.shards() {
        for (place, (code, count)) in shard.closes.iter().enumerate() {
            match sums.get_mut(place) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => sums.push((code.map_or_else(|| "other".to_owned(), |code| code.to_string()), count)),
            }
        }
    }
    for (code, sum) in sums {
        text.sample(NAME, &[("code", &code)], sum);
    }
}

fn write_process(text: &mut Exposition, process: &Process) {
    let figures = [
        ("process_resident_memory_bytes", "Resident memory size in bytes.", process.resident_bytes),
        ("process_open_fds", "Number of open file descriptors.", process.open_fds),
        ("process_max_fds", "Maximum number of open file descriptors.", process.max_fds),
    ];
    for (name, help, figure) in figures {
        if let Some(figure) = figure {
            text.gauge(name, help, figure);
        }
    }
}

fn total(metrics: &Metrics, read: impl Fn(&ShardMetrics) -> u64) -> u64 {
    metrics.shards().iter().map(|shard| read(shard)).fold(0, u64::saturating_add)
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// Text in the making. Names, help and labels are this file's own words, so nothing needs escaping.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{text}\"")).collect();
        if labels.is_empty() {
            self.line(format_args!("{name} {value}"));
        } else {
            self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, Kind::Counter, help);
        self.sample(name, &[], value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, Kind::Gauge, help);
        self.sample(name, &[], value);
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use peerhall_proto::code::CloseCode;

    use super::*;

    /// The samples of a text by name and labels, after checking every line against the format.
    fn samples(text: &str) -> Vec<(String, f64)> {
        let mut typed = HashSet::new();
        let mut samples = Vec::new();
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(!help.is_empty(), "{name} has no help");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(matches!(kind, "counter" | "gauge"));
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                assert!(typed.insert(name.to_owned()), "{name} twice");
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                assert!(typed.contains(name), "{name} has no type");
                assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
                samples.push((series.to_owned(), value.parse().unwrap()));
            }
        }
        samples
    }

    fn value(samples: &[(String, f64)], series: &str) -> f64 {
        samples.iter().find(|(name, _)| name == series).unwrap_or_else(|| panic!("no {series}")).1
    }

    #[test]
    fn the_figures_of_all_shards_are_added_up() {
        let metrics = Metrics::new(2);
        for (shard, count) in metrics.shards().iter().zip([3, 4]) {
            shard.publish(
                HubStats { sessions: count, rooms: 10, deliveries: 100 * count, ..HubStats::default() },
                0,
            );
            shard.slow_consumers.fetch_add(count, Relaxed);
            shard.closes.count(CloseCode::ADMIN_DISCONNECT);
        }
        let samples = samples(&render(&metrics, &Process::default(), true));
        assert_eq!(value(&samples, "peerhall_connections"), 7.0);
        assert_eq!(value(&samples, "peerhall_rooms"), 20.0);
        assert_eq!(value(&samples, "peerhall_messages_delivered_total"), 700.0);
        assert_eq!(value(&samples, "peerhall_slow_consumers_total"), 7.0);
        assert_eq!(value(&samples, "peerhall_closes_total{code=\"4020\"}"), 2.0);
        assert_eq!(value(&samples, "peerhall_closes_total{code=\"other\"}"), 0.0);
        assert_eq!(value(&samples, "peerhall_ready"), 1.0);
    }

    #[test]
    fn every_series_stands_once() {
        let samples = samples(&render(&Metrics::new(3), &Process::read(), false));
        let distinct: HashSet<&String> = samples.iter().map(|(series, _)| series).collect();
        assert_eq!(distinct.len(), samples.len());
        assert_eq!(value(&samples, "peerhall_ready"), 0.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_shows_its_memory_and_its_descriptors() {
        let samples = samples(&render(&Metrics::new(1), &Process::read(), true));
        assert!(value(&samples, "process_resident_memory_bytes") > 100_000.0);
        let open = value(&samples, "process_open_fds");
        assert!(open >= 3.0 && open <= value(&samples, "process_max_fds"));
    }
}
