//! Wire checklist, authentication: keys, origins and TURN injection, 129 to 134.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use peerhall_auth::key::{KeyKind, KeyRecord};
use peerhall_auth::origin::{AllowedOrigins, OriginRule};
use peerhall_e2e::relay::Relay;
use peerhall_e2e::server::{Ways, patterns, token_of};
use peerhall_e2e::{Running, start, start_with};
use peerhall_server::config::{ExternalTurn, Hidden};
use serde_json::{Value, json};

const TURN_URLS: [&str; 3] = [
    "stun:turn.example.org:3478",
    "turn:turn.example.org:3478?transport=udp",
    "turn:turn.example.org:3478?transport=tcp",
];

#[test]
fn w129_a_new_publishable_key_may_everything_but_send() {
    let server = start();
    let app = server.app();
    let key = KeyRecord::generate(KeyKind::Publishable, app, patterns(&["**"]), 0).expect("randomness");
    server.add_key(key.clone());
    let (mut a, mut b) = (server.client_with(&key), server.client_with(&key));
    a.subscribe("room");
    assert_eq!(b.subscribe("room").joined(), [a.id()], "presence");
    b.ack(json!({ "type": "publish", "channel": "room", "data": 1 }));
    let message = json!({ "type": "send", "to": a.id(), "data": 1 });
    assert_eq!(b.refusal(message), "action_not_permitted");
}

#[test]
fn w130_a_revoked_key_closes_its_connections_4001_and_no_others() {
    let server = start();
    let (publishable, secret) = (server.add_publishable(&["**"], |_| {}), server.add_secret(&["**"], |_| {}));
    let token = token_of(&secret, &json!({}));
    let mut by_key: Vec<_> = (0..4).map(|_| server.client_with(&publishable)).collect();
    let mut by_token: Vec<_> = (0..4).map(|_| server.dial().token(&token).open()).collect();
    let mut others = [server.client(), server.peer("alice")];

    server.revoke_key(&publishable.id);
    for client in &mut by_key {
        assert_eq!(client.closed_within(Duration::from_secs(5)), 4001);
    }
    assert_eq!(server.dial().key(publishable.id.as_str()).refused().0, 4001);
    by_token.iter_mut().for_each(peerhall_e2e::Client::sync);

    server.revoke_key(&secret.id);
    for client in &mut by_token {
        assert_eq!(client.closed_within(Duration::from_secs(5)), 4001);
    }
    assert_eq!(server.dial().token(&token).refused().0, 4001);
    others.iter_mut().for_each(peerhall_e2e::Client::sync);
}

fn origins(rules: &[&str]) -> AllowedOrigins {
    AllowedOrigins::new(rules.iter().map(|rule| OriginRule::parse(rule).expect("an origin")).collect())
}

/// Whether a connection with this `Origin` is let in; a refusal is 4001 with its own reason.
fn lets_in(server: &Running, key: &KeyRecord, origin: Option<&str>) -> bool {
    let dial = server.dial().key(key.id.as_str());
    let dial = origin.map_or(dial.clone(), |origin| dial.header("Origin", origin));
    let outcome = dial.outcome();
    assert!(matches!(outcome, Ok(()) | Err(4001)), "{origin:?}: {outcome:?}");
    outcome.is_ok()
}

#[test]
fn w131_a_key_with_allowed_origins_lets_in_those_only() {
    let server = start();
    let key = server.add_publishable(&["**"], |key| key.allowed_origins = origins(&["https://a.example"]));
    for good in ["https://a.example", "https://A.EXAMPLE", "https://a.example:443", "HTTPS://a.example"] {
        assert!(lets_in(&server, &key, Some(good)), "{good}");
    }
    for bad in [
        "https://b.example",
        "http://a.example",
        "https://a.example:444",
        "https://x.a.example",
        "https://a.example.evil.example",
        "null",
        "",
    ] {
        assert!(!lets_in(&server, &key, Some(bad)), "{bad}");
    }
    assert!(!lets_in(&server, &key, None));
    let dial = server.dial().key(key.id.as_str()).header("Origin", "https://b.example");
    assert_eq!(dial.refused(), (4001, "origin not allowed".to_owned()));
}

#[test]
fn w131_wildcards_missing_headers_and_tokens() {
    let server = start();
    let wild =
        server.add_publishable(&["**"], |key| key.allowed_origins = origins(&["https://*.example.com"]));
    assert!(lets_in(&server, &wild, Some("https://a.b.example.com")));
    assert!(!lets_in(&server, &wild, Some("https://example.com")));
    let native = server.add_publishable(&["**"], |key| {
        key.allowed_origins = origins(&["https://a.example"]);
        key.allow_missing_origin = true;
    });
    assert!(lets_in(&server, &native, None));
    assert!(!lets_in(&server, &native, Some("https://b.example")));
    assert!(lets_in(&server, &server.publishable(), Some("https://anything.example")), "no list, no check");
    let token = server.token(&json!({}));
    server.dial().token(&token).header("Origin", "https://evil.example").open().sync();
}

