//! Carrying out what minds want, in order.

use peerhall_core::{LinkId, LocalTrack, OpId, Output, RtcCommand, Secret, TokenId, TrackKey};
use serde_json::Value;

use super::Lab;
use crate::actor::{ActorId, Mind, Wish};
use crate::events::Event;
use crate::rtc::{Name, Op, Parcel, Sent};
use crate::seen::{Seen, What};

impl Lab {
    /// Carries out what somebody wants, and all that follows at this moment.
    pub(crate) fn drain(&mut self, id: ActorId) {
        self.drain_one(id);
        self.deliver_reports();
    }

    pub(super) fn drain_one(&mut self, id: ActorId) {
        loop {
            while let Some(output) = self.actors[id.0].mind.poll_output() {
                self.carry_out(id, output);
            }
            if !self.settle_labels(id) {
                break;
            }
        }
        self.plan_wake(id);
    }

    fn carry_out(&mut self, id: ActorId, output: Output<Value>) {
        match output {
            Output::ResolveToken(token) => self.resolve_token(id, token),
            Output::OpenSocket { socket, url } => self.dial(id, socket, url.expose().to_owned()),
            Output::SendText { socket, frame } => self.send_up(id, socket, &frame),
            Output::CloseSocket { socket, code, reason } => self.close_wire(id, socket, code, &reason),
            Output::Done(op, outcome) => {
                self.answered(id, op);
                self.see(id, What::Done(op, outcome));
            }
            Output::Signalling(event) => self.see(id, What::Signalling(event)),
            Output::Peer(event) => {
                if let peerhall_core::PeerEvent::PeerJoined(info) = &event {
                    self.actors[id.0].names.insert(info.key, info.id.to_string());
                }
                self.see(id, What::Peer(event));
            }
            Output::Remote(key, event) => {
                let name = self.actors[id.0].names.get(&key).cloned();
                let name = name.unwrap_or_else(|| format!("remote {}", key.0));
                self.see(id, What::Remote { key, id: name, event });
            }
            Output::Rtc(link, command) => self.rtc_command(id, link, command),
            Output::Log(level, line) => self.see(id, What::Log(level, line)),
        }
    }

    fn answered(&mut self, id: ActorId, op: OpId) {
        let actor = &mut self.actors[id.0];
        if !actor.answered.insert(op) {
            let line = format!("{} answers {op:?} twice", actor.name);
            self.broken.push(line);
        }
    }

    /// Somebody sees something; what its handler does counts before the next output.
    pub(super) fn see(&mut self, id: ActorId, what: What) {
        let seen = Seen { at: self.now, what };
        let ended = matches!(
            &seen.what,
            What::Peer(peerhall_core::PeerEvent::StateChange { to: peerhall_core::PeerState::Closed, .. })
        );
        let actor = &mut self.actors[id.0];
        if actor.ended && matches!(seen.what, What::Remote { .. }) {
            let line = format!("{} sees `{seen}` after its end", actor.name);
            self.broken.push(line);
        }
        self.labels_see(id, &seen.what);
        let actor = &mut self.actors[id.0];
        actor.ended |= ended;
        if let (Some(mut handler), Mind::Peer(peer)) = (actor.handler.take(), &mut actor.mind) {
            let wishes = handler(&seen, peer, self.now);
            actor.handler = Some(handler);
            for wish in wishes {
                self.grant(id, wish);
            }
        }
        if self.records {
            self.actors[id.0].seen.push(seen);
        }
    }

    fn grant(&mut self, id: ActorId, wish: Wish) {
        match wish {
            Wish::OpenChannel { remote, label } => {
                self.open_channel(id, remote, &label);
            }
            Wish::SendOn(channel, text) => {
                self.world.send_on(self.now, channel, Parcel::Text(text), &mut self.queue);
            }
        }
    }

