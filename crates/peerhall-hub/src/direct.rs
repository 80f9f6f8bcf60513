//! `send`: from one peer to every connection of another, and what happens while that other one is
//! away for a moment (wire protocol, sections 9.4 and 10.2).

use peerhall_auth::action::Action;
use peerhall_proto::code::ErrorCode;
use peerhall_proto::frame::client::Send;
use peerhall_proto::frame::server::{Direct, Encoded, ServerFrame};
use peerhall_proto::ids::PeerId;
use peerhall_proto::signal::belongs_to_connection;

use crate::app::Absence;
use crate::config::HubConfig;
use crate::effect::ConnId;
use crate::hub::{Hub, PATIENCE, Refused, Timer};
use crate::link::{Note, ShardId, ShardSet};
use crate::scope;
use crate::session::{Place, Session};
use crate::time::{Now, Tick};

const NOT_FOUND: Refused = (ErrorCode::PeerNotFound, "no live connection of this peer");

impl Hub {
    /// `send` of a connection.
    pub(crate) fn send_direct(&mut self, conn: ConnId, frame: &Send<'_>, now: Now) -> Result<(), Refused> {
        let Some(session) = self.session(conn) else { return Ok(()) };
        scope::check_action(session, Action::Send)?;
        let (app, from, metadata) = (session.app, session.peer.clone(), session.peer_metadata.clone());
        self.charge_quota(app)?;
        let from_metadata = metadata.as_ref().map(|metadata| &***metadata);
        let stale = self.is_stale(conn, app, frame);
        let encoded = ServerFrame::Direct(Direct { from, data: frame.data, from_metadata }).encode();
        let table = self.apps.get_mut(app as usize).ok_or(NOT_FOUND)?;
        let peer = table.peers.get_mut(&frame.to).ok_or(NOT_FOUND)?;
        match peer.absence.as_deref_mut() {
            Some(_) if stale => return Err(NOT_FOUND),
            Some(absence) => hold(absence, encoded, &self.config, now.at)?,
            None => self.hand_over(app, &frame.to, encoded),
        }
        self.stats.directs += 1;
        if self.pairs.is_some() {
            self.count_pair(conn, frame, now.at);
        }
        Ok(())
    }

    /// Whether a frame is for a connection that its receiver lost with its last socket: a description or
    /// a candidate of somebody who was told that it left. Who learned of the ghost in its own snapshot
    /// has made a fresh connection for it. A browser that applies an old description on its new
    /// connection refuses the one that follows, and stays without media.
    fn is_stale(&self, conn: ConnId, app: u32, frame: &Send<'_>) -> bool {
        let peer = self.apps.get(app as usize).and_then(|app| app.peers.get(&frame.to));
        if peer.is_none_or(|peer| peer.absence.is_none()) || !belongs_to_connection(frame.data) {
            return false;
        }
        let rooms = self.session(conn).into_iter().flat_map(|session| &session.channels);
        !rooms.clone().any(|held| {
            let Place::Room(place) = held.place else { return false };
            let Some(room) = self.rooms.get(place) else { return false };
            let member = room.members.get(held.slot);
            let ghost = room.ghosts.get(&frame.to);
            member.zip(ghost).is_some_and(|(member, ghost)| member.knows_ghost(ghost.since))
        })
    }

    /// Hands a direct to the connections of a peer, here and on other shards.
    fn hand_over(&mut self, app: u32, to: &PeerId, frame: Encoded) {
        let Some(table) = self.apps.get(app as usize) else { return };
        let Some(peer) = table.peers.get(to) else { return };
        let elsewhere = peer.shards();
        let here = peer.here.clone();
        let app = table.record.id.clone();
        // With a second receiver it could be held here and delivered there, and then come twice.
        let may_be_held = here.is_empty() && elsewhere.iter().count() == 1;
        self.post(elsewhere, Note::Direct { app, to: to.clone(), frame: frame.clone(), may_be_held });
        for conn in here {
            self.send(conn, frame.clone());
        }
    }

    /// A direct came from another shard for a peer that is, or was a moment ago, connected here.
    pub(crate) fn direct_from_shard(
        &mut self,
        app: u32,
        to: &PeerId,
        frame: Encoded,
        may_be_held: bool,
        now: Now,
    ) {
        let Some(peer) = self.apps.get_mut(app as usize).and_then(|app| app.peers.get_mut(to)) else {
            return;
        };
        if peer.here.is_empty() {
            // Its sender's shard still takes the lost connection for a live one.
            let may_be_held = may_be_held && !carries_stale(&frame);
            if let Some(absence) = peer.absence.as_deref_mut().filter(|_| may_be_held) {
                // A full hold loses the frame: the sender has its ack, which promises no delivery.
                let _ = hold(absence, frame, &self.config, now.at);
            }
            return;
        }
        for conn in peer.here.clone() {
            self.send(conn, frame.clone());
        }
    }

    /// A session ended: its peer has one connection less. `lingers` when it left a ghost.
    pub(crate) fn peer_down(&mut self, session: &Session, conn: ConnId, lingers: bool, now: Now) {
        let Some(table) = self.apps.get_mut(session.app as usize) else { return };
        let app = table.record.id.clone();
        if let Some(peer) = table.peers.get_mut(&session.peer) {
            peer.here.retain(|here| *here != conn);
        }
        self.settle_peer(session.app, &session.peer, lingers, now);
        self.post(self.others, Note::PeerDown { app, peer: session.peer.clone(), lingers });
    }

