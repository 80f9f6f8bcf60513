//! Wire checklist, authentication: tokens, 118 to 128. Keys are in `w_keys.rs`.

use std::time::Duration;

use peerhall_auth::key::KeyRecord;
use peerhall_e2e::server::{Ways, actions};
use peerhall_e2e::token::{header, sign_text, with_defaults};
use peerhall_e2e::{Running, shortest, sign, start, unix_secs};
use serde_json::{Value, json};

fn secret(key: &KeyRecord) -> &str {
    key.secret.as_ref().map(|secret| secret.expose()).unwrap_or_default()
}

/// The close code for a token.
fn refused(server: &Running, token: &str) -> u16 {
    server.dial().token(token).refused().0
}

/// The close code for these claims, signed as they should be.
fn refused_claims(server: &Running, claims: &Value) -> u16 {
    let key = server.secret();
    refused(server, &sign(&header(key.id.as_str()), claims, secret(&key)))
}

/// The claims of a good token without one member.
fn without(member: &str) -> Value {
    let mut claims = with_defaults(&json!({}));
    claims.as_object_mut().and_then(|claims| claims.remove(member));
    claims
}

fn object_of(bytes: usize) -> Value {
    json!({ "x": "m".repeat(bytes - r#"{"x":""}"#.len()) })
}

#[test]
fn w118_a_token_signed_with_the_whole_secret_connects() {
    let server = start();
    let key = server.secret();
    let (id, secret) = (key.id.as_str(), secret(&key));
    assert!(id.starts_with("sk_id_") && secret.starts_with("sk_secret_"));
    let token = sign(&header(id), &with_defaults(&json!({ "sub": "alice" })), secret);
    assert_eq!(server.dial().token(&token).open().id(), "alice");

    // Not with what follows the prefix, nor with what that might be decoded to.
    let tail = secret.trim_start_matches("sk_secret_");
    let token = sign(&header(id), &with_defaults(&json!({})), tail);
    assert_eq!(refused(&server, &token), 4001);
    // The type is not looked at, and other headers are never followed.
    let odd =
        json!({ "alg": "HS256", "kid": id, "typ": 7, "jku": "http://127.0.0.1:1/", "x5u": "x", "jwk": {} });
    server.dial().token(&sign(&odd, &with_defaults(&json!({})), secret)).open().sync();
}

#[test]
fn w119_other_algorithms_unknown_keys_and_changed_bytes_close_4001() {
    let server = start();
    let key = server.secret();
    let (id, secret) = (key.id.as_str(), secret(&key));
    let claims = with_defaults(&json!({}));
    let headers = [
        json!({ "alg": "none", "kid": id }),
        json!({ "alg": "None", "kid": id }),
        json!({ "alg": "HS384", "kid": id }),
        json!({ "alg": "RS256", "kid": id }),
        json!({ "alg": "hs256", "kid": id }),
        json!({ "alg": ["HS256"], "kid": id }),
        json!({ "kid": id }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "HS256", "kid": null }),
        json!({ "alg": "HS256", "kid": "sk_id_00000000000000000000000000000000" }),
        json!({ "alg": "HS256", "kid": id, "crit": ["exp"] }),
        json!({ "alg": "HS256", "kid": id, "b64": true }),
    ];
    for header in headers {
        assert_eq!(refused(&server, &sign(&header, &claims, secret)), 4001, "{header}");
    }
    let twice = format!(r#"{{"alg":"none","alg":"HS256","kid":"{id}"}}"#);
    assert_eq!(refused(&server, &sign_text(&twice, &claims.to_string(), secret)), 4001, "a member twice");

    let good = sign(&header(id), &claims, secret);
    let parts: Vec<&str> = good.split('.').collect();
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    assert_eq!(refused(&server, &unsigned), 4001, "no signature");
    assert_eq!(refused(&server, &format!("{good}=")), 4001, "padding");
    assert_eq!(refused(&server, &format!("{good}.x")), 4001, "a fourth part");
    for place in [parts[0].len() + 5, parts[0].len() + parts[1].len() + 7] {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        assert_eq!(refused(&server, &changed), 4001, "byte {place}");
    }
    server.dial().token(&good).open().sync();
}

#[test]
fn w120_the_id_of_a_publishable_key_is_no_kid() {
    let server = start();
    let key = server.publishable();
    let id = key.id.as_str();
    for secret in [id, "", secret(&server.secret())] {
        assert_eq!(refused(&server, &sign(&header(id), &with_defaults(&json!({})), secret)), 4001);
    }
}

#[test]
fn w121_an_expired_token_closes_4002_and_with_a_bad_signature_4001() {
    let server = start();
    let key = server.secret();
    for exp in [json!(unix_secs() - 1.0), json!(1), json!(0), json!(-5), json!(unix_secs() + 0.1)] {
        assert_eq!(refused_claims(&server, &with_defaults(&json!({ "exp": exp }))), 4002, "{exp}");
        let expired =
            sign(&header(key.id.as_str()), &with_defaults(&json!({ "exp": exp })), "sk_secret_wrong");
        assert_eq!(refused(&server, &expired), 4001, "{exp}");
    }
    let barely = with_defaults(&json!({ "exp": unix_secs() + 5.5 }));
    server.dial().token(&sign(&header(key.id.as_str()), &barely, secret(&key))).open().sync();
}

#[test]
fn w122_missing_or_malformed_exp_and_sub_close_4001() {
    let server = start();
    assert_eq!(refused_claims(&server, &without("exp")), 4001);
    assert_eq!(refused_claims(&server, &without("sub")), 4001);
    let long = "x".repeat(129);
    for sub in [json!(long), json!("jörg"), json!(""), json!("a\nb"), json!(7), json!(null)] {
        assert_eq!(refused_claims(&server, &with_defaults(&json!({ "sub": sub }))), 4001, "{sub}");
    }
    for exp in [json!("2099-01-01"), json!(null), json!(9.1e15), json!([]), json!(true)] {
        assert_eq!(refused_claims(&server, &with_defaults(&json!({ "exp": exp }))), 4001, "{exp}");
    }
}

#[test]
fn w123_a_live_connection_is_closed_4002_just_before_its_token_expires() {
    let server = start();
    for life in [3.0, 3.4] {
        // How far from the middle of the last half second.
        let limit = Duration::from_millis(250);
        let off = shortest(limit, || {
            let exp = unix_secs() + life;
            let mut client = server.bearer(&json!({ "exp": exp }));
            assert_eq!(client.closed(), 4002);
            Duration::from_secs_f64((exp - unix_secs() - 0.25).abs())
        });
        assert!(off < limit, "{off:?}");
    }
}

#[test]
fn w124_nbf_may_lie_60_s_ahead() {
    let server = start();
    for ahead in [-1_000.0, 0.0, 30.0, 59.0] {
        server.bearer(&json!({ "nbf": unix_secs() + ahead })).sync();
    }
    for nbf in [json!(unix_secs() + 62.0), json!(unix_secs() + 300.0), json!("soon")] {
        assert_eq!(refused_claims(&server, &with_defaults(&json!({ "nbf": nbf }))), 4001, "{nbf}");
    }
    server.bearer(&json!({ "nbf": null })).sync();
}

#[test]
fn w125_other_claims_are_ignored() {
    let server = start();
    let claims = json!({
        "iss": ["a", 1], "aud": "another service", "jti": 7, "iat": 9_999_999_999_u64, "scope": "none", "x": null,
    });
    server.bearer(&claims).sync();
}

#[test]
fn w126_claims_over_their_caps_and_of_the_wrong_type_close_4001() {
    let server = start();
    let channels: Vec<_> = (0..101).map(|n| format!("room-{n}")).collect();
    let refusals = [
        json!({ "peerMetadata": object_of(4_097) }),
        json!({ "metadata": object_of(8_193) }),
        json!({ "peerMetadata": [] }),
        json!({ "peerMetadata": "x" }),
        json!({ "metadata": 7 }),
        json!({ "channels": channels }),
        json!({ "channels": "room" }),
        json!({ "channels": [7] }),
        json!({ "channels": [""] }),
        json!({ "channels": ["x".repeat(257)] }),
        json!({ "permissions": vec!["send"; 17] }),
        json!({ "permissions": "send" }),
        json!({ "permissions": [7] }),
    ];
    for claims in refusals {
        assert_eq!(refused_claims(&server, &with_defaults(&claims)), 4001, "{claims}");
    }
    let most = json!({
        "peerMetadata": object_of(4_096), "metadata": object_of(8_192), "channels": channels[..100],
        "permissions": vec!["send"; 16],
    });
    server.bearer(&most).sync();
    // Sizes are those of compact JSON.
    let key = server.secret();
    let exp = unix_secs() + 60.0;
    let airy =
        format!(r#"{{"sub":"alice","exp":{exp},"peerMetadata":{}{}}}"#, " ".repeat(5_000), object_of(4_096));
    server.dial().token(&sign_text(&header(key.id.as_str()).to_string(), &airy, secret(&key))).open().sync();
}

#[test]
fn w126_a_token_over_24_kib_closes_4001() {
    let server = start();
    let claims = |bytes: usize| with_defaults(&json!({ "note": "x".repeat(bytes) }));
    assert_eq!(refused_claims(&server, &claims(18_500)), 4001);
    server.bearer(&claims(17_500)).sync();
}

#[test]
fn w127_absent_channels_are_the_keys_and_an_empty_list_is_none() {
    let server = start();
    let key = server.add_secret(&["room-*"], |_| {});
    let open = |claims: Value| {
        let token = sign(&header(key.id.as_str()), &with_defaults(&claims), secret(&key));
        server.dial().token(&token).open()
    };
    for claims in [json!({}), json!({ "channels": null })] {
        let mut client = open(claims);
        client.subscribe("room-1");
        assert_eq!(client.refusal(json!({ "type": "subscribe", "channel": "x" })), "channel_not_authorized");
    }
    let mut nowhere = open(json!({ "channels": [] }));
    for channel in ["room-1", "x", "room-*"] {
        let message = json!({ "type": "subscribe", "channel": channel });
        assert_eq!(nowhere.refusal(message), "channel_not_authorized", "{channel}");
        let message = json!({ "type": "publish", "channel": channel, "data": 1 });
        assert_eq!(nowhere.refusal(message), "channel_not_authorized", "{channel}");
    }
}

#[test]
fn w128_permissions_narrow_the_keys_actions_and_never_widen_them() {
    let server = start();
    let key = server.add_secret(&["**"], |key| key.actions = actions(&["subscribe", "send"]));
    let allowed = |claims: Value| {
        let token = sign(&header(key.id.as_str()), &with_defaults(&claims), secret(&key));
        let mut client = server.dial().token(&token).open();
        let own = client.id().to_owned();
        let mut may = |message: Value| client.request(message).kind() == "ack";
        [
            may(json!({ "type": "subscribe", "channel": "room" })),
            may(json!({ "type": "publish", "channel": "room", "data": 1 })),
            may(json!({ "type": "send", "to": own, "data": 1 })),
        ]
    };
    assert_eq!(allowed(json!({})), [true, false, true]);
    assert_eq!(allowed(json!({ "permissions": null })), [true, false, true]);
    assert_eq!(allowed(json!({ "permissions": ["subscribe", "publish"] })), [true, false, false]);
    assert_eq!(allowed(json!({ "permissions": ["fly", "SEND", "send"] })), [false, false, true]);
    assert_eq!(allowed(json!({ "permissions": [] })), [false, false, false]);
}
