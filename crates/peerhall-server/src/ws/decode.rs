//! What a client sends, from bytes to messages, in place.
//!
//! # The contract
//!
//! 1. Present what was read to [`Decoder::decode`]; drop [`consumed`](Decoded::consumed) bytes from
//!    the front; repeat while [`incoming`](Decoded::incoming) holds something.
//! 2. When it holds nothing, more bytes are needed. What was not consumed, at most
//!    [`MAX_TAIL_BYTES`], is kept by the caller and presented again in front of the bytes read next.
//! 3. A text that lies whole in the buffer is borrowed from it: no copy, no allocation.
//! 4. One that does not (cut by the end of the buffer, or fragmented) is consumed as it comes and
//!    gathered by the decoder, so no byte is ever presented twice and a slow sender costs no
//!    more than a fast one. It is handed out owned, and the decoder is small again.
//! 5. What is wrong is reported at the first byte that shows it: a size in the header before its
//!    body, a bad character in a text before the text has ended.
//! 6. After an error or a close every further byte is consumed and ignored.

use std::borrow::Cow;
use std::fmt;

use peerhall_proto::limits::{ENVELOPE_BYTES, MAX_MESSAGE_BYTES};

use self::header::{Header, Opcode};
use super::encode::MAX_CONTROL_BYTES;
use super::mask::Mask;

mod error;
mod header;

pub use self::error::ProtocolError;

/// Most bytes that [`Decoder::decode`] leaves with the caller when it needs more: a control frame of
/// full size that lacks its last byte. A data frame leaves at most an unfinished header of 13 bytes.
pub const MAX_TAIL_BYTES: usize = header::CONTROL_HEADER_BYTES + MAX_CONTROL_BYTES - 1;

/// Bytes that a header alone makes the server set aside. Beyond it memory follows what has arrived,
/// so that a claim of a large frame costs the one who claims it.
const RESERVED_ON_CLAIM: usize = 4 * 1024;

/// What a client may ask of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest message, in bytes of payload, all its fragments together. Default: 69,632
    /// (wire protocol, section 2.1, D3).
    pub max_message: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_message: MAX_MESSAGE_BYTES + ENVELOPE_BYTES }
    }
}

/// One message or control frame from the client. Its `Debug` shows lengths, not contents.
#[derive(Clone, PartialEq, Eq)]
pub enum Incoming<'b> {
    /// A text message.
    Text(Cow<'b, str>),
    /// A binary message.
    Binary(Cow<'b, [u8]>),
    /// A ping, to be answered by a pong with the same payload of at most 125 bytes.
    Ping(&'b [u8]),
    /// A pong, asked for or not.
    Pong(&'b [u8]),
    /// A close, to be answered by [`push_close_reply`](super::encode::push_close_reply). The last
    /// thing a decoder hands out.
    Close {
        /// The client's close code, valid on the wire; `None` when it gave none.
        code: Option<u16>,
        /// The client's words, at most 123 bytes; empty when it gave none.
        reason: &'b str,
    },
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Binary(payload) => write!(f, "Binary({} bytes)", payload.len()),
            Self::Ping(payload) => write!(f, "Ping({} bytes)", payload.len()),
            Self::Pong(payload) => write!(f, "Pong({} bytes)", payload.len()),
            Self::Close { code, reason } => write!(f, "Close({code:?}, {} bytes)", reason.len()),
        }
    }
}

/// The outcome of one [`Decoder::decode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'b> {
    /// Bytes to drop from the front of the buffer before the next call.
    pub consumed: usize,
    /// What the client said; `None` when more bytes are needed for that.
    pub incoming: Option<Incoming<'b>>,
}

impl Decoded<'_> {
    const fn need_more(consumed: usize) -> Self {
        Self { consumed, incoming: None }
    }
}

/// The reading half of one WebSocket connection. 16 bytes while no message is under way.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The message that is being gathered.
    message: Option<Box<Message>>,
    /// Whether the client has closed or broken the protocol.
    finished: bool,
}

impl Decoder {
    /// A decoder for a connection whose first frame is still to come.
    #[must_use]
    pub const fn new() -> Self {
        Self { message: None, finished: false }
    }

    /// Reads the front of `buf` up to the next message or control frame. The module's page has the
    /// contract. `limits` may change from call to call.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] when the client broke a rule: close with its
    /// [`close_code`](ProtocolError::close_code) and read no further.
    pub fn decode<'b>(&mut self, buf: &'b mut [u8], limits: Limits) -> Result<Decoded<'b>, ProtocolError> {
        if self.finished {
            return Ok(Decoded::need_more(buf.len()));
        }
        let decoded = self.next(buf, limits);
        if matches!(&decoded, Err(_) | Ok(Decoded { incoming: Some(Incoming::Close { .. }), .. })) {
            *self = Self { message: None, finished: true };
        }
        decoded
    }

    /// Whether the client has begun a data message and not ended it. A caller that bounds how long a
    /// message may take watches this.
    #[must_use]
    pub const fn is_mid_message(&self) -> bool {
        self.message.is_some()
    }

    fn next<'b>(&mut self, buf: &'b mut [u8], limits: Limits) -> Result<Decoded<'b>, ProtocolError> {
        let presented = buf.len();
        let mut rest = buf;
        loop {
            if let Some(message) = &mut self.message {
                rest = message.absorb(rest)?;
                if message.remaining > 0 {
                    return Ok(Decoded::need_more(presented));
                }
            }
            if let Some(message) = self.message.take_if(|message| message.last_frame) {
                let incoming = Some(message.into_incoming()?);
                return Ok(Decoded { consumed: presented - rest.len(), incoming });
            }

            let gathered = self.message.as_ref().map(|message| message.data.len());
            let Some(header) = Header::parse(rest, gathered, limits)? else {
                return Ok(Decoded::need_more(presented - rest.len()));
            };
            let is_whole = header.frame_len() <= rest.len();
            if header.opcode.is_control() && !is_whole {
                return Ok(Decoded::need_more(presented - rest.len()));
            }
            if header.is_message() && is_whole {
                let consumed = presented - rest.len() + header.frame_len();
                return Ok(Decoded { consumed, incoming: Some(header.into_incoming(rest)?) });
            }

            (_, rest) = rest.split_at_mut(header.len);
            match &mut self.message {
                Some(message) => message.open(&header),
                None => self.message = Some(Box::new(Message::new(&header))),
            }
        }
    }
}

