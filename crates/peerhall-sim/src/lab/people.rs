//! Who takes part, and what they are asked.

use peerhall_core::{
    ChannelKey, CloseCode, Credential, JoinOptions, LocalTrack, MediaKind, OpId, Outcome, Peer, PeerOptions,
    RemoteKey, ReplaceTrackError, SendError, ServerUrl, Signalling, SignallingOptions, StateError, StreamKey,
    Time, TrackKey,
};
use serde_json::Value;

use super::Lab;
use crate::actor::{Actor, ActorId, Mind, Wish};
use crate::raw::Raw;
use crate::rtc::{Name, Parcel, Style};
use crate::seen::{Seen, What};
use crate::server::KEY;
use crate::tokens::TokenMood;
use crate::vendor::{Kind, Vendor};

impl Lab {
    /// Options of a client of this lab with a token provider; its name is its id.
    #[must_use]
    pub fn options(&mut self) -> SignallingOptions {
        let url = ServerUrl::parse("ws://localhost").expect("a URL");
        let options = SignallingOptions::new(vec![url], Credential::Token).expect("good options");
        options.seed(self.rng.u64(..))
    }

    /// The same with the lab's publishable key.
    #[must_use]
    pub fn key_options(&mut self) -> SignallingOptions {
        let url = ServerUrl::parse("ws://localhost").expect("a URL");
        let key = Credential::api_key(KEY).expect("a key");
        SignallingOptions::new(vec![url], key).expect("good options").seed(self.rng.u64(..))
    }

    /// A peer with a token, that has not joined anything.
    pub fn peer(&mut self, name: &str) -> ActorId {
        let options = PeerOptions::new(self.options()).expect("good options");
        self.peer_with(name, options)
    }

    /// A peer with a publishable key.
    pub fn key_peer(&mut self, name: &str) -> ActorId {
        let options = PeerOptions::new(self.key_options()).expect("good options");
        self.peer_with(name, options)
    }

    /// A peer with options of its own.
    pub fn peer_with(&mut self, name: &str, options: PeerOptions) -> ActorId {
        self.add(name, Mind::Peer(Box::new(Peer::new(options))))
    }

    /// A signalling client.
    pub fn client(&mut self, name: &str) -> ActorId {
        let options = self.options();
        self.client_with(name, options)
    }

    /// A signalling client with options of its own.
    pub fn client_with(&mut self, name: &str, options: SignallingOptions) -> ActorId {
        self.add(name, Mind::Client(Box::new(Signalling::new(options))))
    }

    /// A client without a mind, connected as a peer of this name.
    pub fn raw(&mut self, name: &str) -> ActorId {
        let mut raw = Raw::default();
        raw.connect(&format!("token=%7B%22sub%22:%22{name}%22%7D"));
        let id = self.add(name, Mind::Raw(Box::new(raw)));
        self.drain(id);
        id
    }

    /// A peer that behaves like one of the vendor's SDKs. It joins at once.
    pub fn vendor(&mut self, name: &str, kind: Kind, channel: &str) -> ActorId {
        let seed = self.rng.u64(..);
        let id = self.add(name, Mind::Vendor(Box::new(Vendor::new(kind, name, channel, seed))));
        self.actors[id.0].style = if kind == Kind::Python { Style::Whole } else { Style::Trickle };
        let now = self.now;
        if let Mind::Vendor(vendor) = &mut self.actors[id.0].mind {
            vendor.start(now);
        }
        self.drain(id);
        id
    }

    fn add(&mut self, name: &str, mind: Mind) -> ActorId {
        self.actors.push(Actor::new(name, mind));
        ActorId(self.actors.len() - 1)
    }

    /// Whose peer connections somebody has.
    pub fn set_style(&mut self, actor: ActorId, style: Style) {
        self.actors[actor.0].style = style;
    }

    /// The mood of somebody's token provider.
    pub fn tokens(&mut self, actor: ActorId) -> &mut TokenMood {
        &mut self.actors[actor.0].tokens
    }

