//! Wire checklist, framing: 21 to 32.

use std::num::NonZeroUsize;

use peerhall_e2e::server::Ways;
use peerhall_e2e::socket::{self, Opcode};
use peerhall_e2e::{Running, start, start_with};
use serde_json::json;

/// Largest `data` of the defaults, and the largest message around it (wire protocol, section 2.1).
const MAX_DATA: usize = 65_536;
const MAX_MESSAGE: usize = MAX_DATA + 4_096;

/// Publishes `data` as it stands, and says what a member of the channel receives.
fn through(server: &Running, data: &str) -> String {
    let mut member = server.client();
    member.subscribe("room");
    let mut sender = server.client();
    sender.send_text(&format!(r#"{{"type":"publish","channel":"room","data":{data}}}"#));
    let frame = member.expect("message");
    sender.send_text(&format!(r#"{{"type":"send","to":"{}","data":{data}}}"#, member.id()));
    let direct = member.expect("direct");
    assert_eq!(frame.raw("data"), direct.raw("data"), "message and direct carry the same bytes");
    frame.raw("data").to_owned()
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn w021_what_is_no_object_with_a_type_is_malformed_and_the_connection_lives() {
    let server = start();
    let mut client = server.client();
    let texts = ["{nope", "[]", "\"x\"", "1", "null", "{}", r#"{"type":5}"#];
    let more = ["", " ", "{} {}", r#"{"type":"ping""#, r#"{"type":null}"#, r#"{"type":["ping"]}"#];
    for text in texts.iter().chain(&more) {
        client.send_text(text);
        let error = client.expect("error");
        assert_eq!(
            (error.string("code").as_str(), error.has("requestId")),
            ("malformed_message", false),
            "{text}"
        );
        client.send(&json!({ "type": "ping" }));
        client.expect_json(&json!({ "type": "pong" }));
    }
}

#[test]
fn w021_an_object_without_a_type_gets_its_valid_request_id_back() {
    let server = start();
    let mut client = server.client();
    assert_eq!(client.refusal(json!({ "channel": "room" })), "malformed_message");
    client.send_text(r#"{"type":"ping","type":"ping"}"#);
    assert_eq!(client.expect("error").string("code"), "malformed_message", "an envelope member given twice");
}

#[test]
fn w022_an_unknown_type_is_refused_with_its_request_id() {
    let server = start();
    let mut client = server.client();
    client.send_text(r#"{"type":"zap","requestId":"1"}"#);
    let error = client.expect("error");
    assert_eq!((error.string("code").as_str(), error.string("requestId").as_str()), ("unknown_type", "1"));
}

#[test]
fn w023_a_binary_message_is_malformed_and_the_connection_stays() {
    let server = start();
    let mut client = server.client();
    client.write(&socket::masked(true, Opcode::Binary, br#"{"type":"ping"}"#));
    let error = client.expect("error");
    assert_eq!((error.string("code").as_str(), error.has("requestId")), ("malformed_message", false));
    client.sync();
}

#[test]
fn w024_invalid_utf_8_in_a_text_message_closes_1007() {
    let server = start();
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xc3\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\xaf\"",
        b"\"\xf4\x90\x80\x80\"",
        b"\"\xe2\x82",
    ] {
        let mut client = server.client();
        client.write(&socket::masked(true, Opcode::Text, bytes));
        assert_eq!(client.closed(), 1007, "{bytes:?}");
    }
}

#[test]
fn w025_a_subscribe_in_three_fragments_works() {
    let server = start();
    let mut client = server.client();
    let text = r#"{"type":"subscribe","channel":"röm","requestId":"1"}"#;
    // The second cut goes through the middle of a letter, and a ping comes between two pieces.
    let middle = text.find('ö').expect("the letter") + 1;
    let (first, rest) = text.as_bytes().split_at(10);
    let (second, third) = rest.split_at(middle - 10);
    client.write(&socket::masked(false, Opcode::Text, first));
    client.write(&socket::masked(false, Opcode::Continuation, second));
    client.write(&socket::masked(true, Opcode::Ping, b"between"));
    client.write(&socket::masked(true, Opcode::Continuation, third));
    client.expect_json(&json!({ "type": "ack", "requestId": "1" }));
    client.expect_presence("röm", &[], &[]);
}

#[test]
fn w026_unknown_members_are_ignored_on_every_client_frame() {
    let server = start();
    let (mut a, mut b) = (server.client(), server.client());
    let extra = |mut frame: serde_json::Value| {
        frame["extra"] = json!({ "type": "x", "channel": [1] });
        frame["from"] = json!("mallory");
        frame
    };
    b.subscribe("room");
    a.ack(extra(json!({ "type": "subscribe", "channel": "room" })));
    a.snapshot("room");
    b.expect_presence("room", &[a.id()], &[]);
    a.ack(extra(json!({ "type": "publish", "channel": "room", "data": 1 })));
    assert_eq!(b.expect("message").get("data"), json!(1));
    a.ack(extra(json!({ "type": "send", "to": b.id(), "data": 2 })));
    assert_eq!(b.expect("direct").get("data"), json!(2));
    a.ack(extra(json!({ "type": "unsubscribe", "channel": "room" })));
    assert_eq!(a.request(extra(json!({ "type": "ping" }))).kind(), "pong");
}

#[test]
fn w027_a_request_id_has_1_to_128_bytes_of_text() {
    let server = start();
    let mut client = server.client();
    for id in ["x".repeat(128), "ü".repeat(64), "1".to_owned()] {
        client.send(&json!({ "type": "subscribe", "channel": "room", "requestId": id }));
        client.expect_json(&json!({ "type": "ack", "requestId": id }));
        client.expect("presence");
    }
    for id in [json!("x".repeat(129)), json!("ü".repeat(65)), json!(""), json!(7), json!({}), json!(null)] {
        client.send(&json!({ "type": "subscribe", "channel": "room", "requestId": id }));
        let error = client.expect("error");
        assert_eq!(
            (error.string("code").as_str(), error.has("requestId")),
            ("malformed_message", false),
            "{id}"
        );
    }
    client.silent();
}

#[test]
fn w028_a_frame_of_65632_bytes_around_data_of_65536_is_delivered() {
    let server = start();
    let mut member = server.client();
    member.subscribe("room-4");
    let data = format!("\"{}\"", "d".repeat(MAX_DATA - 2));
    let id = "0e7d4095-3f0c-4a52-8f0f-8f8b5c1f6f11";
    let text = format!(r#"{{"type":"publish","channel":"room-4","data":{data},"requestId":"{id}"}}"#);
    assert_eq!(text.len(), 65_632);
    let mut sender = server.client();
    sender.send_text(&text);
    sender.expect_json(&json!({ "type": "ack", "requestId": id }));
    assert_eq!(member.expect("message").raw("data"), data);
    sender.sync();
}

#[test]
fn w029_a_message_above_69632_bytes_closes_1009() {
    let server = start();
    let ping = |bytes: usize| {
        let text = r#"{"type":"ping"}"#;
        " ".repeat(bytes - text.len()) + text
    };
    let mut client = server.client();
    client.send_text(&ping(MAX_MESSAGE));
    client.expect("pong");
    client.send_text(&ping(MAX_MESSAGE + 1));
    assert_eq!(client.closed(), 1009);

    // Known from the head alone: nothing else is sent.
    let mut client = server.client();
    client.write(&socket::head(true, Opcode::Text, 1 << 40, true));
    assert_eq!(client.closed(), 1009);

    let mut client = server.client();
    let (first, rest) = (" ".repeat(MAX_MESSAGE), " ");
    client.write(&socket::masked(false, Opcode::Text, first.as_bytes()));
    client.write(&socket::masked(true, Opcode::Continuation, rest.as_bytes()));
    assert_eq!(client.closed(), 1009, "the limit is that of the message, not of the frame");
}

#[test]
fn w030_data_comes_out_byte_for_byte() {
    let server = start_with(|config| config.limits.max_data_depth = None);
    let deep = nested(1_000);
    let texts = [
        r#"{"b":1,"a":12345678901234567890,"u":"\ud800"}"#,
        "1e400",
        "-0",
        &deep,
        r#"{"a":1,"a":2,"":{"\u0000":"\/\u00e9é"}}"#,
        "0.10",
        r#"[ 1 ,	2 ]"#,
        "\"\u{7f}\u{2028}😀\\ud83d\\ude00\"",
    ];
    for text in texts {
        assert_eq!(through(&server, text), text);
    }
}

#[test]
fn w030_data_deeper_than_the_default_of_64_is_malformed() {
    let server = start();
    assert_eq!(peerhall_server::Config::default().limits.max_data_depth, NonZeroUsize::new(64));
    assert_eq!(through(&server, &nested(64)), nested(64));

    let mut client = server.client();
    let to = client.id().to_owned();
    for target in [r#""type":"publish","channel":"room""#.to_owned(), format!(r#""type":"send","to":"{to}""#)]
    {
        client.send_text(&format!(r#"{{{target},"data":{},"requestId":"deep"}}"#, nested(65)));
        let error = client.expect("error");
        assert_eq!(
            (error.string("code").as_str(), error.string("requestId").as_str()),
            ("malformed_message", "deep")
        );
    }
}

#[test]
fn w031_values_that_look_like_nothing_are_delivered() {
    let server = start();
    for text in ["null", "false", "0", "\"\"", "[]", "{}"] {
        assert_eq!(through(&server, text), text);
    }
}

#[test]
fn w032_an_escaped_and_a_raw_name_are_one_channel() {
    let server = start();
    let (mut raw, mut escaped) = (server.client(), server.client());
    raw.subscribe("rööm");
    escaped.send_text(r#"{"type":"subscribe","channel":"r\u00f6\u00f6m","requestId":"1"}"#);
    escaped.expect("ack");
    escaped.expect_presence("rööm", &[raw.id()], &[]);
    raw.expect_presence("rööm", &[escaped.id()], &[]);
    escaped.send_text(r#"{"type":"publish","channel":"r\u00f6\u00f6m","data":1}"#);
    assert_eq!(raw.expect("message").get("channel"), json!("rööm"));
}
