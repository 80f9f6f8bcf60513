//! Who is told about whom, in which order (wire protocol, section 9). The order is what real clients
//! force: `ack`, a pause, one complete snapshot, then the announcement to the others; a peer that
//! dropped is gone at once for those who saw it, and expected back by those who return themselves.

use std::collections::HashMap;
use std::sync::Arc;

use peerhall_proto::frame::server::{Encoded, write_presence};
use peerhall_proto::ids::PeerId;

use crate::doubt::must_wait;
use crate::effect::{ConnId, Effect, Fanout, MemberChange};
use crate::hub::{Due, Hub};
use crate::link::{Joiner, Note};
use crate::room::{Room, Seat};
use crate::session::{Metadata, Place};
use crate::snapshot::{EntryList, List, Listed};
use crate::time::Now;

/// What somebody without metadata takes in a list.
const USUAL_ENTRY_BYTES: usize = 64;

/// A connection that gets its snapshot now.
struct Guest {
    conn: ConnId,
    peer: PeerId,
    /// Was a member or ghost of this room already, so it is shown the ghosts too.
    returning: bool,
}

/// A peer that becomes visible now.
struct Arrival {
    peer: PeerId,
    metadata: Option<Metadata>,
    /// When it had dropped, on the room's clock, if it was a ghost.
    ghost_since: Option<u32>,
}

impl Hub {
    /// Plans the snapshot that follows a `subscribe` (section 9.2). Connections without the action
    /// `presence` are owed none.
    pub(crate) fn owe_snapshot(&mut self, conn: ConnId, place: Place, now: Now) {
        let foreign = self.is_foreign(conn);
        let Some(session) = self.session(conn) else { return };
        let (app, Some(slot)) = (session.app, session.held(place)) else { return };
        let Some(member) = self.member_mut(app, place, slot).filter(|member| member.visible) else { return };
        member.pending = member.pending.saturating_add(1);
        let ticket = member.ticket;
        if let Some(session) = self.session_mut(conn) {
            session.pending += 1;
        }
        if foreign && !self.config.pause.is_zero() {
            self.due.push_back(Due { at: now.at + self.config.pause, conn, place, ticket });
        } else {
            self.due_now.push(Due { at: now.at, conn, place, ticket });
        }
    }

    /// Pays the snapshots whose time has come, those of one room together.
    pub(crate) fn settle_due(&mut self, now: Now) {
        let mut due = std::mem::take(&mut self.due_now);
        while let Some(first) = self.due.front().filter(|first| first.at <= now.at) {
            due.push(*first);
            self.due.pop_front();
        }
        let mut order: Vec<(u32, Vec<Due>)> = Vec::new();
        let mut at: HashMap<u32, usize> = HashMap::new();
        for one in due {
            match one.place {
                Place::Pattern(pattern) => self.greet_pattern(&one, pattern, now),
                Place::Room(room) => {
                    let index = *at.entry(room).or_insert_with(|| {
                        order.push((room, Vec::new()));
                        order.len() - 1
                    });
                    if let Some((_, list)) = order.get_mut(index) {
                        list.push(one);
                    }
                }
            }
        }
        for (room, list) in order {
            self.admit_some(room, list, now);
        }
    }

    /// Lets in as many as there is room for their snapshots in this turn; the others are next.
    fn admit_some(&mut self, place: u32, mut due: Vec<Due>, now: Now) {
        // So many that all their lists fit, in which they stand themselves.
        let (list, bytes) = (self.rooms.get(place).map_or(0, Room::list_bytes), self.snapshot_room);
        let square = list.saturating_mul(list).saturating_add(bytes.saturating_mul(4 * USUAL_ENTRY_BYTES));
        let fit = square.isqrt().saturating_sub(list) / (2 * USUAL_ENTRY_BYTES);
        let fit = fit.max(usize::from(bytes > 0)).min(due.len());
        let spent = fit.saturating_mul(list + fit.saturating_mul(USUAL_ENTRY_BYTES));
        self.snapshot_room = bytes.saturating_sub(spent.max(1));
        let later = due.split_off(fit);
        self.due_now.extend(later);
        if !due.is_empty() {
            self.admit(place, due, now);
        }
    }

