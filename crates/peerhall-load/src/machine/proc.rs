//! `/proc`, and nothing where there is none.

use std::collections::HashMap;
use std::fs;

/// Nanoseconds of one tick of `/proc/stat`, which is in hundredths of a second on every Linux.
const TICK_NANOS: u64 = 10_000_000;

/// A process and all its descendants.
pub(super) fn descendants(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(parent) = parent(id) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while let Some(id) = found.get(at) {
        found.extend(children.get(id).into_iter().flatten());
        at += 1;
    }
    found
}

/// CPU time of all threads of a process.
pub(super) fn cpu_nanos(id: u32) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).ok()?;
    let times = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Some(times.sum())
}

/// Resident memory of a process.
pub(super) fn resident_kib(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Time that these cores did something, whoever for; all cores when none is named.
pub(super) fn busy_nanos(cores: &[usize]) -> Option<u64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let wanted: Vec<String> = match cores {
        [] => vec!["cpu".to_owned()],
        some => some.iter().map(|core| format!("cpu{core}")).collect(),
    };
    let lines = text.lines().filter_map(|line| {
        let (name, times) = line.split_once(' ')?;
        wanted.iter().any(|wanted| wanted == name).then(|| busy_ticks(times) * TICK_NANOS)
    });
    Some(lines.sum())
}

fn parent(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name of the program stands in brackets and may hold anything.
    let (_, behind) = stat.rsplit_once(") ")?;
    behind.split(' ').nth(1)?.parse().ok()
}

/// Of user, nice, system, idle, iowait, irq, softirq, steal: all but idle and iowait.
fn busy_ticks(times: &str) -> u64 {
    let times = times.split_whitespace().take(8).enumerate();
    times.filter(|(at, _)| !matches!(at, 3 | 4)).filter_map(|(_, ticks)| ticks.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_for_disks_is_not_busy() {
        assert_eq!(busy_ticks(" 100 20 3 99999 88888 4 5 6 0 0"), 138);
    }
}
