//! Wire checklist, handshake: 1 to 12.

use peerhall_e2e::server::Ways;
use peerhall_e2e::socket::{self, Opcode};
use peerhall_e2e::token::percent_encode;
use peerhall_e2e::{Dial, start, start_with};
use serde_json::json;

const UNKNOWN_KEY: &str = "pk_live_00000000000000000000000000000000";

#[test]
fn w001_an_upgrade_with_a_key_is_switched_and_the_first_frame_is_welcome() {
    let server = start();
    let dial = server.dial().key(server.publishable().id.as_str());
    let (mut client, response) = dial.upgrade().expect("101");
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-protocol"), None);
    client.expect("welcome");
}

#[test]
fn w001_a_trailing_slash_makes_no_difference() {
    let server = start();
    server.dial().target("/v1/").key(server.publishable().id.as_str()).open().sync();
}

#[test]
fn w002_an_unknown_key_is_upgraded_and_closed_4001_without_a_text_frame() {
    let server = start();
    assert_eq!(server.dial().key(UNKNOWN_KEY).refused().0, 4001);
}

#[test]
fn w003_an_upgrade_without_key_and_token_closes_4001() {
    let server = start();
    assert_eq!(server.dial().refused().0, 4001);
    for empty in ["key=", "token=", "key", "token", "Key=x", "apiKey=x"] {
        assert_eq!(server.dial().query(empty).refused().0, 4001, "{empty}");
    }
}

#[test]
fn w004_an_upgrade_with_key_and_token_closes_4001() {
    let server = start();
    let (key, token) = (server.publishable(), server.token(&json!({})));
    let key = key.id.as_str();
    assert_eq!(server.dial().key(key).token(&token).refused().0, 4001);
    assert_eq!(server.dial().token(&token).key(key).refused().0, 4001);
    assert_eq!(server.dial().key(key).query("token=").refused().0, 4001);
    assert_eq!(server.dial().key(key).key(key).refused().0, 4001, "the same parameter twice");
}

#[test]
fn w005_a_token_as_key_and_a_key_as_token_close_4001() {
    let server = start();
    assert_eq!(server.dial().key(&server.token(&json!({}))).refused().0, 4001);
    assert_eq!(server.dial().token(server.publishable().id.as_str()).refused().0, 4001);
    assert_eq!(server.dial().key(server.secret().id.as_str()).refused().0, 4001, "the id of a secret key");
}

#[test]
fn w006_v1_without_upgrade_headers_is_426_and_v2_is_404() {
    let server = start();
    let plain = Dial::to(server.addr()).without("Upgrade").without("Connection").http();
    assert_eq!(plain.status, 426);
    assert!(plain.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")));

    assert_eq!(server.rest().get("/v2").status, 404);
    assert_eq!(server.dial().target("/v2").key(server.publishable().id.as_str()).http().status, 404);
    assert_eq!(server.dial().target("/v1x").http().status, 404);
}

#[test]
fn w006_another_websocket_version_is_426_and_a_missing_key_400() {
    let server = start();
    let old = server.dial().without("Sec-WebSocket-Version").header("Sec-WebSocket-Version", "8").http();
    assert_eq!((old.status, old.header("sec-websocket-version")), (426, Some("13")));
    assert_eq!(server.dial().without("Sec-WebSocket-Key").http().status, 400);
}

#[test]
fn w007_the_61st_attempt_of_an_address_within_a_minute_is_429() {
    let server = start_with(|config| config.trusted_proxies = vec!["127.0.0.1".parse().expect("a network")]);
    let key = server.publishable();
    let from = |address| server.dial().key(key.id.as_str()).header("X-Forwarded-For", address);
    for _ in 0..59 {
        drop(from("203.0.113.9").open());
    }
    // A refused credential is an attempt like any other.
    assert_eq!(server.dial().key(UNKNOWN_KEY).header("X-Forwarded-For", "203.0.113.9").refused().0, 4001);

    let response = from("203.0.113.9").http();
    assert_eq!((response.status, response.body.as_slice()), (429, &b""[..]));
    let retry: u64 = response.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&retry), "{retry}");
    from("203.0.113.10").open().sync();
}

#[test]
fn w007_loopback_is_exempt_and_what_a_stranger_forwards_is_not_believed() {
    let server = start();
    for _ in 0..70 {
        let dial = server.dial().key(server.publishable().id.as_str());
        drop(dial.header("X-Forwarded-For", "203.0.113.9").open());
    }
}

#[test]
fn w008_a_request_target_of_20_kb_connects() {
    let server = start();
    // Two bytes of braces, and the name and the quotes of one member, round the filling.
    let object = |bytes: usize| json!({ "x": "m".repeat(bytes - r#"{"x":""}"#.len()) });
    let channels: Vec<_> = (0..24).map(|n| format!("{n:-<140}")).collect();
    let (own, shown) = (object(8_192), object(4_096));
    let token = server.token(&json!({ "metadata": own, "peerMetadata": shown, "channels": channels }));
    assert!(token.len() > 20 * 1024, "the target has {} bytes", token.len());

    let client = server.dial().token(&token).open();
    assert_eq!(client.welcome().get("metadata"), own);
}

#[test]
fn w008_a_request_target_over_32_kib_is_414() {
    let server = start();
    let long = "x".repeat(33 * 1024);
    assert_eq!(server.dial().key(server.publishable().id.as_str()).query(&long).http().status, 414);
    let almost = "x".repeat(31 * 1024);
    server.dial().key(server.publishable().id.as_str()).query(&almost).open().sync();
}

#[test]
fn w009_percent_encoded_credentials_are_accepted() {
    let server = start();
    server.dial().key(&percent_encode(server.publishable().id.as_str())).open().sync();
    let token = server.token(&json!({ "sub": "bob" }));
    assert_eq!(server.dial().token(&percent_encode(&token)).open().id(), "bob");
}

#[test]
fn w010_unknown_query_parameters_are_ignored() {
    let server = start();
    let dial = server.dial().query("v=2").key(server.publishable().id.as_str());
    dial.query("utm=%zz").query("empty").query("").open().sync();
}

#[test]
fn w011_a_client_that_offers_compression_is_served_without() {
    let server = start();
    let dial = server.dial().key(server.publishable().id.as_str());
    let offer = "permessage-deflate; client_max_window_bits";
    let (mut client, response) = dial.header("Sec-WebSocket-Extensions", offer).upgrade().expect("101");
    assert_eq!(response.header("sec-websocket-extensions"), None);
    client.expect("welcome");
    client.subscribe("room");
}

#[test]
fn w012_a_subscribe_sent_before_the_welcome_is_answered_after_it() {
    let server = start();
    let subscribe = json!({ "type": "subscribe", "channel": "room", "requestId": "early" }).to_string();
    let bytes = socket::masked(true, Opcode::Text, subscribe.as_bytes());
    let mut client = server.dial().key(server.publishable().id.as_str()).early(&bytes).open();
    client.expect_json(&json!({ "type": "ack", "requestId": "early" }));
    client.expect_presence("room", &[], &[]);
}
