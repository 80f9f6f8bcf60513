//! What travels on a labelled channel (labelled-peer, section 7.4, with what docs/protocol-additions.md
//! adds): binary, the first byte says what it is, integers big-endian, at most 65,535 bytes a message.
//!
//! Reading is strict: what is too short, too long or unknown is an error, and nothing is guessed.

pub mod control;
pub(crate) mod read;
mod start;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;

use read::{Reader, cut};
pub use start::Start;

/// Largest message that is read, in bytes: what the records of the way through the server can carry, and every browser's
/// data channel. Section 7.4 has 16,384, which is what goes out unless a driver wants more at a time
/// ([`Config::chunk`](crate::Config::chunk)).
pub const MAX_MESSAGE_BYTES: usize = 65_535;

/// Largest info, in bytes (section 7.4).
pub const MAX_INFO_BYTES: usize = 8 * 1024;

/// Longest reason, in bytes; a longer one is cut.
pub const MAX_REASON_BYTES: usize = 256;

/// Bytes of a `data` frame besides those that it carries.
pub(crate) const DATA_HEAD: usize = 1 + 4;

const START: u8 = 1;
const DATA: u8 = 2;
const END: u8 = 3;
const ABORT: u8 = 4;
const CREDIT: u8 = 5;
const RECEIVED: u8 = 6;
const CANCEL: u8 = 7;
const PLACE: u8 = 8;

/// Bytes of a proof, and of a content id.
const PROOF_BYTES: usize = 32;

/// Bytes of a `received` frame.
const RECEIVED_BYTES: usize = 1 + 4 + 8 + PROOF_BYTES;

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It ends too early.
    #[error("it ends too early")]
    Short,
    /// It goes on after its end, or a field is longer than allowed.
    #[error("it is too long")]
    Long,
    /// Its kind is not known.
    #[error("kind {0} is not known")]
    UnknownKind(u8),
    /// A field has a value that is not known.
    #[error("a field has the unknown value {0}")]
    UnknownValue(u8),
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    NotText,
}

/// What a message was before it became bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text.
    Text,
    /// A JSON value.
    Json,
    /// A blob or file.
    Blob,
    /// Bytes.
    Bytes,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Json => 2,
            Self::Blob => 3,
            Self::Bytes => 4,
        }
    }

    const fn of(code: u8) -> Result<Self, FrameError> {
        match code {
            1 => Ok(Self::Text),
            2 => Ok(Self::Json),
            3 => Ok(Self::Blob),
            4 => Ok(Self::Bytes),
            other => Err(FrameError::UnknownValue(other)),
        }
    }
}

/// Why a side gives a transfer up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The application wants it.
    Application,
    /// Nothing moved for too long.
    Stalled,
    /// What arrived is not what was sent.
    Proof,
    /// It is too large, or one too many.
    Limit,
    /// The channel or the session is closed.
    Closed,
    /// The sender cannot begin anew.
    Reset,
    /// One that this build does not know.
    Other(u8),
}

impl Code {
    const fn byte(self) -> u8 {
        match self {
            Self::Application => 0,
            Self::Stalled => 1,
            Self::Proof => 2,
            Self::Limit => 3,
            Self::Closed => 4,
            Self::Reset => 5,
            Self::Other(byte) => byte,
        }
    }

    const fn of(byte: u8) -> Self {
        match byte {
            0 => Self::Application,
            1 => Self::Stalled,
            2 => Self::Proof,
            3 => Self::Limit,
            4 => Self::Closed,
            5 => Self::Reset,
            other => Self::Other(other),
        }
    }
}

/// BLAKE3 of a whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Proof(pub [u8; 32]);

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a message is a copy of: the same id, the same bytes, by the word of the sender. A receiver that
/// has a part of it asks for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentId(pub [u8; 32]);

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Proof(self.0).fmt(f)
    }
}

/// One message of a labelled channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Sender: a message begins.
    Start(Start),
    /// Sender: bytes; none say that the sender is still there.
    Data {
        /// Of this message.
        transfer: u32,
        /// The bytes.
        bytes: Bytes,
    },
    /// Sender: that was all.
    End {
        /// Of this message.
        transfer: u32,
        /// What the receiver must find.
        proof: Proof,
    },
    /// Sender: no more comes.
    Abort {
        /// Of this message.
        transfer: u32,
        /// Why.
        code: Code,
        /// In words.
        reason: String,
    },
    /// Receiver: the application has read so many more bytes.
    Credit {
        /// Of this message.
        transfer: u32,
        /// Bytes.
        bytes: u32,
    },
    /// Receiver: the application has the whole message.
    Received {
        /// This one.
        transfer: u32,
        /// Bytes of it.
        bytes: u64,
        /// What the receiver found.
        proof: Proof,
    },
    /// Receiver: no more is wanted.
    Cancel {
        /// Of this message.
        transfer: u32,
        /// Why.
        code: Code,
        /// In words.
        reason: String,
    },
    /// Receiver: go on there.
    Place {
        /// With this message.
        transfer: u32,
        /// After so many bytes, which the receiver has.
        offset: u64,
        /// So many of them the application has not read.
        unread: u32,
    },
}

