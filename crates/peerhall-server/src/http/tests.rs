//! The HTTP plane with everything but sockets and shards: a thread stands in for the shard.

pub(in crate::http) mod lab;
mod publish;
mod tokens;

use axum::http::Method;
use peerhall_auth::action::Actions;
use serde_json::{Value, json};

use self::lab::{Lab, OTHER_APP};

/// The five endpoints, each with a body that it would take.
const ENDPOINTS: [(&str, &str, &str); 5] = [
    ("POST", "/v1/tokens", r#"{"peerId":"alice"}"#),
    ("GET", "/v1/channels/room/peers", ""),
    ("POST", "/v1/channels/room/publish", r#"{"data":1}"#),
    ("DELETE", "/v1/peers/alice", ""),
    ("GET", "/v1/usage", ""),
];

#[test]
fn w135_whatever_is_wrong_with_a_credential_the_answer_is_the_same_in_every_byte() {
    let lab = Lab::with(|lab| lab.config.rest.auth_failures_per_minute = None);
    let (id, secret) = lab.secret_pair();
    let revoked = lab.bearer_of_revoked_key();
    let publishable = lab.publishable.id.as_str();
    let bad = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some(format!("Basic {id}:{secret}")),
        Some(format!("Bearer {id}")),
        Some(format!("Bearer {id}:")),
        Some(format!("Bearer {id}:{secret}x")),
        Some(format!("Bearer sk_id_00000000000000000000000000000000:{secret}")),
        Some(format!("Bearer {publishable}")),
        Some(format!("Bearer {publishable}:{secret}")),
        Some("Bearer sk_live_0123456789abcdef".to_owned()),
        Some("Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln".to_owned()),
        Some(revoked),
    ];
    let first = lab.ask_as(None, "GET", "/v1/usage", "");
    assert_eq!((first.status, first.error()), (401, "unauthorized".to_owned()));
    assert_eq!(first.header("www-authenticate"), Some("Bearer"));
    for (method, path, body) in ENDPOINTS {
        for credential in &bad {
            assert_eq!(
                lab.ask_as(credential.as_deref(), method, path, body),
                first,
                "{method} {path} {credential:?}"
            );
        }
    }
}

#[test]
fn the_scheme_is_matched_in_any_letter_case_and_two_headers_are_none() {
    let lab = Lab::new();
    let (id, secret) = lab.secret_pair();
    assert_eq!(lab.ask_as(Some(&format!("bEARER {id}:{secret}")), "GET", "/v1/usage", "").status, 200);
    let twice = lab.request("GET", "/v1/usage", "").header("authorization", lab.bearer());
    let twice = twice.header("authorization", lab.bearer());
    assert_eq!(lab.send(twice, "").status, 401);
}

#[test]
fn the_21st_failed_authentication_within_a_minute_is_429_with_nothing_in_it() {
    let lab = Lab::with(|lab| lab.address = "192.0.2.1");
    for _ in 0..20 {
        assert_eq!(lab.ask_as(Some("Bearer sk_id_wrong:no"), "GET", "/v1/usage", "").status, 401);
    }
    let refused = lab.ask_as(Some("Bearer sk_id_wrong:no"), "GET", "/v1/usage", "");
    assert_eq!((refused.status, refused.body.as_str()), (429, ""));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert_eq!(lab.ask("GET", "/v1/usage", "").status, 429, "or it could go on guessing");
    assert_eq!(lab.ask_as(None, "GET", "/v1/nothing", "").status, 429, "the rate comes before the route");
    assert_eq!(lab.ask_as(None, "GET", "/health", "").status, 200);
}

#[test]
fn the_201st_request_of_a_key_at_once_is_429_with_nothing_in_it() {
    let lab = Lab::with(|lab| {
        lab.config.rest.requests_per_second = crate::config::PerSecond::new(0.01);
    });
    for _ in 0..200 {
        assert_eq!(lab.ask("GET", "/v1/usage", "").status, 200);
    }
    let refused = lab.ask("GET", "/v1/usage", "");
    assert_eq!((refused.status, refused.body.as_str()), (429, ""));
    assert!(refused.header("retry-after").is_some());
}

#[test]
fn checks_run_in_the_order_of_the_api() {
    let lab = Lab::with(|lab| {
        lab.secret.actions = Actions::from_words(["subscribe"]).unwrap();
        lab.secret.patterns = lab::patterns(&["room-*"]);
    });
    let large = "x".repeat(40_000);
    assert_eq!(lab.ask_as(None, "POST", "/v1/nothing", &large).error(), "not_found", "route, then key");
    assert_eq!(lab.ask_as(None, "POST", "/v1/tokens", &large).error(), "unauthorized", "key, then size");
    assert_eq!(lab.ask("POST", "/v1/channels/_system%2Fx/publish", &large).status, 413, "size, then shape");
    let publish = |path: &str, body: &str| lab.ask("POST", path, body).error();
    assert_eq!(publish("/v1/channels/_system%2Fx/publish", "{}"), "invalid_request", "shape, then reserved");
    let body = r#"{"data":1}"#;
    assert_eq!(
        publish("/v1/channels/_system%2Fx/publish", body),
        "channel_reserved",
        "reserved, then action"
    );
    assert_eq!(publish("/v1/channels/other/publish", body), "action_not_permitted", "action, then channel");
}

#[test]
fn a_suspended_app_may_ask_for_its_usage_and_for_nothing_else() {
    let lab = Lab::with(|lab| lab.app.suspended = true);
    for (method, path, body) in ENDPOINTS {
        let answer = lab.ask(method, path, body);
        if path == "/v1/usage" {
            assert_eq!(answer.status, 200);
        } else {
            assert_eq!((answer.status, answer.error()), (403, "account_suspended".to_owned()), "{path}");
        }
    }
}

#[test]
fn w140_peers_are_listed_by_the_decoded_name_and_metadata_only_where_there_is_any() {
    let lab = Lab::new();
    for path in ["/v1/channels/app_abc%2Froom-1/peers", "/v1/channels/app_abc/room-1/peers"] {
        let answer = lab.ask("GET", path, "");
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.json(),
            json!({"channel": "app_abc/room-1", "peers": [
                {"peerId": "alice", "metadata": {"username": "Alice"}}, {"peerId": "carol"}]})
        );
    }
    assert_eq!(lab.ask("GET", "/v1/channels/a%2f..%2F%2b+%2A/peers", "").json()["channel"], "a/../++*");
    assert_eq!(lab.ask("GET", "/v1/channels/a/../b/peers", "").json()["channel"], "a/../b");
    assert_eq!(lab.ask("GET", "/v1/channels/%25252F/peers", "").json()["channel"], "%252F", "decoded once");
}

