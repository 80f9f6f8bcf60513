//! `POST /v1/channels/:id/publish` (REST API, section 4).

use peerhall_auth::action::Actions;
use serde_json::json;

use super::lab::{self, Lab};

const PATH: &str = "/v1/channels/app_abc%2Froom-1/publish";

#[test]
fn w142_a_message_is_handed_over_as_it_came_and_its_copies_are_counted() {
    let lab = Lab::new();
    let body = r#" { "data" : {"b":1, "a":12345678901234567890,"u":"\ud800", "e":1e400} ,
        "from":"backend", "peerMetadata":{ "n" : "x y" } } "#;
    let answer = lab.ask("POST", PATH, body);
    assert_eq!((answer.status, answer.json()), (200, json!({"channel": "app_abc/room-1", "delivered": 3})));
    let message = lab.published().unwrap();
    assert_eq!(message.data.get(), r#"{"b":1, "a":12345678901234567890,"u":"\ud800", "e":1e400}"#);
    assert_eq!((message.from.as_str(), message.channel.as_str()), ("backend", "app_abc/room-1"));
    assert_eq!(message.metadata.as_ref().unwrap().get(), r#"{"n":"x y"}"#);
}

#[test]
fn data_may_be_any_value_and_the_sender_is_the_system_unless_named() {
    let lab = Lab::new();
    for data in ["null", "false", "0", "-0", "\"\"", "[]"] {
        assert_eq!(lab.ask("POST", PATH, &format!(r#"{{"data":{data},"from":null}}"#)).status, 200, "{data}");
        let message = lab.published().unwrap();
        assert_eq!((message.data.get(), message.from.as_str()), (data, "system"));
        assert!(message.metadata.is_none());
    }
}

#[test]
fn w143_what_breaks_a_rule_is_not_published() {
    let lab = Lab::new();
    let large = format!(r#"{{"data":1,"peerMetadata":{{"x":"{}"}}}}"#, "x".repeat(4_100));
    for body in [
        "{}",
        r#"{"from":"a"}"#,
        r#"{"data":1,"from":""}"#,
        r#"{"data":1,"from":7}"#,
        r#"{"data":1,"from":"é"}"#,
        r#"{"data":1,"peerMetadata":[]}"#,
        r#"{"data":1,"data":2}"#,
        "[1,\"a\",null]",
        "{\"data\":}",
        &large,
    ] {
        let answer = lab.ask("POST", PATH, body);
        assert_eq!((answer.status, answer.error()), (400, "invalid_request".to_owned()), "{body}");
    }
    let reserved = lab.ask("POST", "/v1/channels/_internal/x/publish", r#"{"data":1}"#);
    assert_eq!((reserved.status, reserved.error()), (400, "channel_reserved".to_owned()));
    assert!(lab.published().is_none());
}

#[test]
fn data_may_nest_as_deep_as_on_the_socket() {
    let nested = |depth: usize| format!(r#"{{"data":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let lab = Lab::new();
    assert_eq!(lab.ask("POST", PATH, &nested(64)).status, 200);
    assert_eq!(lab.ask("POST", PATH, &nested(65)).error(), "invalid_request");
    let lab = Lab::with(|lab| lab.config.limits.max_data_depth = None);
    assert_eq!(lab.ask("POST", PATH, &nested(10_000)).status, 200);
}

#[test]
fn a_key_publishes_only_where_and_if_it_may() {
    let lab = Lab::with(|lab| lab.secret.patterns = lab::patterns(&["room-*"]));
    let refused = lab.ask("POST", "/v1/channels/other-app/room-1/publish", r#"{"data":1}"#);
    assert_eq!((refused.status, refused.error()), (403, "channel_not_authorized".to_owned()));
    assert_eq!(refused.json()["message"], "channel not covered by this key: other-app/room-1");
    let lab = Lab::with(|lab| lab.secret.actions = Actions::from_words(["presence"]).unwrap());
    let refused = lab.ask("POST", PATH, r#"{"data":1}"#);
    assert_eq!((refused.status, refused.error()), (403, "action_not_permitted".to_owned()));
    assert_eq!(lab.ask("GET", "/v1/channels/room/peers", "").status, 200);
}

#[test]
fn w105_a_publish_over_the_quota_is_429_with_a_code() {
    let lab = Lab::with(|lab| lab.app.max_messages_per_period = Some(2));
    let publish = || lab.ask("POST", PATH, r#"{"data":1}"#);
    assert_eq!((publish().status, publish().status), (200, 200));
    let refused = publish();
    assert_eq!((refused.status, refused.error()), (429, "over_message_quota".to_owned()));
    assert_eq!(lab.ask("GET", "/v1/usage", "").json()["messagesUsed"], 3, "dropped ones count");
}
