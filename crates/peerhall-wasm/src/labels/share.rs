//! Requests about streams that are shared under labels.

use peerhall_core::{
    Json, LocalTrack, MediaKind, Peer, RemoteKey, ShareError, SharedTrack, StreamKey, Time, TrackKey,
};

use crate::client::refused;
use crate::failure;
use crate::value::{Value, record};

/// `share`: `{label, stream, streamId, tracks: [{key, object, id, kind}]}` makes the share of a label what is
/// given; `unshare` ends it. Answers `{gone, unused}`: numbers of tracks that left, and of those given that are
/// not needed.
pub(super) fn shared(peer: &mut Peer<Value>, now: Time, call: &str, request: &Value) -> Value {
    let label = request.text("label");
    let only = request.member("key").map(|_| RemoteKey(request.whole("key")));
    if call == "unshare" {
        return record! { "gone": numbers(peer.unshare(now, only, &label)) };
    }
    let stream = (StreamKey(request.whole("stream")), request.text("streamId"));
    match peer.share(now, only, &label, stream, tracks(request)) {
        Ok(change) => record! { "gone": numbers(change.gone), "unused": numbers(change.unused) },
        Err(ShareError::State(error)) => refused(failure::state(&error)),
        Err(ShareError::TooManyLabels(_)) => {
            refused(failure::type_error("there are 256 labels of streams already"))
        }
        Err(ShareError::RemoteClosed | _) => refused(failure::named("Error", "the remote peer is closed")),
    }
}

fn tracks(request: &Value) -> Vec<SharedTrack> {
    let given = request.member("tracks").and_then(Value::into_items).unwrap_or_default();
    let read = |track: &Value| SharedTrack {
        track: LocalTrack {
            key: TrackKey(track.whole("key")),
            id: track.text("id"),
            kind: if track.text("kind") == "audio" { MediaKind::Audio } else { MediaKind::Video },
        },
        source: track.whole("object"),
    };
    given.iter().map(read).collect()
}

fn numbers(keys: Vec<TrackKey>) -> Value {
    Value::list(keys.into_iter().map(|key| Value::from(key.0)))
}
