use peerhall_proto::ids::{AppId, ChannelNameError, PeerIdError};
use peerhall_proto::limits::MAX_TOKEN_LIFETIME_SECS;
use peerhall_proto::rest::RestErrorCode;
use peerhall_proto::rest::mint_token::MintTokenRequest;

use super::*;
use crate::action::{Action, UnknownAction};
use crate::key::{AppRecord, KeyKind};
use crate::keyring::{Credential, Keyring, TokenPolicy};

const NOW: u64 = 1_767_000_000;

fn app() -> AppId {
    "app_abc".parse().unwrap()
}

/// A secret key for `room-*`, `team/**` and the server's own names.
fn key() -> KeyRecord {
    let patterns = ["room-*", "team/**", "_metered/**"].map(|text| text.parse().unwrap());
    let patterns = PatternSet::for_key(patterns.to_vec()).unwrap();
    KeyRecord::generate(KeyKind::Secret, app(), patterns, NOW).unwrap()
}

fn body(members: &str) -> String {
    format!(r#"{{"peerId":"alice"{members}}}"#)
}

fn check(key: &KeyRecord, body: &str) -> Result<Claims, MintError> {
    let body: MintTokenRequest<'_> = serde_json::from_str(body).unwrap();
    MintRequest::from(&body).check(key, NOW, MAX_TOKEN_LIFETIME_SECS)
}

fn refused(members: &str) -> MintError {
    check(&key(), &body(members)).unwrap_err()
}

fn invalid(field: Member, why: impl Into<Problem>) -> MintError {
    MintError::InvalidRequest { field, why: why.into() }
}

fn parts(token: &str) -> Vec<String> {
    let json = |part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    token.split('.').take(2).map(json).collect()
}

#[test]
fn w136_a_minted_token_opens_what_was_asked_for() {
    let key = key();
    let asked = body(
        r#","channels":["room-1","team/*"],"permissions":["send","subscribe"],
            "metadata":{ "theme": "dark" },"peerMetadata":{ "username": "Alice" }"#,
    );
    let claims = check(&key, &asked).unwrap();
    let token = mint(&key, &claims).unwrap();
    let ring = Keyring::new(vec![AppRecord::new(app())], vec![key]).unwrap();
    let now_ms = i64::try_from(NOW).unwrap() * 1_000;
    let identity =
        ring.authenticate(Credential::Token(&token), None, now_ms, &TokenPolicy::default()).unwrap();
    assert_eq!(identity.peer, Some(claims.sub));
    assert_eq!(identity.expires_at, Some(NOW + 3_600));
    assert_eq!(identity.metadata.unwrap().get(), r#"{"theme":"dark"}"#);
    assert_eq!(identity.peer_metadata.unwrap().get(), r#"{"username":"Alice"}"#);
    let grants = identity.grants;
    assert!(grants.covers_name("room-1") && grants.covers_name("team/x") && !grants.covers_name("room-2"));
    assert!(grants.may(Action::Send) && grants.may(Action::Subscribe) && !grants.may(Action::Publish));
}

#[test]
fn a_minted_token_has_the_documented_header_and_claims() {
    let key = key();
    let claims = check(&key, &body("")).unwrap();
    let token = mint(&key, &claims).unwrap();
    assert_eq!(
        parts(&token),
        [
            format!(r#"{{"alg":"HS256","kid":"{}","typ":"JWT"}}"#, key.id.as_str()),
            format!(
                r#"{{"sub":"alice","iat":{NOW},"exp":{},"permissions":["publish","subscribe","presence","send"]}}"#,
                NOW + 3_600
            ),
        ]
    );
    let all = body(
        r#","channels":["room-1"],"permissions":[],"expiresInSec":1,"metadata":{"n":1e400},"peerMetadata":{}"#,
    );
    let token = mint(&key, &check(&key, &all).unwrap()).unwrap();
    let expected = format!(
        r#"{{"sub":"alice","iat":{NOW},"exp":{},"permissions":[],"channels":["room-1"],"metadata":{{"n":1e400}},"peerMetadata":{{}}}}"#,
        NOW + 1
    );
    assert_eq!(parts(&token)[1], expected);
}

#[test]
fn w137_a_life_is_from_1_to_the_cap_and_3600_by_default() {
    let key = key();
    let lasting = |secs: &str| check(&key, &body(&format!(r#","expiresInSec":{secs}"#))).map(|c| c.exp - NOW);
    assert_eq!(lasting("1"), Ok(1));
    assert_eq!(lasting("86400"), Ok(86_400));
    assert_eq!(lasting("null"), Ok(3_600));
    let too_long = invalid(Member::ExpiresInSec, Problem::Lifetime { cap: 86_400 });
    for secs in ["0", "86401", "18446744073709551615"] {
        assert_eq!(lasting(secs), Err(too_long.clone()), "{secs}");
    }
}

#[test]
fn a_self_signed_life_ends_at_the_largest_exp() {
    let key = key();
    let asked = |secs| MintRequest { peer_id: "a", expires_in_secs: Some(secs), ..MintRequest::default() };
    let longest = MAX_UNIX_SECS - NOW;
    assert_eq!(asked(longest).check(&key, NOW, u64::MAX).unwrap().exp, MAX_UNIX_SECS);
    let refused = asked(longest + 1).check(&key, NOW, u64::MAX).unwrap_err();
    assert_eq!(refused, invalid(Member::ExpiresInSec, Problem::Lifetime { cap: longest }));
    assert!(asked(1).check(&key, u64::MAX, u64::MAX).is_err());
}

#[test]
fn w138_what_the_key_does_not_give_is_refused_with_its_own_code() {
    let outside = refused(r#","channels":["room-1","other"]"#);
    assert_eq!(outside, MintError::ChannelNotAuthorized { channel: "other".parse().unwrap() });
    assert_eq!(outside.to_string(), "channel not covered by this key: other");
    assert_eq!(outside.rest_code(), RestErrorCode::ChannelNotAuthorized);
    for wider in ["**", "room-**", "*"] {
        let error = refused(&format!(r#","channels":["{wider}"]"#));
        assert_eq!(error.rest_code(), RestErrorCode::ChannelNotAuthorized, "{wider}");
    }

    let mut silent = key();
    silent.actions = Action::Subscribe.into();
    let error = check(&silent, &body(r#","permissions":["subscribe","send"]"#)).unwrap_err();
    assert_eq!(error, MintError::ActionNotPermitted { action: Action::Send });
    assert_eq!(error.rest_code(), RestErrorCode::ActionNotPermitted);
    assert_eq!(check(&silent, &body("")).unwrap().permissions, Action::Subscribe.into());

    let reserved = refused(r#","channels":["_METERED/x"]"#);
    assert_eq!(reserved.rest_code(), RestErrorCode::ChannelReserved);
}

#[test]
fn checks_run_in_the_order_shape_reserved_action_channel() {
    let mut key = key();
    key.actions = Action::Subscribe.into();
    let code = |members: &str| check(&key, &body(members)).unwrap_err().rest_code();
    let (reserved, other) = (r#","channels":["other","_system/x"]"#, r#","channels":["other"]"#);
    let send = r#","permissions":["send"]"#;
    assert_eq!(code(&format!(r#"{reserved}{send},"metadata":[]"#)), RestErrorCode::InvalidRequest);
    assert_eq!(code(&format!("{reserved}{send}")), RestErrorCode::ChannelReserved);
    assert_eq!(code(&format!("{other}{send}")), RestErrorCode::ActionNotPermitted);
    assert_eq!(code(other), RestErrorCode::ChannelNotAuthorized);
}

#[test]
fn w139_each_broken_rule_names_its_member() {
    let list = |count: usize, entry: &str| vec![format!("\"{entry}\""); count].join(",");
    let channels = |entry: &str| refused(&format!(r#","channels":["{entry}"]"#));
    assert_eq!(channels(""), invalid(Member::Channels, ChannelNameError::Empty));
    assert_eq!(channels("a\\n"), invalid(Member::Channels, ChannelNameError::ControlCharacter));
    assert_eq!(
        refused(&format!(r#","channels":[{}]"#, list(101, "room-1"))),
        invalid(Member::Channels, Problem::TooMany { count: 101, cap: 100 })
    );
    assert_eq!(
        refused(&format!(r#","permissions":[{}]"#, list(17, "send"))),
        invalid(Member::Permissions, Problem::TooMany { count: 17, cap: 16 })
    );
    assert_eq!(refused(r#","permissions":["admin"]"#), invalid(Member::Permissions, UnknownAction));
    let large = format!(r#","metadata":{{"a":"{}"}}"#, "x".repeat(8_185));
    assert_eq!(
        refused(&large),
        invalid(Member::Metadata, MetadataError::TooLarge { size: 8_193, cap: 8_192 })
    );
    let large = format!(r#","peerMetadata":{{"a":"{}"}}"#, "x".repeat(4_089));
    assert_eq!(
        refused(&large),
        invalid(Member::PeerMetadata, MetadataError::TooLarge { size: 4_097, cap: 4_096 })
    );
    assert_eq!(refused(r#","metadata":[]"#), invalid(Member::Metadata, MetadataError::NotAnObject));
    let nameless = check(&key(), r#"{"peerId":""}"#).unwrap_err();
    assert_eq!(nameless, invalid(Member::PeerId, PeerIdError::Empty));
    assert_eq!(nameless.to_string(), "peerId: a peer id cannot be empty");
    assert_eq!(nameless.rest_code(), RestErrorCode::InvalidRequest);
}

#[test]
fn doubles_collapse_and_keep_the_order_of_the_first() {
    let asked = r#","channels":["room-2","room-1","room-2"],"permissions":["send","send"]"#;
    let claims = check(&key(), &body(asked)).unwrap();
    let channels: Vec<String> = claims.channels.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(channels, ["room-2", "room-1"]);
    assert_eq!(claims.permissions, Action::Send.into());
}

#[test]
fn absent_and_empty_channels_stay_apart() {
    assert_eq!(check(&key(), &body(r#","channels":null"#)).unwrap().channels, None);
    assert_eq!(check(&key(), &body(r#","channels":[]"#)).unwrap().channels, Some(PatternSet::default()));
}

#[test]
fn a_token_that_no_server_would_read_is_not_minted() {
    let key = key();
    let channels: Vec<String> = (0..100).map(|n| format!("room-{n:0>251}")).collect();
    let asked = MintRequest { peer_id: "alice", channels: Some(&channels), ..MintRequest::default() };
    let claims = asked.check(&key, NOW, MAX_TOKEN_LIFETIME_SECS).unwrap();
    assert!(matches!(
        mint(&key, &claims),
        Err(MintError::InvalidRequest { field: Member::Channels, why: Problem::TokenTooLong { bytes } })
            if bytes > MAX_TOKEN_BYTES
    ));
}

#[test]
fn only_a_live_secret_key_mints() {
    let good = key();
    let claims = check(&good, &body("")).unwrap();
    let revoked = KeyRecord { revoked_at: Some(NOW), ..good.clone() };
    let bare = KeyRecord { secret: None, ..good.clone() };
    let public = KeyRecord::generate(KeyKind::Publishable, app(), good.patterns.clone(), NOW).unwrap();
    for key in [revoked, bare, public] {
        assert_eq!(check(&key, &body("")).unwrap_err(), MintError::NotASigningKey);
        assert_eq!(mint(&key, &claims), Err(MintError::NotASigningKey));
    }
}

#[test]
fn debug_does_not_show_what_is_in_metadata() {
    let asked = body(r#","metadata":{"password":"hunter2"},"peerMetadata":{"mail":"hunter2"}"#);
    let request: MintTokenRequest<'_> = serde_json::from_str(&asked).unwrap();
    let request = MintRequest::from(&request);
    let claims = request.check(&key(), NOW, MAX_TOKEN_LIFETIME_SECS).unwrap();
    let shown = format!("{request:?} {claims:?}");
    assert!(shown.contains("Some(22)") && !shown.contains("hunter2"), "{shown}");
}
