//! Wire checklist, REST: credentials, tokens and everything general, 135 to 139, 147 and 148. Peers,
//! publish, kick and usage are in `w_rest_channels.rs`.

use peerhall_auth::key::KeyRecord;
use peerhall_e2e::http::call;
use peerhall_e2e::server::{Ways, actions};
use peerhall_e2e::token::{header_of, payload};
use peerhall_e2e::{PATIENCE, Response, Rest, Running, eventually, start, start_with, unix_secs};
use serde_json::{Value, json};

const ENDPOINTS: [(&str, &str, Option<&[u8]>); 5] = [
    ("POST", "/v1/tokens", Some(br#"{"peerId":"alice"}"#)),
    ("GET", "/v1/channels/room/peers", None),
    ("POST", "/v1/channels/room/publish", Some(br#"{"data":1}"#)),
    ("DELETE", "/v1/peers/alice", None),
    ("GET", "/v1/usage", None),
];

fn mint(server: &Running, body: &Value) -> Response {
    server.rest().post("/v1/tokens", body)
}

/// A server with a secret key of few rights, and the REST API as that key sees it.
fn narrow() -> (Running, KeyRecord, Rest) {
    let server = start();
    let key =
        server.add_secret(&["room-*", "team/**"], |key| key.actions = actions(&["subscribe", "publish"]));
    let rest = Rest::with_key(server.addr(), &key);
    (server, key, rest)
}

fn object_of(bytes: usize) -> Value {
    json!({ "x": "m".repeat(bytes - r#"{"x":""}"#.len()) })
}

/// Everything of an answer but its time.
fn without_date(mut response: Response) -> Response {
    response.headers.retain(|(name, _)| name != "date");
    response
}

#[test]
fn w135_every_endpoint_gives_one_and_the_same_401_for_every_bad_credential() {
    let server = start_with(|config| config.rest.auth_failures_per_minute = None);
    let (key, publishable) = (server.secret(), server.publishable());
    let revoked = server.add_secret(&["**"], |_| {});
    server.revoke_key(&revoked.id);
    let secret =
        |key: &KeyRecord| key.secret.as_ref().map_or(String::new(), |secret| secret.expose().to_owned());
    let (id, good) = (key.id.as_str(), secret(&key));
    let credentials = [
        None,
        Some(String::new()),
        Some(good.clone()),
        Some(format!("Basic {id}:{good}")),
        Some(format!("Bearer {id}:sk_secret_{}", "0".repeat(64))),
        Some(format!("Bearer {id}:{good}0")),
        Some(format!("Bearer {id}")),
        Some(format!("Bearer {id}:")),
        Some(format!("Bearer {good}")),
        Some(format!("Bearer sk_id_{}:{good}", "0".repeat(32))),
        Some(format!("Bearer {}", publishable.id.as_str())),
        Some(format!("Bearer {}:{good}", publishable.id.as_str())),
        Some(format!("Bearer {}:{}", revoked.id.as_str(), secret(&revoked))),
        Some(format!("Bearer {}", server.token(&json!({})))),
    ];
    let reference = Rest::new(server.addr(), None).get("/v1/usage");
    assert_eq!(reference.refusal(), (401, "unauthorized".to_owned()));
    assert_eq!(reference.header("www-authenticate"), Some("Bearer"));
    let reference = without_date(reference);
    for (method, path, body) in ENDPOINTS {
        for credential in &credentials {
            let response = Rest::new(server.addr(), credential.clone()).call(method, path, body);
            assert_eq!(without_date(response), reference, "{method} {path}");
        }
        assert_eq!(server.rest().call(method, path, body).status, 200, "{method} {path}");
        let lower = Rest::new(server.addr(), Some(format!("bearer {id}:{good}")));
        assert_eq!(lower.call(method, path, body).status, 200, "the scheme in lower case");
    }
}

#[test]
fn w135_the_21st_failed_authentication_in_a_minute_is_429() {
    let server = start();
    let stranger = Rest::new(server.addr(), None);
    for _ in 0..20 {
        assert_eq!(stranger.get("/v1/usage").status, 401);
    }
    let response = stranger.get("/v1/usage");
    assert_eq!((response.status, response.body.as_slice()), (429, &b""[..]));
    assert!(response.header("retry-after").is_some_and(|value| value.parse::<u32>().is_ok_and(|s| s > 0)));
}

#[test]
fn w136_a_minted_token_connects_with_what_was_asked_for() {
    let server = start();
    let (own, shown) = (json!({ "plan": "gold" }), json!({ "username": "Alice" }));
    let response = mint(
        &server,
        &json!({
            "peerId": "u_alice_123",
            "channels": ["room-42", "team-a/*"],
            "permissions": ["subscribe", "presence"],
            "expiresInSec": 600,
            "metadata": own,
            "peerMetadata": shown,
        }),
    );
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let body = response.json();
    let token = body["token"].as_str().expect("a token");

    let mut alice = server.dial().token(token).open();
    assert_eq!((alice.id(), alice.welcome().get("metadata")), ("u_alice_123", own));
    assert_eq!(alice.welcome().get("expiresAt"), body["expiresAt"]);
    let mut bob = server.client();
    bob.subscribe("room-42");
    alice.subscribe("room-42");
    assert_eq!(bob.expect("presence").get("joined"), json!([{ "peerId": "u_alice_123", "metadata": shown }]));
    alice.ack(json!({ "type": "subscribe", "channel": "team-a/x" }));
    let elsewhere = json!({ "type": "subscribe", "channel": "room-43" });
    assert_eq!(alice.refusal(elsewhere), "channel_not_authorized");
    let publish = json!({ "type": "publish", "channel": "room-42", "data": 1 });
    assert_eq!(alice.refusal(publish), "action_not_permitted");
}

#[test]
fn w136_header_and_claims_are_those_of_the_specification() {
    let (_server, key, rest) = narrow();
    let body = rest.post("/v1/tokens", &json!({ "peerId": "alice", "channels": null })).json();
    let token = body["token"].as_str().expect("a token");
    assert_eq!(header_of(token), json!({ "alg": "HS256", "kid": key.id.as_str(), "typ": "JWT" }));
    let claims = payload(token);
    let (iat, exp) = (claims["iat"].as_u64().expect("iat"), claims["exp"].as_u64().expect("exp"));
    assert!((unix_secs() - iat as f64).abs() <= 2.0 && body["expiresAt"] == json!(exp));
    let wanted = json!({ "sub": "alice", "iat": iat, "exp": exp, "permissions": ["publish", "subscribe"] });
    let words = |claims: &Value| {
        let mut words: Vec<String> =
            claims["permissions"].as_array().into_iter().flatten().map(ToString::to_string).collect();
        words.sort();
        words
    };
    assert_eq!(words(&claims), words(&wanted));
    let names = |claims: &Value| claims.as_object().map(|claims| claims.keys().cloned().collect::<Vec<_>>());
    assert_eq!(names(&claims), names(&wanted), "nothing that was not asked for");
}

#[test]
fn w137_a_token_lives_for_an_hour_unless_told_otherwise_and_for_a_day_at_most() {
    let server = start();
    let life = |expires: Option<Value>| {
        let mut body = json!({ "peerId": "alice" });
        if let Some(expires) = expires {
            body["expiresInSec"] = expires;
        }
        let response = mint(&server, &body);
        let expires_at = response.json()["expiresAt"].as_f64();
        expires_at.map(|at| (at - unix_secs()).round()).ok_or_else(|| response.refusal())
    };
    let near = |life: Result<f64, _>, wanted: f64| life.is_ok_and(|life| (life - wanted).abs() <= 2.0);
    assert!(near(life(None), 3_600.0));
    assert!(near(life(Some(json!(null))), 3_600.0));
    assert!(near(life(Some(json!(86_400))), 86_400.0));
    assert!(near(life(Some(json!(1))), 1.0));
    for bad in [json!(86_401), json!(0), json!("60"), json!(-1), json!(1.5), json!(true)] {
        assert_eq!(life(Some(bad.clone())), Err((400, "invalid_request".to_owned())), "{bad}");
    }
}

#[test]
fn w138_a_token_is_not_wider_than_its_key() {
    let (_server, _key, rest) = narrow();
    let ask = |more: Value| {
        let mut body = json!({ "peerId": "alice" });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        rest.post("/v1/tokens", &body)
    };
    for channel in ["other", "room-1/x", "*", "**", "room-**"] {
        let refusal = ask(json!({ "channels": ["room-1", channel] })).refusal();
        assert_eq!(refusal, (403, "channel_not_authorized".to_owned()), "{channel}");
    }
    assert_eq!(ask(json!({ "channels": ["room-1", "room-*", "team/a/**"] })).status, 200);
    for permission in ["send", "presence"] {
        let refusal = ask(json!({ "permissions": ["subscribe", permission] })).refusal();
        assert_eq!(refusal, (403, "action_not_permitted".to_owned()), "{permission}");
    }
    for channel in ["_system/x", "_METERED/x"] {
        let refusal = ask(json!({ "channels": [channel] })).refusal();
        assert_eq!(refusal, (400, "channel_reserved".to_owned()), "{channel}");
    }
}

#[test]
fn w139_malformed_requests_are_400_and_long_ones_413() {
    let server = start();
    let invalid = (400, "invalid_request".to_owned());
    let many: Vec<_> = (0..101).map(|n| format!("room-{n}")).collect();
    for body in [
        json!({}),
        json!({ "peerId": null }),
        json!({ "peerId": "" }),
        json!({ "peerId": 7 }),
        json!({ "peerId": "jörg" }),
        json!({ "peerId": "x".repeat(129) }),
        json!({ "peerId": "a", "channels": many }),
        json!({ "peerId": "a", "channels": "room" }),
        json!({ "peerId": "a", "channels": [""] }),
        json!({ "peerId": "a", "permissions": vec!["send"; 17] }),
        json!({ "peerId": "a", "permissions": ["fly"] }),
        json!({ "peerId": "a", "metadata": object_of(8_193) }),
        json!({ "peerId": "a", "peerMetadata": object_of(4_097) }),
        json!({ "peerId": "a", "metadata": [] }),
        json!([]),
        json!("x"),
    ] {
        assert_eq!(mint(&server, &body).refusal(), invalid, "{body}");
    }
    for body in [&b"{nope"[..], b"", b"\xff", b"{\"peerId\":\"a\"} x"] {
        assert_eq!(server.rest().call("POST", "/v1/tokens", Some(body)).refusal(), invalid, "{body:?}");
    }
    let most = json!({
        "peerId": "x".repeat(128), "channels": many[..100], "permissions": vec!["send"; 16],
        "metadata": object_of(8_192), "peerMetadata": object_of(4_096), "unknown": 1,
    });
    assert_eq!(mint(&server, &most).status, 200);

    let padded = |bytes: usize| format!("{:<bytes$}", r#"{"peerId":"a"}"#).into_bytes();
    assert_eq!(server.rest().call("POST", "/v1/tokens", Some(&padded(32_768))).status, 200);
    let long = server.rest().call("POST", "/v1/tokens", Some(&padded(32_769)));
    assert_eq!(long.refusal(), (413, "invalid_request".to_owned()));
    let long = server.rest().call("POST", "/v1/channels/room/publish", Some(&padded(60_000)));
    assert_eq!(long.refusal(), (413, "invalid_request".to_owned()));
}

#[test]
fn w147_unknown_paths_and_methods_are_404() {
    let server = start();
    for (method, path) in [
        ("GET", "/v1/nothing"),
        ("GET", "/v2/usage"),
        ("GET", "/v1/tokens"),
        ("PUT", "/v1/tokens"),
        ("POST", "/v1/usage"),
        ("GET", "/v1/channels"),
        ("GET", "/v1/channels/room"),
        ("GET", "/v1/channels/room/publish"),
        ("GET", "/v1/peers/x"),
        ("DELETE", "/v1/peers"),
        ("OPTIONS", "/v1/usage"),
    ] {
        let response = server.rest().call(method, path, None);
        assert_eq!(response.refusal(), (404, "not_found".to_owned()), "{method} {path}");
    }
    assert_eq!(server.rest().get("/v1/usage/").status, 200, "a trailing slash");
}

#[test]
fn w148_no_answer_carries_cors_headers() {
    let server = start();
    let rest = server.rest();
    let authorization = format!(
        "Bearer {}:{}",
        server.secret().id.as_str(),
        server.secret().secret.as_ref().map_or("", |secret| secret.expose())
    );
    let mut answers: Vec<Response> = Vec::new();
    for (method, path, body) in ENDPOINTS {
        for headers in [
            &[("Authorization", authorization.as_str()), ("Origin", "https://a.example")][..],
            &[("Origin", "https://a.example")][..],
        ] {
            answers.push(call(server.addr(), method, path, headers, body));
        }
    }
    answers.push(rest.call("OPTIONS", "/v1/usage", None));
    answers.push(rest.get("/v1/nothing"));
    for answer in answers {
        let cors = answer.headers.iter().find(|(name, _)| name.starts_with("access-control-"));
        assert_eq!(cors, None, "{answer:?}");
    }
}

#[test]
fn what_a_key_does_over_rest_stands_in_the_audit_trail() {
    let server = start();
    server.rest().post("/v1/tokens", &json!({ "peerId": "alice" }));
    server.rest().delete("/v1/peers/bob");
    let hint = server.secret().id.hint();
    let lines = eventually("the audit trail", PATIENCE, || {
        let lines = server.store(|store| store.audit_trail(10).ok()).unwrap_or_default();
        let rest: Vec<_> = lines.into_iter().filter(|line| line.stamp.who == hint).collect();
        (rest.len() == 2).then_some(rest)
    });
    let mut told: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.subject.as_str())).collect();
    told.sort_unstable();
    assert_eq!(told, [("peer.disconnect", "bob"), ("token.mint", "alice")]);
}
