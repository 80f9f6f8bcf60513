//! Wire checklist, patterns: 90 to 98.

use std::time::{Duration, Instant};

use peerhall_e2e::server::{Ways, token_of};
use peerhall_e2e::{Client, all_silent, on_every_shard_count, shortest, start};
use serde_json::{Value, json};

fn subscribe(channel: &str) -> Value {
    json!({ "type": "subscribe", "channel": channel })
}

fn publish(channel: &str, data: impl Into<Value>) -> Value {
    json!({ "type": "publish", "channel": channel, "data": data.into() })
}

/// Table 11.1 of the wire protocol: pattern, names it matches, names it does not match.
const TABLE: [(&str, &[&str], &[&str]); 15] = [
    ("room-*", &["room-42", "room-", "room-a-b"], &["admin-1", "room-1/x", "Room-1", "xroom-1"]),
    ("*", &["room-1", "a"], &["a/b"]),
    ("**", &["room-1", "a/b", "*"], &[]),
    ("app_abc/*", &["app_abc/room-1", "app_abc/"], &["app_abc/sub/deep", "app_abc", "other/x"]),
    (
        "app_abc/**",
        &["app_abc/room-1", "app_abc/sub/deep", "app_abc/"],
        &["app_abc", "app_abcd/x", "other/x"],
    ),
    ("app_abc/room-*", &["app_abc/room-1"], &["app_abc/sub/deep", "app_abc/room-1/x"]),
    ("devices/*/events", &["devices/7/events", "devices//events"], &["devices/7/8/events", "devices/events"]),
    ("tasks/**", &["tasks/worker_3", "tasks/a/b"], &["tasks"]),
    ("**/cmd", &["fleet/s1/cmd", "/cmd"], &["cmd"]),
    ("a**z", &["az", "a/b/z"], &["azb"]),
    ("*/*", &["chat/1", "/"], &["chat", "a/b/c"]),
    ("chat/12345", &["chat/12345"], &["chat/123456", "chat/1234"]),
    (r"a\*b", &["a*b"], &["axb", "ab"]),
    (r"a\\*", &[r"a\", r"a\x"], &["a*"]),
    ("a?c", &["a?c"], &["abc"]),
];

/// What a scope says of a name: `ack`, or the code of the refusal.
fn verdict(client: &mut Client, message: Value) -> String {
    let reply = client.request(message);
    if reply.kind() == "ack" { reply.kind() } else { reply.string("code") }
}

#[test]
fn w090_every_row_of_the_table_of_patterns_holds() {
    let server = start();
    for (pattern, matching, others) in TABLE {
        let key = server.add_publishable(&[pattern], |_| {});
        let mut client = server.client_with(&key);
        let wanted = matching.iter().map(|name| (name, "ack"));
        for (name, wanted) in wanted.chain(others.iter().map(|name| (name, "channel_not_authorized"))) {
            // A name with a star can only be subscribed to as the pattern that means this name.
            let to_subscribe = if name.contains('*') { name.replace('*', r"\*") } else { (*name).to_owned() };
            assert_eq!(verdict(&mut client, subscribe(&to_subscribe)), wanted, "{pattern}: subscribe {name}");
            assert_eq!(verdict(&mut client, publish(name, 1)), wanted, "{pattern}: publish {name}");
        }
        assert_eq!(client.refusal(subscribe("_system/x")), "channel_reserved", "{pattern}");
    }
}

#[test]
fn w091_a_pattern_made_to_be_slow_is_answered_within_50_ms() {
    let server = start();
    let key = server.add_publishable(&[&"*a".repeat(128)], |_| {});
    let mut client = server.client_with(&key);
    let name = "a".repeat(255) + "b";
    let limit = Duration::from_millis(50);
    let took = shortest(limit, || {
        let begin = Instant::now();
        assert_eq!(client.refusal(subscribe(&name)), "channel_not_authorized");
        begin.elapsed()
    });
    assert!(took < limit, "{took:?}");
    client.ack(subscribe(&"a".repeat(256)));
}

#[test]
fn w092_a_token_narrows_the_scope_of_its_key() {
    let server = start();
    let key = server.add_secret(&["room-*"], |_| {});
    let mut client = server.dial().token(&token_of(&key, &json!({ "channels": ["room-1"] }))).open();
    client.ack(subscribe("room-1"));
    client.ack(publish("room-1", 1));
    assert_eq!(client.refusal(subscribe("room-2")), "channel_not_authorized");
    assert_eq!(client.refusal(publish("room-2", 1)), "channel_not_authorized");
}

#[test]
fn w093_a_token_does_not_widen_the_scope_of_its_key() {
    let server = start();
    let key = server.add_secret(&["room-*"], |_| {});
    let mut client = server.dial().token(&token_of(&key, &json!({ "channels": ["**"] }))).open();
    client.ack(subscribe("room-1"));
    assert_eq!(client.refusal(subscribe("other")), "channel_not_authorized");
    assert_eq!(client.refusal(publish("other", 1)), "channel_not_authorized");
}

#[test]
fn w094_a_pattern_subscription_receives_what_matches_under_its_own_name() {
    on_every_shard_count(|server| {
        let (mut backend, mut sensor) = (server.client(), server.client());
        backend.subscribe("fleet/*/t");
        sensor.ack(publish("fleet/1/2/t", "no"));
        sensor.ack(publish("fleet/1/t", "yes"));
        backend.expect_json(
            &json!({ "type": "message", "channel": "fleet/1/t", "from": sensor.id(), "data": "yes" }),
        );
        backend.ack(json!({ "type": "unsubscribe", "channel": "fleet/*/t" }));
        sensor.ack(publish("fleet/1/t", "late"));
        backend.silent();
    });
}

#[test]
fn w094_a_star_behind_a_backslash_is_a_star() {
    let server = start();
    let (mut backend, mut sensor) = (server.client(), server.client());
    backend.subscribe(r"a\*b");
    sensor.ack(publish("axb", 1));
    sensor.ack(publish("a*b", 2));
    assert_eq!(backend.expect("message").get("channel"), json!("a*b"));
}

#[test]
fn w095_a_pattern_that_the_scope_does_not_cover_is_refused() {
    let server = start();
    let key = server.add_secret(&["fleet/*", "tasks/**"], |_| {});
    let open = |claims| server.dial().token(&token_of(&key, &claims)).open();
    let mut client = open(json!({}));
    for (pattern, wanted) in [
        ("fleet/*", "ack"),
        ("fleet/s-*", "ack"),
        ("tasks/*/done", "ack"),
        ("fleet/**", "channel_not_authorized"),
        ("*", "channel_not_authorized"),
        ("**", "channel_not_authorized"),
        ("fleet*", "channel_not_authorized"),
    ] {
        assert_eq!(verdict(&mut client, subscribe(pattern)), wanted, "{pattern}");
    }
    let mut narrower = open(json!({ "channels": ["fleet/1"] }));
    assert_eq!(narrower.refusal(subscribe("fleet/*")), "channel_not_authorized");
}

#[test]
fn w096_name_and_pattern_on_one_connection_give_one_copy() {
    on_every_shard_count(|server| {
        let (mut both, mut sender) = (server.client(), server.client());
        for channel in ["room-1", "room-*", "**"] {
            both.subscribe(channel);
        }
        sender.ack(publish("room-1", 1));
        assert_eq!(both.expect("message").get("channel"), json!("room-1"));
        both.silent();
        both.ack(json!({ "type": "unsubscribe", "channel": "room-1" }));
        sender.ack(publish("room-1", 2));
        assert_eq!(both.expect("message").get("data"), json!(2));
        both.silent();
    });
}

#[test]
fn w097_a_pattern_subscriber_is_in_no_roster_and_gets_an_empty_snapshot() {
    on_every_shard_count(|server| {
        let (mut member, mut backend) = (server.client(), server.client());
        member.subscribe("room-1");
        backend.ack(subscribe("room-*"));
        backend.expect_json(&json!({ "type": "presence", "channel": "room-*", "joined": [], "left": [] }));
        all_silent(&mut [&mut member, &mut backend]);
        let mut newcomer = server.client();
        assert_eq!(newcomer.subscribe("room-1").joined(), [member.id()]);
        let list = server.rest().get("/v1/channels/room-1/peers").json();
        assert_eq!(list["peers"].as_array().map(Vec::len), Some(2), "{list}");
        member.expect_presence("room-1", &[newcomer.id()], &[]);
        backend.close();
        member.silent();
    });
}

#[test]
fn w098_publish_takes_a_star_literally() {
    on_every_shard_count(|server| {
        let (mut name, mut pattern, mut sender) = (server.client(), server.client(), server.client());
        name.subscribe("room-1");
        pattern.subscribe("room-*");
        sender.ack(publish("room-*", 1));
        assert_eq!(pattern.expect("message").get("channel"), json!("room-*"));
        name.silent();
    });
}
