//! What media is encoded with.

use std::time::Duration;

use bytes::Bytes;
pub use peerhall_proto::connection::MediaKind;
use str0m::format::Codec as Engine;
use str0m::media::MediaKind as EngineKind;

/// What the engine calls a kind.
pub(crate) fn engine_kind(kind: MediaKind) -> EngineKind {
    match kind {
        MediaKind::Audio => EngineKind::Audio,
        MediaKind::Video => EngineKind::Video,
    }
}

/// What media is encoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Opus at 48 kHz.
    Opus,
    /// G.711 with the μ-law of North America and Japan, 8 kHz.
    Pcmu,
    /// G.711 with the A-law of Europe, 8 kHz.
    Pcma,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// H.264, in access units with start codes.
    H264,
    /// AV1, in temporal units.
    Av1,
}

impl Codec {
    /// Sound or pictures.
    #[must_use]
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Opus | Self::Pcmu | Self::Pcma => MediaKind::Audio,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => MediaKind::Video,
        }
    }

    /// Ticks of its RTP clock in a second (RFC 3551, 7587, 7741, 9628, 6184).
    #[must_use]
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Pcmu | Self::Pcma => 8_000,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => 90_000,
        }
    }

    pub(crate) fn engine(self) -> Engine {
        match self {
            Self::Opus => Engine::Opus,
            Self::Pcmu => Engine::PCMU,
            Self::Pcma => Engine::PCMA,
            Self::Vp8 => Engine::Vp8,
            Self::Vp9 => Engine::Vp9,
            Self::H264 => Engine::H264,
            Self::Av1 => Engine::Av1,
        }
    }

    pub(crate) fn from_engine(codec: Engine) -> Option<Self> {
        const ALL: [Codec; 7] =
            [Codec::Opus, Codec::Pcmu, Codec::Pcma, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];
        ALL.into_iter().find(|known| known.engine() == codec)
    }
}

/// One encoded frame: a picture, or some milliseconds of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What it is encoded with.
    pub codec: Codec,
    /// When it is to be played, counted from the start of the track. Of received samples: from an
    /// instant that the sender chose.
    pub time: Duration,
    /// Whether it can be decoded without those before it. Sound always can.
    pub keyframe: bool,
    /// Whether nothing is missing between it and the one before. Only of interest when received.
    pub contiguous: bool,
    /// The frame itself.
    pub payload: Bytes,
}

impl Sample {
    /// A frame with all that a sender has to say.
    #[must_use]
    pub fn new(codec: Codec, time: Duration, payload: impl Into<Bytes>) -> Self {
        Self { codec, time, keyframe: false, contiguous: true, payload: payload.into() }
    }
}
