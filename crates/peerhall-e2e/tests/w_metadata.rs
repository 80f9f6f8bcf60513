//! Wire checklist, metadata: 66 to 69.

use peerhall_e2e::server::Ways;
use peerhall_e2e::{Client, on_every_shard_count, start};
use serde_json::{Value, json};

fn subscribe(client: &mut Client, with_metadata: bool) {
    client.ack(json!({ "type": "subscribe", "channel": "room", "includeSenderMetadata": with_metadata }));
    client.snapshot("room");
}

fn named(name: &str) -> Value {
    json!({ "sub": name, "peerMetadata": { "username": name } })
}

#[test]
fn w066_a_message_carries_metadata_only_where_it_was_asked_for() {
    on_every_shard_count(|server| {
        let (mut curious, mut indifferent) = (server.client(), server.client());
        subscribe(&mut curious, true);
        subscribe(&mut indifferent, false);
        let mut alice = server.bearer(&named("alice"));
        alice.ack(json!({ "type": "publish", "channel": "room", "data": 1 }));
        let message = |client: &mut Client| client.find("message", |frame| frame.kind() == "message");
        assert_eq!(message(&mut curious).get("fromMetadata"), json!({ "username": "alice" }));
        assert!(!message(&mut indifferent).has("fromMetadata"));
    });
}

#[test]
fn w067_a_direct_always_carries_the_senders_metadata() {
    on_every_shard_count(|server| {
        let (mut alice, mut bob) = (server.bearer(&named("alice")), server.client());
        alice.ack(json!({ "type": "send", "to": bob.id(), "data": 1 }));
        assert_eq!(bob.expect("direct").get("fromMetadata"), json!({ "username": "alice" }));
    });
}

#[test]
fn w068_senders_without_metadata_have_no_such_member_anywhere() {
    let server = start();
    let mut member = server.client();
    subscribe(&mut member, true);
    let without = |server: &peerhall_e2e::Running, n: usize| match n {
        0 => server.client(),
        1 => server.bearer(&json!({ "sub": "bare" })),
        _ => server.bearer(&json!({ "sub": "null", "peerMetadata": null })),
    };
    for n in 0..3 {
        let mut sender = without(&server, n);
        sender.subscribe("room");
        let joined = member.expect("presence").get("joined");
        assert_eq!(joined, json!([{ "peerId": sender.id() }]));
        sender.ack(json!({ "type": "publish", "channel": "room", "data": 1 }));
        assert!(!member.expect("message").has("fromMetadata"));
        sender.ack(json!({ "type": "send", "to": member.id(), "data": 1 }));
        assert!(!member.expect("direct").has("fromMetadata"));
        let mut later = server.client();
        let snapshot = later.subscribe("room").get("joined");
        let entry = json!({ "peerId": sender.id() });
        assert!(snapshot.as_array().expect("an array").contains(&entry), "{snapshot}");
        member.expect("presence");
        later.close();
        member.expect("presence");
        sender.close();
        member.expect("presence");
    }
}

#[test]
fn w069_metadata_equals_the_claim() {
    let server = start();
    let claim = json!({ "n": 1.5, "deep": { "list": [1, null, true, "ü\u{1f600}\"\\"] }, "": {} });
    let mut member = server.client();
    subscribe(&mut member, true);
    let mut sender = server.bearer(&json!({ "sub": "alice", "peerMetadata": claim }));
    sender.subscribe("room");
    let joined = member.expect("presence").get("joined");
    assert_eq!(joined, json!([{ "peerId": "alice", "metadata": claim }]));
    sender.ack(json!({ "type": "publish", "channel": "room", "data": 1 }));
    assert_eq!(member.expect("message").get("fromMetadata"), claim);
    sender.ack(json!({ "type": "send", "to": member.id(), "data": 1 }));
    assert_eq!(member.expect("direct").get("fromMetadata"), claim);
    sender.close();
    assert_eq!(member.expect("presence").get("left"), json!([{ "peerId": "alice", "metadata": claim }]));
}
