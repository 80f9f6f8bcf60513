//! The frame that announces a message, and for a small one is all of it.

use bytes::Bytes;

use super::read::{Reader, flags};
use super::{ContentId, FrameError, Kind, MAX_INFO_BYTES, PROOF_BYTES, Proof, START, head};

/// Bytes of a `start` frame without its info, content id, proof and first bytes.
const START_BYTES: usize = 1 + 4 + 1 + 1 + 8 + 2;

const TOTAL_KNOWN: u8 = 1;
const HAS_CONTENT: u8 = 1 << 1;
const ASKS_PLACE: u8 = 1 << 2;
const AGAIN: u8 = 1 << 3;
const WHOLE: u8 = 1 << 4;
const ALL_FLAGS: u8 = TOTAL_KNOWN | HAS_CONTENT | ASKS_PLACE | AGAIN | WHOLE;

/// The first frame of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The message's number, which the sender chooses; larger than that of any before.
    pub transfer: u32,
    /// What it is.
    pub kind: Kind,
    /// Bytes, when known.
    pub total: Option<u64>,
    /// What it is a copy of, when the sender knows.
    pub content: Option<ContentId>,
    /// Whether the sender waits for `place` before it goes on.
    pub asks_place: bool,
    /// Whether it was sent before, on a connection that is gone.
    pub again: bool,
    /// What goes along with it.
    pub info: Bytes,
    /// What the receiver must find, when the first bytes are all: no `end` follows then.
    pub whole: Option<Proof>,
    /// The first bytes.
    pub first: Bytes,
}

impl Start {
    /// Bytes of the message that fit into a frame of at most `chunk` bytes besides the info and a proof.
    pub(crate) fn room(chunk: usize, info: usize) -> usize {
        chunk.saturating_sub(Self::bytes(info, 0))
    }

    /// Bytes of the frame that is a whole message without a content id.
    pub(crate) fn bytes(info: usize, message: usize) -> usize {
        START_BYTES + PROOF_BYTES + info + message
    }

    /// The length of the frame that a message begins with, if that says so: the first bytes are all, and their
    /// number is known.
    pub(super) fn length(message: Bytes) -> Option<usize> {
        let mut reader = Reader::of(message);
        let _ = reader.bytes(1 + 4 + 1).ok()?;
        let flags = reader.u8().ok()?;
        if flags & (TOTAL_KNOWN | WHOLE) != TOTAL_KNOWN | WHOLE {
            return None;
        }
        let total = usize::try_from(reader.u64().ok()?).ok()?;
        let info = usize::from(reader.u16().ok()?);
        let content = if flags & HAS_CONTENT == 0 { 0 } else { PROOF_BYTES };
        total.checked_add(START_BYTES + PROOF_BYTES + info + content)
    }

    pub(super) fn read(transfer: u32, reader: &mut Reader) -> Result<Self, FrameError> {
        let kind = Kind::of(reader.u8()?)?;
        let flags = reader.u8()?;
        if flags & !ALL_FLAGS != 0 {
            return Err(FrameError::UnknownValue(flags));
        }
        let total = reader.u64()?;
        if flags & TOTAL_KNOWN == 0 && total != 0 {
            return Err(FrameError::Long);
        }
        let info = usize::from(reader.u16()?);
        if info > MAX_INFO_BYTES {
            return Err(FrameError::Long);
        }
        let info = reader.bytes(info)?;
        let content = if flags & HAS_CONTENT == 0 { None } else { Some(ContentId(reader.array::<32>()?)) };
        Ok(Self {
            transfer,
            kind,
            total: (flags & TOTAL_KNOWN != 0).then_some(total),
            content,
            asks_place: flags & ASKS_PLACE != 0,
            again: flags & AGAIN != 0,
            whole: if flags & WHOLE == 0 { None } else { Some(Proof(reader.array()?)) },
            info,
            first: reader.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.reserve_exact(96 + self.info.len() + self.first.len());
        head(out, START, self.transfer);
        let flags = flags([
            (self.total.is_some(), TOTAL_KNOWN),
            (self.content.is_some(), HAS_CONTENT),
            (self.asks_place, ASKS_PLACE),
            (self.again, AGAIN),
            (self.whole.is_some(), WHOLE),
        ]);
        out.extend_from_slice(&[self.kind.code(), flags]);
        out.extend_from_slice(&self.total.unwrap_or(0).to_be_bytes());
        let info = u16::try_from(self.info.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&info.to_be_bytes());
        out.extend_from_slice(&self.info);
        if let Some(content) = &self.content {
            out.extend_from_slice(&content.0);
        }
        if let Some(proof) = &self.whole {
            out.extend_from_slice(&proof.0);
        }
        out.extend_from_slice(&self.first);
    }
}