    /// Called with everything that somebody sees, at its place.
    pub fn on_event(
        &mut self,
        actor: ActorId,
        handler: impl FnMut(&Seen, &mut Peer<Value>, Time) -> Vec<Wish> + 'static,
    ) {
        self.actors[actor.0].handler = Some(Box::new(handler));
    }

    /// Asks somebody's peer something, and carries out what follows.
    pub fn with_peer<R>(&mut self, actor: ActorId, ask: impl FnOnce(&mut Peer<Value>, Time) -> R) -> R {
        let now = self.now;
        let Mind::Peer(peer) = &mut self.actors[actor.0].mind else { panic!("{actor:?} is no peer") };
        let answer = ask(peer, now);
        self.drain(actor);
        answer
    }

    /// Asks somebody's client something, and carries out what follows.
    pub fn with_client<R>(
        &mut self,
        actor: ActorId,
        ask: impl FnOnce(&mut Signalling<Value>, Time) -> R,
    ) -> R {
        let now = self.now;
        let Mind::Client(client) = &mut self.actors[actor.0].mind else { panic!("{actor:?} is no client") };
        let answer = ask(client, now);
        self.drain(actor);
        answer
    }

    /// Asks somebody's peer for something that is answered later; the answer is watched for.
    ///
    /// # Errors
    ///
    /// What the peer says at once.
    pub fn ask<E>(
        &mut self,
        actor: ActorId,
        ask: impl FnOnce(&mut Peer<Value>, Time) -> Result<OpId, E>,
    ) -> Result<OpId, E> {
        let now = self.now;
        let Mind::Peer(peer) = &mut self.actors[actor.0].mind else { panic!("{actor:?} is no peer") };
        let answer = ask(peer, now);
        self.expect_answer(actor, &answer);
        self.drain(actor);
        answer
    }

    /// The same for a client.
    ///
    /// # Errors
    ///
    /// What the client says at once.
    pub fn ask_client<E>(
        &mut self,
        actor: ActorId,
        ask: impl FnOnce(&mut Signalling<Value>, Time) -> Result<OpId, E>,
    ) -> Result<OpId, E> {
        let now = self.now;
        let Mind::Client(client) = &mut self.actors[actor.0].mind else { panic!("{actor:?} is no client") };
        let answer = ask(client, now);
        self.expect_answer(actor, &answer);
        self.drain(actor);
        answer
    }

    fn expect_answer<E>(&mut self, actor: ActorId, answer: &Result<OpId, E>) {
        let actor = &mut self.actors[actor.0];
        if let Ok(op) = answer
            && !actor.asked.insert(*op)
        {
            let line = format!("{} names two requests {op:?}", actor.name);
            self.broken.push(line);
        }
    }

    /// Joins a channel.
    pub fn join(&mut self, actor: ActorId, channel: &str) -> Option<OpId> {
        self.ask(actor, |peer, now| peer.join(now, channel, JoinOptions::default())).ok()
    }

    /// Ends a peer.
    pub fn close(&mut self, actor: ActorId) -> OpId {
        let closed: Result<OpId, SendError> = self.ask(actor, |peer, now| Ok(peer.close(now, None)));
        closed.expect("closing cannot be refused")
    }

    /// Sends to everybody in the channel.
    pub fn send(&mut self, actor: ActorId, data: Value) -> Result<OpId, SendError> {
        self.ask(actor, |peer, now| peer.send(now, data))
    }

    /// Sends a track to everybody: audio if its id begins with `mic`, otherwise video. The id names it,
    /// and a stream's id names the stream.
    pub fn add_track(
        &mut self,
        actor: ActorId,
        id: &str,
        stream: Option<&str>,
        metadata: Option<Value>,
    ) -> TrackKey {
        self.try_add_track(actor, id, stream, metadata).expect("the track can be added")
    }

