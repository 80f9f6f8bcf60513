//! Messages under labels.

use peerhall_core::{ChannelKey, Outcome, PeerEvent, PeerState, RemoteEvent, RemoteKey, RemoteState};
use peerhall_labelled::{
    ChannelOptions, DirectError, OutgoingId, Output, RemoteChannel, SendError, labelled_protocol,
};

use super::Lab;
use crate::actor::{ActorId, Mind};
use crate::labels::{Came, Gone, Heard, Layer};
use crate::rtc::{Name, Parcel};
use crate::seen::What;

impl Lab {
    /// Opens a label with everybody, now and in future; from the first on a peer knows labels. Call it before the
    /// peer joins.
    pub fn open_label(&mut self, actor: ActorId, label: &str) {
        let now = self.now;
        let layer = self.actors[actor.0].layer.get_or_insert_default();
        layer.open(now, label);
        self.with_peer(actor, |peer, _| {
            peer.know_labels();
            peer.offer_detours();
        });
    }

    /// Sends a message on a label to the remote peer of this id.
    ///
    /// # Errors
    ///
    /// What the session says; [`SendError::Closed`] when nobody of this id is there.
    pub fn send_on_label(
        &mut self,
        actor: ActorId,
        id: &str,
        label: &str,
        bytes: Vec<u8>,
    ) -> Result<(RemoteKey, OutgoingId), SendError> {
        let now = self.now;
        let key = self.remote(actor, id).map(|remote| remote.key).ok_or(SendError::Closed)?;
        let layer = self.actors[actor.0].layer.as_mut();
        let talk = layer.and_then(|layer| layer.talks.get_mut(&key)).ok_or(SendError::Closed)?;
        let transfer = talk.send(now, label, bytes)?;
        self.drain(actor);
        Ok((key, transfer))
    }

    /// Messages that came as a whole, oldest first.
    #[must_use]
    pub fn came(&self, actor: ActorId) -> &[Came] {
        self.actors[actor.0].layer.as_ref().map(|layer| &*layer.came).unwrap_or_default()
    }

    /// Messages whose sending has ended, oldest first.
    #[must_use]
    pub fn gone(&self, actor: ActorId) -> &[Gone] {
        self.actors[actor.0].layer.as_ref().map(|layer| &*layer.gone).unwrap_or_default()
    }

    /// Whether messages to the remote peer of this id go through the server.
    #[must_use]
    pub fn goes_through_the_server(&self, actor: ActorId, id: &str) -> bool {
        let key = self.remote(actor, id).map(|remote| remote.key);
        let layer = self.actors[actor.0].layer.as_ref();
        let talk = key.zip(layer).and_then(|(key, layer)| layer.talks.get(&key));
        talk.is_some_and(|talk| talk.session.way() == peerhall_labelled::Way::Server)
    }

    /// What the peer below tells, as far as it concerns the layer.
    pub(super) fn labels_see(&mut self, id: ActorId, what: &What) {
        let Some(mut layer) = self.actors[id.0].layer.take() else { return };
        let now = self.now;
        match what {
            What::Peer(PeerEvent::PeerJoined(info)) => {
                let tag = self.rng.u64(..);
                layer.join(now, info.key, info.link, info.polite, tag);
            }
            What::Peer(PeerEvent::PeerLeft(info)) => layer.leave(info.key),
            What::Peer(PeerEvent::StateChange { to: PeerState::Closed, .. }) => layer.leave_all(),
            What::Remote { key, event: RemoteEvent::ConnectionReset { link }, .. } => {
                let polite = match &self.actors[id.0].mind {
                    Mind::Peer(peer) => peer.remote(*key).is_some_and(|info| info.polite),
                    Mind::Client(_) | Mind::Raw(_) | Mind::Vendor(_) => false,
                };
                layer.reset(now, *key, *link, polite);
            }
            What::Remote { key, event: RemoteEvent::StateChange { to, .. }, .. } => {
                if let Some(talk) = layer.talks.get_mut(key) {
                    talk.session.path(now.since_start(), *to == RemoteState::Connected);
                }
            }
            What::Remote { key, event: RemoteEvent::Labelled(news), .. } => layer.news(now, *key, news),
            What::Remote { key, event: RemoteEvent::DataChannel(channel), .. } => {
                self.labelled_channel(&mut layer, *key, *channel);
            }
            What::Done(op, Outcome::Send(result)) => {
                if let Some((key, number)) = layer.posted.remove(op)
                    && let Some(talk) = layer.talks.get_mut(&key)
                {
                    let result = result.as_ref().map(|_| ()).map_err(lost);
                    talk.session.direct_done(now.since_start(), number, result);
                }
            }
            What::Peer(_)
            | What::Remote { .. }
            | What::Done(..)
            | What::Signalling(_)
            | What::ChannelOpened(..)
            | What::ChannelMessage(..)
            | What::ChannelClosed(_)
            | What::Log(..) => {}
        }
        self.actors[id.0].layer = Some(layer);
    }

