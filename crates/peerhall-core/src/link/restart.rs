//! The ladder of ICE restarts (sdk-behaviour, section 6.6).

use std::time::Duration;

use crate::time::Time;

/// Delay before each attempt.
pub const RESTART_DELAYS: [Duration; 9] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(30),
    Duration::from_secs(30),
    Duration::from_secs(30),
];

/// How long an offer waits for its answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Where on the ladder a connection stands.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    /// Attempts since data flowed last.
    attempts: usize,
    /// The next one does not count.
    spared: bool,
    scheduled: Option<Scheduled>,
    /// The end was told; once for each outage.
    exhausted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Scheduled {
    at: Time,
    /// Generation of the remote description when it was scheduled.
    generation: u64,
}

/// What follows from a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An attempt is scheduled, or was already.
    Scheduled,
    /// There is none left; to be told now.
    Exhausted,
    /// There is none left, and it was told.
    Nothing,
}

impl Ladder {
    /// ICE failed, or a restart was not answered.
    pub(super) fn failed(&mut self, now: Time, generation: u64) -> Step {
        if let Some(scheduled) = &mut self.scheduled {
            // What the remote peer has described since has failed as well.
            scheduled.generation = generation;
            return Step::Scheduled;
        }
        match RESTART_DELAYS.get(self.attempts) {
            Some(delay) => {
                self.scheduled = Some(Scheduled { at: now + *delay, generation });
                Step::Scheduled
            }
            None if std::mem::replace(&mut self.exhausted, true) => Step::Nothing,
            None => Step::Exhausted,
        }
    }

    /// Takes an attempt whose moment has come; `false` when it is not needed any more: ICE works, or the
    /// remote peer has described itself anew since.
    pub(super) fn due(&mut self, now: Time, ice_works: bool, generation: u64) -> bool {
        let Some(scheduled) = self.scheduled.take_if(|scheduled| now >= scheduled.at) else { return false };
        !ice_works && scheduled.generation == generation
    }

    /// A restart offer goes out.
    pub(super) fn attempted(&mut self) {
        self.attempts += usize::from(!std::mem::take(&mut self.spared));
    }

    /// The next attempt is not made because ICE failed, and does not count.
    pub(super) fn spare(&mut self) {
        self.spared = true;
    }

    /// Data flows again.
    pub(super) fn recovered(&mut self) {
        *self = Self::default();
    }

    /// There is a reason to hope anew: the ladder begins at its foot. Its end, once told, is not told
    /// again before data has flowed.
    pub(super) fn begin_again(&mut self) {
        self.attempts = 0;
        self.scheduled = None;
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.scheduled.map(|scheduled| scheduled.at)
    }
}
