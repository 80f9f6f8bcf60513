//! `POST /v1/tokens` (REST API, section 2).

use peerhall_auth::action::{Action, Actions};
use peerhall_auth::keyring::{Credential, Identity, TokenPolicy};
use serde_json::{Value, json};

use super::lab::{self, Answer, Lab};
use crate::clock::unix_ms;

fn mint(lab: &Lab, body: &Value) -> Answer {
    lab.ask("POST", "/v1/tokens", &body.to_string())
}

fn identity(lab: &Lab, answer: &Answer) -> Identity {
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let token = answer["token"].as_str().unwrap();
    let identity = lab
        .keyring()
        .authenticate(Credential::Token(token), None, unix_ms(), &TokenPolicy::default())
        .unwrap();
    assert_eq!(identity.expires_at, answer["expiresAt"].as_u64(), "expiresAt is the claim exp");
    identity
}

#[test]
fn w136_a_minted_token_has_the_asked_peer_scope_and_metadata() {
    let lab = Lab::new();
    let answer = mint(
        &lab,
        &json!({"peerId": "alice", "channels": ["room-*", "room-*"], "permissions": ["send", "subscribe"],
            "metadata": {"plan": "pro"}, "peerMetadata": {"username": "Alice"}, "unknown": [1]}),
    );
    assert_eq!(answer.json().as_object().unwrap().len(), 2);
    let identity = identity(&lab, &answer);
    assert_eq!(identity.peer.unwrap().as_str(), "alice");
    assert!(identity.grants.covers_name("room-1") && !identity.grants.covers_name("other"));
    assert_eq!(identity.grants.actions(), [Action::Send, Action::Subscribe].into_iter().collect::<Actions>());
    assert_eq!(identity.metadata.unwrap().get(), r#"{"plan":"pro"}"#);
    assert_eq!(identity.peer_metadata.unwrap().get(), r#"{"username":"Alice"}"#);
}

#[test]
fn null_for_an_optional_member_counts_as_absent() {
    let lab = Lab::new();
    let answer = mint(
        &lab,
        &json!({"peerId": "alice", "channels": null, "permissions": null, "expiresInSec": null,
            "metadata": null, "peerMetadata": null}),
    );
    let identity = identity(&lab, &answer);
    assert!(identity.grants.covers_name("anything") && identity.grants.may(Action::Send));
    assert!(identity.metadata.is_none() && identity.peer_metadata.is_none());
}

#[test]
fn w137_a_token_lives_an_hour_unless_another_time_up_to_a_day_is_asked_for() {
    let lab = Lab::new();
    let lifetime = |body: Value| {
        let expires_at = mint(&lab, &body).json()["expiresAt"].as_i64().unwrap();
        expires_at - unix_ms() / 1_000
    };
    assert!((3_595..=3_600).contains(&lifetime(json!({"peerId": "a"}))));
    assert!((86_395..=86_400).contains(&lifetime(json!({"peerId": "a", "expiresInSec": 86_400}))));
    for bad in [json!(86_401), json!(0), json!("60"), json!(-1), json!(1.5), json!([60])] {
        let answer = mint(&lab, &json!({"peerId": "a", "expiresInSec": bad}));
        assert_eq!((answer.status, answer.error()), (400, "invalid_request".to_owned()), "{bad}");
    }
}

#[test]
fn p22_a_life_is_an_integer_however_it_is_written() {
    let lab = Lab::new();
    for life in ["600", "600.0", "6e2", "6.00E+2"] {
        let answer = lab.ask("POST", "/v1/tokens", &format!(r#"{{"peerId":"a","expiresInSec":{life}}}"#));
        assert_eq!(answer.status, 200, "{life}: {answer:?}");
        let left = answer.json()["expiresAt"].as_i64().unwrap() - unix_ms() / 1_000;
        assert!((595..=600).contains(&left), "{life}");
    }
    for bad in ["600.5", "1e400", "1e30", "-0.5", "18446744073709551616"] {
        let answer = lab.ask("POST", "/v1/tokens", &format!(r#"{{"peerId":"a","expiresInSec":{bad}}}"#));
        assert_eq!((answer.status, answer.error()), (400, "invalid_request".to_owned()), "{bad}");
    }
}

#[test]
fn w138_what_the_key_does_not_reach_it_does_not_mint() {
    let lab = Lab::with(|lab| {
        lab.secret.patterns = lab::patterns(&["room-*"]);
        lab.secret.actions = Actions::from_words(["subscribe", "publish"]).unwrap();
    });
    for (body, status, code) in [
        (json!({"peerId": "a", "channels": ["room-1", "other"]}), 403, "channel_not_authorized"),
        (json!({"peerId": "a", "channels": ["**"]}), 403, "channel_not_authorized"),
        (json!({"peerId": "a", "permissions": ["subscribe", "send"]}), 403, "action_not_permitted"),
        (json!({"peerId": "a", "channels": ["_system/x"]}), 400, "channel_reserved"),
        (
            json!({"peerId": "a", "channels": ["_METERED/*"], "permissions": ["send"]}),
            400,
            "channel_reserved",
        ),
    ] {
        let answer = mint(&lab, &body);
        assert_eq!((answer.status, answer.error().as_str()), (status, code), "{body}");
    }
    assert!(mint(&lab, &json!({"peerId": "a", "channels": ["other"]})).body.contains("other"));
    assert_eq!(mint(&lab, &json!({"peerId": "a", "channels": ["room-1", "room-*"]})).status, 200);
}

#[test]
fn w139_a_request_that_breaks_a_rule_is_400() {
    let lab = Lab::new();
    let long = "x".repeat(8_200);
    for body in [
        json!({}),
        json!({"peerId": ""}),
        json!({"peerId": 7}),
        json!({"peerId": "é"}),
        json!({"peerId": "a".repeat(129)}),
        json!({"peerId": "a", "channels": (0..101).map(|n| n.to_string()).collect::<Vec<_>>()}),
        json!({"peerId": "a", "channels": "room"}),
        json!({"peerId": "a", "channels": [""]}),
        json!({"peerId": "a", "permissions": vec!["send"; 17]}),
        json!({"peerId": "a", "permissions": ["admin"]}),
        json!({"peerId": "a", "metadata": {"x": &long}}),
        json!({"peerId": "a", "metadata": []}),
        json!({"peerId": "a", "peerMetadata": {"x": &long[..4_100]}}),
        json!({"peerId": "a", "peerMetadata": "x"}),
        json!(["a"]),
        json!("a"),
        Value::Null,
    ] {
        let answer = mint(&lab, &body);
        assert_eq!((answer.status, answer.error()), (400, "invalid_request".to_owned()), "{body}");
    }
    for body in [
        "",
        "{",
        "{\"peerId\":\"a\"} x",
        "{\"peerId\":\"a\",\"peerId\":\"b\"}",
        "[\"a\",null,null,null,null,null]",
    ] {
        assert_eq!(lab.ask("POST", "/v1/tokens", body).error(), "invalid_request", "{body}");
    }
    let request = lab.request("POST", "/v1/tokens", "").header("authorization", lab.bearer());
    assert_eq!(lab.send(request, b"{\"peerId\":\"a\",\"x\":\"\xff\"}".to_vec()).error(), "invalid_request");
}

#[test]
fn w139_a_body_over_32_kib_is_413_and_one_of_32_kib_is_read() {
    let lab = Lab::new();
    let padded = |bytes: usize| format!("{:<bytes$}", r#"{"peerId":"a"}"#);
    assert_eq!(lab.ask("POST", "/v1/tokens", &padded(32_768)).status, 200);
    let refused = lab.ask("POST", "/v1/tokens", &padded(32_769));
    assert_eq!((refused.status, refused.error()), (413, "invalid_request".to_owned()));
    // Without a length in front it shows only while reading.
    let request = lab.request("POST", "/v1/tokens", "").header("authorization", lab.bearer());
    assert_eq!(lab.send(request, padded(32_769)).status, 413);
}
