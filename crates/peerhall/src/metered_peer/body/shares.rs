//! Streams that are shared under labels, as the application gave them. What follows from a change is decided
//! in the core.

use std::collections::BTreeMap;
use std::sync::Arc;

use peerhall_core::{LocalTrack as CoreTrack, Peer, RemoteKey, SharedTrack, StreamKey, Time, TrackKey};
use peerhall_rtc::LocalTrack;
use serde_json::Value;

use super::PeerBody;
use crate::labelled::{Share, ShareError};
use crate::media::LocalStream;

/// All shares of a peer.
#[derive(Debug, Default)]
pub(super) struct Shares {
    all: Vec<Shared>,
    /// Numbers that the engine has no use for any more, once it has said what follows.
    retired: Vec<TrackKey>,
    retired_streams: Vec<StreamKey>,
}

#[derive(Debug)]
struct Shared {
    /// The only one who gets it; everybody without.
    only: Option<RemoteKey>,
    share: Share,
    stream: StreamKey,
    tracks: Vec<Source>,
}

/// A track of a share, which travels under an id of its own: a connection may send the track elsewhere, too.
#[derive(Debug)]
struct Source {
    key: TrackKey,
    /// The engine's number for the track itself.
    source: u64,
    track: LocalTrack,
}

impl Shares {
    fn find(&self, only: Option<RemoteKey>, label: &str) -> Option<usize> {
        self.all.iter().position(|shared| shared.only == only && shared.share.label() == label)
    }

    fn retire(&mut self, shared: Shared) {
        self.retired.extend(shared.tracks.iter().map(|track| track.key));
        self.retired_streams.push(shared.stream);
    }
}

impl PeerBody {
    /// Makes the share of a label what is given; gives nothing when the stream has no tracks.
    pub(crate) fn share(
        &mut self,
        mind: &mut Peer<Value>,
        now: Time,
        only: Option<RemoteKey>,
        share: Share,
    ) -> Result<Option<LocalStream>, ShareError> {
        let place = self.shares.find(only, share.label());
        let wanted = self.sources(place, share.stream());
        let Some(first) = wanted.first().map(|wanted| wanted.key) else { return Ok(None) };
        let stream = match place.and_then(|place| self.shares.all.get(place)) {
            Some(shared) => shared.stream,
            None => self.own_stream(first),
        };
        let id = self.streams.get(&stream).map(ToString::to_string).unwrap_or_default();
        let tracks = wanted.iter().filter_map(|wanted| {
            let travels = self.tracks.get(&wanted.key)?;
            let track = CoreTrack { key: wanted.key, id: travels.id().to_owned(), kind: travels.kind() };
            Some(SharedTrack { track, source: wanted.source })
        });
        let shared = mind.share(now, only, share.label(), (stream, id), tracks.collect());
        let change = match shared {
            Ok(change) => change,
            Err(error) => {
                self.shares.retired.extend(wanted.iter().map(|wanted| wanted.key));
                self.shares.retired_streams.extend(place.is_none().then_some(stream));
                return Err(error);
            }
        };
        let given = share.stream().clone();
        let (mut tracks, managed) = match place.and_then(|place| self.shares.all.get_mut(place)) {
            Some(shared) => (std::mem::take(&mut shared.tracks), shared.share.is_managed()),
            None => (Vec::new(), false),
        };
        for gone in tracks.extract_if(.., |known| change.gone.contains(&known.key)) {
            if managed {
                gone.track.stop();
            }
        }
        tracks.extend(wanted.into_iter().filter(|wanted| !change.unused.contains(&wanted.key)));
        self.shares.retired.extend(change.gone.into_iter().chain(change.unused));
        match place.and_then(|place| self.shares.all.get_mut(place)) {
            Some(shared) => (shared.share, shared.tracks) = (share, tracks),
            None => self.shares.all.push(Shared { only, share, stream, tracks }),
        }
        Ok(Some(given))
    }

    /// Ends the share of a label; gives what was shared.
    pub(crate) fn unshare(
        &mut self,
        mind: &mut Peer<Value>,
        now: Time,
        only: Option<RemoteKey>,
        label: &str,
    ) -> Option<LocalStream> {
        let shared = self.shares.all.remove(self.shares.find(only, label)?);
        mind.unshare(now, only, label);
        if shared.share.is_managed() {
            shared.tracks.iter().for_each(|track| track.track.stop());
        }
        let stream = shared.share.stream().clone();
        self.shares.retire(shared);
        Some(stream)
    }

    /// What is shared with everybody, or with `only` one, by label.
    pub(crate) fn shared_with(&self, only: Option<RemoteKey>) -> BTreeMap<String, Share> {
        let theirs = self.shares.all.iter().filter(|shared| shared.only == only);
        theirs.map(|shared| (shared.share.label().to_owned(), shared.share.clone())).collect()
    }

    /// Somebody has left, and what was shared with that one alone is shared with nobody.
    pub(super) fn forget_shares(&mut self, remote: RemoteKey) {
        let (gone, left): (Vec<_>, _) =
            std::mem::take(&mut self.shares.all).into_iter().partition(|shared| shared.only == Some(remote));
        self.shares.all = left;
        gone.into_iter().for_each(|shared| self.shares.retire(shared));
    }

    /// The engine has said all that follows from former calls, and names nothing that was retired before.
    pub(super) fn forget_retired(&mut self) {
        for track in std::mem::take(&mut self.shares.retired) {
            self.tracks.remove(&track);
        }
        for stream in std::mem::take(&mut self.shares.retired_streams) {
            self.streams.remove(&stream);
        }
    }

    /// The tracks of a stream, with numbers.
    fn sources(&mut self, place: Option<usize>, stream: &LocalStream) -> Vec<Source> {
        let mut sources: Vec<Source> = Vec::new();
        for track in stream.tracks() {
            if sources.iter().any(|known| known.track.is_alias_of(track)) {
                continue;
            }
            let shared = place.and_then(|place| self.shares.all.get(place));
            let known = shared.into_iter().flat_map(|shared| &shared.tracks);
            let known = known.filter(|known| known.track.is_alias_of(track)).map(|known| known.source).next();
            let source = known.unwrap_or_else(|| self.key());
            let key = TrackKey(self.key());
            self.tracks.insert(key, track.alias());
            sources.push(Source { key, source, track: track.clone() });
        }
        sources
    }

    /// A stream of a share's own: its id is as random as that of its first track.
    fn own_stream(&mut self, first: TrackKey) -> StreamKey {
        let key = StreamKey(self.key());
        let random = self.tracks.get(&first).map(|track| track.id().to_owned()).unwrap_or_default();
        self.streams.insert(key, Arc::from(format!("share-{random}")));
        key
    }
}
