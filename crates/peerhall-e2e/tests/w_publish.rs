//! Wire checklist, publish: 46 to 55.

use std::time::{Duration, Instant};

use peerhall_e2e::server::{Ways, actions};
use peerhall_e2e::socket::{Opcode, masked};
use peerhall_e2e::{all_silent, on_every_shard_count, start, start_with};
use serde_json::{Value, json};

fn publish(channel: &str, data: impl Into<Value>) -> Value {
    json!({ "type": "publish", "channel": channel, "data": data.into() })
}

#[test]
fn w046_a_message_reaches_every_other_member_and_not_the_publisher() {
    on_every_shard_count(|server| {
        let (mut a, mut b, mut c) = (server.client(), server.client(), server.client());
        for client in [&mut a, &mut b, &mut c] {
            client.subscribe("room");
        }
        a.expect_presence("room", &[b.id()], &[]);
        a.expect_presence("room", &[c.id()], &[]);
        b.expect_presence("room", &[c.id()], &[]);
        a.ack(publish("room", json!({ "t": "hi" })));
        let wanted = json!({ "type": "message", "channel": "room", "from": a.id(), "data": { "t": "hi" } });
        b.expect_json(&wanted);
        c.expect_json(&wanted);
        all_silent(&mut [&mut a, &mut b, &mut c]);
    });
}

/// Frames that come in one read are handed to a channel's members together: what goes to one of them
/// alone in between keeps its place.
#[test]
fn w065_directs_and_publishes_of_one_write_keep_their_order() {
    on_every_shard_count(|server| {
        let (mut a, mut b, mut c) = (server.client(), server.client(), server.client());
        for client in [&mut b, &mut c] {
            client.subscribe("room");
        }
        b.expect_presence("room", &[c.id()], &[]);
        let mut write = Vec::new();
        for n in 0..60 {
            let frame = match n % 6 {
                3 => json!({ "type": "send", "to": b.id(), "data": n }),
                4 => json!({ "type": "publish", "channel": "room", "data": n, "requestId": n.to_string() }),
                5 => publish("elsewhere", n),
                _ => publish("room", n),
            };
            write.extend(masked(true, Opcode::Text, frame.to_string().as_bytes()));
        }
        a.write(&write);
        for n in 0..60 {
            let kind = match n % 6 {
                3 => "direct",
                5 => continue,
                _ => "message",
            };
            assert_eq!(b.expect(kind).get("data"), json!(n));
            if kind == "message" {
                assert_eq!(c.expect("message").get("data"), json!(n));
            }
        }
        for n in (4..60).step_by(6) {
            assert_eq!(a.expect("ack").string("requestId"), n.to_string());
        }
        all_silent(&mut [&mut a, &mut b, &mut c]);
    });
}

#[test]
fn w052_a_write_of_many_large_messages_arrives_whole_at_every_member() {
    let server = start_with(|config| config.limits.frames_per_second = None);
    let (mut a, mut b, mut c) = (server.client(), server.client(), server.client());
    b.subscribe("room");
    c.subscribe("room");
    b.expect_presence("room", &[c.id()], &[]);
    // More than one read and more than one joined write, and less than what cuts a slow reader.
    let data: Vec<String> = (0..60).map(|n: usize| format!("{n} {}", "x".repeat(n * 200))).collect();
    let write: Vec<u8> = data
        .iter()
        .flat_map(|data| masked(true, Opcode::Text, publish("room", data.as_str()).to_string().as_bytes()))
        .collect();
    a.write(&write);
    for data in &data {
        for member in [&mut b, &mut c] {
            assert_eq!(member.expect("message").string("data"), *data);
        }
    }
}

#[test]
fn w052_what_was_written_before_an_end_arrives_though_it_is_much_and_others_say_little_meanwhile() {
    on_every_shard_count(|server| {
        let (mut much, mut little, mut member) = (server.client(), server.client(), server.client());
        member.subscribe("room");
        // Far more than what is read of one connection before its turn comes again.
        let data: Vec<String> = (0..20).map(|n| format!("{n} {}", "x".repeat(50_000))).collect();
        let write: Vec<u8> = data
            .iter()
            .flat_map(|data| {
                masked(true, Opcode::Text, publish("room", data.as_str()).to_string().as_bytes())
            })
            .collect();
        let id = much.id().to_owned();
        much.write(&write);
        much.cut();
        (0..20).for_each(|n| little.send(&publish("room", n)));
        little.sync();
        let (mut from_much, mut from_little) = (Vec::new(), Vec::new());
        while from_much.len() + from_little.len() < 40 {
            let message = member.expect("message");
            let list = if message.get("from") == json!(id) { &mut from_much } else { &mut from_little };
            list.push(message.get("data"));
        }
        assert!(from_much.iter().zip(&data).all(|(came, said)| came == said), "whole and in order");
        assert!(from_little.iter().enumerate().all(|(n, came)| *came == json!(n)), "in order");
    });
}

