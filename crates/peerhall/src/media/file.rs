//! What can go wrong with media files, and the forms that they have.

use std::io;

use peerhall_rtc::Codec;

/// A media file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaFileError {
    /// The file cannot be opened, read or written.
    #[error("the media file cannot be used: {0}")]
    Io(#[from] io::Error),
    /// The file is neither IVF nor Ogg, or is damaged.
    #[error("the media file is no IVF with VP8, VP9 or AV1, and no Ogg with Opus")]
    Format,
    /// The track carries something else.
    #[error("the file holds {file:?}, the track carries {track:?}")]
    OtherCodec {
        /// What the file holds.
        file: Codec,
        /// What the track carries.
        track: Codec,
    },
    /// The track was stopped while the file was played.
    #[error("the track was stopped")]
    Stopped,
    /// Nothing is written in this form.
    #[error("there is no file form for {0:?}")]
    NoForm(Codec),
}

/// Codecs of IVF files, by their four letters.
pub(super) const IVF: [(&[u8; 4], Codec); 3] =
    [(b"VP80", Codec::Vp8), (b"VP90", Codec::Vp9), (b"AV01", Codec::Av1)];

/// Bytes of the head of an IVF file.
pub(super) const IVF_HEAD: usize = 32;

/// Bytes before each frame of an IVF file.
pub(super) const IVF_FRAME_HEAD: usize = 12;

/// Ticks of Opus in a second (RFC 7845, section 4).
pub(super) const OPUS_RATE: u64 = 48_000;
