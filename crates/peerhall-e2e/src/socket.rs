//! WebSocket frames as bytes (RFC 6455, section 5.2), written from the RFC and not with the server's own
//! codec, so that a mistake there is not made here as well.

use std::io;

/// Kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// A further piece of a message.
    Continuation = 0,
    /// A text message, or its first piece.
    Text = 1,
    /// A binary message, or its first piece.
    Binary = 2,
    /// The last frame.
    Close = 8,
    /// Wants a pong with the same payload.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

/// One frame of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// Its kind.
    pub opcode: Opcode,
    /// Its payload.
    pub payload: Vec<u8>,
}

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One masked frame, as clients send them. `fin` marks the last piece of a message.
#[must_use]
pub fn masked(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(fin, opcode, payload.len(), true);
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// One frame without a mask, which no client may send.
#[must_use]
pub fn unmasked(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(true, opcode, payload.len(), false);
    frame.extend(payload);
    frame
}

/// The beginning of a frame that announces `length` bytes of payload.
#[must_use]
pub fn head(fin: bool, opcode: Opcode, length: usize, mask: bool) -> Vec<u8> {
    let mut head = vec![u8::from(fin) << 7 | opcode as u8];
    let mask = u8::from(mask) << 7;
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => head.push(mask | short),
        (_, Ok(middle)) => {
            head.push(mask | 126);
            head.extend(middle.to_be_bytes());
        }
        (_, Err(_)) => {
            head.push(mask | 127);
            head.extend((length as u64).to_be_bytes());
        }
    }
    head
}

/// Takes one frame off the front of `bytes`. `None` until it is complete.
///
/// # Errors
///
/// Whatever breaks RFC 6455 for a server that has agreed to no extension: reserved bits, unknown
/// opcodes, masks, pieces.
pub fn take(bytes: &mut Vec<u8>) -> io::Result<Option<RawFrame>> {
    let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what.to_owned()));
    let (&[first, second], rest) = match bytes.split_first_chunk::<2>() {
        Some(parts) => parts,
        None => return Ok(None),
    };
    let opcode = match first {
        0x81 => Opcode::Text,
        0x82 => Opcode::Binary,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        _ => return wrong(&format!("the server sent a frame that begins with {first:#04x}")),
    };
    if second & 0x80 != 0 {
        return wrong("the server masked a frame");
    }
    let (length, head) = match second {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (usize::from(u16::from_be_bytes(*length)), 4),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX), 10),
            None => return Ok(None),
        },
        short => (usize::from(short), 2),
    };
    let end = head + length;
    let Some(payload) = bytes.get(head..end).map(<[u8]>::to_vec) else { return Ok(None) };
    bytes.drain(..end);
    Ok(Some(RawFrame { opcode, payload }))
}
