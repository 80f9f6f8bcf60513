//! Deadlines that connections share while they idle: a program with fifty remote peers wakes up for several of them
//! at once, not for each of them when its own path check happens to be due.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Distance from one shared moment to the next. A lost path takes six checks to notice, and so half a second longer at
/// most.
const STEP: Duration = Duration::from_millis(100);

/// How long nothing but path checks has come and gone in a connection that idles. Before that, what the engine waits
/// for may hide something that is due right after it, such as a packet that waits for its turn.
const QUIET: Duration = Duration::from_secs(1);

/// Whether a connection idles.
#[derive(Debug, Default)]
pub(super) struct Slack {
    used: bool,
    quiet_since: Option<Instant>,
}

impl Slack {
    /// Something else than a path check came or went.
    pub(super) fn used(&mut self) {
        self.used = true;
    }

    /// When something is done that is due at a moment and may come a little later.
    pub(super) fn put_off(&mut self, now: Instant, due: Instant) -> Instant {
        if std::mem::take(&mut self.used) {
            self.quiet_since = Some(now);
        }
        let since = *self.quiet_since.get_or_insert(now);
        if now.saturating_duration_since(since) < QUIET { due } else { shared(due) }
    }
}

/// The first shared moment at or after another.
fn shared(moment: Instant) -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = *ORIGIN.get_or_init(Instant::now);
    let steps = moment.saturating_duration_since(origin).as_millis() / STEP.as_millis() + 1;
    let shared = u32::try_from(steps).ok().and_then(|steps| STEP.checked_mul(steps));
    shared.and_then(|shared| origin.checked_add(shared)).map_or(moment, |shared| shared.max(moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn idle_connections_do_what_is_due_within_a_step_in_as_many_moments_as_there_are_steps() {
        let now = Instant::now();
        let moments = |slack: &mut Slack| {
            let due = (0..1_000).map(|n| now + QUIET + MILLISECOND * n);
            due.map(|due| slack.put_off(now + QUIET, due)).collect::<Vec<_>>()
        };
        let (mut one, mut other) = (Slack::default(), Slack::default());
        one.put_off(now, now);
        other.put_off(now, now);
        let (mut all, same) = (moments(&mut one), moments(&mut other));
        assert_eq!(all, same, "the same for every connection");
        for (n, moment) in (0..).zip(&all) {
            let late = moment.duration_since(now + QUIET + MILLISECOND * n);
            assert!(late <= STEP, "{late:?}");
        }
        all.dedup();
        assert!(all.len() <= 11, "{}", all.len());
    }

    #[test]
    fn what_is_due_in_a_connection_in_use_is_not_put_off() {
        let now = Instant::now();
        let mut slack = Slack::default();
        for n in 0..3_000 {
            let now = now + MILLISECOND * n;
            slack.used();
            assert_eq!(slack.put_off(now, now + MILLISECOND), now + MILLISECOND);
        }
    }
}
