//! Streams that are shared under labels, with everybody or with one: which tracks come, go, or take each
//! other's place (labelled-peer, section 7.5).

use peerhall_core::{Json, LocalTrack, MediaKind, Peer, RemoteKey, StateError, StreamKey, Time, TrackKey};
use peerhall_labelled::{TrackChange, track_change};

use super::Labels;
use crate::client::refused;
use crate::failure;
use crate::value::{Value, record};

/// Most labels of streams (section 7.4).
const MAX_SHARES: usize = 256;

/// One stream under one label.
pub(super) struct Share {
    label: String,
    /// The only one who gets it; everybody without.
    only: Option<RemoteKey>,
    stream: (StreamKey, String),
    tracks: Vec<Shared>,
}

/// A track of a share. The same track may be shared under several labels, each time under another number.
#[derive(Debug, Clone)]
struct Shared {
    track: LocalTrack,
    /// What the other side calls the track itself.
    object: u64,
}

impl Labels {
    /// `share`: `{label, stream, streamId, tracks: [{key, object, id, kind}]}` makes the share of a label
    /// what is given; `unshare` ends it. Answers `{stream, gone, kept}`: the number of the stream that
    /// travels, numbers of tracks that left and of those given that are not needed.
    pub(super) fn shared(&mut self, peer: &mut Peer<Value>, now: Time, call: &str, request: &Value) -> Value {
        let label = request.text("label");
        let only = request.member("key").map(|_| RemoteKey(request.whole("key")));
        let wanted = if call == "share" { tracks(request) } else { Vec::new() };
        let place = match self.shares.iter().position(|share| share.label == label && share.only == only) {
            Some(place) => place,
            None if wanted.is_empty() => return Value::undefined(),
            None if self.shares.len() >= MAX_SHARES => {
                return refused(failure::type_error("there are 256 labels of streams already"));
            }
            None => {
                let stream = (StreamKey(request.whole("stream")), request.text("streamId"));
                self.shares.push(Share { label, only, stream, tracks: Vec::new() });
                self.shares.len() - 1
            }
        };
        let Some(share) = self.shares.get_mut(place) else { return Value::undefined() };
        let made = share.become_of(peer, now, wanted);
        let stream = share.stream.0.0;
        if share.tracks.is_empty() {
            self.shares.remove(place);
        }
        match made {
            Ok((gone, unused)) => {
                record! { "stream": stream, "gone": numbers(gone), "unused": numbers(unused) }
            }
            Err(error) => refused(failure::state(&error)),
        }
    }

    /// Ends what was shared with one who has left.
    pub(super) fn forget_shares(&mut self, peer: &mut Peer<Value>, key: RemoteKey) {
        let now = Time::after_start(self.now);
        for share in self.shares.iter_mut().filter(|share| share.only == Some(key)) {
            // A peer that is closed sends nothing anyway.
            let _ = share.become_of(peer, now, Vec::new());
        }
        self.shares.retain(|share| share.only != Some(key));
    }
}

impl Share {
    /// Sends these tracks and no others; gives the numbers of those that left, and of those that are not
    /// needed because they were there.
    fn become_of(
        &mut self,
        peer: &mut Peer<Value>,
        now: Time,
        wanted: Vec<Shared>,
    ) -> Result<(Vec<TrackKey>, Vec<TrackKey>), StateError> {
        let same = |a: &Shared, b: &Shared| a.object == b.object;
        let alike = |a: &Shared, b: &Shared| a.track.kind == b.track.kind;
        let change = track_change(&self.tracks, &wanted, same, alike);
        let unused = wanted.iter().filter(|track| self.tracks.iter().any(|known| same(known, track)));
        let unused = unused.map(|track| track.track.key).collect();
        let TrackChange { replaced, mut removed, mut added } = change;
        let mut gone = Vec::new();
        for (old, new) in replaced {
            // While the server is away nothing is replaced; the other way takes a negotiation.
            if peer.replace_track(now, old.track.key, Some(new.track.clone())).is_ok() {
                self.tracks.retain(|known| known.track.key != old.track.key);
                gone.push(old.track.key);
                self.tracks.push(new);
            } else {
                removed.push(old);
                added.push(new);
            }
        }
        for old in removed {
            peer.remove_track(now, old.track.key)?;
            self.tracks.retain(|known| known.track.key != old.track.key);
            gone.push(old.track.key);
        }
        for new in added {
            let metadata = Some(record! { "label": &self.label });
            let (track, stream) = (new.track.clone(), Some(self.stream.clone()));
            match self.only {
                Some(only) => peer.add_track_for(now, only, track, stream, metadata)?,
                None => peer.add_track(now, track, stream, metadata)?,
            }
            self.tracks.push(new);
        }
        Ok((gone, unused))
    }
}

fn tracks(request: &Value) -> Vec<Shared> {
    let given = request.member("tracks").and_then(Value::into_items).unwrap_or_default();
    let read = |track: &Value| Shared {
        track: LocalTrack {
            key: TrackKey(track.whole("key")),
            id: track.text("id"),
            kind: if track.text("kind") == "audio" { MediaKind::Audio } else { MediaKind::Video },
        },
        object: track.whole("object"),
    };
    given.iter().map(read).collect()
}

fn numbers(keys: Vec<TrackKey>) -> Value {
    Value::list(keys.into_iter().map(|key| Value::from(key.0)))
}
