//! Which streams a remote peer sends (sdk-behaviour, section 5.4). A stream is known by its id; the
//! object that carries it may change.

use super::rtc::{RemoteStream, RemoteTrack};
use crate::ids::RemoteTrackKey;

/// The streams of one connection that have live tracks.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    live: Vec<Live>,
}

#[derive(Debug)]
struct Live {
    stream: RemoteStream,
    tracks: Vec<RemoteTrackKey>,
}

/// How a track went.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TrackGone<'a> {
    /// It ended, and left all its streams.
    Ended,
    /// It left this stream.
    Removed(&'a str),
}

impl Streams {
    /// A track came; returns the streams that it is the first one of.
    pub(crate) fn add(&mut self, track: &RemoteTrack) -> Vec<RemoteStream> {
        let mut new = Vec::new();
        for stream in &track.streams {
            match self.live.iter_mut().find(|live| live.stream.id == stream.id) {
                Some(live) => {
                    live.stream = stream.clone();
                    if !live.tracks.contains(&track.key) {
                        live.tracks.push(track.key);
                    }
                }
                None => {
                    self.live.push(Live { stream: stream.clone(), tracks: vec![track.key] });
                    new.push(stream.clone());
                }
            }
        }
        new
    }

    /// A track went; returns the streams that it was the last one of. Telling twice does nothing.
    pub(crate) fn remove(&mut self, track: RemoteTrackKey, how: TrackGone<'_>) -> Vec<RemoteStream> {
        for live in &mut self.live {
            let concerned = match how {
                TrackGone::Ended => true,
                TrackGone::Removed(stream) => live.stream.id == stream,
            };
            if concerned {
                live.tracks.retain(|known| *known != track);
            }
        }
        let mut gone = Vec::new();
        self.live.retain(|live| {
            let stays = !live.tracks.is_empty();
            if !stays {
                gone.push(live.stream.clone());
            }
            stays
        });
        gone
    }

    pub(crate) fn clear(&mut self) {
        self.live.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::rtc::MediaKind;
    use super::*;
    use crate::ids::RemoteStreamKey;

    fn track(key: u64, streams: &[(&str, u64)]) -> RemoteTrack {
        RemoteTrack {
            key: RemoteTrackKey(key),
            id: format!("t{key}"),
            mid: None,
            kind: MediaKind::Audio,
            streams: streams
                .iter()
                .map(|(id, key)| RemoteStream { key: RemoteStreamKey(*key), id: (*id).to_owned() })
                .collect(),
        }
    }

    #[test]
    fn a_stream_is_there_from_its_first_track_to_its_last() {
        let mut streams = Streams::default();
        assert_eq!(streams.add(&track(1, &[("s", 1)])).len(), 1);
        assert!(streams.add(&track(2, &[("s", 2)])).is_empty());
        assert!(streams.remove(RemoteTrackKey(1), TrackGone::Removed("s")).is_empty());
        assert!(streams.remove(RemoteTrackKey(1), TrackGone::Ended).is_empty(), "told twice");
        let gone = streams.remove(RemoteTrackKey(2), TrackGone::Ended);
        assert_eq!(gone, [RemoteStream { key: RemoteStreamKey(2), id: "s".to_owned() }], "the latest object");
        assert_eq!(streams.add(&track(3, &[("s", 3)])).len(), 1, "and may come again");
    }

    #[test]
    fn a_track_without_a_stream_adds_none() {
        assert!(Streams::default().add(&track(1, &[])).is_empty());
    }
}
