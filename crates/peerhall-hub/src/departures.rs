//! Who is told that somebody is gone (wire protocol, section 9): at once, and who expected it back once more when it
//! has not come.

use std::collections::HashMap;

use peerhall_proto::ids::PeerId;

use crate::effect::{ConnId, MemberChange};
use crate::ghosts::Ghost;
use crate::hub::{Hub, Timer};
use crate::link::Note;
use crate::members::Member;
use crate::room::{Departure, Leaver};
use crate::session::{Ended, Metadata, Session};
use crate::snapshot::{EntryList, List, Listed};
use crate::time::Now;

impl Hub {
    /// Ends a membership. Says whether the peer is now a ghost here.
    pub(crate) fn leave_room(
        &mut self,
        place: u32,
        slot: u32,
        session: &Session,
        ended: Ended,
        now: Now,
    ) -> bool {
        let Some(member) = self.remove_member(place, slot) else { return false };
        let mut lingers = false;
        if member.announced {
            lingers = self.stand_up(place, &session.peer, member.conn, ended, now);
        } else if ended.may_return()
            && let until = now.at + self.config.linger
            && self.rooms.get_mut(place).is_some_and(|room| room.ghosts.postpone(&session.peer, until))
        {
            // It dropped again before it was back.
            self.timers.insert((until, Timer::Ghosts(place)));
            lingers = true;
        }
        self.close_room_if_idle(place);
        lingers
    }

    fn stand_up(&mut self, place: u32, peer: &PeerId, conn: ConnId, ended: Ended, now: Now) -> bool {
        let me = self.me;
        let Some(room) = self.rooms.get_mut(place) else { return false };
        let dropped = ended.may_return() && room.ghosts.has_room(room.roster.len());
        let departure = room.unseat(peer, me, conn);
        if ended == Ended::Drained {
            return false;
        }
        let still_here = room.has_seat_on(peer, me);
        let (hosts, channel, app) = (room.hosts, room.name.clone(), room.app);
        if let Some(app) = self.apps.get(app as usize).map(|app| app.record.id.clone()) {
            self.post(hosts, Note::Left { app, channel, peer: peer.clone(), conn, dropped });
        }
        if !still_here {
            let change = if dropped { MemberChange::Dropped } else { MemberChange::Gone };
            self.remember(place, peer, change);
        }
        match departure {
            Departure::Unnoticed => false,
            Departure::Gone(metadata) => {
                self.depart(place, peer.clone(), metadata, dropped, now);
                dropped
            }
        }
    }

    /// A visible connection of another shard is gone.
    pub(crate) fn left_elsewhere(
        &mut self,
        place: u32,
        shard: crate::ShardId,
        conn: ConnId,
        peer: &PeerId,
        dropped: bool,
        now: Now,
    ) {
        let Some(room) = self.rooms.get_mut(place).filter(|room| room.knows(shard)) else { return };
        if let Departure::Gone(metadata) = room.unseat(peer, shard, conn) {
            self.depart(place, peer.clone(), metadata, dropped, now);
        }
    }

    /// A peer has no visible connection left: it goes on this turn's `left` list, and becomes a ghost
    /// when it may be back.
    pub(crate) fn depart(
        &mut self,
        place: u32,
        peer: PeerId,
        metadata: Option<Metadata>,
        dropped: bool,
        now: Now,
    ) {
        let until = now.at + self.config.linger;
        let Some(room) = self.rooms.get_mut(place) else { return };
        if room.leaving.is_empty() {
            self.leaving_rooms.push(place);
        }
        if dropped {
            let since = room.tick();
            room.ghosts.insert(peer.clone(), Ghost { metadata: metadata.clone(), since, until });
            self.timers.insert((until, Timer::Ghosts(place)));
        }
        room.leaving.push(Leaver { peer, metadata, dropped });
    }

    /// Announces everybody who went in this turn.
    pub(crate) fn flush_leaving(&mut self) {
        for place in std::mem::take(&mut self.leaving_rooms) {
            self.flush_leaving_of(place);
            self.close_room_if_idle(place);
        }
    }

    pub(crate) fn flush_leaving_of(&mut self, place: u32) {
        let Some(room) = self.rooms.get_mut(place) else { return };
        let leavers = std::mem::take(&mut room.leaving);
        self.tell_left(place, &leavers, None);
    }

    /// `left` to everybody who listens, or to those who took the ghosts of that age for peers.
    fn tell_left(&mut self, place: u32, leavers: &[Leaver], ghosts_since: Option<u32>) {
        let max = self.config.max_outbound_bytes;
        let Some(room) = self.rooms.get(place).filter(|_| !leavers.is_empty()) else { return };
        let listed = leavers.iter().map(|leaver| Listed {
            peer: &leaver.peer,
            metadata: leaver.metadata.as_ref(),
            dropped: leaver.dropped,
        });
        let frames = EntryList::new(List::Left, listed, max).frames(&room.name);
        let hears =
            |member: &&Member| member.listens() && ghosts_since.is_none_or(|since| member.knows_ghost(since));
        let audience = room.members.iter().filter(hears).map(|member| member.conn).collect();
        self.announce(audience, frames);
    }

    /// Gives up the ghosts of a room whose time is over.
    pub(crate) fn expire_ghosts(&mut self, place: u32, now: Now) {
        let over = self.rooms.get_mut(place).map(|room| room.ghosts.take_over(now.at));
        self.lay_ghosts(place, over.unwrap_or_default());
        self.close_room_if_idle(place);
    }

    /// Tells those who took ghosts of a room for peers that they are not waited for any more.
    pub(crate) fn lay_ghosts(&mut self, place: u32, over: Vec<(PeerId, Ghost)>) {
        let mut by_age: HashMap<u32, Vec<Leaver>> = HashMap::new();
        for (peer, ghost) in over {
            let leaver = Leaver { peer, metadata: ghost.metadata, dropped: false };
            by_age.entry(ghost.since).or_default().push(leaver);
        }
        for (since, leavers) in by_age {
            self.tell_left(place, &leavers, Some(since));
            for leaver in leavers {
                self.remember(place, &leaver.peer, MemberChange::Gone);
            }
        }
    }
}
