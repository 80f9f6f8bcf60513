//! Wire checklist, subscribe and unsubscribe: 33 to 45.

use peerhall_e2e::server::{Ways, actions};
use peerhall_e2e::{Client, all_silent, on_every_shard_count, start};
use serde_json::{Value, json};

fn subscribe(channel: impl Into<Value>) -> Value {
    json!({ "type": "subscribe", "channel": channel.into() })
}

fn unsubscribe(channel: &str) -> Value {
    json!({ "type": "unsubscribe", "channel": channel })
}

fn publish(channel: &str, data: impl Into<Value>) -> Value {
    json!({ "type": "publish", "channel": channel, "data": data.into() })
}

#[test]
fn w033_subscribe_gives_one_ack_and_then_one_presence() {
    let server = start();
    let mut client = server.client();
    client.send(&json!({ "type": "subscribe", "channel": "room", "requestId": "s" }));
    client.expect_json(&json!({ "type": "ack", "requestId": "s" }));
    client.expect_json(&json!({ "type": "presence", "channel": "room", "joined": [], "left": [] }));
    client.silent();
}

#[test]
fn w034_subscribe_without_request_id_gives_one_presence_and_no_ack() {
    let server = start();
    let mut client = server.client();
    client.send(&subscribe("room"));
    client.expect_json(&json!({ "type": "presence", "channel": "room", "joined": [], "left": [] }));
    client.silent();
}

#[test]
fn w035_what_is_no_channel_name_is_invalid() {
    let server = start();
    let mut client = server.client();
    let long = "x".repeat(257);
    for channel in [json!(""), json!(7), json!(null), json!(["a"]), json!(long)] {
        assert_eq!(client.refusal(subscribe(channel.clone())), "invalid_channel", "{channel}");
    }
    for control in ["\0", "\u{1f}", "\u{7f}", "\u{80}", "\u{9f}", "\n"] {
        assert_eq!(client.refusal(subscribe(format!("a{control}b"))), "invalid_channel", "{control:?}");
        assert_eq!(client.refusal(publish(&format!("a{control}b"), 1)), "invalid_channel", "{control:?}");
    }
    for kind in ["subscribe", "unsubscribe", "publish"] {
        assert_eq!(client.refusal(json!({ "type": kind, "data": 1 })), "invalid_channel", "{kind}");
    }
    client.silent();
}

#[test]
fn w036_a_channel_name_has_at_most_256_bytes_of_utf_8() {
    let server = start();
    let mut client = server.client();
    client.subscribe(&"x".repeat(256));
    client.subscribe(&"ö".repeat(128));
    assert_eq!(client.refusal(subscribe("ö".repeat(129))), "invalid_channel");
}

#[test]
fn w037_reserved_prefixes_are_refused_and_what_looks_like_them_is_not() {
    let server = start();
    let mut client = server.client();
    for channel in ["_metered/x", "_INTERNAL/x", "_system/", "_Metered/a/b"] {
        assert_eq!(client.refusal(subscribe(channel)), "channel_reserved", "{channel}");
        assert_eq!(client.refusal(publish(channel, 1)), "channel_reserved", "{channel}");
    }
    for channel in ["_metered", "_meteredx/y", "a/_system/b", "_system", "/_system/"] {
        client.subscribe(channel);
        client.ack(publish(channel, 1));
    }
}

#[test]
fn w038_a_channel_outside_the_patterns_is_refused_and_everything_else_lives_on() {
    let server = start();
    let key = server.add_publishable(&["room-*"], |_| {});
    let mut client = server.client_with(&key);
    client.subscribe("room-1");
    assert_eq!(client.refusal(subscribe("admin-1")), "channel_not_authorized");
    let mut other = server.client();
    other.ack(publish("room-1", "still here"));
    assert_eq!(client.expect("message").get("data"), json!("still here"));
    other.ack(publish("admin-1", "secret"));
    client.silent();
}

#[test]
fn w039_a_key_without_subscribe_may_not() {
    let server = start();
    let key = server.add_publishable(&["**"], |key| key.actions = actions(&["publish", "presence", "send"]));
    let mut client = server.client_with(&key);
    assert_eq!(client.refusal(subscribe("room")), "action_not_permitted");
    assert_eq!(client.refusal(subscribe("room-*")), "action_not_permitted");
    client.silent();
}