impl Header {
    /// Whether the frame stands for itself: a control frame or a message of one frame.
    fn is_message(&self) -> bool {
        self.fin && self.opcode != Opcode::Continuation
    }

    /// Reads the payload of a frame that lies whole at the front of `frame`.
    fn into_incoming(mut self, frame: &mut [u8]) -> Result<Incoming<'_>, ProtocolError> {
        let payload = frame.get_mut(self.len..self.frame_len()).unwrap_or_default();
        self.mask.apply(payload);
        let payload: &[u8] = payload;
        match self.opcode {
            Opcode::Text => Ok(Incoming::Text(Cow::Borrowed(as_text(payload)?))),
            Opcode::Binary | Opcode::Continuation => Ok(Incoming::Binary(Cow::Borrowed(payload))),
            Opcode::Ping => Ok(Incoming::Ping(payload)),
            Opcode::Pong => Ok(Incoming::Pong(payload)),
            Opcode::Close => close(payload),
        }
    }
}

fn as_text(payload: &[u8]) -> Result<&str, ProtocolError> {
    str::from_utf8(payload).map_err(|_| ProtocolError::InvalidUtf8)
}

/// Reads the body of a close frame (RFC 6455, sections 5.5.1 and 7.4).
fn close(payload: &[u8]) -> Result<Incoming<'_>, ProtocolError> {
    match payload.split_first_chunk() {
        Some((code, reason)) => {
            let code = u16::from_be_bytes(*code);
            if !may_be_sent(code) {
                return Err(ProtocolError::InvalidCloseCode { code });
            }
            Ok(Incoming::Close { code: Some(code), reason: as_text(reason)? })
        }
        None if payload.is_empty() => Ok(Incoming::Close { code: None, reason: "" }),
        None => Err(ProtocolError::TruncatedCloseCode),
    }
}

/// Whether a close code may stand on the wire: those of RFC 6455 and its registry that are not made
/// up locally, and the ranges of libraries (3000) and applications (4000).
const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// A data message that does not lie whole in one buffer.
struct Message {
    kind: Kind,
    /// The payload so far, unmasked.
    data: Vec<u8>,
    /// Masking of the frame under way.
    mask: Mask,
    /// Payload bytes that the frame under way still lacks; 0 between two frames.
    remaining: usize,
    /// Whether the frame under way ends the message.
    last_frame: bool,
}

enum Kind {
    Text {
        /// How much of the data is known to be whole characters.
        checked: usize,
    },
    Binary,
}

impl Message {
    fn new(header: &Header) -> Self {
        let kind = match header.opcode {
            Opcode::Text => Kind::Text { checked: 0 },
            Opcode::Binary | Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => {
                Kind::Binary
            }
        };
        let mut message = Self { kind, data: Vec::new(), mask: header.mask, remaining: 0, last_frame: false };
        message.open(header);
        message
    }

    /// Starts the message's next frame.
    fn open(&mut self, header: &Header) {
        self.data.reserve(header.payload.min(RESERVED_ON_CLAIM));
        self.mask = header.mask;
        self.remaining = header.payload;
        self.last_frame = header.fin;
    }

    /// Takes what belongs to the frame under way from the front of `bytes` and returns the rest.
    fn absorb<'b>(&mut self, bytes: &'b mut [u8]) -> Result<&'b mut [u8], ProtocolError> {
        let (piece, rest) = bytes.split_at_mut(self.remaining.min(bytes.len()));
        self.mask.apply(piece);
        self.data.extend_from_slice(piece);
        self.remaining -= piece.len();
        self.check_text()?;
        Ok(rest)
    }

    /// Fails at the first byte that no text can have there; a character may lack its end.
    fn check_text(&mut self) -> Result<(), ProtocolError> {
        let Kind::Text { checked } = &mut self.kind else { return Ok(()) };
        match str::from_utf8(self.data.get(*checked..).unwrap_or_default()) {
            Ok(fresh) => *checked += fresh.len(),
            Err(cut) if cut.error_len().is_none() => *checked += cut.valid_up_to(),
            Err(_) => return Err(ProtocolError::InvalidUtf8),
        }
        Ok(())
    }

    fn into_incoming(self) -> Result<Incoming<'static>, ProtocolError> {
        match self.kind {
            Kind::Text { .. } => String::from_utf8(self.data)
                .map(|text| Incoming::Text(Cow::Owned(text)))
                .map_err(|_| ProtocolError::InvalidUtf8),
            Kind::Binary => Ok(Incoming::Binary(Cow::Owned(self.data))),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes, {} of the frame to come)", self.data.len(), self.remaining)
    }
}

#[cfg(test)]
mod tests;
