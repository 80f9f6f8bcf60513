//! Calls of the API and their answers.

use std::time::Duration;

use peerhall_core::{
    Description, DescriptionKind, IceCandidate, IceState, LinkId, MediaKind, RtcFailure, RtcInput, RtcState,
    Stats, Time, TrackKey,
};

use super::connection::{Connection, Sent, Signaling, failure};
use super::sdp::Sdp;
use super::{Op, PcId, Style, Task, World};
use crate::actor::ActorId;
use crate::events::Queue;

impl World {
    pub(crate) fn create(&mut self, actor: ActorId, link: LinkId, style: Style, ice_servers: Option<usize>) {
        let pc = PcId(self.new_key());
        let fingerprint = format!("{:016X}", self.rng.u64(..));
        let mut connection = Connection::new(actor, link, style, fingerprint);
        connection.ice_servers = ice_servers;
        self.connections.insert(pc, connection);
        self.by_link.insert((actor, link), pc);
    }

    pub(crate) fn set_servers(&mut self, actor: ActorId, link: LinkId, ice_servers: usize) {
        let connection = self.by_link.get(&(actor, link)).and_then(|pc| self.connections.get_mut(pc));
        if let Some(connection) = connection {
            connection.ice_servers = Some(ice_servers);
        }
    }

    pub(crate) fn close(&mut self, now: Time, actor: ActorId, link: LinkId, queue: &mut Queue) {
        let Some(pc) = self.by_link.remove(&(actor, link)) else { return };
        self.close_channels(now, pc, queue);
        let Some(connection) = self.connections.remove(&pc) else { return };
        let other = connection.generations().and_then(|(_, theirs)| self.by_ufrag.get(theirs)).copied();
        for ufrag in &connection.gathered {
            self.by_ufrag.remove(ufrag);
        }
        if let Some(other) = other {
            self.reconsider(now, other, queue);
        }
    }

    /// Puts a call at the end of the chain.
    pub(crate) fn call(&mut self, now: Time, actor: ActorId, link: LinkId, op: Op, queue: &mut Queue) {
        let Some(pc) = self.by_link.get(&(actor, link)).copied() else { return };
        let Some(connection) = self.connections.get_mut(&pc) else { return };
        connection.chain.push_back(op);
        if !connection.busy {
            connection.busy = true;
            let at = now + self.call_time();
            self.plan(queue, at, Task::Call(pc));
        }
    }

    fn call_time(&mut self) -> Duration {
        let most = u64::try_from(self.timing.call.as_millis()).unwrap_or(0);
        Duration::from_millis(self.rng.u64(0..=most))
    }

    pub(crate) fn attach(
        &mut self,
        now: Time,
        actor: ActorId,
        link: LinkId,
        kind: MediaKind,
        sent: Sent,
        queue: &mut Queue,
    ) {
        let Some(pc) = self.by_link.get(&(actor, link)).copied() else { return };
        let track = sent.key;
        let result = if self.refuses_attach.contains(&actor) {
            Err(failure("NotSupportedError", "no encoder left"))
        } else {
            self.connections.get_mut(&pc).map_or(Ok(()), |connection| connection.attach(kind, sent))
        };
        match result {
            Ok(()) => self.plan(queue, now, Task::Negotiate(pc)),
            Err(failure) => self.report(pc, RtcInput::AttachFailed { track, failure }),
        }
    }

    pub(crate) fn detach(
        &mut self,
        now: Time,
        actor: ActorId,
        link: LinkId,
        track: TrackKey,
        queue: &mut Queue,
    ) {
        let Some(pc) = self.by_link.get(&(actor, link)).copied() else { return };
        if let Some(connection) = self.connections.get_mut(&pc) {
            connection.detach(track);
        }
        self.plan(queue, now, Task::Negotiate(pc));
    }

    pub(crate) fn sample(&mut self, now: Time, actor: ActorId, link: LinkId, queue: &mut Queue) {
        if let Some(pc) = self.by_link.get(&(actor, link)).copied() {
            self.plan(queue, now, Task::Stats(pc));
        }
    }

    pub(super) fn stats(&mut self, pc: PcId) {
        let stats = Stats {
            round_trip: Some(self.timing.latency * 2),
            packets_received: 0,
            packets_lost: 0,
            relayed: Some(false),
        };
        self.report(pc, RtcInput::Stats(stats));
    }

