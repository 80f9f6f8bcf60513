//! What is shared under a label.

pub use peerhall_core::ShareError;

use crate::media::LocalStream;

/// A stream to share under a label. A bare [`LocalStream`] is shared under its id.
///
/// In browsers a share also holds wishes for the encoding; here a program writes frames that are encoded
/// already, and decides about bit rates and sizes itself.
#[derive(Debug, Clone)]
pub struct Share {
    label: String,
    stream: LocalStream,
    managed: bool,
}

impl Share {
    /// The tracks of a stream under a label. A track that stands in the stream twice is sent once.
    #[must_use]
    pub fn new(label: &str, stream: LocalStream) -> Self {
        Self { label: label.to_owned(), stream, managed: false }
    }

    /// Whether tracks are stopped for you ([`LocalTrack::stop`](crate::LocalTrack::stop)) when they are
    /// unshared, or left out of another share of the label. That ends them for good and wherever else they are
    /// sent: what writes to them is refused, which is how a source of frames learns that it may let go of its
    /// camera. Default: no.
    #[must_use]
    pub fn managed(self, managed: bool) -> Self {
        Self { managed, ..self }
    }

    /// Its label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its stream, as it was given. Receivers see other ids, of the stream and of its tracks: those of the
    /// share.
    #[must_use]
    pub fn stream(&self) -> &LocalStream {
        &self.stream
    }

    /// Whether its tracks are stopped when they leave it.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.managed
    }
}

impl From<LocalStream> for Share {
    fn from(stream: LocalStream) -> Self {
        Self { label: stream.id().to_owned(), stream, managed: false }
    }
}

impl From<&LocalStream> for Share {
    fn from(stream: &LocalStream) -> Self {
        stream.clone().into()
    }
}