#[test]
fn a_path_parameter_that_breaks_a_rule_is_400() {
    let lab = Lab::new();
    let long = format!("/v1/channels/{}/peers", "a".repeat(257));
    for path in [
        "/v1/channels//peers",
        &long,
        "/v1/channels/%00/peers",
        "/v1/channels/%zz/peers",
        "/v1/channels/%ff/peers",
    ] {
        let answer = lab.ask("GET", path, "");
        assert_eq!((answer.status, answer.error()), (400, "invalid_request".to_owned()), "{path}");
    }
    let long = format!("/v1/peers/{}", "a".repeat(129));
    for path in ["/v1/peers/", &long, "/v1/peers/%C3%BC", "/v1/peers/%0A"] {
        assert_eq!(lab.ask("DELETE", path, "").error(), "invalid_request", "{path}");
    }
}

#[test]
fn w144_a_kick_tells_how_many_connections_it_closed_in_its_own_app() {
    let lab = Lab::new();
    let answer = lab.ask("DELETE", "/v1/peers/alice%20%2F%2b", "");
    assert_eq!((answer.status, answer.json()), (200, json!({"peerId": "alice /+", "closed": 2})));
    assert_eq!(lab.ask("DELETE", "/v1/peers/nobody", "").json(), json!({"peerId": "nobody", "closed": 0}));
    let elsewhere = lab.ask_as(Some(&lab.bearer_of_other_app()), "DELETE", "/v1/peers/alice", "");
    assert_eq!(elsewhere.json()["closed"], 0, "alice is unknown in {OTHER_APP}");
}

