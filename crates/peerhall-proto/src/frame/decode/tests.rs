use super::*;

fn decode(text: &str) -> Result<Request<'_>, Refusal> {
    Envelope::parse(text)?.decode(64)
}

fn refused(text: &str) -> (ErrorCode, Option<String>) {
    let refusal = decode(text).expect_err(text);
    (refusal.code, refusal.request_id.map(|id| id.as_str().to_owned()))
}

#[test]
fn w021_what_is_no_object_with_a_string_type_is_malformed_without_an_id() {
    for text in ["{nope", "[]", "\"x\"", "1", "null", "{}", "{\"type\":5}", "", "{\"type\":\"ping\"} x"] {
        assert_eq!(refused(text), (ErrorCode::MalformedMessage, None), "{text}");
    }
    assert_eq!(refused(r#"{"type":5,"requestId":"a"}"#), (ErrorCode::MalformedMessage, Some("a".into())));
}

#[test]
fn w022_an_unknown_type_repeats_the_id() {
    assert_eq!(refused(r#"{"type":"zap","requestId":"1"}"#), (ErrorCode::UnknownType, Some("1".into())));
    assert_eq!(refused(r#"{"type":"zap","requestId":7}"#), (ErrorCode::UnknownType, None));
}

#[test]
fn w026_unknown_members_are_ignored_and_known_ones_may_stand_only_once() {
    assert!(decode(r#"{"x":1,"type":"ping","x":{"type":2}}"#).is_ok());
    let twice = r#"{"type":"ping","requestId":"a","requestId":"a"}"#;
    assert_eq!(refused(twice), (ErrorCode::MalformedMessage, None));
}

#[test]
fn w027_a_bad_request_id_is_malformed_without_an_id() {
    for id in ["\"\"", "7", "null", &format!("\"{}\"", "x".repeat(129))] {
        let text = format!(r#"{{"type":"ping","requestId":{id}}}"#);
        assert_eq!(refused(&text), (ErrorCode::MalformedMessage, None), "{id}");
    }
    let text = format!(r#"{{"type":"ping","requestId":"{}"}}"#, "x".repeat(128));
    assert!(decode(&text).is_ok());
}

#[test]
fn w030_data_comes_out_byte_for_byte() {
    for data in [r#"{"b":1,"a":12345678901234567890,"u":"\ud800"}"#, "1e400", "-0", " [ 1 , 2 ]"] {
        let text = format!(r#"{{"type":"publish","channel":"c","data":{data}}}"#);
        let ClientFrame::Publish(publish) = decode(&text).unwrap().frame else { panic!("{text}") };
        assert_eq!(publish.data.get(), data.trim());
    }
}

#[test]
fn w030_nesting_is_bounded_by_the_setting_and_0_lifts_the_bound() {
    let nested = |depth: usize| {
        format!(r#"{{"type":"send","to":"b","data":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))
    };
    assert!(decode(&nested(64)).is_ok());
    assert_eq!(refused(&nested(65)).0, ErrorCode::MalformedMessage);
    let deep = nested(20_000);
    assert!(Envelope::parse(&deep).unwrap().decode(0).is_ok());
    assert!(nests_within(r#"["[[[[","\"[[[",{}]"#, 2), "brackets in strings do not nest");
}

#[test]
fn w032_escaped_and_plain_channel_names_are_the_same_channel() {
    let channel = |text: &str| match decode(text).unwrap().frame {
        ClientFrame::Unsubscribe(frame) => frame.channel,
        ClientFrame::Subscribe(_) | ClientFrame::Publish(_) | ClientFrame::Send(_) | ClientFrame::Ping => {
            panic!("{text}")
        }
    };
    assert_eq!(
        channel(r#"{"type":"unsubscribe","channel":"r\u00f6\u00f6m"}"#),
        channel(r#"{"type":"unsubscribe","channel":"rööm"}"#)
    );
}

#[test]
fn w035_every_bad_channel_is_invalid_channel_with_the_id() {
    let long = format!("\"{}\"", "x".repeat(257));
    for channel in ["\"\"", "5", "null", "\"a\\nb\"", "\"\\ud800\"", &long] {
        let text = format!(r#"{{"type":"subscribe","requestId":"r","channel":{channel}}}"#);
        assert_eq!(refused(&text), (ErrorCode::InvalidChannel, Some("r".into())), "{channel}");
    }
    assert_eq!(refused(r#"{"type":"subscribe"}"#), (ErrorCode::InvalidChannel, None));
}

#[test]
fn only_a_literal_true_asks_for_sender_metadata() {
    for (value, wanted) in [("true", true), ("false", false), ("1", false), ("\"true\"", false)] {
        let text = format!(r#"{{"type":"subscribe","channel":"c","includeSenderMetadata":{value}}}"#);
        let ClientFrame::Subscribe(frame) = decode(&text).unwrap().frame else { panic!("{text}") };
        assert_eq!(frame.include_sender_metadata, wanted, "{value}");
    }
}

#[test]
fn w059_w061_the_receiver_is_checked_before_the_data() {
    assert_eq!(refused(r#"{"type":"send","requestId":"r"}"#), (ErrorCode::InvalidPeerId, Some("r".into())));
    assert_eq!(refused(r#"{"type":"send","to":"é","data":1}"#).0, ErrorCode::InvalidPeerId);
    assert_eq!(refused(r#"{"type":"send","to":"b"}"#).0, ErrorCode::MissingData);
    assert!(decode(r#"{"type":"send","to":"b","data":null}"#).is_ok());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_decoder_panic(text in ".*") {
        let _ = decode(&text);
    }
}