    /// The same, with what the peer says to it.
    ///
    /// # Errors
    ///
    /// What the peer says.
    pub fn try_add_track(
        &mut self,
        actor: ActorId,
        id: &str,
        stream: Option<&str>,
        metadata: Option<Value>,
    ) -> Result<TrackKey, StateError> {
        let track = self.track(actor, id);
        let stream = stream.map(|id| (self.stream(actor, id), id.to_owned()));
        let key = track.key;
        if let Mind::Vendor(vendor) = &mut self.actors[actor.0].mind {
            let now = self.now;
            vendor.add_track(now, track, stream.map(|(key, _)| key), metadata);
            self.drain(actor);
            return Ok(key);
        }
        self.with_peer(actor, |peer, now| peer.add_track(now, track, stream, metadata))?;
        Ok(key)
    }

    /// The key of a local track.
    pub fn track(&mut self, actor: ActorId, id: &str) -> LocalTrack {
        let known = self.actors[actor.0].tracks.values().find(|track| track.id == id).cloned();
        known.unwrap_or_else(|| {
            let kind = if id.starts_with("mic") { MediaKind::Audio } else { MediaKind::Video };
            let track = LocalTrack { key: TrackKey(self.world.new_key()), id: id.to_owned(), kind };
            self.actors[actor.0].tracks.insert(track.key, track.clone());
            track
        })
    }

    /// The key of a local stream.
    pub fn stream(&mut self, actor: ActorId, id: &str) -> StreamKey {
        let actor = &mut self.actors[actor.0];
        let known = actor.streams.iter().find(|(_, known)| *known == id).map(|(key, _)| *key);
        known.unwrap_or_else(|| {
            let key = StreamKey(self.world.new_key());
            actor.streams.insert(key, id.to_owned());
            key
        })
    }

    /// Puts another track, or nothing, in the place of one.
    ///
    /// # Errors
    ///
    /// What the peer says at once.
    pub fn replace_track(
        &mut self,
        actor: ActorId,
        old: &str,
        new: Option<&str>,
    ) -> Result<OpId, StateError> {
        let old = self.track(actor, old).key;
        let new = new.map(|id| self.track(actor, id));
        self.ask(actor, |peer, now| peer.replace_track(now, old, new))
    }

    /// Opens a data channel to a remote peer.
    pub fn open_channel(&mut self, actor: ActorId, remote: RemoteKey, label: &str) -> Option<ChannelKey> {
        let Mind::Peer(peer) = &self.actors[actor.0].mind else { return None };
        let link = peer.remote(remote)?.link;
        let key = ChannelKey(self.world.new_key());
        self.actors[actor.0].labels.insert(key, label.to_owned());
        let name = Name { label: label.to_owned(), protocol: String::new() };
        self.world.open_channel(self.now, actor, link, key, name, &mut self.queue);
        self.deliver_reports();
        Some(key)
    }

    /// Sends on a data channel; tells whether it is open.
    pub fn send_on(&mut self, channel: ChannelKey, text: &str) -> bool {
        self.world.send_on(self.now, channel, Parcel::Text(text.to_owned()), &mut self.queue)
    }

    /// Has a client without a mind send a frame.
    pub fn raw_send(&mut self, actor: ActorId, frame: Value) {
        if let Mind::Raw(raw) = &mut self.actors[actor.0].mind {
            raw.send(frame);
        }
        self.drain(actor);
    }

    /// Has a client without a mind close its socket.
    pub fn raw_close(&mut self, actor: ActorId, code: CloseCode) {
        if let Mind::Raw(raw) = &mut self.actors[actor.0].mind {
            raw.close(code);
        }
        self.drain(actor);
    }

    /// What `replace_track` answered, if it failed.
    #[must_use]
    pub fn replace_error(&self, actor: ActorId) -> Option<&ReplaceTrackError> {
        self.actors[actor.0].seen.iter().rev().find_map(|seen| {
            if let What::Done(_, Outcome::ReplaceTrack(Err(error))) = &seen.what { Some(error) } else { None }
        })
    }
}
