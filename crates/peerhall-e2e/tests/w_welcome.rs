//! Wire checklist, welcome: 13 to 20.

use std::collections::BTreeSet;

use peerhall_e2e::server::Ways;
use peerhall_e2e::{start, start_with, unix_secs};
use serde_json::{Value, json};

#[test]
fn w013_a_publishable_key_gives_another_uuid_v4_on_every_connection() {
    let server = start();
    let ids: BTreeSet<String> = (0..5).map(|_| server.client().id().to_owned()).collect();
    assert_eq!(ids.len(), 5);
    for id in &ids {
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        assert!(parts.concat().bytes().all(hex), "{id}");
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
    }
}

#[test]
fn w014_a_token_gives_the_peer_id_of_its_sub() {
    let server = start();
    let longest = "~".repeat(128);
    for id in ["alice", "x", "A B!\"\\/", &longest] {
        assert_eq!(server.peer(id).id(), id);
    }
}

#[test]
fn w015_expires_at_is_null_for_a_key_and_exp_for_a_token() {
    let server = start();
    assert_eq!(server.client().welcome().get("expiresAt"), Value::Null);
    let exp = (unix_secs() as u64) + 1_234;
    assert_eq!(server.bearer(&json!({ "exp": exp })).welcome().get("expiresAt"), json!(exp));
}

#[test]
fn w016_server_time_is_unix_seconds() {
    let server = start();
    let time = server.client().welcome().get("serverTime");
    let time = time.as_u64().expect("an integer");
    assert!((unix_secs() - time as f64).abs() <= 2.0, "{time}");
}

#[test]
fn w017_max_message_size_is_65536_by_default_and_follows_the_setting() {
    assert_eq!(start().client().welcome().get("maxMessageSize"), json!(65_536));
    let server = start_with(|config| config.limits.max_message_bytes = 20_000);
    assert_eq!(server.client().welcome().get("maxMessageSize"), json!(20_000));
}

#[test]
fn w018_metadata_is_that_of_the_token_and_absent_when_there_is_none() {
    let server = start();
    let metadata = json!({ "plan": "gold", "deep": { "list": [1, null, "ü"] } });
    assert_eq!(server.bearer(&json!({ "metadata": metadata })).welcome().get("metadata"), metadata);
    assert!(!server.bearer(&json!({})).welcome().has("metadata"));
    assert!(!server.bearer(&json!({ "metadata": null })).welcome().has("metadata"));
    assert!(!server.client().welcome().has("metadata"));
}

#[test]
fn w019_peer_metadata_does_not_appear_in_the_welcome() {
    let server = start();
    let client = server.bearer(&json!({ "peerMetadata": { "name": "Alice" }, "metadata": { "a": 1 } }));
    assert_eq!(client.welcome().get("metadata"), json!({ "a": 1 }));
    assert!(!client.welcome().has("peerMetadata"));
    assert!(!client.welcome().text.contains("Alice"), "{}", client.welcome().text);
}

#[test]
fn w020_there_is_one_welcome_per_connection() {
    let server = start();
    let mut client = server.client();
    client.subscribe("room");
    client.subscribe("room");
    client.ack(json!({ "type": "publish", "channel": "room", "data": 1 }));
    client.refusal(json!({ "type": "welcome" }));
    client.sync();
    // A second welcome would stop the test wherever it came; see `Client`.
    client.silent();
}
