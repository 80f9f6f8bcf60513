//! Wire checklist, errors and closes: 99 to 108.

use std::time::{Duration, Instant};

use peerhall_e2e::server::{Ways, actions, patterns, token_of};
use peerhall_e2e::socket::{self, Opcode};
use peerhall_e2e::{Client, eventually, start};
use peerhall_server::store::{AppChange, KeyChange};
use serde_json::{Value, json};

/// Changes to keys and apps are in force on live connections within this (authentication, section 10).
const IN_FORCE: Duration = Duration::from_secs(5);

fn subscribe(channel: &str) -> Value {
    json!({ "type": "subscribe", "channel": channel })
}

fn publish(channel: &str, data: impl Into<Value>) -> Value {
    json!({ "type": "publish", "channel": channel, "data": data.into() })
}

/// One request for every error that a frame with a valid id can cause, on a connection with
/// `subscribe` and `publish` on `room-*` that holds 100 channels.
fn mistakes() -> Vec<(Value, &'static str)> {
    vec![
        (json!({}), "malformed_message"),
        (json!({ "type": 5 }), "malformed_message"),
        (json!({ "type": "zap" }), "unknown_type"),
        (json!({ "type": "welcome" }), "unknown_type"),
        (subscribe(""), "invalid_channel"),
        (json!({ "type": "unsubscribe" }), "invalid_channel"),
        (json!({ "type": "send", "data": 1 }), "invalid_peer_id"),
        (publish("other", 1), "channel_not_authorized"),
        (subscribe("_system/x"), "channel_reserved"),
        (subscribe("room-100"), "channel_limit_exceeded"),
        (json!({ "type": "publish", "channel": "room-1" }), "missing_data"),
        (json!({ "type": "send", "to": "bob", "data": 1 }), "action_not_permitted"),
    ]
}

#[test]
fn w099_every_error_repeats_the_id_of_its_frame() {
    let server = start();
    let key = server.add_publishable(&["room-*"], |key| key.actions = actions(&["subscribe", "publish"]));
    let mut client = server.client_with(&key);
    for n in 0..100 {
        client.ack(subscribe(&format!("room-{n}")));
    }
    for (message, code) in mistakes() {
        // `request` waits for the reply with the id, and `Frame` refuses an error without a message.
        assert_eq!(client.refusal(message.clone()), code, "{message}");
    }
    client.sync();
    server.client().ack(publish("room-99", 1));
    client.expect("message");
}

#[test]
fn w099_peer_not_found_repeats_the_id() {
    let server = start();
    assert_eq!(server.client().refusal(json!({ "type": "send", "to": "bob", "data": 1 })), "peer_not_found");
}

#[test]
fn w100_errors_without_an_id_have_a_code_and_a_message_too() {
    let server = start();
    let key = server.add_publishable(&["room-*"], |key| key.actions = actions(&["subscribe", "publish"]));
    let mut client = server.client_with(&key);
    for (message, code) in mistakes().into_iter().filter(|(_, code)| *code != "channel_limit_exceeded") {
        client.send(&message);
        let error = client.expect("error");
        assert_eq!((error.string("code").as_str(), error.has("requestId")), (code, false), "{message}");
        assert!(!error.string("message").is_empty());
    }
}

#[test]
fn w101_a_hundred_errors_leave_the_connection_open() {
    let server = start();
    let mut client = server.client();
    for _ in 0..100 {
        client.send_text("nonsense");
        client.expect("error");
    }
    client.sync();
}

#[test]
fn w102_checks_run_in_their_order() {
    let server = start();
    let key = server.add_publishable(&["room-*"], |key| key.actions = actions(&["subscribe"]));
    let mut client = server.client_with(&key);
    let no_data = |channel: &str| json!({ "type": "publish", "channel": channel });
    for (message, code) in [
        (json!({ "type": "publish" }), "invalid_channel"),
        (no_data("other"), "missing_data"),
        (no_data("_system/x"), "missing_data"),
        (publish("_system/x", 1), "channel_reserved"),
        (publish("other", 1), "action_not_permitted"),
        (subscribe("other"), "channel_not_authorized"),
        (json!({ "type": "send", "to": "" }), "invalid_peer_id"),
        (json!({ "type": "send", "to": "nobody" }), "missing_data"),
        (json!({ "type": "send", "to": "nobody", "data": 1 }), "action_not_permitted"),
    ] {
        assert_eq!(client.refusal(message.clone()), code, "{message}");
    }
    // The shape of the id is looked at after the type and before everything else.
    client.send(&json!({ "type": "zap", "requestId": 7 }));
    assert_eq!(client.expect("error").string("code"), "unknown_type");
    client.send(&json!({ "type": "publish", "requestId": 7 }));
    assert_eq!(client.expect("error").string("code"), "malformed_message");
}