    pub(super) fn finish_call(&mut self, now: Time, pc: PcId, queue: &mut Queue) {
        let Some(op) = self.connections.get_mut(&pc).and_then(|connection| connection.chain.pop_front())
        else {
            return;
        };
        self.carry_out(now, pc, op, queue);
        let Some(connection) = self.connections.get_mut(&pc) else { return };
        connection.busy = !connection.chain.is_empty();
        if connection.busy {
            let at = now + self.call_time();
            self.plan(queue, at, Task::Call(pc));
        } else {
            self.plan(queue, now, Task::Negotiate(pc));
        }
    }

    fn carry_out(&mut self, now: Time, pc: PcId, op: Op, queue: &mut Queue) {
        match op {
            Op::CreateOffer { restart } => {
                let result = self.usable(pc).and_then(|()| self.create_offer(pc, restart));
                self.report(pc, RtcInput::OfferCreated(result));
            }
            Op::CreateAnswer => {
                let result = self.usable(pc).and_then(|()| self.create_answer(pc));
                self.report(pc, RtcInput::AnswerCreated(result));
            }
            Op::SetLocal(description) => {
                self.break_answer(pc, description.kind);
                let result = self.usable(pc).and_then(|()| self.set_local(now, pc, &description, queue));
                self.report(pc, RtcInput::LocalSet(result));
                self.after_description(now, pc, queue);
            }
            Op::SetRemote(description) => {
                let result = self.usable(pc).and_then(|()| self.set_remote(pc, &description));
                self.report(pc, RtcInput::RemoteSet(result));
                self.after_description(now, pc, queue);
            }
            Op::AddCandidate(candidate) => {
                let result = self.usable(pc).and_then(|()| self.add_candidate(pc, candidate));
                self.report(pc, RtcInput::CandidateAdded(result));
                self.reconsider(now, pc, queue);
            }
            Op::Replace { old, new } => {
                let Some(connection) = self.connections.get_mut(&pc) else { return };
                let refused = self.refuses_replace.contains(&(connection.owner, connection.link));
                let result = if refused {
                    Err(failure("OperationError", "refused; credential=hunter2"))
                } else {
                    connection.replace(old, new)
                };
                self.report(pc, RtcInput::Replaced { old, result });
            }
        }
    }

    fn break_answer(&mut self, pc: PcId, kind: DescriptionKind) {
        let Some(connection) = self.connections.get_mut(&pc) else { return };
        let left = self.breaks_answers.get_mut(&connection.owner).filter(|left| **left > 0);
        if let (DescriptionKind::Answer, Some(left)) = (kind, left) {
            *left -= 1;
            connection.broken = true;
        }
    }

    fn usable(&self, pc: PcId) -> Result<(), RtcFailure> {
        let broken = self.connections.get(&pc).is_some_and(|connection| connection.broken);
        if broken { Err(failure("OperationError", "ERROR_CONTENT")) } else { Ok(()) }
    }

    fn create_offer(&mut self, pc: PcId, restart: bool) -> Result<Description, RtcFailure> {
        let fresh = format!("u{}", self.new_key());
        let connection =
            self.connections.get_mut(&pc).ok_or_else(|| failure("InvalidStateError", "closed"))?;
        if matches!(connection.signaling, Signaling::HaveRemoteOffer(_)) {
            return Err(failure("InvalidStateError", "createOffer while a remote offer waits"));
        }
        let ufrag = match (&connection.local, &connection.signaling) {
            _ if restart => fresh,
            (_, Signaling::HaveLocalOffer(offer)) => offer.ufrag.clone(),
            (Some(local), _) => local.ufrag.clone(),
            (None, _) => fresh,
        };
        connection.version += 1;
        let text = connection.offer(ufrag).text(pc.0, connection.version);
        Ok(Description { kind: DescriptionKind::Offer, sdp: text })
    }

    fn create_answer(&mut self, pc: PcId) -> Result<Description, RtcFailure> {
        let fresh = format!("u{}", self.new_key());
        let connection =
            self.connections.get_mut(&pc).ok_or_else(|| failure("InvalidStateError", "closed"))?;
        let Signaling::HaveRemoteOffer(offer) = &connection.signaling else {
            return Err(failure("InvalidStateError", "createAnswer without an offer"));
        };
        let restarted = connection.remote.as_ref().is_some_and(|remote| remote.ufrag != offer.ufrag);
        let ufrag = match &connection.local {
            Some(local) if !restarted => local.ufrag.clone(),
            Some(_) | None => fresh,
        };
        connection.version += 1;
        let answer = connection.answer(ufrag).ok_or_else(|| failure("InvalidStateError", "no offer"))?;
        Ok(Description { kind: DescriptionKind::Answer, sdp: answer.text(pc.0, connection.version) })
    }