    /// A pattern takes no part in presence; its snapshot is empty (section 11.3).
    fn greet_pattern(&mut self, due: &Due, pattern: u32, now: Now) {
        let Some(session) = self.session(due.conn) else { return };
        let (app, Some(slot)) = (session.app, session.held(due.place)) else { return };
        let name = self.apps.get(app as usize).and_then(|app| app.patterns.get(pattern));
        let Some(name) = name.map(|room| room.name.clone()) else { return };
        let member = self.member_mut(app, due.place, slot).filter(|member| member.ticket == due.ticket);
        let Some(member) = member else { return };
        member.pending = member.pending.saturating_sub(1);
        self.send(due.conn, write_presence(&name, std::iter::empty(), std::iter::empty()));
        self.snapshot_paid(due.conn, now);
    }

    fn snapshot_paid(&mut self, conn: ConnId, now: Now) {
        let Some(session) = self.session_mut(conn) else { return };
        session.pending = session.pending.saturating_sub(1);
        session.greeted = true;
        if session.pending == 0 && session.returning {
            self.has_returned(conn, now);
        }
    }

    /// One atomic step for everybody who enters a room in this turn: each gets its snapshot, and the
    /// others hear of all of them (section 9.2).
    pub(crate) fn admit(&mut self, place: u32, mut due: Vec<Due>, now: Now) {
        self.flush_leaving_of(place);
        let Some(room) = self.rooms.get_mut(place) else { return };
        if !room.awaited.is_empty() {
            room.stalled.append(&mut due);
            return;
        }
        let (guests, joiners) = self.guests(place, &due, now);
        let arrivals = self.seat_here(place, &joiners);
        self.give_snapshots(place, &guests);
        self.tell_arrivals(place, &arrivals);
        self.post_joined(place, joiners);
        for guest in &guests {
            self.snapshot_paid(guest.conn, now);
        }
    }

    /// Who of those that are owed a snapshot is still a member, and who of them is new to the others.
    fn guests(&mut self, place: u32, due: &[Due], now: Now) -> (Vec<Guest>, Vec<Joiner>) {
        let (mut guests, mut joiners) = (Vec::new(), Vec::new());
        let Some(room) = self.rooms.get_mut(place) else { return (guests, joiners) };
        let now_on_clock = room.tick();
        for one in due {
            let session = self.sessions.get(one.conn.index as usize).and_then(Option::as_ref);
            let session = session.filter(|session| session.generation == one.conn.generation);
            let Some((session, slot)) = session.and_then(|s| Some((s, s.held(one.place)?))) else { continue };
            let waits = must_wait(session, room);
            let member = room.members.get_mut(slot).filter(|member| member.ticket == one.ticket);
            let Some(member) = member else { continue };
            if waits && !member.announced {
                self.doubted.push(*one);
                continue;
            }
            let peer = session.peer.clone();
            let returning = room.roster.contains_key(&peer) || room.ghosts.contains(&peer);
            if !member.announced {
                let metadata = session.peer_metadata.clone();
                let peer = peer.clone();
                joiners.push(Joiner { conn: one.conn, peer, metadata, announced_ms: now.unix_ms });
            }
            member.pending = member.pending.saturating_sub(1);
            member.announced = true;
            member.snapshot_at = now_on_clock;
            member.saw_ghosts = returning;
            guests.push(Guest { conn: one.conn, peer, returning });
        }
        (guests, joiners)
    }

    fn seat_here(&mut self, place: u32, joiners: &[Joiner]) -> Vec<Arrival> {
        let me = self.me;
        let mut arrivals = Vec::new();
        for joiner in joiners {
            let Some(room) = self.rooms.get_mut(place) else { break };
            let first_here = !room.has_seat_on(&joiner.peer, me);
            let seat = Seat::of(joiner, me);
            arrivals.extend(take_seat(room, &joiner.peer, seat));
            if first_here {
                self.remember(place, &joiner.peer, MemberChange::Present(joiner.metadata.clone()));
            }
        }
        arrivals
    }

