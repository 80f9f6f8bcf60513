//! How many lists of members a turn makes.

use std::time::Duration;

use peerhall_hub::Tick;

/// Lists of members that a turn makes: about a millisecond of work. More would hold up the rooms that nobody
/// enters; with less, a crowd that enters a room together hears of itself in more pieces.
const BYTES_PER_TURN: usize = 2 * 1024 * 1024;

/// How long lists wait at most for what others are to be written.
const WAIT: Duration = Duration::from_millis(100);

/// When lists could be made last.
#[derive(Debug, Default)]
pub(super) struct Lists {
    made: Tick,
}

impl Lists {
    /// Bytes of lists that this turn may make. Those that wait to be written are not joined by more: a crowd that
    /// enters a large room together would fill the memory with them. Much traffic of others may keep something
    /// waiting for ever, though, and newcomers wait for no more than a moment of that.
    pub(super) fn bytes(&mut self, much_waits: bool, now: Tick) -> usize {
        if much_waits && now - self.made < WAIT {
            return 0;
        }
        self.made = now;
        BYTES_PER_TURN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_wait_for_a_tenth_of_a_second_at_most_while_others_have_much_to_be_written() {
        let mut lists = Lists::default();
        assert_eq!(lists.bytes(false, Tick(1_000)), BYTES_PER_TURN);
        assert_eq!(lists.bytes(true, Tick(1_001)), 0, "a list that was just made is written first");
        assert_eq!(lists.bytes(true, Tick(1_099)), 0);
        assert_eq!(lists.bytes(true, Tick(1_100)), BYTES_PER_TURN);
        assert_eq!(lists.bytes(true, Tick(1_199)), 0, "it counts from the last ones");
        assert_eq!(lists.bytes(false, Tick(1_199)), BYTES_PER_TURN);
    }
}
