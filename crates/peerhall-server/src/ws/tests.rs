//! What the server writes, masked as a client would, is what it reads: whole, cut, and fragmented.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::decode::{Decoded, Decoder, Incoming, Limits, MAX_TAIL_BYTES, ProtocolError};
use super::encode::{
    header_len, push_binary, push_close, push_close_reply, push_ping, push_pong, push_text, push_text_header,
};
use super::mask::Mask;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Room for every message of these tests.
pub(super) const ROOMY: Limits = Limits { max_message: 1 << 20 };

/// An [`Incoming`] that outlives its buffer and shows its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl From<Incoming<'_>> for Heard {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.into_owned()),
            Incoming::Binary(payload) => Self::Binary(payload.into_owned()),
            Incoming::Ping(payload) => Self::Ping(payload.to_vec()),
            Incoming::Pong(payload) => Self::Pong(payload.to_vec()),
            Incoming::Close { code, reason } => Self::Close(code, reason.to_owned()),
        }
    }
}

/// What a decoder says when a stream arrives in `chunks`, and the error that ended it. Plays the
/// caller's part of the contract, and checks the decoder's.
pub(super) fn hear_chunks<'c>(
    chunks: impl IntoIterator<Item = &'c [u8]>,
    limits: Limits,
) -> (Vec<Heard>, Option<ProtocolError>) {
    let mut decoder = Decoder::new();
    let mut heard = Vec::new();
    let mut tail = Vec::new();
    for chunk in chunks {
        let mut buf = [&tail, chunk].concat();
        let mut at = 0;
        loop {
            match decoder.decode(&mut buf[at..], limits) {
                Err(error) => return (heard, Some(error)),
                Ok(Decoded { consumed, incoming }) => {
                    at += consumed;
                    let Some(incoming) = incoming else { break };
                    heard.push(incoming.into());
                }
            }
        }
        tail = buf.split_off(at);
        assert!(tail.len() <= MAX_TAIL_BYTES, "{} bytes were left with the caller", tail.len());
    }
    (heard, None)
}

pub(super) fn hear(stream: &[u8]) -> (Vec<Heard>, Option<ProtocolError>) {
    hear_chunks([stream], ROOMY)
}

/// Cuts `stream` at the given places, in any order.
fn cut<'s>(stream: &'s [u8], places: &[Index]) -> Vec<&'s [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
    places.sort_unstable();
    let mut chunks = Vec::new();
    let mut start = 0;
    for place in places.into_iter().chain([stream.len()]) {
        chunks.push(&stream[start..place]);
        start = place;
    }
    chunks
}

/// Turns one frame of the server into the same frame from a client.
pub(super) fn masked(frame: &[u8]) -> Vec<u8> {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let mut out = frame[..header].to_vec();
    out[1] |= 0x80;
    out.extend_from_slice(&KEY);
    let mut payload = frame[header..].to_vec();
    Mask::new(KEY).apply(&mut payload);
    out.extend(payload);
    out
}

/// A frame of a client with any first byte: FIN 0x80, reserved bits 0x70, opcode 0x0f.
pub(super) fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    push_text_header(&mut frame, payload.len());
    frame[0] = first;
    frame.extend_from_slice(payload);
    masked(&frame)
}

/// One frame of the server, masked as a client would.
fn sent(message: &Heard) -> Vec<u8> {
    let mut frame = Vec::new();
    match message {
        Heard::Text(text) => push_text(&mut frame, text),
        Heard::Binary(payload) => push_binary(&mut frame, payload),
        Heard::Ping(payload) => push_ping(&mut frame, payload),
        Heard::Pong(payload) => push_pong(&mut frame, payload),
        Heard::Close(Some(code), reason) => push_close(&mut frame, *code, reason),
        Heard::Close(None, _) => push_close_reply(&mut frame, None),
    }
    masked(&frame)
}

/// A data message over several frames, a ping after each but the last.
fn fragmented(message: &Heard, cuts: &[Index]) -> (Vec<u8>, Vec<Heard>) {
    let (opcode, payload) = match message {
        Heard::Text(text) => (0x1, text.as_bytes()),
        Heard::Binary(payload) => (0x2, payload.as_slice()),
        control @ (Heard::Ping(_) | Heard::Pong(_) | Heard::Close(..)) => {
            return (sent(control), vec![control.clone()]);
        }
    };
    let pieces = cut(payload, cuts);
    let mut stream = Vec::new();
    let mut heard = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let is_last = at + 1 == pieces.len();
        let opcode = if at == 0 { opcode } else { 0x0 };
        stream.extend(client_frame(if is_last { 0x80 | opcode } else { opcode }, piece));
        if !is_last {
            let ping = Heard::Ping(vec![0xaa; at]);
            stream.extend(sent(&ping));
            heard.push(ping);
        }
    }
    heard.push(message.clone());
    (stream, heard)
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..80).prop_map(String::from_iter)
}

fn control_payload() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=125)
}