#[test]
fn w103_the_reason_does_not_tell_an_unknown_from_a_revoked_key() {
    let server = start();
    let (revoked, mut live) = (server.add_publishable(&["**"], |_| {}), Vec::new());
    live.push(server.client_with(&revoked));
    server.revoke_key(&revoked.id);
    let unknown = "pk_live_00000000000000000000000000000000";
    let first = server.dial().key(unknown).refused();
    let answers = [
        server.dial().key(revoked.id.as_str()).refused(),
        server.dial().key("nonsense").refused(),
        server.dial().token("nonsense").refused(),
        server.dial().key(server.secret().id.as_str()).refused(),
    ];
    assert_eq!(first.0, 4001);
    assert!(first.1.len() <= 123 && first.1.is_ascii(), "{first:?}");
    for answer in answers {
        assert_eq!(answer, first);
    }
}

fn pings(count: usize) -> Vec<u8> {
    socket::masked(true, Opcode::Text, br#"{"type":"ping"}"#).repeat(count)
}

fn pongs(client: &mut Client, count: usize) {
    for _ in 0..count {
        client.expect("pong");
    }
}

#[test]
fn w104_the_201st_frame_at_once_closes_4011_and_the_200th_does_not() {
    let server = start();
    let mut client = server.client();
    client.write(&pings(200));
    pongs(&mut client, 200);

    let mut client = server.client();
    client.write(&pings(201));
    pongs(&mut client, 200);
    assert_eq!(client.closed(), 4011);

    let mut client = server.client();
    client.write(&socket::masked(true, Opcode::Text, b"malformed ones count too").repeat(201));
    assert_eq!(client.closed(), 4011);
}

#[test]
fn w104_a_hundred_frames_a_second_for_ten_seconds_are_fine() {
    let server = start();
    let mut client = server.client();
    let begin = Instant::now();
    for n in 0..1_000_u32 {
        std::thread::sleep((Duration::from_millis(10) * n).saturating_sub(begin.elapsed()));
        client.write(&pings(1));
    }
    pongs(&mut client, 1_000);
}

#[test]
fn w105_over_the_message_quota_publish_and_send_are_refused_and_the_rest_goes_on() {
    let server = start();
    let key = server.add_tenant("small", |app| app.max_messages_per_period = Some(10));
    let open = |name| server.dial().token(&token_of(&key, &json!({ "sub": name }))).open();
    let (mut alice, mut bob) = (open("alice"), open("bob"));
    bob.subscribe("room");
    for n in 0..9 {
        alice.ack(publish("room", n));
        assert_eq!(bob.expect("message").get("data"), json!(n));
    }
    bob.ack(json!({ "type": "send", "to": "alice", "data": "the 10th" }));
    alice.expect("direct");

    assert_eq!(alice.refusal(publish("room", 11)), "over_message_quota");
    assert_eq!(bob.refusal(json!({ "type": "send", "to": "alice", "data": 12 })), "over_message_quota");
    alice.subscribe("room");
    bob.expect_presence("room", &["alice"], &[]);
    alice.sync();
    alice.ack(json!({ "type": "unsubscribe", "channel": "room" }));
    bob.expect_presence("room", &[], &["alice"]);
    alice.silent();
}

#[test]
fn w106_over_the_concurrency_quota_a_connection_closes_4010_without_welcome() {
    let server = start();
    let key = server.add_tenant("small", |app| app.max_connections = Some(2));
    let dial = || server.dial().token(&token_of(&key, &json!({})));
    let (first, mut second) = (dial().open(), dial().open());
    assert_eq!(dial().refused().0, 4010);
    second.sync();
    server.client().sync();
    first.close();
    eventually("a free place", IN_FORCE, || dial().outcome().ok());
}

#[test]
fn w107_suspending_an_app_closes_live_and_new_connections_4012() {
    let server = start();
    let key = server.add_tenant("late-payer", |_| {});
    let dial = || server.dial().token(&token_of(&key, &json!({})));
    let mut live: Vec<_> = (0..4).map(|_| dial().open()).collect();
    let mut other = server.client();
    let suspend = |suspended| AppChange { suspended: Some(suspended), ..AppChange::default() };
    server.update_app(&key.app, suspend(true));
    for client in &mut live {
        assert_eq!(client.closed_within(IN_FORCE), 4012);
    }
    assert_eq!(dial().refused().0, 4012);
    other.sync();
    server.update_app(&key.app, suspend(false));
    dial().open().sync();
}

#[test]
fn w108_narrowing_a_key_closes_4003_who_holds_an_excluded_channel_and_nobody_else() {
    let server = start();
    let key = server.add_publishable(&["room-*", "admin-*"], |_| {});
    let [mut room, mut admin, mut both, mut none] = std::array::from_fn(|_| server.client_with(&key));
    room.subscribe("room-1");
    admin.subscribe("admin-1");
    both.subscribe("room-2");
    both.subscribe("admin-2");
    let mut pattern = server.client_with(&key);
    pattern.subscribe("admin-*");
    let change = KeyChange { patterns: Some(patterns(&["room-*"])), ..KeyChange::default() };
    server.update_key(&key.id, change);
    for client in [&mut admin, &mut both, &mut pattern] {
        assert_eq!(client.closed_within(IN_FORCE), 4003);
    }
    room.ack(publish("room-1", 1));
    none.sync();
    assert_eq!(room.refusal(subscribe("admin-1")), "channel_not_authorized");
    assert_eq!(none.refusal(publish("admin-1", 1)), "channel_not_authorized");
}
