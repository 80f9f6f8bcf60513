use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::ws::tests::{Heard, ROOMY, client_frame, hear, hear_chunks};

fn text(content: &str) -> Heard {
    Heard::Text(content.into())
}

fn error(stream: &[u8]) -> ProtocolError {
    hear(stream).1.unwrap()
}

/// How many bytes of `stream` it takes to be refused, when they come one at a time.
fn bytes_until_refused(stream: &[u8], limits: Limits) -> Option<usize> {
    (0..=stream.len()).find(|&len| hear_chunks(stream[..len].chunks(1), limits).1.is_some())
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 16, "{} bytes", size_of::<Decoder>());
}

#[test]
fn the_masked_examples_of_the_rfc_are_read() {
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(hear(&hello), (vec![text("Hello")], None));
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(hear(&pong), (vec![Heard::Pong(b"Hello".to_vec())], None));
}

#[test]
fn the_fragmented_example_of_the_rfc_is_one_message() {
    let stream = [client_frame(0x01, b"Hel"), client_frame(0x80, b"lo")].concat();
    assert_eq!(hear(&stream), (vec![text("Hello")], None));
}

#[test]
fn the_long_examples_of_the_rfc_are_one_binary_message_each() {
    for len in [256, 65_536] {
        let payload = vec![0x5a; len];
        assert_eq!(hear(&client_frame(0x82, &payload)), (vec![Heard::Binary(payload)], None));
    }
}

#[test]
fn a_text_that_lies_whole_in_the_buffer_is_borrowed_from_it() {
    let mut buf = client_frame(0x81, "grüß dich".as_bytes());
    buf.extend(client_frame(0x81, b"next"));
    let place = buf.as_ptr_range();
    let Decoded { incoming: Some(Incoming::Text(Cow::Borrowed(text))), consumed } =
        Decoder::new().decode(&mut buf, ROOMY).unwrap()
    else {
        panic!("not borrowed");
    };
    assert_eq!((text, consumed), ("grüß dich", 6 + 11));
    assert!(place.contains(&text.as_ptr()));
}

#[test]
fn a_decoder_is_idle_again_after_a_message_in_pieces() {
    let mut frame = client_frame(0x81, b"in two pieces");
    let (first, second) = frame.split_at_mut(9);
    let mut decoder = Decoder::new();
    assert!(!decoder.is_mid_message());
    assert_eq!(decoder.decode(first, ROOMY), Ok(Decoded { consumed: 9, incoming: None }));
    assert!(decoder.is_mid_message());
    let decoded = decoder.decode(second, ROOMY).unwrap();
    assert_eq!(decoded.incoming.map(Heard::from), Some(text("in two pieces")));
    assert!(!decoder.is_mid_message());
}

#[test]
fn a_header_and_a_control_frame_wait_with_the_caller_until_they_are_whole() {
    let mut decoder = Decoder::new();
    let mut ping = client_frame(0x89, &[1; 125]);
    for len in 0..ping.len() {
        assert_eq!(decoder.decode(&mut ping[..len], ROOMY), Ok(Decoded { consumed: 0, incoming: None }));
    }
    let decoded = decoder.decode(&mut ping, ROOMY).unwrap();
    assert_eq!((decoded.consumed, decoded.incoming), (131, Some(Incoming::Ping(&[1; 125]))));
    let mut data = client_frame(0x82, &[1; 70_000]);
    assert_eq!(decoder.decode(&mut data[..13], ROOMY), Ok(Decoded { consumed: 0, incoming: None }));
    assert_eq!(decoder.decode(&mut data[..14], ROOMY), Ok(Decoded { consumed: 14, incoming: None }));
}

#[test]
fn control_frames_inside_a_fragmented_message_come_first() {
    let stream = [
        client_frame(0x01, b"a"),
        client_frame(0x89, b"p"),
        client_frame(0x00, b"b"),
        client_frame(0x8a, b""),
        client_frame(0x80, b"c"),
        client_frame(0x81, b"d"),
    ]
    .concat();
    let expected = vec![Heard::Ping(b"p".to_vec()), Heard::Pong(Vec::new()), text("abc"), text("d")];
    assert_eq!(hear(&stream), (expected, None));
}

#[test]
fn a_close_inside_a_fragmented_message_ends_the_connection() {
    let stream =
        [client_frame(0x01, b"a"), client_frame(0x88, b"\x03\xe8"), client_frame(0x80, b"b")].concat();
    assert_eq!(hear(&stream), (vec![Heard::Close(Some(1000), String::new())], None));
}

