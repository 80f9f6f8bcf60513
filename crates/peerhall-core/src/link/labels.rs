//! What a remote peer says about its tracks, and which of them is meant (sdk-behaviour, section 5.5).

use peerhall_proto::json::Json;

use super::rtc::RemoteTrack;
use super::sdp::Sdp;
use crate::queue::Queue;

/// Most entries that are kept for one remote peer; the oldest goes first.
pub const MAX_TRACK_METADATA: usize = 512;

/// What a sender says about one track; without metadata it takes back what it said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label<J> {
    pub(crate) track_id: String,
    pub(crate) metadata: Option<J>,
    pub(crate) stream_id: Option<String>,
    pub(crate) kind: Option<String>,
}

/// All that one remote peer says.
#[derive(Debug)]
pub(crate) struct Labels<J> {
    entries: Queue<Label<J>>,
    /// Tracks of this connection that an entry was found for.
    found: Vec<Found>,
}

/// Which entry a track was found to be meant by.
#[derive(Debug)]
struct Found {
    /// The track's media section.
    mid: Option<String>,
    /// The sender's id in the entry.
    track_id: String,
}

impl<J: Json> Labels<J> {
    pub(crate) fn new() -> Self {
        Self { entries: Queue::new(), found: Vec::new() }
    }

    /// Takes note; an entry that is known keeps its age.
    pub(crate) fn note(&mut self, label: Label<J>) {
        let known = self.entries.iter().position(|entry| entry.track_id == label.track_id);
        match (known, label.metadata.is_some()) {
            (Some(index), true) => {
                if let Some(entry) = self.entries.get_mut(index) {
                    *entry = label;
                }
            }
            (Some(index), false) => {
                self.entries.remove(index);
                self.found.retain(|found| found.track_id != label.track_id);
            }
            (None, true) => {
                if self.entries.len() >= MAX_TRACK_METADATA {
                    let oldest = self.entries.pop_front();
                    self.found
                        .retain(|found| oldest.as_ref().is_none_or(|entry| entry.track_id != found.track_id));
                }
                self.entries.push_back(label);
            }
            (None, false) => {}
        }
    }

    /// The connection is another one, on which all tracks come anew.
    pub(crate) fn start_over(&mut self) {
        self.found.clear();
    }

    /// What was said about a track: by the id that its sender gave it, by the id that the receiver
    /// sees, or, where ids got lost on the way, by stream and kind if only one thing was said about
    /// these. The vendor's JavaScript SDK says neither; there the only entry that no track has been
    /// found for is meant.
    pub(crate) fn of(&mut self, track: &RemoteTrack, sdp: &Sdp) -> Option<J> {
        let signalled = track.mid.as_deref().and_then(|mid| sdp.track_of(mid));
        let label = self
            .by_id(signalled.unwrap_or(&track.id))
            .or_else(|| self.by_id(&track.id))
            .or_else(|| self.by_stream(track, sdp))
            .or_else(|| self.left_over(track, sdp))?;
        let (track_id, metadata) = (label.track_id.clone(), label.metadata.clone());
        self.found.retain(|found| found.mid != track.mid);
        self.found.push(Found { mid: track.mid.clone(), track_id });
        metadata
    }

    fn by_id(&self, id: &str) -> Option<&Label<J>> {
        self.entries.iter().find(|entry| entry.track_id == id)
    }

    fn by_stream(&self, track: &RemoteTrack, sdp: &Sdp) -> Option<&Label<J>> {
        let mut candidates = self.entries.iter().filter(|entry| {
            entry.kind.as_deref() == Some(track.kind.as_str())
                && entry
                    .stream_id
                    .as_ref()
                    .is_some_and(|id| track.streams.iter().any(|stream| stream.id == *id))
                && !sdp.names_track(&entry.track_id)
        });
        let first = candidates.next()?;
        candidates.next().is_none().then_some(first)
    }

    /// A browser that sends on a section which the other side opened signals an id there that its
    /// application never sees, so that what was said names a track that no description does. Of several
    /// tracks of one kind the first one was spoken of first; of several kinds only copies of one object
    /// are clear, as `addStream` sends them, which have one length.
    fn left_over(&self, track: &RemoteTrack, sdp: &Sdp) -> Option<&Label<J>> {
        let entries: Vec<_> = self.entries.iter().filter(|entry| self.is_left_over(entry, sdp)).collect();
        if let [only] = *entries {
            return Some(only);
        }
        let nameless: Vec<_> = sdp.sent().filter(|&(mid, _, id)| self.is_nameless(mid, id)).collect();
        if nameless.len() != entries.len() {
            return None;
        }
        let place = nameless.iter().position(|(mid, ..)| track.mid.as_deref() == Some(mid))?;
        let one_kind = nameless.iter().all(|(_, kind, _)| *kind == track.kind.as_str());
        let length = |entry: &&Label<J>| entry.metadata.as_ref().map(Json::encoded_len);
        let copies = || entries.iter().all(|entry| entries.first().map(length) == Some(length(entry)));
        entries.get(place).copied().filter(|_| one_kind || copies())
    }

    fn is_left_over(&self, entry: &Label<J>, sdp: &Sdp) -> bool {
        entry.stream_id.is_none()
            && entry.kind.is_none()
            && !self.found.iter().any(|found| found.track_id == entry.track_id)
            && !sdp.names_track(&entry.track_id)
    }