fn data_message() -> impl Strategy<Value = Heard> {
    prop_oneof![
        6 => text().prop_map(Heard::Text),
        2 => vec(any::<u8>(), 0..300).prop_map(Heard::Binary),
        1 => (125_usize..129).prop_map(|len| Heard::Text("x".repeat(len))),
        1 => (65_534_usize..65_540).prop_map(|len| Heard::Text("y".repeat(len))),
    ]
}

fn message() -> impl Strategy<Value = Heard> {
    prop_oneof![
        4 => data_message(),
        1 => control_payload().prop_map(Heard::Ping),
        1 => control_payload().prop_map(Heard::Pong),
    ]
}

fn close() -> impl Strategy<Value = Heard> {
    let code = prop_oneof![1000_u16..=1003, 1007_u16..=1014, 3000_u16..=4999];
    prop_oneof![
        Just(Heard::Close(None, String::new())),
        (code, vec(any::<char>(), 0..30))
            .prop_map(|(code, reason)| Heard::Close(Some(code), String::from_iter(reason))),
    ]
}

#[test]
fn every_split_of_a_small_stream_is_heard_the_same() {
    let stream = [
        client_frame(0x01, b"h\xc3"),
        sent(&Heard::Ping(Vec::new())),
        client_frame(0x80, b"\xa9"),
        client_frame(0x81, b""),
    ]
    .concat();
    let expected = vec![Heard::Ping(Vec::new()), Heard::Text("hé".into()), Heard::Text(String::new())];
    // Fewer than all 27 places, so that the number of subsets stays small: the middle 16, and each
    // single one of the others.
    let places: Vec<usize> = (4..20).collect();
    for subset in 0_u32..1 << places.len() {
        let mut chunks = Vec::new();
        let mut start = 0;
        for (bit, &place) in places.iter().enumerate() {
            if subset >> bit & 1 == 1 {
                chunks.push(&stream[start..place]);
                start = place;
            }
        }
        chunks.push(&stream[start..]);
        assert_eq!(hear_chunks(chunks, ROOMY), (expected.clone(), None), "subset {subset:#b}");
    }
    for place in 0..=stream.len() {
        let (first, second) = stream.split_at(place);
        assert_eq!(hear_chunks([first, second], ROOMY), (expected.clone(), None), "cut at {place}");
    }
    assert_eq!(hear_chunks(stream.chunks(1), ROOMY), (expected, None));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_under_any_cut_of_the_stream(
        messages in vec(message(), 0..6),
        close in close(),
        places in vec(any::<Index>(), 0..12),
    ) {
        let expected: Vec<Heard> = messages.into_iter().chain([close]).collect();
        let stream: Vec<u8> = expected.iter().flat_map(sent).collect();
        prop_assert_eq!(hear(&stream), (expected.clone(), None));
        prop_assert_eq!(hear_chunks(cut(&stream, &places), ROOMY), (expected, None));
    }

    #[test]
    fn a_stream_a_byte_at_a_time_is_heard_like_the_whole(messages in vec(message(), 0..4)) {
        let stream: Vec<u8> = messages.iter().flat_map(sent).collect();
        prop_assert_eq!(hear_chunks(stream.chunks(1), ROOMY), (messages, None));
    }

    #[test]
    fn fragments_with_pings_between_them_are_heard_like_the_whole(
        messages in vec((data_message(), vec(any::<Index>(), 0..5)), 1..4),
        places in vec(any::<Index>(), 0..12),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (message, cuts) in &messages {
            let (frames, heard) = fragmented(message, cuts);
            stream.extend(frames);
            expected.extend(heard);
        }
        prop_assert_eq!(hear(&stream), (expected.clone(), None));
        prop_assert_eq!(hear_chunks(cut(&stream, &places), ROOMY), (expected, None));
    }

    #[test]
    fn a_damaged_stream_ends_the_same_however_it_arrives(
        messages in vec((message(), vec(any::<Index>(), 0..3)), 1..4),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        places in vec(any::<Index>(), 0..12),
        max_message in 0_usize..400,
    ) {
        let mut stream: Vec<u8> =
            messages.iter().flat_map(|(message, cuts)| fragmented(message, cuts).0).collect();
        for (place, byte) in &damage {
            let at = place.index(stream.len());
            stream[at] = *byte;
        }
        let limits = Limits { max_message };
        let whole = hear_chunks([stream.as_slice()], limits);
        prop_assert_eq!(&hear_chunks(cut(&stream, &places), limits), &whole);
        prop_assert_eq!(&hear_chunks(stream.chunks(1), limits), &whole);
    }

    #[test]
    fn random_bytes_never_panic_and_end_the_same_however_they_arrive(
        stream in vec(any::<u8>(), 0..200),
        max_message in 0_usize..300,
    ) {
        let limits = Limits { max_message };
        prop_assert_eq!(hear_chunks([stream.as_slice()], limits), hear_chunks(stream.chunks(1), limits));
    }

    #[test]
    fn the_header_helper_tells_the_length_that_is_written(
        payload_len in prop_oneof![0_usize..300, 65_000_usize..70_000, any::<usize>()],
    ) {
        let mut out = Vec::new();
        push_text_header(&mut out, payload_len);
        prop_assert_eq!(out.len(), header_len(payload_len));
    }
}
