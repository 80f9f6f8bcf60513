//! WebSocket frames of a client: what one read gives, any split into reads gives, and another decoder
//! gives.
//!
//! Input: one byte that chooses the size limit, one that chooses the split, then the stream.

use std::io::{self, Cursor, Read, Write};

use peerhall_server::ws::decode::{Decoded, Decoder, Incoming, Limits, MAX_TAIL_BYTES, ProtocolError};
use tungstenite::Message;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

use crate::bytes::{Bytes, pieces};

/// Something a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Broke(ProtocolError),
}

/// Tries one input.
///
/// # Panics
///
/// When two ways of reading the same stream differ, or the decoder breaks its contract.
pub fn run(data: &[u8]) {
    let mut input = Bytes(data);
    let limit = [16, 125, 126, 1_000, 69_632][usize::from(input.byte()) % 5];
    let seed = input.byte();
    let stream = input.0;

    let whole = read(std::iter::once(stream), limit);
    assert_eq!(whole, read(pieces(stream, seed), limit), "split by {seed}");
    assert_eq!(whole, read(pieces(stream, 0), limit), "split into bytes");
    compare_with_another(&whole, stream, limit);
}

fn read<'a>(reads: impl Iterator<Item = &'a [u8]>, limit: usize) -> Vec<Said> {
    let mut decoder = Decoder::new();
    let mut said = Vec::new();
    let mut tail: Vec<u8> = Vec::new();
    for read in reads {
        tail.extend_from_slice(read);
        while let Some(next) = step(&mut decoder, &mut tail, limit) {
            said.push(next);
            if matches!(said.last(), Some(Said::Broke(_) | Said::Close(..))) {
                break;
            }
        }
        assert!(tail.len() <= MAX_TAIL_BYTES || ended(&said), "{} bytes are left over", tail.len());
    }
    if ended(&said) {
        let mut more = *b"\x81\x80abcd";
        let Ok(Decoded { consumed: 6, incoming: None }) = decoder.decode(&mut more, limits(limit)) else {
            panic!("a decoder that has ended reads on")
        };
    }
    said
}

fn ended(said: &[Said]) -> bool {
    matches!(said.last(), Some(Said::Broke(_) | Said::Close(..)))
}

const fn limits(max_message: usize) -> Limits {
    Limits { max_message }
}

fn step(decoder: &mut Decoder, tail: &mut Vec<u8>, limit: usize) -> Option<Said> {
    let presented = tail.len();
    let (consumed, said) = match decoder.decode(tail, limits(limit)) {
        Ok(decoded) => (decoded.consumed, decoded.incoming.map(owned)),
        Err(error) => return Some(Said::Broke(error)),
    };
    assert!(consumed <= presented);
    assert!(said.is_none() || consumed > 0, "something out of nothing");
    if let Some(Said::Text(text)) = &said {
        assert!(text.len() <= limit);
    }
    tail.drain(..consumed);
    said
}

fn owned(incoming: Incoming<'_>) -> Said {
    match incoming {
        Incoming::Text(text) => Said::Text(text.into_owned()),
        Incoming::Binary(payload) => Said::Binary(payload.into_owned()),
        Incoming::Ping(payload) => Said::Ping(payload.to_vec()),
        Incoming::Pong(payload) => Said::Pong(payload.to_vec()),
        Incoming::Close { code, reason } => Said::Close(code, reason.to_owned()),
    }
}

/// A socket with everything in it that will ever come, and nobody at the other end.
struct Recording<'a>(Cursor<&'a [u8]>);

impl Read for Recording<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Recording<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// tungstenite must understand the same, up to the first thing that is wrong. It may be more lenient
/// where a comment says so, and it may go on where we stop in the middle of a frame.
fn compare_with_another(ours: &[Said], stream: &[u8], limit: usize) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit.max(125)))
        .read_buffer_size(512);
    let socket = Recording(Cursor::new(stream));
    let mut other = WebSocket::from_raw_socket(socket, Role::Server, Some(config));
    for said in ours {
        let heard = other.read();
        match said {
            Said::Text(text) => assert_eq!(heard.ok(), Some(Message::text(text.as_str()))),
            Said::Binary(payload) => assert_eq!(heard.ok(), Some(Message::binary(payload.clone()))),
            Said::Ping(payload) => assert_eq!(heard.ok(), Some(Message::Ping(payload.clone().into()))),
            Said::Pong(payload) => assert_eq!(heard.ok(), Some(Message::Pong(payload.clone().into()))),
            Said::Close(code, reason) => {
                let Ok(Message::Close(frame)) = heard else { panic!("{said:?}, and not {heard:?}") };
                // It takes 1014, which the registry has had since 2017, for a broken rule.
                if *code != Some(1_014) {
                    assert_eq!(frame.as_ref().map(|frame| u16::from(frame.code)), *code);
                    assert_eq!(frame.as_ref().map_or("", |frame| frame.reason.as_str()), reason);
                }
            }
            Said::Broke(error) => compare_refusal(*error, heard.is_ok()),
        }
    }
    if !ended(ours) {
        let heard = other.read();
        assert!(is_end_of_stream(&heard), "we wait for more, the other says {heard:?}");
    }
}

/// Whether tungstenite may have read on where we stop.
fn compare_refusal(error: ProtocolError, other_went_on: bool) {
    let lenient = match error {
        // It takes a length in more bytes than needed, in a control frame too.
        ProtocolError::LengthNotMinimal | ProtocolError::LengthOutOfRange | ProtocolError::ControlTooLong => {
            true
        }
        // It looks at close codes when it answers.
        ProtocolError::InvalidCloseCode { .. } => true,
        ProtocolError::ReservedBits
        | ProtocolError::ReservedOpcode { .. }
        | ProtocolError::Unmasked
        | ProtocolError::ControlFragmented
        | ProtocolError::NothingToContinue
        | ProtocolError::MessageInterrupted
        | ProtocolError::TruncatedCloseCode
        | ProtocolError::InvalidUtf8
        | ProtocolError::TooLarge { .. } => false,
    };
    assert!(lenient || !other_went_on, "{error:?}, and the other decoder took it");
}

fn is_end_of_stream(heard: &tungstenite::Result<Message>) -> bool {
    use tungstenite::Error;
    use tungstenite::error::ProtocolError as Other;
    matches!(heard, Err(Error::Protocol(Other::ResetWithoutClosingHandshake) | Error::Io(_)))
}
