//! Is the server still there? Text frames feed the watchdog, keepalives make the server send some
//! (sdk-behaviour, section 3.8).

use std::time::Duration;

use crate::time::Time;

/// Shortest interval between keepalives.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// How long a link that may be dead has to prove the contrary: five round trips of a slow mobile network.
const PROBE: Duration = Duration::from_secs(5);

/// The two clocks of one socket.
#[derive(Debug)]
pub(super) struct Liveness {
    window: Duration,
    heard_at: Time,
    dead_at: Time,
    keepalive_at: Time,
}

/// What a clock says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Keepalive,
    Dead,
}

impl Liveness {
    pub(super) fn starting(now: Time, window: Duration) -> Self {
        Self { window, heard_at: now, dead_at: now + window, keepalive_at: now + interval(window) }
    }

    pub(super) fn heard(&mut self, now: Time) {
        *self = Self::starting(now, self.window);
    }

    /// When the server was heard last.
    pub(super) fn heard_at(&self) -> Time {
        self.heard_at
    }

    /// The link may be dead: asks at once, and waits no longer than [`PROBE`] for a sign of life.
    pub(super) fn probe(&mut self, now: Time) {
        self.keepalive_at = now;
        self.dead_at = self.dead_at.min(now + PROBE);
    }

    pub(super) fn deadline(&self) -> Time {
        self.dead_at.min(self.keepalive_at)
    }

    /// What is due at `now`; a keepalive that is due counts as sent.
    pub(super) fn due(&mut self, now: Time) -> Due {
        if now >= self.dead_at {
            Due::Dead
        } else if now >= self.keepalive_at {
            self.keepalive_at = now + interval(self.window);
            Due::Keepalive
        } else {
            Due::Nothing
        }
    }
}

fn interval(window: Duration) -> Duration {
    (window / 3).max(LEAST_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::after_start(Duration::from_secs(secs))
    }

    #[test]
    fn an_idle_link_is_asked_twice_and_then_given_up() {
        let mut liveness = Liveness::starting(at(0), Duration::from_secs(60));
        assert_eq!(liveness.deadline(), at(20));
        assert_eq!(liveness.due(at(20)), Due::Keepalive);
        assert_eq!(liveness.due(at(21)), Due::Nothing);
        assert_eq!(liveness.due(at(40)), Due::Keepalive);
        assert_eq!(liveness.due(at(60)), Due::Dead);
    }

    #[test]
    fn a_link_that_may_be_dead_is_asked_at_once_and_given_up_soon() {
        let mut liveness = Liveness::starting(at(0), Duration::from_secs(60));
        liveness.probe(at(10));
        assert_eq!(liveness.due(at(10)), Due::Keepalive);
        assert_eq!(liveness.due(at(15)), Due::Dead);
        liveness.heard(at(12));
        assert_eq!(liveness.due(at(15)), Due::Nothing);
    }

    #[test]
    fn r48_the_keepalive_follows_the_window_but_not_below_a_second() {
        assert_eq!(Liveness::starting(at(0), Duration::from_secs(30)).deadline(), at(10));
        let mut short = Liveness::starting(at(0), Duration::from_millis(900));
        assert_eq!(short.due(Time::after_start(Duration::from_millis(900))), Due::Dead);
    }
}
