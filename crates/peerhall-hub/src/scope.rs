//! Membership: who may become a member of what, and what leaving undoes. Also what a changed key
//! does to those who are connected.

use std::sync::Arc;

use peerhall_auth::action::Action;
use peerhall_auth::keyring::Keyring;
use peerhall_proto::code::{CloseCode, ErrorCode};
use peerhall_proto::frame::client::Subscribe;
use peerhall_proto::ids::ChannelName;

use crate::app::PatternRoom;
use crate::effect::ConnId;
use crate::hub::{Hub, Refused};
use crate::link::Note;
use crate::members::{Member, Members};
use crate::room::Room;
use crate::session::{Ended, Held, Place, Session};
use crate::time::Now;

const NOT_PERMITTED: Refused = (ErrorCode::ActionNotPermitted, "the action is not in your scope");
const NOT_AUTHORIZED: Refused = (ErrorCode::ChannelNotAuthorized, "the channel is not in your scope");
const RESERVED: Refused = (ErrorCode::ChannelReserved, "the channel is reserved");

/// Checks an action on a literal channel name: reserved, action, channel (wire protocol, section 6).
pub(crate) fn check(session: &Session, action: Action, channel: &ChannelName) -> Result<(), Refused> {
    if channel.is_reserved() {
        return Err(RESERVED);
    }
    check_action(session, action)?;
    if session.grants.covers_name(channel.as_str()) { Ok(()) } else { Err(NOT_AUTHORIZED) }
}

/// Checks an action alone.
pub(crate) fn check_action(session: &Session, action: Action) -> Result<(), Refused> {
    if session.grants.may(action) { Ok(()) } else { Err(NOT_PERMITTED) }
}

impl Hub {
    /// Makes a connection a member of a channel or pattern. Holding it already is fine: the new
    /// option replaces the old one.
    pub(crate) fn become_member(&mut self, conn: ConnId, frame: &Subscribe) -> Result<Place, Refused> {
        let limit = self.config.channels_per_connection;
        let Some(session) = self.session(conn) else { return Err(NOT_PERMITTED) };
        let pattern = check_subscribe(session, &frame.channel)?;
        let app = session.app;
        let known = match pattern {
            Some(_) => self.pattern_named(app, &frame.channel).map(Place::Pattern),
            None => self.room_named(app, &frame.channel).map(Place::Room),
        };
        if let Some(place) = known
            && let Some(slot) = session.held(place)
        {
            if let Some(members) = self.members_mut(app, place) {
                members.set_wants_metadata(slot, frame.include_sender_metadata);
            }
            return Ok(place);
        }
        if session.channels.len() >= limit {
            return Err((ErrorCode::ChannelLimitExceeded, "too many channels on this connection"));
        }
        let visible = session.grants.may(Action::Presence);
        self.ticket = self.ticket.wrapping_add(1);
        let member = Member::new(conn, self.ticket, frame.include_sender_metadata, visible);
        let place = match (known, pattern) {
            (Some(place), _) => place,
            (None, Some(pattern)) => Place::Pattern(self.new_pattern(app, &frame.channel, pattern)),
            (None, None) => Place::Room(self.new_room(app, frame.channel.clone())),
        };
        if let Place::Room(room) = place {
            self.host(room);
        }
        let slot = self.add_member(app, place, member);
        if let Some(session) = self.session_mut(conn) {
            session.channels.push(Held { place, slot });
        }
        Ok(place)
    }

    /// Ends a membership, if there is one.
    pub(crate) fn unsubscribe(&mut self, conn: ConnId, channel: &ChannelName, now: Now) {
        let Some(app) = self.session(conn).map(|session| session.app) else { return };
        let place = if channel.is_pattern() {
            self.pattern_named(app, channel).map(Place::Pattern)
        } else {
            self.room_named(app, channel).map(Place::Room)
        };
        let Some(place) = place else { return };
        let Some(slot) = self.session(conn).and_then(|session| session.held(place)) else { return };
        self.settle_pending_of(conn, place, slot);
        let Some(index) = usize::try_from(conn.index).ok() else { return };
        let Some(mut session) = self.sessions.get_mut(index).and_then(Option::take) else { return };
        session.channels.retain(|held| held.place != place);
        match place {
            Place::Room(room) => {
                let normal = Ended::ByClient(Some(CloseCode::NORMAL));
                self.leave_room(room, slot, &session, normal, now);
            }
            Place::Pattern(pattern) => self.leave_pattern(app, pattern, slot),
        }
        if let Some(slot) = self.sessions.get_mut(index) {
            *slot = Some(session);
        }
    }

    /// A membership that ends takes its owed snapshots with it.
    fn settle_pending_of(&mut self, conn: ConnId, place: Place, slot: u32) {
        let Some(app) = self.session(conn).map(|session| session.app) else { return };
        let owed = self.member_mut(app, place, slot).map_or(0, |member| u32::from(member.pending));
        if let Some(session) = self.session_mut(conn) {
            session.pending = session.pending.saturating_sub(owed);
        }
    }

    pub(crate) fn leave_pattern(&mut self, app: u32, place: u32, slot: u32) {
        let Some(table) = self.apps.get_mut(app as usize) else { return };
        let Some(room) = table.patterns.get_mut(place) else { return };
        let moved = room.members.take(slot).1;
        if room.members.is_empty() {
            table.pattern_names.remove(&room.name);
            table.patterns.remove(place);
            if table.patterns.len() == 0 {
                let app = table.record.id.clone();
                self.post(self.others, Note::Patterns { app, any: false });
            }
        }
        self.note_moved(moved, Place::Pattern(place), slot);
    }