#[test]
fn w047_who_is_no_member_can_publish() {
    on_every_shard_count(|server| {
        let (mut member, mut outsider) = (server.client(), server.client());
        member.subscribe("room");
        outsider.ack(publish("room", 1));
        assert_eq!(member.expect("message").get("from"), json!(outsider.id()));
        outsider.silent();
    });
}

#[test]
fn w048_publishing_to_nobody_is_acknowledged() {
    let server = start();
    let mut client = server.client();
    client.ack(publish("empty", 1));
    client.silent();
}

#[test]
fn w049_missing_data_is_named_with_the_id() {
    let server = start();
    let mut client = server.client();
    assert_eq!(client.refusal(json!({ "type": "publish", "channel": "room" })), "missing_data");
    client.ack(publish("room", Value::Null));
}

#[test]
fn w050_publish_needs_the_action_and_the_channel() {
    let server = start();
    let mute =
        server.add_publishable(&["**"], |key| key.actions = actions(&["subscribe", "presence", "send"]));
    assert_eq!(server.client_with(&mute).refusal(publish("room", 1)), "action_not_permitted");
    let narrow = server.add_publishable(&["room-*"], |_| {});
    let mut client = server.client_with(&narrow);
    let mut listener = server.client();
    listener.subscribe("other");
    assert_eq!(client.refusal(publish("other", 1)), "channel_not_authorized");
    client.ack(publish("room-1", 1));
    listener.silent();
}

#[test]
fn w051_a_second_connection_of_the_publishers_peer_receives_the_message() {
    on_every_shard_count(|server| {
        let (mut phone, mut laptop) = (server.peer("alice"), server.peer("alice"));
        phone.subscribe("room");
        laptop.subscribe("room");
        phone.ack(publish("room", 1));
        let wanted = json!({ "type": "message", "channel": "room", "from": "alice", "data": 1 });
        laptop.expect_json(&wanted);
        phone.silent();
    });
}

#[test]
fn w052_a_thousand_messages_of_one_publisher_arrive_in_order_at_every_member() {
    let server = start();
    let mut sender = server.client();
    let mut members: Vec<_> = (0..4).map(|_| server.client()).collect();
    for member in &mut members {
        member.ack(json!({ "type": "subscribe", "channel": "room" }));
    }
    // The bucket takes 200 at once and then 100 in a second; 90 leave it room.
    let begin = Instant::now();
    for n in 0..1_000_u32 {
        let due = Duration::from_secs(1) * n.saturating_sub(180) / 90;
        std::thread::sleep(due.saturating_sub(begin.elapsed()));
        sender.send(&publish("room", n));
    }
    sender.sync();
    for member in &mut members {
        for n in 0..1_000 {
            let message = member.find("message", |frame| frame.kind() == "message");
            assert_eq!(message.get("data"), json!(n));
        }
    }
}

#[test]
fn w053_from_is_what_the_server_knows() {
    let server = start();
    let (mut member, mut sender) = (server.client(), server.peer("alice"));
    member.subscribe("room");
    let mut forged = publish("room", 1);
    forged["from"] = json!("bob");
    forged["fromMetadata"] = json!({ "admin": true });
    sender.ack(forged);
    let wanted = json!({ "type": "message", "channel": "room", "from": "alice", "data": 1 });
    member.expect_json(&wanted);

    sender.ack(json!({ "type": "send", "to": member.id(), "data": 2, "from": "bob", "channel": "room" }));
    member.expect_json(&json!({ "type": "direct", "from": "alice", "data": 2 }));
}

#[test]
fn w054_names_differ_by_case() {
    let server = start();
    let (mut upper, mut lower) = (server.client(), server.client());
    upper.subscribe("Room");
    assert_eq!(lower.subscribe("room").joined(), Vec::<String>::new());
    lower.ack(publish("room", 1));
    upper.silent();
    lower.ack(publish("Room", 2));
    assert_eq!(upper.expect("message").get("data"), json!(2));
}

#[test]
fn w055_publishing_without_request_id_delivers_and_gives_no_ack() {
    let server = start();
    let (mut member, mut sender) = (server.client(), server.client());
    member.subscribe("room");
    sender.send(&publish("room", 1));
    member.expect("message");
    sender.silent();
}
