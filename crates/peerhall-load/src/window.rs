//! What one window of a measurement found, and the middle of several.

use crate::machine::Usage;

/// What one window found.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// What it cost.
    pub usage: Usage,
    /// Units of work that were done: deliveries, publishes, connections, members.
    pub units: u64,
    /// Seconds until the work was done; the window may have lasted longer.
    pub seconds: f64,
    /// Deliveries, answers or connections that were due and did not come, or came twice.
    pub lost: u64,
    /// Frames that the generator received.
    pub frames: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Latencies, where the scenario is about them.
    pub latency: Option<Latency>,
    /// Memory, where the scenario is about it.
    pub memory: Option<Memory>,
}

/// From the moment a message was due to be sent to its arrival, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Latency {
    /// Half of the deliveries took less.
    pub p50: f64,
    /// Nine in ten took less.
    pub p90: f64,
    /// All but one in a hundred took less.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// Memory of the server around a crowd that does nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Memory {
    /// Resident memory before the first connection, in KiB.
    pub base_kib: f64,
    /// With all connections.
    pub full_kib: f64,
    /// After they have left.
    pub after_kib: f64,
}

impl Window {
    /// CPU microseconds of the server for one unit.
    #[must_use]
    pub fn cpu_micros(&self) -> Option<f64> {
        (self.units > 0).then_some(self.usage.server? * 1e6 / self.units as f64)
    }

    /// Units in a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.units as f64 / self.seconds.max(1e-9)
    }

    /// KiB of the server for each connection.
    #[must_use]
    pub fn kib_per_connection(&self) -> Option<f64> {
        let memory = self.memory?;
        (self.units > 0).then_some((memory.full_kib - memory.base_kib) / self.units as f64)
    }

    /// Cores that others took while it lasted; 0 where that is not known.
    #[must_use]
    pub fn noise(&self) -> f64 {
        self.usage.others.unwrap_or_default()
    }
}

/// The middle of some numbers, those that are known; `None` of none.
#[must_use]
pub fn median(numbers: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let mut known: Vec<f64> = numbers.into_iter().flatten().collect();
    known.sort_by(f64::total_cmp);
    let upper = known.get(known.len() / 2).copied()?;
    if known.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = known.get(known.len() / 2 - 1).copied()?;
    Some(f64::midpoint(lower, upper))
}

/// The `count` windows with the least noise.
#[must_use]
pub fn quietest(mut windows: Vec<Window>, count: usize) -> Vec<Window> {
    windows.sort_by(|one, other| one.noise().total_cmp(&other.noise()));
    windows.truncate(count);
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_leaves_out_what_is_not_known() {
        assert_eq!(median([Some(3.0), None, Some(1.0), Some(2.0)]), Some(2.0));
        assert_eq!(median([Some(4.0), Some(1.0)]), Some(2.5));
        assert_eq!(median([None]), None);
    }

    #[test]
    fn the_quietest_windows_are_kept() {
        let window = |others| Window { usage: Usage { others, ..Usage::default() }, ..Window::default() };
        let kept = quietest(vec![window(Some(0.9)), window(Some(0.1)), window(Some(0.4))], 2);
        assert_eq!(kept.iter().map(Window::noise).collect::<Vec<_>>(), [0.1, 0.4]);
    }
}
