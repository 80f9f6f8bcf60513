//! What an idle crowd costs while it is there, and what it leaves behind: shares of what was there
//! before, so they need no peer.

use super::Plan;
use crate::error::LoadError;
use crate::scenario::{Scenario, Size};
use crate::subject::Subject;
use crate::window::Window;

/// Memory after the crowd has left, in terms of that before it came.
const MOST_LEFT: f64 = 1.5;

/// Share of a core that an idle crowd may take, pings included: 5 ms in a second.
const MOST_CORES: f64 = 0.005;

/// Shortest window, in seconds, so that the server has as long to forget the crowd.
const SHORTEST: f64 = 3.0;

/// What came of it.
#[derive(Debug, Clone)]
pub struct Leaving {
    name: String,
    window: Window,
}

/// Puts an idle crowd on our server and takes it away again.
///
/// # Errors
///
/// What went wrong on the way.
pub fn leaving(ours: &Subject, connections: usize, plan: &Plan) -> Result<Vec<Leaving>, LoadError> {
    let measure = |case: crate::scenario::Case| {
        let server = ours.start()?;
        let window = case.prepare(server.target(), &plan.conditions)?.window(plan.seconds.max(SHORTEST))?;
        Ok(Leaving { name: case.name(), window })
    };
    Scenario::Idle.cases(Size::Full, Some(connections)).into_iter().map(measure).collect()
}

impl Leaving {
    /// Memory after they have left, in terms of that before they came.
    #[must_use]
    pub fn left(&self) -> Option<f64> {
        let memory = self.window.memory?;
        Some(memory.after_kib / memory.base_kib)
    }

    /// Whether little enough is left, the crowd was cheap, and nobody was lost.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        let is_cheap = self.window.usage.server_cores().is_some_and(|cores| cores <= MOST_CORES);
        self.window.lost == 0 && is_cheap && self.left().is_some_and(|left| left <= MOST_LEFT)
    }

    /// One line with the verdict.
    #[must_use]
    pub fn line(&self) -> String {
        let verdict = if self.is_pass() { "PASS" } else { "FAIL" };
        let (Some(memory), Some(left), Some(cores)) =
            (self.window.memory, self.left(), self.window.usage.server_cores())
        else {
            return format!("{verdict} {}: not measured: this system does not tell", self.name);
        };
        format!(
            "{verdict} {} by itself: {:.2} KiB a connection; {left:.2} x of the start when they have left \
             ({:.1} to {:.1} MiB), at most {MOST_LEFT} asked; {:.4} cores while idle, at most {MOST_CORES} \
             asked; lost {}",
            self.name,
            self.window.kib_per_connection().unwrap_or_default(),
            memory.base_kib / 1024.0,
            memory.after_kib / 1024.0,
            cores,
            self.window.lost,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Usage;
    use crate::window::Memory;

    fn of(after_kib: f64, server: f64, lost: u64) -> Leaving {
        let usage = Usage { seconds: 1.0, server: Some(server), ..Usage::default() };
        let memory = Some(Memory { base_kib: 1_000.0, full_kib: 9_000.0, after_kib });
        Leaving { name: "idle-10".to_owned(), window: Window { usage, memory, lost, ..Window::default() } }
    }

    #[test]
    fn memory_that_stays_a_busy_idler_and_a_lost_connection_each_fail() {
        assert!(of(1_400.0, 0.004, 0).is_pass());
        assert!(!of(1_600.0, 0.004, 0).is_pass());
        assert!(!of(1_400.0, 0.006, 0).is_pass());
        assert!(!of(1_400.0, 0.004, 1).is_pass());
        assert!(of(1_600.0, 0.004, 0).line().starts_with("FAIL idle-10 by itself"));
    }
}