    /// Whether nothing was said about a track by its id, and no entry was found for it otherwise.
    fn is_nameless(&self, mid: &str, id: &str) -> bool {
        self.by_id(id).is_none() && !self.found.iter().any(|found| found.mid.as_deref() == Some(mid))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::rtc::{MediaKind, RemoteStream};
    use super::*;
    use crate::ids::{RemoteStreamKey, RemoteTrackKey};

    fn label(track: &str, stream: Option<&str>, metadata: Option<u32>) -> Label<Value> {
        Label {
            track_id: track.to_owned(),
            metadata: metadata.map(Value::from),
            stream_id: stream.map(str::to_owned),
            kind: Some("video".to_owned()),
        }
    }

    fn track(id: &str, mid: &str, stream: &str) -> RemoteTrack {
        RemoteTrack {
            key: RemoteTrackKey(1),
            id: id.to_owned(),
            mid: Some(mid.to_owned()),
            kind: MediaKind::Video,
            streams: vec![RemoteStream { key: RemoteStreamKey(1), id: stream.to_owned() }],
        }
    }

    #[test]
    fn r56_the_oldest_entry_goes_when_the_513th_comes() {
        let mut labels = Labels::new();
        (0..600).for_each(|n| labels.note(label(&format!("t{n}"), None, Some(n))));
        assert_eq!(labels.len(), MAX_TRACK_METADATA);
        assert!(labels.by_id("t87").is_none() && labels.by_id("t88").is_some());
        labels.note(label("t88", None, Some(1)));
        labels.note(label("new", None, Some(1)));
        assert!(labels.by_id("t88").is_none(), "an update does not make an entry younger");
    }

    #[test]
    fn x12_a_track_is_found_by_its_media_section_where_the_receiver_made_the_id_itself() {
        let mut labels = Labels::new();
        labels.note(label("sender-1", None, Some(1)));
        labels.note(label("sender-2", None, Some(2)));
        let sdp = Sdp::read(
            "m=video\r\na=mid:0\r\na=msid:s sender-1\r\nm=video\r\na=mid:1\r\na=msid:s sender-2\r\n",
        );
        assert_eq!(labels.of(&track("made-here", "1", "s"), &sdp), Some(json!(2)));
        assert_eq!(labels.of(&track("made-here", "0", "s"), &sdp), Some(json!(1)));
    }

    #[test]
    fn x12_a_track_under_an_id_that_was_never_spoken_of_is_the_only_one_that_is_missing() {
        let said = |track: &str, n| Label { kind: None, ..label(track, None, Some(n)) };
        let mut labels = Labels::new();
        labels.note(said("known", 1));
        labels.note(said("lost", 2));
        let sdp = Sdp::read(
            "m=video\r\na=mid:0\r\na=msid:s known\r\nm=video\r\na=mid:1\r\na=msid:t made-up\r\nm=video\r\na=mid:2\r\na=inactive\r\na=msid:u x\r\n",
        );
        assert_eq!(labels.of(&track("made-up", "1", "t"), &sdp), Some(json!(2)));
        assert_eq!(labels.of(&track("another", "2", "u"), &sdp), None, "it is spent");
        labels.note(said("third", 3));
        assert_eq!(labels.of(&track("another", "2", "u"), &sdp), Some(json!(3)));
        labels.start_over();
        labels.note(said("third", 3));
        assert_eq!(labels.of(&track("made-up", "1", "t"), &sdp), None, "two are missing");
    }

    #[test]
    fn stream_and_kind_decide_only_when_they_are_clear() {
        let mut labels = Labels::new();
        labels.note(label("gone-1", Some("s"), Some(1)));
        let sdp = Sdp::read("");
        assert_eq!(labels.of(&track("x", "0", "s"), &sdp), Some(json!(1)));
        assert_eq!(labels.of(&track("x", "0", "other"), &sdp), None);
        labels.note(label("gone-2", Some("s"), Some(2)));
        assert_eq!(labels.of(&track("x", "0", "s"), &sdp), None);
        labels.note(label("gone-2", Some("s"), None));
        assert_eq!(labels.of(&track("x", "0", "s"), &sdp), Some(json!(1)));
    }

    fn said(track: &str, metadata: Value) -> Label<Value> {
        Label { track_id: track.to_owned(), metadata: Some(metadata), stream_id: None, kind: None }
    }

    fn of_kind(kind: MediaKind, mid: &str) -> RemoteTrack {
        RemoteTrack { kind, ..track(mid, mid, "s") }
    }

    #[test]
    fn x12_tracks_of_one_kind_under_ids_that_were_never_spoken_of_are_in_the_order_of_what_was_said() {
        let mut labels = Labels::new();
        labels.note(said("first", json!({"n": 1})));
        labels.note(said("second", json!({"n": 22})));
        let sdp = Sdp::read("m=video\na=mid:0\na=msid:s x\nm=video\na=mid:1\na=msid:t y\n");
        assert_eq!(labels.of(&of_kind(MediaKind::Video, "0"), &sdp), Some(json!({"n": 1})));
        assert_eq!(labels.of(&of_kind(MediaKind::Video, "1"), &sdp), Some(json!({"n": 22})));
    }

    #[test]
    fn x12_of_two_kinds_under_such_ids_only_copies_of_one_object_are_clear() {
        let sdp = Sdp::read("m=audio\na=mid:0\na=msid:s x\nm=video\na=mid:1\na=msid:s y\n");
        let mut labels = Labels::new();
        labels.note(said("picture", json!({"role": "call"})));
        labels.note(said("sound", json!({"role": "call"})));
        for (kind, mid) in [(MediaKind::Audio, "0"), (MediaKind::Video, "1")] {
            assert_eq!(labels.of(&of_kind(kind, mid), &sdp), Some(json!({"role": "call"})));
        }
        let mut labels = Labels::new();
        labels.note(said("picture", json!({"role": "camera"})));
        labels.note(said("sound", json!({"role": "microphone"})));
        assert_eq!(labels.of(&of_kind(MediaKind::Audio, "0"), &sdp), None);
    }
}