#[test]
fn w146_usage_has_every_member_with_its_type() {
    let lab = Lab::new();
    let usage = lab.ask("GET", "/v1/usage/", "").json();
    let members: Vec<&String> = usage.as_object().unwrap().keys().collect();
    assert_eq!(members.len(), 9, "{members:?}");
    assert_eq!(usage["appId"], "app_test");
    for member in [
        "periodStartUnix",
        "periodEndUnix",
        "concurrentNow",
        "peakConcurrent",
        "messagesUsed",
        "overageMessages",
        "overageConnections",
    ] {
        assert!(usage[member].is_u64(), "{member}");
    }
    assert_eq!(
        usage["plan"],
        json!({"name": "SELF_HOSTED", "maxConcurrentConnections": 2_147_483_647_u64,
            "maxMessagesPerPeriod": 2_147_483_647_u64, "overagesAllowed": true, "overagesEnabled": true})
    );
    lab.ask("POST", "/v1/channels/room/publish", r#"{"data":1}"#);
    assert_eq!(lab.ask("GET", "/v1/usage", "").json()["messagesUsed"], 1, "a publish counts as one message");
}

#[test]
fn a_quota_shows_in_the_plan() {
    let lab = Lab::with(|lab| {
        lab.app.max_connections = Some(2);
        lab.app.max_messages_per_period = Some(10);
    });
    let plan = |lab: &Lab| lab.ask("GET", "/v1/usage", "").json()["plan"].take();
    let off = plan(&lab);
    assert_eq!((&off["maxConcurrentConnections"], &off["maxMessagesPerPeriod"]), (&json!(2), &json!(10)));
    assert_eq!((&off["overagesAllowed"], &off["overagesEnabled"]), (&json!(false), &json!(false)));
    let lab = Lab::with(|lab| (lab.app.max_connections, lab.app.overages) = (Some(2), true));
    assert_eq!(plan(&lab)["overagesEnabled"], true);
}

#[test]
fn w147_unknown_paths_and_other_methods_are_404() {
    let lab = Lab::new();
    for (method, path) in [
        ("GET", "/v1/unknown"),
        ("GET", "/v2"),
        ("GET", "/v10"),
        ("GET", "/nothing"),
        ("POST", "/"),
        ("OPTIONS", "/v1/tokens"),
        ("OPTIONS", "/"),
        ("PUT", "/v1/tokens"),
        ("GET", "/v1/tokens"),
        ("HEAD", "/v1/usage"),
        ("POST", "/v1"),
        ("DELETE", "/health"),
        ("PATCH", "/v1/peers/x"),
    ] {
        let answer = lab.ask(method, path, "");
        assert_eq!((answer.status, answer.error()), (404, "not_found".to_owned()), "{method} {path}");
    }
}

#[test]
fn w148_no_answer_has_cors_headers_and_every_json_says_so_and_is_not_stored() {
    let lab = Lab::new();
    for (method, path, body) in
        ENDPOINTS.into_iter().chain([("OPTIONS", "/v1/tokens", ""), ("GET", "/v1/x", "")])
    {
        for bearer in [Some(lab.bearer()), None] {
            let request = lab.request(method, path, body).header("origin", "https://app.example");
            let request = match bearer {
                Some(bearer) => request.header("authorization", bearer),
                None => request,
            };
            let answer = lab.send(request, body);
            assert!(!answer.headers.iter().any(|(name, _)| name.starts_with("access-control")), "{path}");
            assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[test]
fn w006_a_plain_request_to_the_websocket_endpoint_is_426() {
    let lab = Lab::new();
    for path in ["/v1", "/v1/", "/v1?key=x"] {
        let answer = lab.ask_as(None, Method::GET.as_str(), path, "");
        assert_eq!((answer.status, answer.header("upgrade")), (426, Some("websocket")), "{path}");
        // The same as a shard answers: which of them does depends on what came on the connection before.
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{path}");
    }
}

#[test]
fn health_is_always_ok_and_readiness_follows_the_server() {
    let lab = Lab::new();
    let health = lab.ask_as(None, "GET", "/health", "");
    assert_eq!((health.status, health.json()), (200, json!({"status": "ok"})));
    assert_eq!(lab.ask_as(None, "GET", "/ready", "").status, 200);
    lab.set_ready(false);
    assert_eq!(lab.ask_as(None, "GET", "/ready", "").status, 503);
    assert_eq!(lab.ask_as(None, "GET", "/health", "").status, 200);
}

#[test]
fn metrics_name_neither_apps_nor_keys() {
    let lab = Lab::new();
    lab.ask("GET", "/v1/usage", "");
    let metrics = lab.ask_as(None, "GET", "/metrics", "");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.body.contains("peerhall_connections 0\n"));
    assert!(
        !metrics.body.contains("app_test") && !metrics.body.contains("sk_") && !metrics.body.contains("pk_")
    );
}

#[test]
fn the_page_may_load_nothing_from_elsewhere_and_shows_a_key_only_in_dev() {
    let lab = Lab::new();
    let page = lab.ask_as(None, "GET", "/", "");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe-inline") && !policy.contains('*')
    );
    assert!(!policy.replace("'wasm-unsafe-eval'", "").contains("unsafe"), "nothing else is allowed to run");
    assert!(!page.body.contains("pk_live_0"));
    let dev = Lab::with(|setup| setup.dev = true);
    assert!(dev.ask_as(None, "GET", "/", "").body.contains(dev.publishable.id.as_str()));
    for file in ["/page.css", "/page.js", "/room.js", "/peerhall.js", "/minimal", "/console", "/icon.svg"] {
        assert_eq!(lab.ask_as(None, "GET", file, "").status, 200, "{file}");
    }
}

#[test]
fn a_server_that_is_stopping_answers_503() {
    let lab = Lab::new();
    lab.end_shard();
    let answer = lab.ask("DELETE", "/v1/peers/alice", "");
    assert_eq!((answer.status, answer.error()), (503, "internal_error".to_owned()));
    assert!(answer.json()["message"].is_string(), "{}", Value::from(answer.body));
}