    fn set_local(
        &mut self,
        now: Time,
        pc: PcId,
        description: &Description,
        queue: &mut Queue,
    ) -> Result<(), RtcFailure> {
        let sdp = parse(description)?;
        let ufrag = sdp.ufrag.clone();
        let connection =
            self.connections.get_mut(&pc).ok_or_else(|| failure("InvalidStateError", "closed"))?;
        connection.set_local(description.kind, sdp)?;
        if connection.gathered.insert(ufrag.clone()) {
            self.by_ufrag.insert(ufrag.clone(), pc);
            match self.gathers_nothing.get_mut(&connection.owner).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    connection.mute.insert(ufrag);
                }
                None => {
                    let at = now + Duration::from_millis(1);
                    self.plan(queue, at, Task::Gathered { pc, ufrag, number: 0 });
                }
            }
        }
        Ok(())
    }

    fn set_remote(&mut self, pc: PcId, description: &Description) -> Result<(), RtcFailure> {
        let sdp = parse(description)?;
        let connection =
            self.connections.get_mut(&pc).ok_or_else(|| failure("InvalidStateError", "closed"))?;
        let carried = sdp.has_candidates.then(|| sdp.ufrag.clone());
        let tracks = connection.set_remote(description.kind, sdp, &mut self.keys)?;
        connection.candidates.extend(carried);
        for input in tracks {
            self.report(pc, input);
        }
        Ok(())
    }

    fn add_candidate(&mut self, pc: PcId, candidate: Option<IceCandidate>) -> Result<(), RtcFailure> {
        let connection =
            self.connections.get_mut(&pc).ok_or_else(|| failure("InvalidStateError", "closed"))?;
        let remote = match &connection.signaling {
            Signaling::HaveRemoteOffer(offer) => Some(offer),
            Signaling::Stable | Signaling::HaveLocalOffer(_) => connection.remote.as_ref(),
        };
        let Some(remote) = remote else {
            return Err(failure("InvalidStateError", "a candidate before any remote description"));
        };
        let Some(candidate) = candidate else { return Ok(()) };
        let ufrag = candidate.username_fragment.unwrap_or_else(|| remote.ufrag.clone());
        if ufrag != remote.ufrag {
            return Err(failure("OperationError", &format!("unknown ice-ufrag:{ufrag}")));
        }
        if !candidate.candidate.starts_with("candidate:") {
            return Err(failure("OperationError", "no candidate line"));
        }
        connection.candidates.insert(ufrag);
        Ok(())
    }

    /// A description is in force: connections may find each other now, or look anew.
    fn after_description(&mut self, now: Time, pc: PcId, queue: &mut Queue) {
        let Some(connection) = self.connections.get_mut(&pc) else { return };
        if connection.generations().is_some() && connection.signaling == Signaling::Stable {
            let fresh = matches!(connection.ice, IceState::New | IceState::Failed | IceState::Disconnected);
            if fresh && connection.starts_checking() {
                self.report(pc, RtcInput::Ice(IceState::Checking));
                self.report(pc, RtcInput::State(RtcState::Connecting));
            }
            self.reconsider(now, pc, queue);
            self.plan(queue, now, Task::Channels(pc));
        }
    }

    pub(super) fn gathered(&mut self, now: Time, pc: PcId, ufrag: String, number: u32, queue: &mut Queue) {
        let Some(connection) = self.connections.get(&pc) else { return };
        let trickles = connection.style != Style::Whole;
        if number < 2 && trickles {
            let candidate = IceCandidate {
                candidate: format!("candidate:{number} 1 udp 1 192.0.2.{number} 9 typ host ufrag {ufrag}"),
                sdp_mid: Some("0".to_owned()),
                sdp_m_line_index: Some(0),
                username_fragment: Some(ufrag.clone()),
            };
            self.report(pc, RtcInput::LocalCandidate(Some(candidate)));
            let at = now + Duration::from_millis(3);
            self.plan(queue, at, Task::Gathered { pc, ufrag, number: number + 1 });
        } else {
            self.report(pc, RtcInput::LocalCandidate(None));
        }
    }

    /// The steps of the recommendation, section 4.7.3.
    pub(super) fn negotiate(&mut self, pc: PcId) {
        let Some(connection) = self.connections.get_mut(&pc) else { return };
        let rests = !connection.busy && connection.signaling == Signaling::Stable;
        if rests && !connection.wants_negotiation && connection.needs_negotiation() {
            connection.wants_negotiation = true;
            self.report(pc, RtcInput::NegotiationNeeded);
        }
    }
}

fn parse(description: &Description) -> Result<Sdp, RtcFailure> {
    Sdp::read(&description.sdp).ok_or_else(|| failure("OperationError", "the SDP cannot be read"))
}