#[test]
fn empty_fragments_make_an_empty_message() {
    let stream = [client_frame(0x01, b""), client_frame(0x00, b""), client_frame(0x80, b"")].concat();
    assert_eq!(hear(&stream), (vec![text("")], None));
}

#[test]
fn nothing_is_heard_after_a_close() {
    let stream = [client_frame(0x88, b""), client_frame(0x81, b"late"), vec![0xff; 9]].concat();
    assert_eq!(hear(&stream), (vec![Heard::Close(None, String::new())], None));
}

#[test]
fn nothing_is_heard_after_an_error() {
    let mut decoder = Decoder::new();
    assert!(decoder.decode(&mut [0xc1], ROOMY).is_err());
    let mut late = client_frame(0x81, b"late");
    assert_eq!(decoder.decode(&mut late, ROOMY), Ok(Decoded { consumed: 10, incoming: None }));
}

#[test]
fn reserved_bits_are_refused_at_the_first_byte() {
    for bits in [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70] {
        for opcode in [0x1, 0x2, 0x8, 0x9, 0xa] {
            assert_eq!(error(&[0x80 | bits | opcode]), ProtocolError::ReservedBits);
        }
    }
}

#[test]
fn reserved_opcodes_are_refused_at_the_first_byte() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(error(&[0x80 | opcode]), ProtocolError::ReservedOpcode { opcode });
    }
}

#[test]
fn an_unmasked_frame_is_refused_at_its_second_byte() {
    for first in [0x81, 0x82, 0x88, 0x89, 0x8a] {
        assert_eq!(error(&[first, 0x05]), ProtocolError::Unmasked);
    }
}

#[test]
fn a_control_frame_is_refused_when_long_or_fragmented() {
    for opcode in [0x8, 0x9, 0xa] {
        assert_eq!(error(&[opcode]), ProtocolError::ControlFragmented);
        assert_eq!(error(&[0x80 | opcode, 0x80 | 126]), ProtocolError::ControlTooLong);
        assert_eq!(error(&[0x80 | opcode, 0x80 | 127]), ProtocolError::ControlTooLong);
    }
}

#[test]
fn a_length_must_be_in_its_shortest_form() {
    assert_eq!(error(&[0x82, 0xfe, 0, 125]), ProtocolError::LengthNotMinimal);
    assert_eq!(error(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), ProtocolError::LengthNotMinimal);
    assert_eq!(hear(&[0x82, 0xfe, 0, 126]), (vec![], None));
    assert_eq!(hear(&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]), (vec![], None));
}

#[test]
fn a_length_with_its_top_bit_set_is_a_protocol_error_not_a_size() {
    let claims = |top: u8| [0x82, 0xff, top, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(error(&claims(0x80)), ProtocolError::LengthOutOfRange);
    assert_eq!(error(&claims(0xff)), ProtocolError::LengthOutOfRange);
    assert_eq!(
        error(&claims(0x7f)),
        ProtocolError::TooLarge { bytes: i64::MAX as u64, limit: ROOMY.max_message }
    );
}

#[test]
fn fragments_must_be_begun_and_ended() {
    assert_eq!(error(&client_frame(0x80, b"a")), ProtocolError::NothingToContinue);
    assert_eq!(error(&client_frame(0x00, b"a")), ProtocolError::NothingToContinue);
    for first in [0x81, 0x01, 0x82, 0x02] {
        let stream = [client_frame(0x01, b"a"), client_frame(first, b"b")].concat();
        assert_eq!(error(&stream), ProtocolError::MessageInterrupted);
    }
    let ended = [client_frame(0x01, b"a"), client_frame(0x80, b"b"), client_frame(0x80, b"c")].concat();
    assert_eq!(hear(&ended), (vec![text("ab")], Some(ProtocolError::NothingToContinue)));
}

#[test]
fn a_close_may_be_empty_or_carry_a_code_and_words() {
    let longest = [b"\x0f\xa0".as_slice(), &[b'x'; 123]].concat();
    for (payload, code, reason) in [
        (b"".as_slice(), None, String::new()),
        (b"\x03\xe8", Some(1000), String::new()),
        (b"\x03\xe8bye \xc3\xb6", Some(1000), "bye ö".into()),
        (&longest, Some(4000), "x".repeat(123)),
    ] {
        assert_eq!(hear(&client_frame(0x88, payload)), (vec![Heard::Close(code, reason)], None));
    }
}

#[test]
fn a_close_body_of_one_byte_is_refused() {
    assert_eq!(error(&client_frame(0x88, b"\x03")), ProtocolError::TruncatedCloseCode);
}

#[test]
fn only_close_codes_that_may_be_sent_are_accepted() {
    let verdict = |code: u16| hear(&client_frame(0x88, &code.to_be_bytes())).1;
    for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]) {
        assert_eq!(verdict(code), None, "{code}");
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        assert_eq!(verdict(code), Some(ProtocolError::InvalidCloseCode { code }));
    }
}

