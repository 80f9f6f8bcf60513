//! One other node as this one sees it: where its shards stand among ours, and whether its stream of
//! notes is whole.

use std::ops::Range;
use std::time::Instant;

use peerhall_hub::ShardId;

/// Another node.
#[derive(Debug)]
pub(crate) struct Remote {
    /// Numbers under which our shards know its shards.
    pub(crate) slots: Range<usize>,
    pub(crate) heard: Instant,
    /// Number of the next note that goes to it.
    outgoing: u64,
    /// Number of the next note that comes from it.
    incoming: u64,
}

impl Remote {
    pub(crate) fn new(slots: Range<usize>, now: Instant) -> Self {
        Self { slots, heard: now, outgoing: 0, incoming: 0 }
    }

    /// Takes note of the number of a note from it. Says whether one before it is missing.
    pub(crate) fn missed_before(&mut self, number: u64) -> bool {
        let missed = number != self.incoming;
        self.incoming = number + 1;
        missed
    }

    /// Takes note of how many notes it has sent. Says whether the last ones are missing.
    pub(crate) fn missed_last(&mut self, sent: u64) -> bool {
        let missed = sent != self.incoming;
        self.incoming = sent;
        missed
    }

    /// How many notes have gone to it.
    pub(crate) fn sent(&self) -> u64 {
        self.outgoing
    }

    /// The number of the next note that goes to it.
    pub(crate) fn next_number(&mut self) -> u64 {
        let number = self.outgoing;
        self.outgoing += 1;
        number
    }

    /// The shards under which it is known here.
    pub(crate) fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        self.slots.clone().filter_map(ShardId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gap_is_seen_once() {
        let mut remote = Remote::new(2..4, Instant::now());
        assert!(!remote.missed_before(0));
        assert!(!remote.missed_before(1));
        assert!(remote.missed_before(3));
        assert!(!remote.missed_before(4));
        assert!(!remote.missed_last(5));
        assert!(remote.missed_last(6));
        assert!(!remote.missed_before(6));
        let mut late = Remote::new(2..4, Instant::now());
        assert!(late.missed_before(57), "a stream that had begun before we listened");
    }
}
