//! Wire checklist, send: 56 to 65.

use peerhall_e2e::server::{Ways, actions, token_of};
use peerhall_e2e::{all_silent, on_every_shard_count, start};
use serde_json::{Value, json};

fn send(to: &str, data: impl Into<Value>) -> Value {
    json!({ "type": "send", "to": to, "data": data.into() })
}

#[test]
fn w056_send_arrives_as_direct_without_a_channel() {
    on_every_shard_count(|server| {
        let (mut a, mut b) = (server.client(), server.client());
        a.ack(send(b.id(), json!({ "a": 1 })));
        b.expect_json(&json!({ "type": "direct", "from": a.id(), "data": { "a": 1 } }));
        all_silent(&mut [&mut a, &mut b]);
    });
}

#[test]
fn w057_it_works_between_peers_that_share_no_channel() {
    on_every_shard_count(|server| {
        let mut bob = server.peer("bob");
        bob.subscribe("room-b");
        let mut alice = server.bearer(&json!({ "sub": "alice", "channels": ["room-a"] }));
        alice.subscribe("room-a");
        alice.ack(send("bob", 1));
        assert_eq!(bob.expect("direct").get("from"), json!("alice"));
        let mut nowhere = server.bearer(&json!({ "sub": "carol", "channels": [] }));
        nowhere.ack(send("bob", 2));
        assert_eq!(bob.expect("direct").get("from"), json!("carol"));
        bob.ack(send("carol", 3));
        assert_eq!(nowhere.expect("direct").get("data"), json!(3));
    });
}

#[test]
fn w058_nobody_there_is_peer_not_found() {
    on_every_shard_count(|server| {
        let mut alice = server.peer("alice");
        assert_eq!(alice.refusal(send("nobody", 1)), "peer_not_found");
        alice.subscribe("room");

        let (first, mut second) = (server.peer("bob"), server.peer("bob"));
        second.subscribe("room");
        alice.expect_presence("room", &["bob"], &[]);
        first.close();
        alice.ack(send("bob", 1));
        assert_eq!(second.expect("direct").get("data"), json!(1));
        second.close();
        alice.expect_presence("room", &[], &["bob"]);
        assert_eq!(alice.refusal(send("bob", 2)), "peer_not_found");
    });
}

#[test]
fn w059_what_is_no_peer_id_is_invalid() {
    let server = start();
    let mut client = server.client();
    assert_eq!(client.refusal(json!({ "type": "send", "data": 1 })), "invalid_peer_id");
    for to in [
        json!(""),
        json!("x".repeat(129)),
        json!("böb"),
        json!("a\tb"),
        json!("a\u{7f}"),
        json!(7),
        json!(null),
    ] {
        let message = json!({ "type": "send", "to": to, "data": 1 });
        assert_eq!(client.refusal(message.clone()), "invalid_peer_id", "{message}");
    }
    assert_eq!(client.refusal(send(&"x".repeat(128), 1)), "peer_not_found");
}

#[test]
fn w060_a_key_without_send_may_not_but_may_receive() {
    let server = start();
    let key =
        server.add_publishable(&["**"], |key| key.actions = actions(&["subscribe", "publish", "presence"]));
    let (mut without, mut with) = (server.client_with(&key), server.client());
    assert_eq!(without.refusal(send(with.id(), 1)), "action_not_permitted");
    with.silent();
    with.ack(send(without.id(), 2));
    assert_eq!(without.expect("direct").get("data"), json!(2));
}

#[test]
fn w061_missing_data_is_named() {
    let server = start();
    let mut client = server.client();
    let to = client.id().to_owned();
    assert_eq!(client.refusal(json!({ "type": "send", "to": to })), "missing_data");
    assert_eq!(client.refusal(json!({ "type": "send", "to": "nobody" })), "missing_data");
}

#[test]
fn w062_every_connection_of_the_target_receives_the_direct() {
    on_every_shard_count(|server| {
        let mut targets: Vec<_> = (0..4).map(|_| server.peer("bob")).collect();
        let mut alice = server.peer("alice");
        alice.ack(send("bob", 1));
        for target in &mut targets {
            target.expect_json(&json!({ "type": "direct", "from": "alice", "data": 1 }));
        }
        all_silent(&mut targets.iter_mut().collect::<Vec<_>>());
    });
}

#[test]
fn w063_a_direct_to_oneself_arrives_on_the_sending_connection_too() {
    on_every_shard_count(|server| {
        let (mut phone, mut laptop) = (server.peer("alice"), server.peer("alice"));
        phone.ack(send("alice", 1));
        let wanted = json!({ "type": "direct", "from": "alice", "data": 1 });
        phone.expect_json(&wanted);
        laptop.expect_json(&wanted);
    });
}

#[test]
fn w064_a_peer_of_another_app_is_not_found() {
    on_every_shard_count(|server| {
        let other = server.add_tenant("other", |_| {});
        let mut bob = server.dial().token(&token_of(&other, &json!({ "sub": "bob" }))).open();
        let mut alice = server.peer("alice");
        bob.subscribe("room");
        assert_eq!(alice.subscribe("room").joined(), Vec::<String>::new(), "nor is it in the room");
        assert_eq!(alice.refusal(send("bob", 1)), "peer_not_found");
        alice.ack(json!({ "type": "publish", "channel": "room", "data": 1 }));
        bob.silent();
    });
}

#[test]
fn w065_directs_and_messages_of_one_sender_keep_their_order() {
    on_every_shard_count(|server| {
        let (mut sender, mut receiver) = (server.client(), server.client());
        receiver.subscribe("room");
        for n in 0..190 {
            let message = match n % 2 {
                0 => send(receiver.id(), n),
                _ => json!({ "type": "publish", "channel": "room", "data": n }),
            };
            sender.send(&message);
        }
        for n in 0..190 {
            let frame = receiver.next_frame();
            let kind = if n % 2 == 0 { "direct" } else { "message" };
            assert_eq!((frame.kind().as_str(), frame.get("data")), (kind, json!(n)));
        }
    });
}
