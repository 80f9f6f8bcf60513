//! Streams under labels.

use peerhall_core::{LocalTrack, ShareChange, ShareError, SharedTrack, TrackKey};

use super::Lab;
use crate::actor::ActorId;

impl Lab {
    /// Makes the share of a label these tracks, with everybody or with `only` the one of this id: audio if a name
    /// begins with `mic`, otherwise video.
    ///
    /// # Errors
    ///
    /// What the peer says.
    pub fn share(
        &mut self,
        actor: ActorId,
        only: Option<&str>,
        label: &str,
        names: &[&str],
    ) -> Result<ShareChange, ShareError> {
        let only = only.and_then(|id| self.remote(actor, id)).map(|remote| remote.key);
        let id = format!("share-{label}");
        let stream = (self.stream(actor, &id), id);
        let tracks = names.iter().map(|name| self.shared_track(actor, name)).collect();
        self.with_peer(actor, |peer, now| peer.share(now, only, label, stream, tracks))
    }

    /// Ends it; gives how many tracks left.
    pub fn unshare(&mut self, actor: ActorId, only: Option<&str>, label: &str) -> usize {
        let only = only.and_then(|id| self.remote(actor, id)).map(|remote| remote.key);
        self.with_peer(actor, |peer, now| peer.unshare(now, only, label)).len()
    }

    /// A track by its name, under a key that is used once.
    fn shared_track(&mut self, actor: ActorId, name: &str) -> SharedTrack {
        let LocalTrack { key: source, kind, .. } = self.track(actor, name);
        let key = TrackKey(self.world.new_key());
        let track = LocalTrack { key, id: format!("{name}#{}", key.0), kind };
        self.actors[actor.0].tracks.insert(key, track.clone());
        SharedTrack { track, source: source.0 }
    }

    /// Names of the tracks that the connection to a remote peer sends, in the order of its sections.
    #[must_use]
    pub fn sends(&self, actor: ActorId, id: &str) -> Vec<String> {
        let connection = self.link(actor, id).and_then(|link| self.world.connection(actor, link));
        let senders = connection.into_iter().flat_map(|connection| &connection.transceivers);
        let name = |id: &str| id.split('#').next().unwrap_or_default().to_owned();
        senders.filter_map(|transceiver| transceiver.sender.as_ref()).map(|sent| name(&sent.id)).collect()
    }
}
