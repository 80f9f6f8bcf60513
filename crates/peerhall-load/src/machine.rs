//! What the operating system knows about the server, about us and about everybody else.
//!
//! On Linux this is `/proc`. Elsewhere there are no such figures, and every reading is `None`.

use std::time::Instant;

mod proc;

/// CPU and memory of a process and all its descendants, from outside.
#[derive(Debug, Clone, Default)]
pub struct Processes {
    ids: Vec<u32>,
}

impl Processes {
    /// The process `root` and what it has started so far; none when `root` is not known.
    #[must_use]
    pub fn of(root: Option<u32>) -> Self {
        Self { ids: root.map(proc::descendants).unwrap_or_default() }
    }

    /// Resident memory in KiB.
    #[must_use]
    pub fn resident_kib(&self) -> Option<u64> {
        self.ids.iter().map(|id| proc::resident_kib(*id)).sum::<Option<u64>>().filter(|kib| *kib > 0)
    }

    /// Asks all of them to end.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        for id in self.ids.iter().rev().filter_map(|id| i32::try_from(*id).ok()) {
            if let Some(id) = rustix::process::Pid::from_raw(id) {
                // Who has ended meanwhile needs no signal.
                let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
            }
        }
    }

    /// There is no polite way here.
    #[cfg(not(unix))]
    pub(crate) fn terminate(&self) {}

    fn cpu_nanos(&self) -> Option<u64> {
        self.ids.iter().map(|id| proc::cpu_nanos(*id)).sum::<Option<u64>>().filter(|nanos| *nanos > 0)
    }
}

/// What a window cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Its length in seconds.
    pub seconds: f64,
    /// CPU seconds (user and kernel) of the server. `None`: not known.
    pub server: Option<f64>,
    /// CPU seconds of the generator.
    pub generator: Option<f64>,
    /// Cores that everybody else took on the average, on the cores that the two use.
    pub others: Option<f64>,
}

impl Usage {
    /// Cores that the server used on the average.
    #[must_use]
    pub fn server_cores(&self) -> Option<f64> {
        Some(self.server? / self.seconds)
    }

    /// Cores that the generator used on the average.
    #[must_use]
    pub fn generator_cores(&self) -> Option<f64> {
        Some(self.generator? / self.seconds)
    }
}

/// A reading that has begun.
#[derive(Debug)]
pub(crate) struct Meter<'p> {
    processes: &'p Processes,
    cores: &'p [usize],
    since: Instant,
    server: Option<u64>,
    generator: Option<u64>,
    busy: Option<u64>,
}

impl<'p> Meter<'p> {
    /// Begins; `cores` are those that the two run on, none for all of the machine.
    pub(crate) fn start(processes: &'p Processes, cores: &'p [usize]) -> Self {
        Self {
            processes,
            cores,
            server: processes.cpu_nanos(),
            generator: proc::cpu_nanos(std::process::id()),
            busy: proc::busy_nanos(cores),
            since: Instant::now(),
        }
    }

    /// What has been used since.
    pub(crate) fn read(&self) -> Usage {
        let seconds = self.since.elapsed().as_secs_f64().max(1e-9);
        let used = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?) as f64 / 1e9);
        let server = used(self.processes.cpu_nanos(), self.server);
        let generator = used(proc::cpu_nanos(std::process::id()), self.generator);
        let busy = used(proc::busy_nanos(self.cores), self.busy);
        let others = busy
            .zip(generator)
            .map(|(busy, generator)| ((busy - server.unwrap_or_default() - generator) / seconds).max(0.0));
        Usage { seconds, server, generator, others }
    }
}

/// Lifts the limit on open files to the most that this process may have; gives it back.
#[must_use]
pub fn raise_descriptor_limit() -> u64 {
    // Where it cannot be lifted it stays what it is, and opening says so.
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024)
}

/// Runs this thread, and the processes it starts from now on, on one core. Gives back whether that is
/// possible: on Linux, when the core exists.
pub fn pin_to_core(core: usize) -> bool {
    pin(core)
}

/// Runs this thread, and what it starts from now on, on every core that it may use but one. Gives back whether that
/// is possible: on Linux, when another is left.
pub fn keep_off_core(core: usize) -> bool {
    keep_off(core)
}

#[cfg(target_os = "linux")]
fn keep_off(core: usize) -> bool {
    let Ok(mut cores) = rustix::thread::sched_getaffinity(None) else { return false };
    if core >= rustix::thread::CpuSet::MAX_CPU {
        return false;
    }
    cores.unset(core);
    cores.count() > 0 && rustix::thread::sched_setaffinity(None, &cores).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn keep_off(_core: usize) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn pin(core: usize) -> bool {
    let mut cores = rustix::thread::CpuSet::new();
    if core >= rustix::thread::CpuSet::MAX_CPU {
        return false;
    }
    cores.set(core);
    rustix::thread::sched_setaffinity(None, &cores).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn pin(_core: usize) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_of_this_process_shows_in_its_cpu_time_and_memory() {
        let this = Processes::of(Some(std::process::id()));
        let meter = Meter::start(&this, &[]);
        let mut sum = 0_u64;
        // The kernel counts at its ticks, so a piece of work that is shorter may count as nothing.
        while meter.read().server.unwrap() < 0.05 {
            sum = (0..100_000_u64).fold(sum, |sum, number| sum ^ number.wrapping_mul(sum | 1));
        }
        let usage = meter.read();
        assert!(usage.seconds >= 0.04, "{usage:?}, {sum}");
        assert!(this.resident_kib().unwrap() > 500);
    }

    #[test]
    fn a_process_that_is_not_there_has_no_figures() {
        let nobody = Processes::of(None);
        assert_eq!(nobody.resident_kib(), None);
        assert_eq!(Meter::start(&nobody, &[]).read().server, None);
    }
}
