//! The JSON parsing test suite as `data` of a `publish` frame (promise P14): what has to be accepted comes
//! through byte for byte, what has to be refused is refused.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

use peerhall_proto::code::ErrorCode;
use peerhall_proto::frame::client::ClientFrame;
use peerhall_proto::frame::decode::Envelope;
use peerhall_proto::limits::MAX_DATA_DEPTH;

#[path = "json_suite/suite.rs"]
mod suite;

use suite::{Case, Kind, cases};

/// White space that may stand around a JSON value, and is no part of it.
const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

/// What became of a case.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The value that the receivers get.
    Data(String),
    Refused(ErrorCode),
    /// No text, which ends the connection before anything is parsed.
    NotUtf8,
}

/// Publishes the case with members around it and as the last member: what is left open inside must not be
/// closed by the envelope.
fn publish(case: &Case) -> Outcome {
    let Ok(text) = str::from_utf8(&case.bytes) else { return Outcome::NotUtf8 };
    let inside = decode(&format!(r#"{{"type":"publish","data":{text},"channel":"room"}}"#));
    let last = decode(&format!(r#"{{"type":"publish","channel":"room","data":{text}}}"#));
    assert_eq!(inside, last, "{}", case.name);
    inside
}

fn decode(message: &str) -> Outcome {
    match Envelope::parse(message).and_then(|envelope| envelope.decode(MAX_DATA_DEPTH)) {
        Ok(request) => {
            let ClientFrame::Publish(publish) = request.frame else { panic!("no publish: {message}") };
            Outcome::Data(publish.data.get().to_owned())
        }
        Err(refusal) => Outcome::Refused(refusal.code),
    }
}

fn of_kind(kind: Kind) -> Vec<Case> {
    cases().into_iter().filter(|case| case.kind == kind).collect()
}

#[test]
fn p14_data_that_every_parser_accepts_comes_through_byte_for_byte() {
    let cases = of_kind(Kind::MustAccept);
    assert_eq!(cases.len(), 95);
    for case in cases {
        let text = str::from_utf8(&case.bytes).expect("valid JSON is UTF-8");
        assert_eq!(publish(&case), Outcome::Data(text.trim_matches(WHITE).to_owned()), "{}", case.name);
    }
}

#[test]
fn p14_data_that_every_parser_refuses_is_refused() {
    let cases = of_kind(Kind::MustReject);
    assert_eq!(cases.len(), 188);
    for case in cases {
        let outcome = publish(&case);
        let is_refused = matches!(outcome, Outcome::Refused(ErrorCode::MalformedMessage) | Outcome::NotUtf8);
        assert!(is_refused, "{}: {outcome:?}", case.name);
    }
}

/// Numbers of any size and lone surrogates pass, because nothing of `data` is converted; what is no UTF-8
/// and a byte order mark do not, and neither does what nests deeper than 64.
#[test]
fn p14_open_cases_pass_as_they_are_unless_they_are_no_text_or_too_deep() {
    let cases = of_kind(Kind::Open);
    assert_eq!(cases.len(), 35);
    for case in cases {
        let is_refused =
            matches!(case.name, "i_structure_500_nested_arrays" | "i_structure_UTF-8_BOM_empty_object");
        let expected = match str::from_utf8(&case.bytes) {
            Err(_) => Outcome::NotUtf8,
            Ok(_) if is_refused => Outcome::Refused(ErrorCode::MalformedMessage),
            Ok(text) => Outcome::Data(text.trim_matches(WHITE).to_owned()),
        };
        assert_eq!(publish(&case), expected, "{}", case.name);
    }
}

#[test]
fn the_suite_is_read_as_it_was_written() {
    let cases = cases();
    assert_eq!(cases.len(), 318);
    let bytes = |name: &str| &cases.iter().find(|case| case.name == name).expect("a case").bytes;
    assert_eq!(bytes("n_structure_100000_opening_arrays").len(), 100_000);
    assert_eq!(bytes("n_structure_open_array_object"), format!("{}\n", "[{\"\":".repeat(50_000)).as_bytes());
    assert_eq!(bytes("i_string_utf16LE_no_BOM"), b"[\0\"\0\xe9\0\"\0]\0");
    assert_eq!(bytes("y_string_backslash_doublequotes"), br#"["\""]"#);
}