fn with_turn(urls: &[&str], secret: &str) -> Running {
    let urls = urls.iter().map(|url| url.parse().expect("an ICE URL")).collect();
    let turn = ExternalTurn {
        urls,
        secret: Hidden::new(secret.to_owned()),
        lifetime: Duration::from_secs(24 * 60 * 60),
    };
    start_with(|config| config.turn_external = Some(turn))
}

/// The rules that the SDKs hold a list against before they use any of it (wire protocol, section 17).
fn check_ice_servers(list: &Value) {
    let entries = list.as_array().expect("an array");
    assert!((1..=16).contains(&entries.len()));
    for entry in entries {
        let one = entry["urls"].as_str().map(|url| vec![url]);
        let several = || entry["urls"].as_array().expect("urls").iter().filter_map(Value::as_str).collect();
        let urls: Vec<&str> = one.unwrap_or_else(several);
        assert!(!urls.is_empty());
        for url in urls {
            let scheme = url.split(':').next().unwrap_or_default();
            assert!(["stun", "stuns", "turn", "turns"].contains(&scheme) && url.len() <= 512, "{url}");
            let needs = scheme.starts_with("turn");
            assert_eq!(
                (entry["username"].is_string(), entry["credential"].is_string()),
                (needs, needs),
                "{entry}"
            );
        }
        for member in ["username", "credential"] {
            assert!(entry[member].as_str().is_none_or(|text| text.len() <= 1_024));
        }
    }
}

#[test]
fn w132_the_injected_ice_servers_suit_the_sdks_and_open_the_relay() {
    let relay = Relay::start("a secret of the relay");
    let urls = [
        format!("stun:127.0.0.1:{}", relay.port()),
        format!("turn:127.0.0.1:{}?transport=udp", relay.port()),
        format!("turn:127.0.0.1:{}?transport=tcp", relay.port()),
    ];
    let server = with_turn(&urls.each_ref().map(String::as_str), "a secret of the relay");
    for client in [server.client(), server.peer(&"~".repeat(128))] {
        let list = client.welcome().get("metadata")["iceServers"].clone();
        check_ice_servers(&list);
        let turn = list.as_array().and_then(|list| list.last()).expect("an entry");
        let (username, credential) = (turn["username"].as_str(), turn["credential"].as_str());
        let (username, credential) = (username.expect("a user name"), credential.expect("a credential"));
        assert!(username.ends_with(&format!(":{}", client.id())), "{username}");
        assert!(relay.accepts(username, credential), "{username}");
        assert!(!relay.accepts(username, "d3Jvbmc="), "a wrong credential");
    }
}

#[test]
fn w132_credentials_outlive_the_day_and_the_token() {
    let server = with_turn(&TURN_URLS, "a secret of the relay");
    let expiry = |client: &peerhall_e2e::Client| {
        let list = client.welcome().get("metadata")["iceServers"].clone();
        let username = list[1]["username"].as_str().expect("a user name").to_owned();
        let expiry = username.split(':').next().and_then(|text| text.parse::<f64>().ok());
        expiry.expect("Unix seconds") - peerhall_e2e::unix_secs()
    };
    let day = 24.0 * 3_600.0;
    assert!((expiry(&server.client()) - day).abs() < 5.0);
    let long = server.bearer(&json!({ "exp": peerhall_e2e::unix_secs() + 2.0 * day }));
    assert!((expiry(&long) - 2.0 * day - 3_600.0).abs() < 5.0);
}

#[test]
fn w133_a_list_in_the_token_wins_and_its_other_metadata_survives() {
    let server = with_turn(&TURN_URLS, "a secret of the relay");
    let own = json!([{ "urls": "stun:own.example:3478" }]);
    for list in [own, json!([]), json!(null), json!("x")] {
        let metadata = json!({ "plan": "gold", "iceServers": list });
        let client = server.bearer(&json!({ "metadata": metadata }));
        assert_eq!(client.welcome().get("metadata"), metadata);
    }
    let client = server.bearer(&json!({ "metadata": { "plan": "gold", "n": 1 } }));
    let metadata = client.welcome().get("metadata");
    assert_eq!((&metadata["plan"], &metadata["n"]), (&json!("gold"), &json!(1)));
    check_ice_servers(&metadata["iceServers"]);
}

#[test]
fn w134_without_injection_there_are_no_ice_servers() {
    let server = with_turn(&TURN_URLS, "a secret of the relay");
    let off = server.add_publishable(&["**"], |key| key.inject_turn = false);
    assert!(!server.client_with(&off).welcome().has("metadata"));
    let off = server.add_secret(&["**"], |key| key.inject_turn = false);
    let token = token_of(&off, &json!({ "metadata": { "plan": "gold" } }));
    assert_eq!(server.dial().token(&token).open().welcome().get("metadata"), json!({ "plan": "gold" }));

    let without_relay = start();
    assert!(!without_relay.client().welcome().has("metadata"));
}
