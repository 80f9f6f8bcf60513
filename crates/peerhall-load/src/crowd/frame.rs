//! WebSocket frames, the client's side: masked on the way out, bare on the way in.

use std::ops::Range;

/// FIN and opcode of what a client sends.
pub(super) const TEXT: u8 = 0x81;
/// FIN and opcode of a binary message.
pub(super) const BINARY: u8 = 0x82;
/// FIN and opcode of a close.
pub(super) const CLOSE: u8 = 0x88;
/// FIN and opcode of a ping.
pub(super) const PING: u8 = 0x89;
/// FIN and opcode of a pong.
pub(super) const PONG: u8 = 0x8a;

/// Close code of an ordinary end (RFC 6455, section 7.4.1).
pub(super) const NORMAL: u16 = 1000;
/// Largest payload of a ping, pong or close (RFC 6455, section 5.5).
pub(super) const MAX_CONTROL_BYTES: usize = 125;

/// Largest frame that is believed. Whatever a server has to say is shorter.
const MAX_PAYLOAD_BYTES: u64 = 256 << 20;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// A frame that is complete, by where its payload stands in the bytes it was found in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Whether its message ends with it.
    pub(super) last: bool,
    pub(super) payload: Range<usize>,
}

/// Appends a masked frame. `head` is FIN and opcode; `mask` may be any number.
pub(super) fn push(out: &mut Vec<u8>, head: u8, payload: &[u8], mask: u32) {
    out.push(head);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => out.push(MASKED | short),
        (_, Ok(medium)) => {
            out.push(MASKED | 126);
            out.extend(medium.to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    let mask = mask.to_be_bytes();
    out.extend(mask);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    out.reserve(payload.len());
    let (words, rest) = payload.as_chunks::<8>();
    for word in words {
        out.extend_from_slice(&(u64::from_ne_bytes(*word) ^ wide).to_ne_bytes());
    }
    out.extend(rest.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// The frame that `bytes` begin with; `None` while it is incomplete.
pub(super) fn next(bytes: &[u8]) -> Result<Option<Frame>, &'static str> {
    let Some((&[first, second], rest)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
    if first & RESERVED != 0 {
        return Err("the server set a reserved bit");
    }
    if second & MASKED != 0 {
        return Err("the server masked a frame");
    }
    let kind = match first & OPCODE {
        0 => Kind::Continuation,
        1 => Kind::Text,
        2 => Kind::Binary,
        8 => Kind::Close,
        9 => Kind::Ping,
        10 => Kind::Pong,
        _ => return Err("the server used a reserved opcode"),
    };
    let (start, length) = match second {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (4, u64::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (10, u64::from_be_bytes(*length)),
            None => return Ok(None),
        },
        short => (2, u64::from(short)),
    };
    if length > MAX_PAYLOAD_BYTES {
        return Err("the server announced a frame of more than 256 MiB");
    }
    let end = start + usize::try_from(length).unwrap_or(usize::MAX - start);
    let complete = bytes.len() >= end;
    Ok(complete.then_some(Frame { kind, last: first & FIN != 0, payload: start..end }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_every_size_class_is_unmasked_by_the_definition_of_the_rfc() {
        for length in [0, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut out = Vec::new();
            push(&mut out, TEXT, &payload, 0x37fa_213d);
            let header = out.len() - length - 4;
            let (mask, body) = out[header..].split_at(4);
            let back: Vec<u8> = body.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
            assert_eq!(back, payload, "{length} bytes");
            assert_eq!(
                header,
                if length < 126 {
                    2
                } else if length < 65_536 {
                    4
                } else {
                    10
                }
            );
        }
    }

    #[test]
    fn a_frame_is_found_only_when_its_last_byte_is_there() {
        let mut bytes = vec![0x81, 126, 0, 200];
        bytes.extend([b'x'; 200]);
        for cut in 0..bytes.len() {
            assert_eq!(next(&bytes[..cut]), Ok(None), "{cut} bytes");
        }
        assert_eq!(next(&bytes), Ok(Some(Frame { kind: Kind::Text, last: true, payload: 4..204 })));
    }

    #[test]
    fn what_a_server_must_not_send_is_named() {
        for bytes in [[0xc1, 0], [0x81, 0x80], [0x83, 0]] {
            assert!(next(&bytes).is_err(), "{bytes:?}");
        }
        let mut endless = vec![0x82, 127];
        endless.extend(u64::MAX.to_be_bytes());
        assert!(next(&endless).is_err());
    }
}
