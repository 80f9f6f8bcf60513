//! Frames as the server writes them: never fragmented, never masked (RFC 6455, section 5.1).
//!
//! Every function appends to `out`, so that frames which wait together can be written together.

use peerhall_proto::limits::MAX_CLOSE_REASON_BYTES;

/// Longest header of a frame that the server sends, in bytes.
pub const MAX_HEADER_BYTES: usize = 10;

/// Largest payload of a ping, pong or close, in bytes (RFC 6455, section 5.5).
pub const MAX_CONTROL_BYTES: usize = 125;

/// FIN, which every frame of the server has, together with the opcode.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Bytes that the header of an unmasked frame takes in front of `payload_len` bytes of payload:
/// 2, 4 or 10.
#[must_use]
pub const fn header_len(payload_len: usize) -> usize {
    match payload_len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => MAX_HEADER_BYTES,
    }
}

/// Appends the header of a text frame whose payload of `payload_len` bytes of UTF-8 the caller
/// appends next.
pub fn push_text_header(out: &mut Vec<u8>, payload_len: usize) {
    push_header(out, TEXT, payload_len);
}

/// Appends a text frame.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    push_frame(out, TEXT, text.as_bytes());
}

/// Appends a binary frame. The Peerhall wire has none; conformance suites ask for their echo.
pub fn push_binary(out: &mut Vec<u8>, payload: &[u8]) {
    push_frame(out, BINARY, payload);
}

/// Appends a ping. `payload` is cut to [`MAX_CONTROL_BYTES`].
pub fn push_ping(out: &mut Vec<u8>, payload: &[u8]) {
    push_control(out, PING, payload);
}

/// Appends a pong; as the answer to a ping it carries that ping's `payload`. Cut to
/// [`MAX_CONTROL_BYTES`], which no ping that was decoded exceeds.
pub fn push_pong(out: &mut Vec<u8>, payload: &[u8]) {
    push_control(out, PONG, payload);
}

/// Appends a close. `reason` is cut at a character boundary to at most 123 bytes.
///
/// `code` is one that may stand on the wire: not 1004, 1005, 1006 or 1015 (RFC 6455, section 7.4.1).
pub fn push_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let cut = reason.floor_char_boundary(MAX_CLOSE_REASON_BYTES);
    let reason = reason.get(..cut).unwrap_or_default();
    push_header(out, CLOSE, 2 + reason.len());
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

/// Appends the answer to a close that the client sent: the same code, or an empty close when it gave
/// none (RFC 6455, section 5.5.1).
pub fn push_close_reply(out: &mut Vec<u8>, code: Option<u16>) {
    match code {
        Some(code) => push_close(out, code, ""),
        None => push_header(out, CLOSE, 0),
    }
}

fn push_control(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    push_frame(out, first, payload.get(..MAX_CONTROL_BYTES).unwrap_or(payload));
}

fn push_frame(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    out.reserve(header_len(payload.len()) + payload.len());
    push_header(out, first, payload.len());
    out.extend_from_slice(payload);
}

fn push_header(out: &mut Vec<u8>, first: u8, payload_len: usize) {
    out.push(first);
    match (u8::try_from(payload_len), u16::try_from(payload_len)) {
        (Ok(short @ 0..=125), _) => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(127);
            // A slice is never longer than isize::MAX, so this is no loss on any target.
            out.extend_from_slice(&(payload_len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