    /// Takes a member out of a room's list; the last one takes its place.
    pub(crate) fn remove_member(&mut self, room: u32, slot: u32) -> Option<Member> {
        let (member, moved) = self.rooms.get_mut(room)?.members.take(slot);
        self.note_moved(moved, Place::Room(room), slot);
        member
    }

    fn note_moved(&mut self, moved: Option<ConnId>, place: Place, slot: u32) {
        let Some(session) = moved.and_then(|conn| self.session_mut(conn)) else { return };
        if let Some(held) = session.channels.iter_mut().find(|held| held.place == place) {
            held.slot = slot;
        }
    }

    fn add_member(&mut self, app: u32, place: Place, member: Member) -> u32 {
        self.members_mut(app, place).map_or(u32::MAX, |members| members.push(member))
    }

    pub(crate) fn member_mut(&mut self, app: u32, place: Place, slot: u32) -> Option<&mut Member> {
        self.members_mut(app, place)?.get_mut(slot)
    }

    fn members_mut(&mut self, app: u32, place: Place) -> Option<&mut Members> {
        match place {
            Place::Room(room) => Some(&mut self.rooms.get_mut(room)?.members),
            Place::Pattern(pattern) => {
                Some(&mut self.apps.get_mut(app as usize)?.patterns.get_mut(pattern)?.members)
            }
        }
    }

    fn pattern_named(&self, app: u32, name: &ChannelName) -> Option<u32> {
        self.apps.get(app as usize)?.pattern_names.get(name).copied()
    }

    fn new_pattern(
        &mut self,
        app: u32,
        name: &ChannelName,
        pattern: peerhall_auth::pattern::ChannelPattern,
    ) -> u32 {
        let Some(table) = self.apps.get_mut(app as usize) else { return u32::MAX };
        let first = table.patterns.len() == 0;
        let place =
            table.patterns.insert(PatternRoom { name: name.clone(), pattern, members: Members::default() });
        table.pattern_names.insert(name.clone(), place);
        if first {
            let app = table.record.id.clone();
            self.post(self.others, Note::Patterns { app, any: true });
        }
        place
    }

    pub(crate) fn new_room(&mut self, app: u32, name: ChannelName) -> u32 {
        let place = self.rooms.insert(Room::new(app, name.clone()));
        if let Some(table) = self.apps.get_mut(app as usize) {
            table.rooms.insert(name, place);
        }
        place
    }

    /// Takes over changed keys and apps: connections of revoked keys close with 4001, of suspended
    /// apps with 4012, and those that hold a channel outside a narrowed scope with 4003
    /// (authentication, section 10).
    pub fn set_keyring(&mut self, keyring: &Keyring, now: Now) {
        for app in &mut self.apps {
            if let Some(record) = keyring.app(&app.record.id) {
                app.record = record.clone();
            }
        }
        for conn in self.connections() {
            if let Some((code, reason)) = self.reconsider(conn, keyring) {
                self.close(conn, code, reason, now);
            } else {
                self.catch_up_renewal(conn, now);
            }
        }
    }

    /// What a changed keyring means for one connection: a close, or nothing.
    fn reconsider(&mut self, conn: ConnId, keyring: &Keyring) -> Option<(CloseCode, &'static str)> {
        let session = self.session(conn)?;
        let app = self.apps.get(session.app as usize)?;
        if app.record.suspended {
            return Some((CloseCode::ACCOUNT_SUSPENDED, "app suspended"));
        }
        let current = keyring.key(&session.grants.key().id).filter(|key| !key.is_revoked());
        let Some(key) = current else {
            return Some((CloseCode::INVALID_TOKEN, "key revoked"));
        };
        if Arc::ptr_eq(key, session.grants.key()) {
            return None;
        }
        let grants = session.grants.with_key(key.clone());
        let still_covered = session.channels.iter().all(|held| match held.place {
            Place::Room(room) => {
                self.rooms.get(room).is_none_or(|room| grants.covers_name(room.name.as_str()))
            }
            Place::Pattern(place) => {
                app.patterns.get(place).is_none_or(|room| grants.covers_pattern(&room.pattern))
            }
        });
        self.session_mut(conn)?.grants = grants;
        (!still_covered).then_some((CloseCode::CHANNEL_NOT_AUTHORIZED, "channel no longer in scope"))
    }
}

/// Checks a `subscribe`; the pattern comes back when it is one.
fn check_subscribe(
    session: &Session,
    channel: &ChannelName,
) -> Result<Option<peerhall_auth::pattern::ChannelPattern>, Refused> {
    if !channel.is_pattern() {
        return check(session, Action::Subscribe, channel).map(|()| None);
    }
    if channel.is_reserved() {
        return Err(RESERVED);
    }
    check_action(session, Action::Subscribe)?;
    let pattern: peerhall_auth::pattern::ChannelPattern =
        channel.as_str().parse().map_err(|_| NOT_AUTHORIZED)?;
    if session.grants.covers_pattern(&pattern) { Ok(Some(pattern)) } else { Err(NOT_AUTHORIZED) }
}
