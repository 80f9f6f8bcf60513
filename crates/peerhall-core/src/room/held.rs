//! Negotiation messages of peers that presence has not shown yet: kept for a moment, so that the order
//! in which a server sends does not decide whether a call works (X6).

use std::time::Duration;

use crate::ids::PeerId;
use crate::link::signal::Signal;
use crate::time::Time;

const MAX_SENDERS: usize = 32;
const MAX_SIGNALS: usize = 64;
const HOLD: Duration = Duration::from_secs(10);

/// What is held.
#[derive(Debug)]
pub(super) struct Held<J> {
    senders: Vec<Sender<J>>,
}

#[derive(Debug)]
struct Sender<J> {
    id: PeerId,
    until: Time,
    signals: Vec<Signal<J>>,
}

impl<J> Held<J> {
    pub(super) fn new() -> Self {
        Self { senders: Vec::new() }
    }

    /// Holds a message; `false` when there is no room for it.
    pub(super) fn hold(&mut self, now: Time, sender: &PeerId, signal: Signal<J>) -> bool {
        self.expire(now);
        if let Some(known) = self.senders.iter_mut().find(|known| known.id == *sender) {
            let fits = known.signals.len() < MAX_SIGNALS;
            if fits {
                known.signals.push(signal);
            }
            return fits;
        }
        let fits = self.senders.len() < MAX_SENDERS;
        if fits {
            self.senders.push(Sender { id: sender.clone(), until: now + HOLD, signals: vec![signal] });
        }
        fits
    }

    /// What was held of a peer that has come.
    pub(super) fn take(&mut self, now: Time, sender: &PeerId) -> Vec<Signal<J>> {
        self.expire(now);
        let index = self.senders.iter().position(|known| known.id == *sender);
        index.map_or_else(Vec::new, |index| self.senders.swap_remove(index).signals)
    }

    pub(super) fn clear(&mut self) {
        self.senders.clear();
    }

    fn expire(&mut self, now: Time) {
        self.senders.retain(|sender| now < sender.until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> PeerId {
        PeerId::new(&format!("p{n}")).unwrap()
    }

    fn end() -> Signal<serde_json::Value> {
        Signal::Candidate(None)
    }

    #[test]
    fn x06_64_signals_of_32_senders_are_held_for_ten_seconds() {
        let at = |secs| Time::after_start(Duration::from_secs(secs));
        let mut held = Held::new();
        assert!((0..64).all(|_| held.hold(at(0), &id(0), end())));
        assert!(!held.hold(at(0), &id(0), end()), "the 65th");
        assert!((1..32).all(|n| held.hold(at(1), &id(n), end())));
        assert!(!held.hold(at(1), &id(32), end()), "the 33rd sender");
        assert_eq!(held.take(at(9), &id(0)).len(), 64);
        assert!(held.take(at(9), &id(0)).is_empty());
        assert!(held.take(at(11), &id(1)).is_empty(), "too late");
    }
}