    /// A peer gained or lost a connection on another shard.
    pub(crate) fn count_elsewhere(&mut self, app: u32, peer: &PeerId, shard: ShardId, up: bool) {
        if let Some(table) = self.apps.get_mut(app as usize) {
            table.peers.entry(peer.clone()).or_default().count_elsewhere(shard, up);
        }
    }

    /// Forgets a peer without connections, or begins to wait for it when it may be back.
    pub(crate) fn settle_peer(&mut self, app: u32, id: &PeerId, lingers: bool, now: Now) {
        let until = now.at + self.config.linger;
        let Some(table) = self.apps.get_mut(app as usize) else { return };
        let Some(peer) = table.peers.get_mut(id) else { return };
        if !peer.is_connected() && lingers {
            match peer.absence.as_deref_mut() {
                Some(absence) => absence.until = until,
                None => peer.absence = Some(Box::new(Absence::new(until))),
            }
            self.timers.insert((until, Timer::Absence(app, id.clone())));
        } else if peer.is_forgotten() {
            table.peers.remove(id);
        }
    }

    /// Another shard has a new connection of a peer. A shard that waits for the peer asks to be told
    /// when it has seen its rooms: the other one may not know that anybody waits.
    pub(crate) fn up_elsewhere(&mut self, app: u32, id: &PeerId, shard: ShardId) {
        self.count_elsewhere(app, id, shard, true);
        let Some(table) = self.apps.get(app as usize) else { return };
        if table.peers.get(id).is_some_and(|peer| peer.absence.is_some()) {
            let app = table.record.id.clone();
            self.post(ShardSet::one(shard), Note::PeerAwaited { app, peer: id.clone() });
        }
    }

    /// Another shard holds directs to a peer that is connected here.
    pub(crate) fn is_awaited(&mut self, app: u32, id: &PeerId, now: Now) {
        let peer = self.apps.get(app as usize).and_then(|app| app.peers.get(id));
        for conn in peer.map(|peer| peer.here.clone()).unwrap_or_default() {
            let Some(session) = self.session_mut(conn) else { continue };
            session.returning = true;
            if session.greeted && session.pending == 0 {
                self.has_returned(conn, now);
                return;
            }
            self.timers.insert((now.at + PATIENCE, Timer::Returned(conn)));
        }
    }

    /// Begins to wait for a peer that was there before the server started.
    pub(crate) fn expect_back(&mut self, app: u32, id: &PeerId, now: Now) {
        if let Some(table) = self.apps.get_mut(app as usize) {
            table.peers.entry(id.clone()).or_default();
        }
        self.settle_peer(app, id, true, now);
    }

    /// The time of a dropped peer is over; what was held goes to it if it is connected after all.
    pub(crate) fn expire_absence(&mut self, app: u32, id: &PeerId, now: Now) {
        let Some(table) = self.apps.get(app as usize) else { return };
        let absence = table.peers.get(id).and_then(|peer| peer.absence.as_ref());
        if absence.is_some_and(|absence| absence.until <= now.at) {
            self.release(app, id, now);
        }
    }

    /// A connection of a peer that had dropped has seen its rooms again, or asked for none.
    pub(crate) fn has_returned(&mut self, conn: ConnId, now: Now) {
        let Some(session) = self.session_mut(conn) else { return };
        if !std::mem::take(&mut session.returning) {
            return;
        }
        let (app, peer) = (session.app, session.peer.clone());
        self.release(app, &peer, now);
        if let Some(table) = self.apps.get(app as usize) {
            let app = table.record.id.clone();
            self.post(self.others, Note::PeerBack { app, peer });
        }
    }

    /// Ends the wait for a peer and hands out what was held for it and is not too old.
    pub(crate) fn release(&mut self, app: u32, id: &PeerId, now: Now) {
        let Some(table) = self.apps.get_mut(app as usize) else { return };
        let Some(peer) = table.peers.get_mut(id) else { return };
        let Some(absence) = peer.absence.take() else { return };
        if peer.is_forgotten() {
            table.peers.remove(id);
            return;
        }
        let oldest = self.config.hold;
        for (since, frame) in absence.held {
            if now.at - since <= oldest {
                self.hand_over(app, id, frame);
            }
        }
    }

    /// Stops waiting for a peer and drops what was held for it.
    pub(crate) fn forget_absence(&mut self, app: u32, id: &PeerId) {
        let Some(table) = self.apps.get_mut(app as usize) else { return };
        let Some(peer) = table.peers.get_mut(id) else { return };
        peer.absence = None;
        if peer.is_forgotten() {
            table.peers.remove(id);
        }
    }
}

/// Whether a direct for a lost connection carries what means nothing to the next one.
fn carries_stale(frame: &Encoded) -> bool {
    serde_json::from_str::<Direct<'_>>(frame.as_str()).is_ok_and(|direct| belongs_to_connection(direct.data))
}

fn hold(absence: &mut Absence, frame: Encoded, config: &HubConfig, now: Tick) -> Result<(), Refused> {
    while let Some((_, old)) = absence.held.pop_front_if(|(since, _)| now - *since > config.hold) {
        absence.held_bytes -= old.as_str().len();
    }
    let bytes = absence.held_bytes + frame.as_str().len();
    if absence.held.len() >= config.hold_frames || bytes > config.hold_bytes {
        return Err((ErrorCode::PeerNotFound, "the peer is away and too much waits for it already"));
    }
    absence.held_bytes = bytes;
    absence.held.push_back((now, frame));
    Ok(())
}
