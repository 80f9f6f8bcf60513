//! The reference: rooms, presence, ghosts and held directs of one server, written down from sections
//! 9 and 10 of the wire protocol in the most naive way. Lists are searched, nothing is indexed, and
//! everybody's beliefs are changed by hand.

use std::collections::{BTreeMap, BTreeSet};

use super::witness::Item;
use crate::tests::lab::{LINGER, PAUSE};

/// A subscription of one connection.
#[derive(Debug, Default)]
pub(super) struct Membership {
    /// When snapshots are due.
    pub(super) due: Vec<u64>,
    announced: bool,
    /// Who this connection takes for present.
    pub(super) believes: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Connection {
    peer: String,
    open: bool,
    ours: bool,
    visible: bool,
    pub(super) rooms: BTreeMap<String, Membership>,
    /// Directs to its peer are held until it has seen its rooms, or until this moment.
    returning_until: Option<u64>,
    /// Everything it should have got, in order.
    pub(super) gets: Vec<Item>,
}

/// A peer that dropped and has not come back.
#[derive(Debug, Default)]
struct Away {
    until: u64,
    held: Vec<(u64, Item)>,
}

#[derive(Debug, Default)]
pub(super) struct Reference {
    pub(super) now: u64,
    pub(super) connections: Vec<Connection>,
    ghosts: BTreeMap<(String, String), u64>,
    away: BTreeMap<String, Away>,
}

impl Reference {
    pub(super) fn new(now: u64) -> Self {
        Self { now, ..Self::default() }
    }

    pub(super) fn connect(&mut self, peer: &str, ours: bool, visible: bool) {
        self.connections.push(Connection {
            peer: peer.to_owned(),
            open: true,
            ours,
            visible,
            rooms: BTreeMap::new(),
            returning_until: self.away.contains_key(peer).then_some(self.now + 2_000),
            gets: Vec::new(),
        });
    }

    pub(super) fn subscribe(&mut self, who: usize, room: &str) {
        let connection = &mut self.connections[who];
        let membership = connection.rooms.entry(room.to_owned()).or_default();
        if connection.visible {
            membership.due.push(if connection.ours { self.now } else { self.now + PAUSE });
        }
    }

    pub(super) fn unsubscribe(&mut self, who: usize, room: &str) {
        self.leave(who, room, false);
    }

    /// Everybody who gets a message now. The pattern `r*` matches every name that begins so.
    pub(super) fn publish(&mut self, who: usize, room: &str, item: Item) {
        for (at, connection) in self.connections.iter_mut().enumerate() {
            let named = connection.rooms.contains_key(room);
            let matched = room.starts_with('r') && connection.rooms.contains_key("r*");
            if at != who && connection.open && (named || matched) {
                connection.gets.push(item);
            }
        }
    }

    /// Whether a direct is acknowledged.
    pub(super) fn send(&mut self, to: &str, item: Item) -> bool {
        if let Some(away) = self.away.get_mut(to) {
            away.held.retain(|(since, _)| self.now - since <= 10_000);
            let fits = away.held.len() < 64;
            if fits {
                away.held.push((self.now, item));
            }
            return fits;
        }
        let mut found = false;
        for connection in self.connections.iter_mut().filter(|known| known.open && known.peer == to) {
            connection.gets.push(item);
            found = true;
        }
        found
    }

    /// Whether directs to a peer are held now.
    pub(super) fn waits_for(&self, peer: &str) -> bool {
        self.away.contains_key(peer)
    }

    pub(super) fn end(&mut self, who: usize, lost: bool) {
        let rooms: Vec<String> = self.connections[who].rooms.keys().cloned().collect();
        let mut lingers = false;
        for room in rooms {
            lingers |= self.leave(who, &room, lost);
        }
        self.connections[who].open = false;
        let peer = self.connections[who].peer.clone();
        let connected = self.connections.iter().any(|known| known.open && known.peer == peer);
        if lingers && !connected {
            self.away.entry(peer).or_default().until = self.now + LINGER;
        }
    }

    pub(super) fn kick(&mut self, peer: &str) {
        for who in 0..self.connections.len() {
            if self.connections[who].open && self.connections[who].peer == peer {
                self.end(who, false);
            }
        }
        let rooms: Vec<String> =
            self.ghosts.keys().filter(|(_, ghost)| ghost == peer).map(|(room, _)| room.clone()).collect();
        for room in rooms {
            self.ghosts.remove(&(room.clone(), peer.to_owned()));
            self.everybody_forgets(&room, peer);
        }
        self.away.remove(peer);
    }