#[test]
fn w040_a_connection_holds_100_channels() {
    let server = start();
    let mut client = server.client();
    for n in 0..99 {
        client.ack(subscribe(format!("room-{n}")));
    }
    client.ack(subscribe("pattern-*"));
    assert_eq!(client.refusal(subscribe("one-more")), "channel_limit_exceeded");
    assert_eq!(client.refusal(subscribe("more-*")), "channel_limit_exceeded");
    client.ack(subscribe("room-7"));
    client.ack(subscribe("pattern-*"));
    client.ack(unsubscribe("room-3"));
    client.ack(subscribe("one-more"));
    assert_eq!(client.refusal(subscribe("room-3")), "channel_limit_exceeded");
}

#[test]
fn w041_a_second_subscribe_gives_a_full_snapshot_and_the_others_hear_nothing() {
    on_every_shard_count(|server| {
        let (mut a, mut b, mut c) = (server.client(), server.client(), server.client());
        a.subscribe("room");
        b.subscribe("room");
        a.expect_presence("room", &[b.id()], &[]);
        c.subscribe("room");
        a.expect_presence("room", &[c.id()], &[]);
        b.expect_presence("room", &[c.id()], &[]);

        a.ack(subscribe("room"));
        a.expect_presence("room", &[b.id(), c.id()], &[]);
        all_silent(&mut [&mut a, &mut b, &mut c]);
    });
}

#[test]
fn w042_the_second_subscribe_switches_sender_metadata_on_and_off() {
    let server = start();
    let mut sender = server.bearer(&json!({ "peerMetadata": { "name": "Alice" } }));
    let mut member = server.client();
    let mut shown = |asked: Option<Value>| {
        let mut message = subscribe("room");
        if let Some(asked) = asked {
            message["includeSenderMetadata"] = asked;
        }
        member.ack(message);
        member.snapshot("room");
        sender.ack(publish("room", 1));
        member.expect("message").has("fromMetadata")
    };
    assert!(!shown(None));
    assert!(shown(Some(json!(true))));
    assert!(!shown(Some(json!(false))));
    assert!(shown(Some(json!(true))));
    assert!(!shown(None), "the last subscribe wins");
    for other in [json!("true"), json!(1), json!(null), json!({})] {
        assert!(!shown(Some(other.clone())), "{other}");
    }
}

#[test]
fn w043_unsubscribe_is_acknowledged_whatever_is_held() {
    let server = start();
    let key = server.add_publishable(&["room-*"], |key| key.actions = actions(&["subscribe"]));
    let mut client = server.client_with(&key);
    client.ack(subscribe("room-1"));
    for channel in ["room-1", "room-1", "room-unknown", "admin-1", "admin-*", "_system/x"] {
        client.ack(unsubscribe(channel));
    }
    assert_eq!(client.refusal(unsubscribe("")), "invalid_channel");
}

#[test]
fn w044_after_the_ack_of_unsubscribe_nothing_of_the_channel_arrives() {
    on_every_shard_count(|server| {
        let (mut leaver, mut sender) = (server.client(), server.client());
        leaver.subscribe("room");
        sender.subscribe("room");
        leaver.expect_presence("room", &[sender.id()], &[]);
        // More than fits between two of the server's turns.
        for n in 0..50 {
            sender.send(&publish("room", n));
        }
        leaver.ack(unsubscribe("room"));
        let _before_the_ack = leaver_frames(&mut leaver);
        for n in 0..20 {
            sender.send(&publish("room", n));
        }
        let mut newcomer = server.client();
        newcomer.subscribe("room");
        newcomer.close();
        sender.sync();
        leaver.silent();
    });
}

/// What was put aside while the client waited for its `ack`: it came before that.
fn leaver_frames(client: &mut Client) -> Vec<String> {
    let frames = std::iter::from_fn(|| client.take_waiting());
    frames.inspect(|frame| assert_eq!(frame.kind(), "message")).map(|frame| frame.text).collect()
}

#[test]
fn w045_what_is_published_after_the_ack_arrives() {
    on_every_shard_count(|server| {
        let (mut member, mut sender) = (server.client(), server.client());
        // Without waiting for the snapshot: membership begins with the ack.
        for n in 0..20 {
            let channel = format!("room-{n}");
            member.ack(subscribe(channel.as_str()));
            sender.ack(publish(&channel, n));
            let message = member.find("message", |frame| frame.kind() == "message");
            assert_eq!((message.get("channel"), message.get("data")), (json!(channel), json!(n)));
        }
    });
}