    /// `joined` for those who do not know the arrivals yet. Somebody who learned of a ghost in its own
    /// snapshot waits for it and is told nothing when it returns (section 9.4).
    fn tell_arrivals(&mut self, place: u32, arrivals: &[Arrival]) {
        if arrivals.is_empty() {
            return;
        }
        let max = self.config.max_outbound_bytes;
        let Some(room) = self.rooms.get(place) else { return };
        let newcomers = room.clock;
        let mut audiences: HashMap<usize, Vec<ConnId>> = HashMap::new();
        let mut sorted: Vec<&Arrival> = arrivals.iter().collect();
        // Whoever knows a ghost knows all older ones, so what a listener knows is a head of this list.
        sorted.sort_by_key(|arrival| arrival.ghost_since.map_or((1, 0), |since| (0, since)));
        for member in room.members.iter().filter(|member| member.listens()) {
            if member.snapshot_at == newcomers {
                continue;
            }
            let known = sorted.partition_point(|arrival| {
                arrival.ghost_since.is_some_and(|since| member.knows_ghost(since))
            });
            if known < sorted.len() {
                audiences.entry(known).or_default().push(member.conn);
            }
        }
        let told: Vec<_> = audiences
            .into_iter()
            .map(|(known, audience)| {
                let unknown = sorted.get(known..).unwrap_or_default();
                let listed = unknown.iter().map(|arrival| Listed {
                    peer: &arrival.peer,
                    metadata: arrival.metadata.as_ref(),
                    dropped: false,
                });
                (audience, EntryList::new(List::Joined, listed, max).frames(&room.name))
            })
            .collect();
        for (audience, frames) in told {
            self.announce(audience, frames);
        }
    }

    /// Gives the same lists to everybody in an audience, which the server sees as one message to many.
    pub(crate) fn announce(&mut self, audience: Vec<ConnId>, frames: Vec<Encoded>) {
        self.stats.presence_frames += (frames.len() * audience.len()) as u64;
        match audience.as_slice() {
            [] => {}
            [conn] => {
                let conn = *conn;
                self.effects.extend(frames.into_iter().map(|frame| Effect::Send { conn, frame }));
            }
            _ => {
                let to: Arc<[ConnId]> = audience.into();
                let fanout = |frame| Effect::Fanout(Box::new(Fanout { to: to.clone(), except: None, frame }));
                self.effects.extend(frames.into_iter().map(fanout));
            }
        }
    }

    fn give_snapshots(&mut self, place: u32, guests: &[Guest]) {
        let max = self.config.max_outbound_bytes;
        let Some(room) = self.rooms.get(place) else { return };
        let seated = || room.roster.iter().map(|(peer, seats)| (peer, seats.metadata()));
        let ghosts = || room.ghosts.iter().map(|(peer, ghost)| (peer, ghost.metadata.as_ref()));
        let listed = |(peer, metadata)| Listed { peer, metadata, dropped: false };
        let (mut plain, mut with_ghosts) = (None, None);
        for guest in guests {
            let list = if guest.returning && !room.ghosts.is_empty() {
                with_ghosts.get_or_insert_with(|| {
                    EntryList::new(List::Joined, seated().chain(ghosts()).map(listed), max)
                })
            } else {
                plain.get_or_insert_with(|| EntryList::new(List::Joined, seated().map(listed), max))
            };
            for frame in list.frames_for(&guest.peer, &room.name) {
                self.stats.presence_frames += 1;
                self.effects.push(Effect::Send { conn: guest.conn, frame });
            }
        }
    }

    fn post_joined(&mut self, place: u32, members: Vec<Joiner>) {
        let Some(room) = self.rooms.get(place) else { return };
        let (hosts, channel, app) = (room.hosts, room.name.clone(), room.app);
        if members.is_empty() || hosts.is_empty() {
            return;
        }
        if let Some(app) = self.apps.get(app as usize).map(|app| app.record.id.clone()) {
            self.post(hosts, Note::Joined { app, channel, members });
        }
    }

    /// Connections of another shard became visible in a room that this shard serves.
    pub(crate) fn joined_elsewhere(&mut self, place: u32, shard: crate::ShardId, members: &[Joiner]) {
        self.flush_leaving_of(place);
        let Some(room) = self.rooms.get_mut(place).filter(|room| room.knows(shard)) else { return };
        room.tick();
        let arrivals: Vec<Arrival> = members
            .iter()
            .filter_map(|joiner| {
                let seat = Seat::of(joiner, shard);
                take_seat(room, &joiner.peer, seat)
            })
            .collect();
        for arrival in arrivals.iter().filter(|arrival| arrival.ghost_since.is_some()) {
            // It is in the other shard's log from now on; this one must not expect it for ever.
            self.remember(place, &arrival.peer, MemberChange::Gone);
        }
        self.tell_arrivals(place, &arrivals);
    }
}

/// Makes a connection visible; the arrival comes back when its peer was not visible before.
fn take_seat(room: &mut Room, peer: &PeerId, seat: Seat) -> Option<Arrival> {
    let metadata = seat.metadata.clone();
    let ghost_since = room.ghosts.remove(peer).map(|ghost| ghost.since);
    room.seat(peer.clone(), seat).then(|| Arrival { peer: peer.clone(), metadata, ghost_since })
}
