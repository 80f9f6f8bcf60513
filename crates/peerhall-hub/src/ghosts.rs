//! Members of a room whose last connection was lost a moment ago, and who may be back (wire protocol,
//! section 9.4).

use std::collections::{BTreeSet, HashMap};

use peerhall_proto::ids::PeerId;

use crate::session::Metadata;
use crate::time::Tick;

/// Ghosts that any room may have, and one with more members as many as those: whoever drops beyond is gone
/// at once. A crowd that comes and drops for ever would otherwise fill the memory for as long as each of them
/// is waited for.
const MOST: usize = 8_192;

/// A peer whose last connection was lost a moment ago.
#[derive(Debug, Clone)]
pub(crate) struct Ghost {
    pub(crate) metadata: Option<Metadata>,
    /// Value of [`Room::clock`](crate::room::Room::clock) when it dropped.
    pub(crate) since: u32,
    /// When it is given up.
    pub(crate) until: Tick,
}

/// The ghosts of one room, also in the order in which they are given up.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    by_peer: HashMap<PeerId, Ghost>,
    by_end: BTreeSet<(Tick, PeerId)>,
}

impl Ghosts {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_peer.is_empty()
    }

    /// Whether one more is kept in a room with so many members.
    pub(crate) fn has_room(&self, members: usize) -> bool {
        self.by_peer.len() < MOST.max(members)
    }

    pub(crate) fn get(&self, peer: &PeerId) -> Option<&Ghost> {
        self.by_peer.get(peer)
    }

    pub(crate) fn contains(&self, peer: &PeerId) -> bool {
        self.by_peer.contains_key(peer)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PeerId, &Ghost)> {
        self.by_peer.iter()
    }

    pub(crate) fn insert(&mut self, peer: PeerId, ghost: Ghost) {
        let until = ghost.until;
        if let Some(earlier) = self.by_peer.insert(peer.clone(), ghost) {
            self.by_end.remove(&(earlier.until, peer.clone()));
        }
        self.by_end.insert((until, peer));
    }

    pub(crate) fn remove(&mut self, peer: &PeerId) -> Option<Ghost> {
        let ghost = self.by_peer.remove(peer)?;
        self.by_end.remove(&(ghost.until, peer.clone()));
        Some(ghost)
    }

    /// Waits longer for a peer. Says whether it is a ghost.
    pub(crate) fn postpone(&mut self, peer: &PeerId, until: Tick) -> bool {
        let Some(ghost) = self.remove(peer) else { return false };
        self.insert(peer.clone(), Ghost { until, ..ghost });
        true
    }

    /// Takes those who are given up by now.
    pub(crate) fn take_over(&mut self, now: Tick) -> Vec<(PeerId, Ghost)> {
        let mut over = Vec::new();
        while let Some((_, peer)) = self.by_end.first().filter(|(until, _)| *until <= now) {
            let peer = peer.clone();
            let Some(ghost) = self.remove(&peer) else { break };
            over.push((peer, ghost));
        }
        over
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.by_peer.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ghost(until: u64) -> Ghost {
        Ghost { metadata: None, since: 0, until: Tick(until) }
    }

    fn names(over: Vec<(PeerId, Ghost)>) -> Vec<String> {
        over.into_iter().map(|(peer, _)| peer.as_str().to_owned()).collect()
    }

    #[test]
    fn ghosts_are_given_up_in_the_order_of_their_ends_and_who_drops_again_is_waited_for_longer() {
        let mut ghosts = Ghosts::default();
        let peer = |name: &str| name.parse::<PeerId>().unwrap();
        for (name, until) in [("alice", 30), ("bob", 10), ("carol", 20), ("dan", 20)] {
            ghosts.insert(peer(name), ghost(until));
        }
        assert!(ghosts.postpone(&peer("bob"), Tick(40)));
        assert!(!ghosts.postpone(&peer("erin"), Tick(40)));
        assert!(ghosts.remove(&peer("dan")).is_some());
        assert_eq!(names(ghosts.take_over(Tick(19))), Vec::<String>::new());
        assert_eq!(names(ghosts.take_over(Tick(30))), ["carol", "alice"]);
        ghosts.insert(peer("bob"), ghost(35));
        assert_eq!(names(ghosts.take_over(Tick(35))), ["bob"]);
        assert!(ghosts.is_empty() && ghosts.by_end.is_empty());
    }

    #[test]
    fn a_room_keeps_as_many_ghosts_as_it_has_members_and_some_thousands_in_any_case() {
        let mut ghosts = Ghosts::default();
        for n in 0..MOST {
            assert!(ghosts.has_room(0));
            ghosts.insert(format!("peer-{n}").parse().unwrap(), ghost(10));
        }
        assert!(!ghosts.has_room(MOST));
        assert!(ghosts.has_room(MOST + 1));
    }
}