#[test]
fn a_close_reason_must_be_utf8() {
    assert_eq!(error(&client_frame(0x88, b"\x03\xe8\xce\xba\xff")), ProtocolError::InvalidUtf8);
    assert_eq!(error(&client_frame(0x88, b"\x03\xe8\xce")), ProtocolError::InvalidUtf8);
}

#[test]
fn every_error_closes_with_the_code_of_its_kind() {
    assert_eq!(ProtocolError::InvalidUtf8.close_code(), 1007);
    assert_eq!(ProtocolError::TooLarge { bytes: 2, limit: 1 }.close_code(), 1009);
    for error in [
        ProtocolError::ReservedBits,
        ProtocolError::ReservedOpcode { opcode: 3 },
        ProtocolError::Unmasked,
        ProtocolError::ControlTooLong,
        ProtocolError::ControlFragmented,
        ProtocolError::LengthNotMinimal,
        ProtocolError::LengthOutOfRange,
        ProtocolError::NothingToContinue,
        ProtocolError::MessageInterrupted,
        ProtocolError::TruncatedCloseCode,
        ProtocolError::InvalidCloseCode { code: 1005 },
    ] {
        assert_eq!(error.close_code(), 1002, "{error}");
    }
}

#[test]
fn w023_a_binary_message_is_told_apart_and_the_next_text_is_read() {
    let stream = [
        client_frame(0x82, b"\x00\xff"),
        client_frame(0x02, b"\xff"),
        client_frame(0x80, b"\xfe"),
        client_frame(0x81, br#"{"type":"ping"}"#),
    ]
    .concat();
    let expected =
        vec![Heard::Binary(vec![0, 0xff]), Heard::Binary(vec![0xff, 0xfe]), text(r#"{"type":"ping"}"#)];
    assert_eq!(hear(&stream), (expected, None));
}

#[test]
fn w024_invalid_utf8_in_a_text_message_closes_1007() {
    for bad in [
        b"\xff".as_slice(),
        b"ok\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xce\xba\xe1\xbd",
        b"\x80",
        b"\xf8\x88\x80\x80\x80",
    ] {
        assert_eq!(error(&client_frame(0x81, bad)).close_code(), 1007, "{bad:x?}");
        let fragments = [client_frame(0x01, bad), client_frame(0x80, b"")].concat();
        assert_eq!(error(&fragments).close_code(), 1007, "{bad:x?} in fragments");
    }
}

#[test]
fn w025_a_subscribe_split_over_three_fragments_is_one_message() {
    let subscribe = r#"{"type":"subscribe","channel":"räum","requestId":"1"}"#;
    let (start, rest) = subscribe.as_bytes().split_at(33);
    let (middle, end) = rest.split_at(1);
    let stream = [client_frame(0x01, start), client_frame(0x00, middle), client_frame(0x80, end)].concat();
    assert_eq!(start.last(), Some(&0xc3), "the first cut goes through a character");
    assert_eq!(hear(&stream), (vec![text(subscribe)], None));
}

#[test]
fn w028_a_frame_of_the_largest_size_an_sdk_sends_is_read() {
    let payload = "x".repeat(65_632);
    let (heard, error) = hear_chunks([client_frame(0x81, payload.as_bytes()).as_slice()], Limits::default());
    assert_eq!((heard, error), (vec![Heard::Text(payload)], None));
}

#[test]
fn w029_a_message_above_69632_bytes_closes_1009_before_its_body_arrives() {
    let limits = Limits::default();
    let fits = client_frame(0x81, &[b'x'; 69_632]);
    assert_eq!(hear_chunks([fits.as_slice()], limits).1, None);

    let above = client_frame(0x81, &[b'x'; 69_633]);
    assert_eq!(bytes_until_refused(&above[..14], limits), Some(10), "two bytes and the length");
    let error = hear_chunks([&above[..10]], limits).1.unwrap();
    assert_eq!(error, ProtocolError::TooLarge { bytes: 69_633, limit: 69_632 });
    assert_eq!(error.close_code(), 1009);

    let gigabyte = [0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0];
    assert_eq!(hear_chunks([gigabyte.as_slice()], limits).1.unwrap().close_code(), 1009);
}

#[test]
fn w029_fragments_are_added_up() {
    let limits = Limits { max_message: 10 };
    let at_limit =
        [client_frame(0x01, b"12345"), client_frame(0x00, b"6789"), client_frame(0x80, b"0")].concat();
    assert_eq!(hear_chunks([at_limit.as_slice()], limits), (vec![text("1234567890")], None));

    let above =
        [client_frame(0x01, b"12345"), client_frame(0x00, b"6789"), client_frame(0x80, b"0a")].concat();
    let refused = bytes_until_refused(&above, limits);
    assert_eq!(refused, Some(11 + 10 + 2), "at the length of the last fragment");
    assert_eq!(
        hear_chunks([above.as_slice()], limits).1,
        Some(ProtocolError::TooLarge { bytes: 11, limit: 10 })
    );
}

#[test]
fn a_large_claim_reserves_little_memory() {
    let mut decoder = Decoder::new();
    let mut claim = client_frame(0x82, &[0; 1_000_000]);
    assert!(decoder.decode(&mut claim[..14], ROOMY).is_ok());
    let reserved = decoder.message.map(|message| message.data.capacity()).unwrap();
    assert!(reserved <= 2 * RESERVED_ON_CLAIM, "{reserved} bytes");
}

/// The cases of group 6.4 of the Autobahn suite: the text is bad from a known byte on.
#[test]
fn a_text_that_turns_bad_is_refused_at_that_byte_and_not_at_its_end() {
    let greek = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
    let body = [greek.as_slice(), b"\xf4\x90\x80\x80", b"edited"].concat();
    let bad_at = greek.len() + 2;

    let one_frame = client_frame(0x81, &body);
    assert_eq!(bytes_until_refused(&one_frame, ROOMY), Some(6 + bad_at));

    let fragments =
        [client_frame(0x01, &body[..12]), client_frame(0x00, &body[12..13]), client_frame(0x80, &body[13..])];
    let second_ends = fragments[0].len() + fragments[1].len();
    assert_eq!(bytes_until_refused(&fragments.concat(), ROOMY), Some(second_ends));
}

#[test]
fn a_character_may_be_split_over_fragments_at_every_byte() {
    let content = "aé€🦀z";
    for first in 0..=content.len() {
        for second in first..=content.len() {
            let bytes = content.as_bytes();
            let stream = [
                client_frame(0x01, &bytes[..first]),
                client_frame(0x00, &bytes[first..second]),
                client_frame(0x80, &bytes[second..]),
            ]
            .concat();
            assert_eq!(hear(&stream), (vec![text(content)], None), "cuts at {first} and {second}");
        }
    }
}

#[test]
fn debug_shows_no_contents() {
    let mut buf = client_frame(0x81, b"secret");
    let mut decoder = Decoder::new();
    let shown = format!("{:?}", decoder.decode(&mut buf, ROOMY));
    assert!(shown.contains("Text(6 bytes)") && !shown.contains("secret"), "{shown}");
    let mut part = client_frame(0x01, b"secret");
    assert!(decoder.decode(&mut part, ROOMY).is_ok());
    let shown = format!("{decoder:?}");
    assert!(shown.contains("Message(6 bytes") && !shown.contains("115"), "{shown}");
}

/// Bytes that are mostly text, so that the fault is somewhere inside.
fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<char>(), 0..30), vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3)).prop_map(
        |(chars, damage)| {
            let mut bytes = String::from_iter(chars).into_bytes();
            for (place, byte) in damage {
                let at = place.index(bytes.len() + 1);
                bytes.insert(at, byte);
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn a_text_is_refused_at_the_first_byte_that_no_continuation_can_mend(payload in nearly_text()) {
        let is_beyond_mending =
            |len: &usize| str::from_utf8(&payload[..*len]).is_err_and(|error| error.error_len().is_some());
        let first_bad = (0..=payload.len()).find(is_beyond_mending);
        // The frame claims more than is sent, so only what has arrived can be judged.
        let mut frame = client_frame(0x01, &[payload.as_slice(), &[b' '; 60]].concat());
        let header = frame.len() - payload.len() - 60;
        frame.truncate(header + payload.len());
        prop_assert_eq!(bytes_until_refused(&frame, ROOMY), first_bad.map(|len| header + len));
    }
}