impl Frame {
    /// The frames of a message: what tells its own length may be followed by another.
    pub(crate) fn split(message: Bytes) -> impl Iterator<Item = Bytes> {
        let mut rest = Some(message);
        std::iter::from_fn(move || {
            let mut frame = rest.take()?;
            let length = match frame.first() {
                Some(&RECEIVED) => Some(RECEIVED_BYTES),
                Some(&START) => Start::length(frame.clone()),
                _ => None,
            };
            if let Some(length) = length.filter(|length| *length < frame.len()) {
                rest = Some(frame.split_off(length));
            }
            Some(frame)
        })
    }

    /// Reads one frame.
    ///
    /// # Errors
    ///
    /// [`FrameError`] for what is not exactly one frame.
    pub fn decode(message: Bytes) -> Result<Self, FrameError> {
        let mut reader = Reader::new(message)?;
        let kind = reader.u8()?;
        let transfer = match kind {
            START..=PLACE => reader.u32()?,
            other => return Err(FrameError::UnknownKind(other)),
        };
        let frame = match kind {
            START => Self::Start(Start::read(transfer, &mut reader)?),
            DATA => Self::Data { transfer, bytes: reader.rest() },
            END => Self::End { transfer, proof: Proof(reader.array()?) },
            ABORT => {
                let (code, reason) = read_reason(&mut reader)?;
                Self::Abort { transfer, code, reason }
            }
            CREDIT => Self::Credit { transfer, bytes: reader.u32()? },
            RECEIVED => Self::Received { transfer, bytes: reader.u64()?, proof: Proof(reader.array()?) },
            CANCEL => {
                let (code, reason) = read_reason(&mut reader)?;
                Self::Cancel { transfer, code, reason }
            }
            _ => Self::Place { transfer, offset: reader.u64()?, unread: reader.u32()? },
        };
        reader.end()?;
        Ok(frame)
    }

    /// Writes one message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        self.write(&mut out);
        out.into()
    }

    /// Writes one frame behind those that are there.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Start(start) => start.write(out),
            Self::Data { transfer, bytes } => {
                out.reserve_exact(5 + bytes.len());
                head(out, DATA, *transfer);
                out.extend_from_slice(bytes);
            }
            Self::End { transfer, proof } => {
                head(out, END, *transfer);
                out.extend_from_slice(&proof.0);
            }
            Self::Abort { transfer, code, reason } => {
                head(out, ABORT, *transfer);
                write_reason(out, *code, reason);
            }
            Self::Credit { transfer, bytes } => {
                head(out, CREDIT, *transfer);
                out.extend_from_slice(&bytes.to_be_bytes());
            }
            Self::Received { transfer, bytes, proof } => {
                out.reserve(RECEIVED_BYTES);
                head(out, RECEIVED, *transfer);
                out.extend_from_slice(&bytes.to_be_bytes());
                out.extend_from_slice(&proof.0);
            }
            Self::Cancel { transfer, code, reason } => {
                head(out, CANCEL, *transfer);
                write_reason(out, *code, reason);
            }
            Self::Place { transfer, offset, unread } => {
                head(out, PLACE, *transfer);
                out.extend_from_slice(&offset.to_be_bytes());
                out.extend_from_slice(&unread.to_be_bytes());
            }
        }
    }

    /// Whether another frame may follow it in the same message.
    pub(crate) fn tells_length(&self) -> bool {
        match self {
            Self::Received { .. } => true,
            Self::Start(start) => {
                let first = u64::try_from(start.first.len()).ok();
                start.whole.is_some() && start.total.is_some() && start.total == first
            }
            Self::Data { .. }
            | Self::End { .. }
            | Self::Abort { .. }
            | Self::Credit { .. }
            | Self::Cancel { .. }
            | Self::Place { .. } => false,
        }
    }
}

fn head(out: &mut Vec<u8>, kind: u8, transfer: u32) {
    out.push(kind);
    out.extend_from_slice(&transfer.to_be_bytes());
}

fn read_reason(reader: &mut Reader) -> Result<(Code, String), FrameError> {
    Ok((Code::of(reader.u8()?), reader.rest_as_text(MAX_REASON_BYTES)?))
}

fn write_reason(out: &mut Vec<u8>, code: Code, reason: &str) {
    out.push(code.byte());
    out.extend_from_slice(cut(reason, MAX_REASON_BYTES).as_bytes());
}
