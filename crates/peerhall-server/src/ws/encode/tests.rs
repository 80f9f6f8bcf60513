use super::*;

fn made(push: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out);
    out
}

#[test]
fn the_unmasked_examples_of_the_rfc_come_out_byte_for_byte() {
    assert_eq!(made(|out| push_text(out, "Hello")), b"\x81\x05Hello");
    assert_eq!(made(|out| push_ping(out, b"Hello")), b"\x89\x05Hello");
    assert_eq!(made(|out| push_pong(out, b"Hello")), b"\x8a\x05Hello");
    assert_eq!(made(|out| push_binary(out, &[7; 256]))[..4], [0x82, 0x7e, 0x01, 0x00]);
    assert_eq!(made(|out| push_binary(out, &[7; 65_536]))[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn a_length_takes_the_shortest_form_at_every_edge() {
    for (payload_len, header) in [
        (0, vec![0x81, 0]),
        (125, vec![0x81, 125]),
        (126, vec![0x81, 126, 0, 126]),
        (255, vec![0x81, 126, 0, 255]),
        (256, vec![0x81, 126, 1, 0]),
        (65_535, vec![0x81, 126, 0xff, 0xff]),
        (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (1_000_000, vec![0x81, 127, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40]),
    ] {
        assert_eq!(made(|out| push_text_header(out, payload_len)), header);
        assert_eq!(header_len(payload_len), header.len(), "{payload_len} bytes");
    }
}

#[test]
fn frames_are_appended_to_what_already_waits() {
    let mut out = b"\x81\x01a".to_vec();
    push_text(&mut out, "bc");
    assert_eq!(out, b"\x81\x01a\x81\x02bc");
}

#[test]
fn a_control_payload_is_cut_to_125_bytes() {
    for frame in [made(|out| push_ping(out, &[1; 300])), made(|out| push_pong(out, &[1; 126]))] {
        assert_eq!((frame[1], frame.len()), (125, 127));
    }
}

#[test]
fn a_close_carries_its_code_in_network_order_and_its_reason() {
    assert_eq!(made(|out| push_close(out, 4001, "no")), b"\x88\x04\x0f\xa1no");
    assert_eq!(made(|out| push_close(out, 1000, "")), b"\x88\x02\x03\xe8");
}

#[test]
fn w103_a_close_reason_is_cut_to_123_bytes_between_characters() {
    let ascii = made(|out| push_close(out, 1008, &"x".repeat(200)));
    assert_eq!((ascii[1], ascii.len()), (125, 127));
    let wide = made(|out| push_close(out, 1008, &"ö".repeat(100)));
    assert_eq!(str::from_utf8(&wide[4..]).unwrap(), "ö".repeat(61));
    let emoji = made(|out| push_close(out, 1008, &"🦀".repeat(40)));
    assert_eq!(str::from_utf8(&emoji[4..]).unwrap(), "🦀".repeat(30));
}

#[test]
fn a_close_is_answered_with_its_own_code_or_with_none() {
    assert_eq!(made(|out| push_close_reply(out, Some(4000))), b"\x88\x02\x0f\xa0");
    assert_eq!(made(|out| push_close_reply(out, None)), b"\x88\x00");
}