    /// What is due at the end of a turn.
    pub(super) fn end_turn(&mut self) {
        let over: Vec<(String, String)> = self
            .ghosts
            .iter()
            .filter(|(_, until)| **until <= self.now)
            .map(|(ghost, _)| ghost.clone())
            .collect();
        for (room, peer) in over {
            self.everybody_forgets(&room, &peer);
            self.ghosts.remove(&(room, peer));
        }
        let given_up: Vec<String> = self
            .away
            .iter()
            .filter(|(_, away)| away.until <= self.now)
            .map(|(peer, _)| peer.clone())
            .collect();
        for peer in given_up {
            self.release(&peer);
        }
        for who in 0..self.connections.len() {
            if self.connections[who].open
                && self.connections[who].returning_until.is_some_and(|until| until <= self.now)
            {
                self.has_returned(who);
            }
        }
        let rooms: BTreeSet<String> =
            self.connections.iter().flat_map(|connection| connection.rooms.keys().cloned()).collect();
        for room in rooms {
            self.give_snapshots(&room);
        }
    }

    /// When something is due next.
    pub(super) fn deadline(&self) -> Option<u64> {
        let open = self.connections.iter().filter(|known| known.open);
        let snapshots = open.clone().flat_map(|known| known.rooms.values()).flat_map(|room| room.due.clone());
        let returns = open.filter_map(|known| known.returning_until);
        let ghosts = self.ghosts.values().copied();
        let away = self.away.values().map(|away| away.until);
        snapshots.chain(returns).chain(ghosts).chain(away).min()
    }

    pub(super) fn present(&self, room: &str, peer: &str) -> bool {
        let mut known = self.connections.iter().filter(|known| known.open && known.peer == peer);
        known.any(|known| known.rooms.get(room).is_some_and(|membership| membership.announced))
    }

    fn give_snapshots(&mut self, room: &str) {
        let now = self.now;
        let is_due = |known: &Connection| {
            known.open && known.rooms.get(room).is_some_and(|held| held.due.iter().any(|at| *at <= now))
        };
        let guests: Vec<usize> =
            (0..self.connections.len()).filter(|who| is_due(&self.connections[*who])).collect();
        let is_pattern = room.contains('*');
        let was_here: Vec<bool> = guests
            .iter()
            .map(|who| {
                let peer = &self.connections[*who].peer;
                self.present(room, peer) || self.ghosts.contains_key(&(room.to_owned(), peer.clone()))
            })
            .collect();
        for who in &guests {
            let peer = self.connections[*who].peer.clone();
            if !is_pattern {
                let is_new = !self.present(room, &peer);
                self.connections[*who].rooms.get_mut(room).unwrap().announced = true;
                if is_new {
                    self.ghosts.remove(&(room.to_owned(), peer.clone()));
                    self.everybody_learns(room, &peer);
                }
            }
        }
        for (who, was_here) in guests.into_iter().zip(was_here) {
            let me = self.connections[who].peer.clone();
            let ghosts = self.ghosts.keys().filter(|(place, _)| was_here && place == room);
            let mut list: BTreeSet<String> = ghosts.map(|(_, peer)| peer.clone()).collect();
            list.extend(
                self.connections
                    .iter()
                    .map(|known| known.peer.clone())
                    .filter(|peer| self.present(room, peer)),
            );
            list.remove(&me);
            let membership = self.connections[who].rooms.get_mut(room).unwrap();
            membership.believes = list;
            membership.due.retain(|at| *at > now);
            if self.connections[who].rooms.values().all(|membership| membership.due.is_empty()) {
                self.has_returned(who);
            }
        }
    }

    /// Ends a membership. Whether the peer is a ghost of the room now, because of that.
    fn leave(&mut self, who: usize, room: &str, lost: bool) -> bool {
        let peer = self.connections[who].peer.clone();
        let Some(membership) = self.connections[who].rooms.remove(room) else { return false };
        let ghost = (room.to_owned(), peer.clone());
        if !membership.announced {
            let again = lost && self.ghosts.contains_key(&ghost);
            if again {
                self.ghosts.insert(ghost, self.now + LINGER);
            }
            return again;
        }
        if self.present(room, &peer) {
            return false;
        }
        self.everybody_forgets(room, &peer);
        if lost {
            self.ghosts.insert(ghost, self.now + LINGER);
        }
        lost
    }

    fn has_returned(&mut self, who: usize) {
        if self.connections[who].returning_until.take().is_some() {
            let peer = self.connections[who].peer.clone();
            self.release(&peer);
        }
    }

    fn release(&mut self, peer: &str) {
        let held = self.away.remove(peer).unwrap_or_default().held;
        for (since, item) in held {
            if self.now - since <= 10_000 {
                for connection in self.connections.iter_mut().filter(|known| known.open && known.peer == peer)
                {
                    connection.gets.push(item);
                }
            }
        }
    }

    fn everybody_learns(&mut self, room: &str, peer: &str) {
        for connection in self.connections.iter_mut().filter(|known| known.peer != peer) {
            if let Some(membership) = connection.rooms.get_mut(room) {
                membership.believes.insert(peer.to_owned());
            }
        }
    }

    fn everybody_forgets(&mut self, room: &str, peer: &str) {
        for membership in self.connections.iter_mut().filter_map(|known| known.rooms.get_mut(room)) {
            membership.believes.remove(peer);
        }
    }
}
