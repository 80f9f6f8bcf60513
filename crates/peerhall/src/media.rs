//! Media for programs: streams, sound that is made here, files that are played and recorded.
//!
//! A track carries encoded frames ([`Sample`](crate::Sample)): whoever has an encoder writes its output to
//! a [`LocalTrack`]; what remote peers send is read from a [`RemoteTrack`](crate::RemoteTrack) in the same
//! form. For what needs no encoder there is help here.

mod audio;
mod file;
mod g711;
mod pattern;
mod play;
mod record;
mod vp8;

pub use audio::{AUDIO_RATE, AudioSource};
pub use file::MediaFileError;
pub use pattern::TestPattern;
pub use play::MediaFile;
pub use record::{MediaWriter, extension, record};

use std::sync::Arc;

use peerhall_rtc::LocalTrack;

/// Local tracks that belong together, such as a camera and its microphone. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalStream {
    id: Arc<str>,
    tracks: Vec<LocalTrack>,
}

impl LocalStream {
    /// A stream of these tracks under a random id.
    #[must_use]
    pub fn new(tracks: impl IntoIterator<Item = LocalTrack>) -> Self {
        // The randomness of a new track's id is good enough for that of a stream.
        let tracks: Vec<_> = tracks.into_iter().collect();
        let id = tracks.first().map_or_else(|| "stream".to_owned(), |track| format!("stream-{}", track.id()));
        Self { id: id.into(), tracks }
    }

    /// A stream of these tracks under this id; receivers see the same id.
    #[must_use]
    pub fn with_id(id: &str, tracks: impl IntoIterator<Item = LocalTrack>) -> Self {
        Self { id: id.into(), tracks: tracks.into_iter().collect() }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The tracks.
    #[must_use]
    pub fn tracks(&self) -> &[LocalTrack] {
        &self.tracks
    }
}

/// A stream that a remote peer sends, as known by one event. The id stays the same across reconnects;
/// the tracks do not.
#[derive(Debug, Clone)]
pub struct RemoteStream {
    pub(crate) id: Arc<str>,
    pub(crate) tracks: Vec<peerhall_rtc::RemoteTrack>,
}

impl RemoteStream {
    /// The id that the sender gave it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its tracks at the time of the event.
    #[must_use]
    pub fn tracks(&self) -> &[peerhall_rtc::RemoteTrack] {
        &self.tracks
    }
}
