//! Whose turn it is to hand the engine a message.

use std::collections::{HashSet, VecDeque};

/// Bytes that a channel may send in one turn. Who sends a longer message lets as many turns go by as it would have
/// taken: deficit round robin (Shreedhar and Varghese, 1995).
const TURN: usize = 16 * 1024;

/// The channels that have messages to send, each at most once, in the order of their turns. All of them get the same
/// share of the bytes, whatever they cut them into.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    queue: VecDeque<Place>,
    /// What stands in the queue.
    keys: HashSet<u64>,
}

#[derive(Debug)]
struct Place {
    key: u64,
    /// Bytes that were sent and that no turn has been counted for.
    owes: usize,
}

impl Rotation {
    /// Puts a channel at the end, unless it has a place.
    pub(super) fn join(&mut self, key: u64) {
        if self.keys.insert(key) {
            self.queue.push_back(Place { key, owes: 0 });
        }
    }

    /// The channel whose turn it is. It keeps its place until it has [sent](Self::sent) enough or
    /// [leaves](Self::leave), so that one whose message finds no room is the first to find some.
    pub(super) fn first(&mut self) -> Option<u64> {
        while let Some(first) = self.queue.front_mut().filter(|first| first.owes >= TURN) {
            first.owes -= TURN;
            self.queue.rotate_left(1);
        }
        self.queue.front().map(|first| first.key)
    }

    /// The first has sent so many bytes.
    pub(super) fn sent(&mut self, bytes: usize) {
        let is_alone = self.queue.len() == 1;
        if let Some(first) = self.queue.front_mut() {
            // Who is alone keeps nobody waiting.
            first.owes = if is_alone { 0 } else { first.owes.saturating_add(bytes) };
        }
    }

    /// The first has nothing more to send.
    pub(super) fn leave(&mut self) {
        if let Some(first) = self.queue.pop_front() {
            self.keys.remove(&first.key);
        }
    }

    /// Nobody has anything to send.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.keys.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who sends, one message after the other, of so many bytes for each.
    fn turns(rotation: &mut Rotation, bytes: impl Fn(u64) -> usize, count: usize) -> Vec<u64> {
        let turn = || {
            let first = rotation.first()?;
            rotation.sent(bytes(first));
            Some(first)
        };
        std::iter::from_fn(turn).take(count).collect()
    }

    #[test]
    fn everybody_has_a_turn_before_anybody_has_a_second() {
        let mut rotation = Rotation::default();
        for key in [3, 1, 2, 1, 3] {
            rotation.join(key);
        }
        assert_eq!(turns(&mut rotation, |_| TURN, 7), [3, 1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn all_send_as_many_bytes_whatever_their_messages_are() {
        let mut rotation = Rotation::default();
        (1..=3).for_each(|key| rotation.join(key));
        let bytes = |key| [0, 1_024, 65_536, 1_048_576][key as usize];
        let mut sent = [0; 4];
        for key in turns(&mut rotation, bytes, 50_000) {
            sent[key as usize] += bytes(key);
        }
        let [_, small, middle, large] = sent;
        assert!(
            large.abs_diff(small) <= 2 * 1_048_576 && large.abs_diff(middle) <= 2 * 1_048_576,
            "{sent:?}"
        );
        assert!(small > 16 * 1_048_576, "{sent:?}");
    }

    #[test]
    fn who_sends_nothing_keeps_the_turn_and_who_leaves_may_come_again() {
        let mut rotation = Rotation::default();
        rotation.join(1);
        rotation.join(2);
        assert_eq!((rotation.first(), rotation.first()), (Some(1), Some(1)));
        rotation.leave();
        rotation.join(1);
        assert_eq!(rotation.first(), Some(2));
        rotation.leave();
        assert_eq!(rotation.first(), Some(1));
        rotation.clear();
        assert_eq!(rotation.first(), None);
    }

    #[test]
    fn who_was_alone_does_not_wait_for_what_it_sent_then() {
        let mut rotation = Rotation::default();
        rotation.join(1);
        assert_eq!(turns(&mut rotation, |_| 1_048_576, 3), [1, 1, 1]);
        rotation.join(2);
        assert_eq!(rotation.first(), Some(1));
    }
}