    /// The remote has made a channel.
    fn labelled_channel(&self, layer: &mut Layer, key: RemoteKey, channel: ChannelKey) {
        let Some(name) = self.world.channel_name(channel) else { return };
        let Some(talk) = layer.talks.get_mut(&key) else { return };
        if labelled_protocol(&name.protocol).is_none() {
            return;
        }
        let init = ChannelOptions { protocol: name.protocol.clone(), ..ChannelOptions::default() };
        if let Some(id) = talk.session.remote_channel(RemoteChannel { label: name.label.clone(), init }) {
            talk.channels.insert(id, channel);
        }
    }

    /// A channel tells something; whether it is one of the layer.
    pub(super) fn labelled(&mut self, id: ActorId, channel: ChannelKey, heard: Heard) -> bool {
        let (stream, buffered) = (self.world.stream(channel), self.world.buffered(channel));
        let now = self.now;
        let layer = self.actors[id.0].layer.as_mut();
        let known = layer.is_some_and(|layer| layer.hear(now, channel, stream, buffered, heard));
        if known {
            self.drain_one(id);
        }
        known
    }

    /// Carries out what the sessions of somebody want; whether there was anything.
    pub(super) fn settle_labels(&mut self, id: ActorId) -> bool {
        let Some(mut layer) = self.actors[id.0].layer.take() else { return false };
        let mut did = false;
        while let Some((key, output)) = layer.poll(self.now) {
            did = true;
            self.carry_out_for(id, &mut layer, key, output);
        }
        self.actors[id.0].layer = Some(layer);
        did
    }

    fn carry_out_for(&mut self, id: ActorId, layer: &mut Layer, key: RemoteKey, output: Output) {
        let now = self.now;
        let Some(talk) = layer.talks.get_mut(&key) else { return };
        match output {
            Output::Create { channel, label, init } => {
                let new = ChannelKey(self.world.new_key());
                talk.channels.insert(channel, new);
                let name = Name { label: label.to_string(), protocol: init.protocol };
                self.world.open_channel(now, id, talk.link, new, name, &mut self.queue);
            }
            Output::Negotiate => {
                self.world.want_data(now, id, talk.link, &mut self.queue);
            }
            Output::Send { channel, bytes } => {
                if let Some(known) = talk.channels.get(&channel) {
                    self.world.send_on(now, *known, Parcel::Bytes(bytes.to_vec()), &mut self.queue);
                }
            }
            Output::Close(channel) => {
                if let Some(known) = talk.channels.remove(&channel) {
                    self.world.close_channel(now, known, &mut self.queue);
                }
            }
            Output::Direct { number, text } => {
                let Mind::Peer(peer) = &mut self.actors[id.0].mind else { return };
                match peer.carry(now, key, text) {
                    Ok(op) => {
                        layer.posted.insert(op, (key, number));
                    }
                    Err(error) => talk.session.direct_done(now.since_start(), number, Err(lost(&error))),
                }
            }
            Output::Want { .. } | Output::Rewind(_) | Output::Event(_) => {}
        }
    }
}

/// What a text that the server did not take means for what goes through it.
fn lost(error: &peerhall_core::SendError) -> DirectError {
    if error.is_over_quota() { DirectError::OverQuota } else { DirectError::Lost }
}
