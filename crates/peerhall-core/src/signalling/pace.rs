//! Keeps negotiation traffic below the server's rate: a server cuts a client that sends more than 100
//! frames a second beyond a burst of 200 (wire protocol, section 13.1), and meeting fifty peers at
//! once takes more.

use std::time::Duration;

use crate::queue::Queue;
use crate::time::Time;

/// Frames that may go out at once, with room left for what applications send.
const BURST: f64 = 120.0;

/// Frames per second after that.
const RATE: f64 = 70.0;

/// Frames that can go out at once though others have gone out in spare time.
const SPARED: f64 = 60.0;

/// A queue with a token bucket at its mouth. Frames of applications take tokens too, but never wait.
#[derive(Debug)]
pub(super) struct Pace<T> {
    tokens: f64,
    counted_at: Time,
    queue: Queue<T>,
    /// What goes out when nothing else waits, and leaves room for more.
    spare: Queue<T>,
}

/// Which of the two queues is next.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Due,
    Spare,
}

impl<T> Pace<T> {
    pub(super) fn starting(now: Time) -> Self {
        Self { tokens: BURST, counted_at: now, queue: Queue::new(), spare: Queue::new() }
    }

    /// A frame that does not wait has gone out.
    pub(super) fn spent(&mut self, now: Time) {
        self.refill(now);
        self.tokens = (self.tokens - 1.0).max(-BURST);
    }

    pub(super) fn push(&mut self, item: T) {
        self.queue.push_back(item);
    }

    /// Adds one that waits for spare time.
    #[cfg(feature = "labelled")]
    pub(super) fn push_spare(&mut self, item: T) {
        self.spare.push_back(item);
    }

    /// The next one that may go out now.
    pub(super) fn pop(&mut self, now: Time) -> Option<T> {
        self.refill(now);
        let (queue, needed) = self.next()?;
        if self.tokens < needed {
            return None;
        }
        let item = match queue {
            Turn::Due => self.queue.pop_front(),
            Turn::Spare => self.spare.pop_front(),
        }?;
        self.tokens -= 1.0;
        Some(item)
    }

    /// When the next one may go out.
    pub(super) fn deadline(&self) -> Option<Time> {
        let (_, needed) = self.next()?;
        // One millisecond more, so that rounding never wakes too early.
        let wait = ((needed - self.tokens).max(0.0) / RATE * 1_000.0 + 1.0).ceil();
        Some(self.counted_at + Duration::from_millis(wait as u64))
    }

    pub(super) fn take_all(&mut self) -> Vec<T> {
        let mut all: Vec<T> = std::mem::take(&mut self.queue).into_iter().collect();
        if cfg!(feature = "labelled") {
            all.extend(std::mem::take(&mut self.spare));
        }
        all
    }

    /// Whose turn is next, and the tokens that it takes.
    fn next(&self) -> Option<(Turn, f64)> {
        if !self.queue.is_empty() {
            return Some((Turn::Due, 1.0));
        }
        (cfg!(feature = "labelled") && !self.spare.is_empty()).then_some((Turn::Spare, SPARED + 1.0))
    }

    fn refill(&mut self, now: Time) {
        let elapsed = (now - self.counted_at).as_secs_f64();
        self.tokens = (elapsed * RATE + self.tokens).min(BURST);
        self.counted_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_out_stays_below_the_servers_bucket() {
        let mut pace = Pace::starting(Time::ZERO);
        (0..1_000).for_each(|frame| pace.push(frame));
        let (mut bucket, mut last, mut sent) = (200.0_f64, Duration::ZERO, 0);
        for millis in 0..14_000 {
            let elapsed = Duration::from_millis(millis);
            let now = Time::after_start(elapsed);
            while pace.pop(now).is_some() {
                bucket = (bucket + (elapsed - last).as_secs_f64() * 100.0).min(200.0) - 1.0;
                last = elapsed;
                sent += 1;
                assert!(bucket >= 0.0, "cut off after {sent} frames");
            }
        }
        assert_eq!(sent, 1_000);
    }

    #[test]
    #[cfg(feature = "labelled")]
    fn what_has_time_leaves_room_for_what_has_none() {
        let mut pace = Pace::starting(Time::ZERO);
        (0..1_000).for_each(|_| pace.push_spare("spare"));
        assert!((0..60).all(|_| pace.pop(Time::ZERO) == Some("spare")));
        assert_eq!(pace.pop(Time::ZERO), None);
        (0..60).for_each(|_| pace.push("due"));
        assert!((0..60).all(|_| pace.pop(Time::ZERO) == Some("due")), "as if nothing had gone out before");
        let deadline = pace.deadline().unwrap();
        assert_eq!(pace.pop(deadline), Some("spare"));
        assert_eq!(pace.take_all().len(), 939);
    }

    #[test]
    fn the_deadline_is_when_the_next_frame_may_go() {
        let mut pace = Pace::starting(Time::ZERO);
        (0..121).for_each(|frame| pace.push(frame));
        while pace.pop(Time::ZERO).is_some() {}
        let deadline = pace.deadline().unwrap();
        assert!(deadline > Time::ZERO);
        assert_eq!(pace.pop(deadline), Some(120));
        assert_eq!(pace.deadline(), None);
    }
}
