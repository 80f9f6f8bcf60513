//! The header of a client's frame (RFC 6455, section 5.2).

use super::error::ProtocolError;
use super::{Limits, MAX_CONTROL_BYTES};
use crate::ws::mask::Mask;

/// Bytes of a masked control frame's header: two and the key.
pub(super) const CONTROL_HEADER_BYTES: usize = 6;

const FIN: u8 = 0x80;
const RESERVED_BITS: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const fn from_bits(opcode: u8) -> Result<Self, ProtocolError> {
        match opcode {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xa => Ok(Self::Pong),
            opcode => Err(ProtocolError::ReservedOpcode { opcode }),
        }
    }

    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A header that is complete, allowed where it stands, and within the limits.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: Mask,
    /// Bytes of the header itself.
    pub(super) len: usize,
    /// Bytes of payload behind it.
    pub(super) payload: usize,
}

impl Header {
    /// Reads the header at the front of `bytes`; `None` when its end has not arrived.
    ///
    /// `gathered` is the payload that the message under way has so far, `None` between messages.
    /// Every rule is checked as soon as the bytes it needs are there.
    pub(super) fn parse(
        bytes: &[u8],
        gathered: Option<usize>,
        limits: Limits,
    ) -> Result<Option<Self>, ProtocolError> {
        let Some((&[first], rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let (fin, opcode) = read_first(first, gathered.is_some())?;

        let Some((&[second], rest)) = rest.split_first_chunk() else { return Ok(None) };
        if second & MASKED == 0 {
            return Err(ProtocolError::Unmasked);
        }
        let short = second & !MASKED;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL_BYTES {
            return Err(ProtocolError::ControlTooLong);
        }

        let Some((claimed, rest)) = read_length(short, rest)? else { return Ok(None) };
        let payload = if opcode.is_control() {
            usize::from(short)
        } else {
            within_limit(claimed, gathered.unwrap_or_default(), limits)?
        };
        let Some((&key, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let len = bytes.len() - rest.len();
        Ok(Some(Self { fin, opcode, mask: Mask::new(key), len, payload }))
    }

    /// Bytes of the whole frame.
    pub(super) const fn frame_len(&self) -> usize {
        self.len.saturating_add(self.payload)
    }
}

fn read_first(first: u8, in_message: bool) -> Result<(bool, Opcode), ProtocolError> {
    if first & RESERVED_BITS != 0 {
        return Err(ProtocolError::ReservedBits);
    }
    let fin = first & FIN != 0;
    let opcode = Opcode::from_bits(first & OPCODE)?;
    match opcode {
        Opcode::Close | Opcode::Ping | Opcode::Pong if !fin => Err(ProtocolError::ControlFragmented),
        Opcode::Continuation if !in_message => Err(ProtocolError::NothingToContinue),
        Opcode::Text | Opcode::Binary if in_message => Err(ProtocolError::MessageInterrupted),
        Opcode::Continuation
        | Opcode::Text
        | Opcode::Binary
        | Opcode::Close
        | Opcode::Ping
        | Opcode::Pong => Ok((fin, opcode)),
    }
}

/// Reads the extended length, where `short` says there is one, and returns what follows it.
fn read_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ProtocolError> {
    match short {
        126 => {
            let Some((&medium, rest)) = rest.split_first_chunk() else { return Ok(None) };
            match u16::from_be_bytes(medium) {
                0..=125 => Err(ProtocolError::LengthNotMinimal),
                length => Ok(Some((length.into(), rest))),
            }
        }
        127 => {
            let Some((&long, rest)) = rest.split_first_chunk() else { return Ok(None) };
            match u64::from_be_bytes(long) {
                0..=0xffff => Err(ProtocolError::LengthNotMinimal),
                length if length > i64::MAX as u64 => Err(ProtocolError::LengthOutOfRange),
                length => Ok(Some((length, rest))),
            }
        }
        short => Ok(Some((short.into(), rest))),
    }
}

fn within_limit(claimed: u64, gathered: usize, limits: Limits) -> Result<usize, ProtocolError> {
    let limit = limits.max_message;
    let bytes = claimed.saturating_add(gathered as u64);
    match usize::try_from(claimed) {
        Ok(payload) if bytes <= limit as u64 => Ok(payload),
        Ok(_) | Err(_) => Err(ProtocolError::TooLarge { bytes, limit }),
    }
}