    fn resolve_token(&mut self, id: ActorId, token: TokenId) {
        let mood = &self.actors[id.0].tokens;
        if let Some(answer) = mood.token() {
            let at = self.now + mood.delay;
            self.queue.plan(at, Event::Token(id, token, answer.map(Secret::new)));
        }
    }

    fn rtc_command(&mut self, id: ActorId, link: LinkId, command: RtcCommand) {
        self.watch(id, link, &command);
        let now = self.now;
        let op = match command {
            RtcCommand::Create { ice_servers, .. } => {
                let style = self.actors[id.0].style;
                return self.world.create(id, link, style, ice_servers.map(|list| list.len()));
            }
            RtcCommand::SetServers(list) => return self.world.set_servers(id, link, list.len()),
            RtcCommand::Close => {
                self.actors[id.0].links.remove(&link);
                return self.world.close(now, id, link, &mut self.queue);
            }
            RtcCommand::Attach { track, stream } => {
                if let Some((kind, sent)) = self.sent(id, track, stream) {
                    self.world.attach(now, id, link, kind, sent, &mut self.queue);
                }
                return;
            }
            RtcCommand::Detach { track } => return self.world.detach(now, id, link, track, &mut self.queue),
            RtcCommand::ReopenChannel(channel) => {
                let label = self.actors[id.0].labels.get(&channel).cloned().unwrap_or_default();
                let name = Name { label, protocol: String::new() };
                return self.world.open_channel(now, id, link, channel, name, &mut self.queue);
            }
            RtcCommand::SampleStats => return self.world.sample(now, id, link, &mut self.queue),
            RtcCommand::CreateOffer { ice_restart } => Op::CreateOffer { restart: ice_restart },
            RtcCommand::CreateAnswer => Op::CreateAnswer,
            RtcCommand::SetLocal(description) => Op::SetLocal(description),
            RtcCommand::SetRemote(description) => Op::SetRemote(description),
            RtcCommand::AddCandidate(candidate) => Op::AddCandidate(candidate),
            RtcCommand::Replace { old, new } => {
                let new = new.and_then(|new| self.sent(id, new, None)).map(|(_, sent)| sent);
                Op::Replace { old, new }
            }
        };
        self.world.call(now, id, link, op, &mut self.queue);
    }

    fn sent(
        &self,
        id: ActorId,
        track: TrackKey,
        stream: Option<peerhall_core::StreamKey>,
    ) -> Option<(peerhall_core::MediaKind, Sent)> {
        let actor = &self.actors[id.0];
        let LocalTrack { id, kind, .. } = actor.tracks.get(&track)?.clone();
        let stream = stream.and_then(|key| Some((key, actor.streams.get(&key)?.clone())));
        Some((kind, Sent { key: track, id, stream }))
    }

    /// What must hold for the commands of a connection.
    fn watch(&mut self, id: ActorId, link: LinkId, command: &RtcCommand) {
        let actor = &mut self.actors[id.0];
        if let RtcCommand::Create { remote, .. } = command {
            if actor.links.insert(link, 0).is_some() {
                self.broken.push(format!("{} makes {link:?} twice", self.actors[id.0].name));
            } else if let Mind::Peer(peer) = &actor.mind
                && let Some(info) = peer.remote(*remote)
            {
                actor.names.insert(*remote, info.id.to_string());
            }
            return;
        }
        let Some(calls) = actor.links.get_mut(&link) else {
            let line = format!("{}: {command:?} for {link:?}, which is not there", actor.name);
            return self.broken.push(line);
        };
        let negotiates = matches!(
            command,
            RtcCommand::CreateOffer { .. }
                | RtcCommand::CreateAnswer
                | RtcCommand::SetLocal(_)
                | RtcCommand::SetRemote(_)
        );
        if negotiates {
            *calls += 1;
            // Only our own promise: the vendor's SDKs leave the order to the platform.
            if *calls > 1 && matches!(actor.mind, Mind::Peer(_)) {
                let line = format!("{}: {command:?} while another call is under way", actor.name);
                self.broken.push(line);
            }
        }
    }
}
