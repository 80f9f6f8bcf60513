//! The rules of admission. `attacks` holds the tokens that must not pass, `support` the pretend backend
//! that signs them.

mod attacks;
pub(super) mod support;

use self::support::{APP, NOW, NOW_MS, admit, publishable, ring, secret_key, signed, with_claims};
use super::*;
use crate::action::{Action, Actions};
use crate::origin::{AllowedOrigins, OriginRule};
use crate::pattern::PatternSet;

fn connect(ring: &Keyring, key: &str) -> Result<Identity, Denied> {
    ring.authenticate(Credential::Key(key), None, NOW_MS, &TokenPolicy::default())
}

fn text(value: Option<&RawValue>) -> Option<&str> {
    value.map(RawValue::get)
}

#[test]
fn a_publishable_key_opens_its_app_without_a_peer_or_an_end() {
    let key = publishable();
    let identity = connect(&ring(&[&key]), key.id.as_str()).unwrap();
    assert_eq!(identity.app.id.as_str(), APP);
    assert_eq!(**identity.grants.key(), key);
    assert!(identity.grants.token().is_none() && !identity.grants.may(Action::Send));
    assert_eq!((identity.peer, identity.expires_at, identity.expires_at_ms), (None, None, None));
    assert!(identity.metadata.is_none() && identity.peer_metadata.is_none());
}

#[test]
fn w005_a_credential_in_the_wrong_parameter_is_invalid() {
    let (public, secret) = (publishable(), secret_key());
    let ring = ring(&[&public, &secret]);
    let token = with_claims(&secret, r#""sub":"alice""#);
    assert_eq!(connect(&ring, &token).unwrap_err(), Denied::InvalidCredential);
    assert_eq!(connect(&ring, secret.id.as_str()).unwrap_err(), Denied::InvalidCredential);
    assert_eq!(admit(&ring, public.id.as_str()).unwrap_err(), Denied::InvalidCredential);
}

#[test]
fn w103_unknown_revoked_and_empty_keys_are_told_alike() {
    let mut revoked = publishable();
    revoked.revoked_at = Some(NOW);
    let ring = ring(&[&revoked]);
    for key in [revoked.id.as_str(), "pk_live_00000000000000000000000000000000", "", "nonsense"] {
        let denied = connect(&ring, key).unwrap_err();
        assert_eq!((denied.close_code(), denied.reason()), (4001, "invalid credential"), "{key}");
    }
}

#[test]
fn w118_a_token_signed_elsewhere_with_the_whole_secret_connects() {
    // The sample of authentication section 4.4, spaces and all, signed by another implementation.
    const SAMPLE: &str = "eyAiYWxnIjogIkhTMjU2IiwgInR5cCI6ICJKV1QiLCAia2lkIjogInNrX2lkXzAxMjMwMTIzMDEyMzAxMjMwMTIzMDEyMzAxMjMwMTIzIiB9.eyAic3ViIjogImFsaWNlIiwgImV4cCI6IDE3NjcyMjU2MDAsICJjaGFubmVscyI6IFsicm9vbS00MiIsICJ0ZWFtLWEvKiJdLAogICJwZXJtaXNzaW9ucyI6IFsic3Vic2NyaWJlIiwgInB1Ymxpc2giLCAicHJlc2VuY2UiLCAic2VuZCJdLAogICJwZWVyTWV0YWRhdGEiOiB7ICJ1c2VybmFtZSI6ICJBbGljZSIgfSB9.voI_Gjr8e1PaESHGIzZ-qchrIPy87DB2mf-ZA3VBuuk";
    let mut key = secret_key();
    key.id = format!("sk_id_{}", "0123".repeat(8)).parse().unwrap();
    key.secret = Some(format!("sk_secret_{}", "89ab".repeat(16)).parse().unwrap());
    let ring = ring(&[&key]);
    let before = 1_767_225_600_000 - 10_000;
    let identity =
        ring.authenticate(Credential::Token(SAMPLE), None, before, &TokenPolicy::default()).unwrap();
    assert_eq!(identity.peer.as_ref().unwrap().as_str(), "alice");
    assert_eq!((identity.expires_at, identity.expires_at_ms), (Some(1_767_225_600), Some(1_767_225_600_000)));
    assert_eq!(text(identity.peer_metadata.as_deref()), Some(r#"{"username":"Alice"}"#));
    assert!(identity.grants.covers_name("team-a/x") && !identity.grants.covers_name("room-43"));
    assert_eq!(identity.grants.actions(), Actions::ALL);
}

#[test]
fn w120_a_publishable_key_id_as_kid_is_invalid() {
    let (mut public, secret) = (publishable(), secret_key());
    // Even if a secret stood in its record by mistake.
    public.secret = secret.secret.clone();
    let token = with_claims(&public, r#""sub":"alice""#);
    assert_eq!(admit(&ring(&[&public, &secret]), &token).unwrap_err(), Denied::InvalidCredential);
}

#[test]
fn w121_an_expired_token_is_told_so_only_if_it_is_genuine() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let expired = signed(&key, &format!(r#"{{"sub":"alice","exp":{}}}"#, NOW - 1));
    let denied = admit(&ring, &expired).unwrap_err();
    assert_eq!((denied.close_code(), denied.reason()), (4002, "token expired"));
    let (head, _) = expired.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", "A".repeat(43));
    assert_eq!(admit(&ring, &forged).unwrap_err(), Denied::InvalidCredential);
    // Expiry is looked at before the other claims.
    let hopeless = signed(&key, &format!(r#"{{"sub":7,"channels":1,"exp":{}}}"#, NOW - 1));
    assert_eq!(admit(&ring, &hopeless).unwrap_err(), Denied::TokenExpired);
}

#[test]
fn a_token_counts_as_expired_250_ms_before_its_end() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let at = |exp: &str| admit(&ring, &signed(&key, &format!(r#"{{"sub":"a","exp":{exp}}}"#)));
    assert_eq!(at(&format!("{NOW}.25")).unwrap_err(), Denied::TokenExpired);
    assert_eq!(at(&format!("{NOW}.251")).unwrap().expires_at_ms, Some(NOW_MS + 251));
    for past in ["0", "-5", "-1e300", "-0.0"] {
        assert_eq!(at(past).unwrap_err(), Denied::TokenExpired, "{past}");
    }
}

#[test]
fn w015_a_fraction_of_a_second_is_kept_for_the_close_and_cut_off_for_the_client() {
    let key = secret_key();
    let token = signed(&key, &format!(r#"{{"sub":"a","exp":{}.75}}"#, NOW + 3));
    let identity = admit(&ring(&[&key]), &token).unwrap();
    assert_eq!(identity.expires_at_ms, Some(NOW_MS + 3_750));
    assert_eq!(identity.expires_at, Some(NOW + 3));
    let token = signed(&key, r#"{"sub":"a","exp":9007199254740992}"#);
    assert_eq!(admit(&ring(&[&key]), &token).unwrap().expires_at, Some(1 << 53));
}

#[test]
fn w122_exp_and_sub_are_required_and_checked() {
    let key = secret_key();
    let ring = ring(&[&key]);
    for payload in [
        r#"{"sub":"alice"}"#.to_owned(),
        r#"{"sub":"alice","exp":null}"#.to_owned(),
        format!(r#"{{"sub":"alice","exp":"{}"}}"#, NOW + 60),
        r#"{"sub":"alice","exp":9007199254740994}"#.to_owned(),
        format!(r#"{{"exp":{}}}"#, NOW + 60),
        format!(r#"{{"sub":null,"exp":{}}}"#, NOW + 60),
        format!(r#"{{"sub":"","exp":{}}}"#, NOW + 60),
        format!(r#"{{"sub":5,"exp":{}}}"#, NOW + 60),
        format!(r#"{{"sub":"{}","exp":{}}}"#, "x".repeat(129), NOW + 60),
        format!(r#"{{"sub":"z\u00e9","exp":{}}}"#, NOW + 60),
    ] {
        assert_eq!(
            admit(&ring, &signed(&key, &payload)).unwrap_err(),
            Denied::InvalidCredential,
            "{payload}"
        );
    }
    assert!(admit(&ring, &with_claims(&key, &format!(r#""sub":"{}""#, "x".repeat(128)))).is_ok());
}

#[test]
fn w124_nbf_may_lie_a_minute_ahead() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let from = |nbf: &str| admit(&ring, &with_claims(&key, &format!(r#""sub":"a","nbf":{nbf}"#)));
    for good in [format!("{}", NOW + 30), format!("{}", NOW + 60), "0".to_owned(), "null".to_owned()] {
        assert!(from(&good).is_ok(), "{good}");
    }
    for bad in [format!("{}.5", NOW + 60), format!("{}", NOW + 300), r#""0""#.to_owned(), "1e300".to_owned()]
    {
        assert_eq!(from(&bad).unwrap_err(), Denied::InvalidCredential, "{bad}");
    }
}

#[test]
fn w125_other_claims_are_ignored_whatever_they_hold() {
    let key = secret_key();
    let token = with_claims(
        &key,
        r#""sub":"a","iss":{"x":1},"aud":["y"],"jti":7,"iat":"soon","zap":[1e999],"iss":2"#,
    );
    assert!(admit(&ring(&[&key]), &token).is_ok());
}

#[test]
fn w126_caps_of_the_claims_are_exact() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let list = |count: usize, entry: &str| vec![format!("\"{entry}\""); count].join(",");
    let object = |bytes: usize| format!(r#"{{ "a" : "{}" }}"#, "x".repeat(bytes - 8));
    let with = |claims: &str| admit(&ring, &with_claims(&key, &format!(r#""sub":"a",{claims}"#)));
    for good in [
        format!(r#""peerMetadata":{}"#, object(4_096)),
        format!(r#""metadata":{}"#, object(8_192)),
        format!(r#""channels":[{}]"#, list(100, "room-*")),
        format!(r#""permissions":[{}]"#, list(16, "send")),
        r#""channels":null,"permissions":null,"metadata":null,"peerMetadata":null,"nbf":null"#.to_owned(),
    ] {
        assert!(with(&good).is_ok(), "{}", &good[..40]);
    }
    for bad in [
        format!(r#""peerMetadata":{}"#, object(4_097)),
        format!(r#""metadata":{}"#, object(8_193)),
        format!(r#""channels":[{}]"#, list(101, "room-*")),
        format!(r#""permissions":[{}]"#, list(17, "send")),
        r#""metadata":[]"#.to_owned(),
        r#""metadata":"{}""#.to_owned(),
        r#""peerMetadata":5"#.to_owned(),
        r#""peerMetadata":false"#.to_owned(),
        r#""channels":"room-1""#.to_owned(),
        r#""channels":{}"#.to_owned(),
        r#""channels":[7]"#.to_owned(),
        r#""channels":[""]"#.to_owned(),
        r#""channels":["a\u0000"]"#.to_owned(),
        format!(r#""channels":["{}"]"#, "x".repeat(257)),
        r#""permissions":["send",null]"#.to_owned(),
        r#""permissions":{}"#.to_owned(),
    ] {
        assert_eq!(with(&bad).unwrap_err(), Denied::InvalidCredential, "{bad:.40}");
    }
}

#[test]
fn w127_w128_absent_lists_fall_back_to_the_key() {
    let mut key = secret_key();
    key.patterns = PatternSet::for_key(vec!["room-*".parse().unwrap()]).unwrap();
    key.actions = Actions::PUBLISHABLE_DEFAULT;
    let ring = ring(&[&key]);
    let grants =
        |claims: &str| admit(&ring, &with_claims(&key, &format!(r#""sub":"a"{claims}"#))).unwrap().grants;
    let plain = grants("");
    assert!(plain.covers_name("room-1") && !plain.covers_name("other"));
    assert_eq!(plain.actions(), Actions::PUBLISHABLE_DEFAULT);
    assert!(!grants(r#","channels":[]"#).covers_name("room-1"));
    let over = grants(r#","channels":["**"],"permissions":["send","publish","admin"]"#);
    assert!(over.covers_name("room-1") && !over.covers_name("other"));
    assert_eq!(over.actions(), Action::Publish.into());
    assert_eq!(grants(r#","permissions":[]"#).actions(), Actions::NONE);
}

#[test]
fn w018_metadata_comes_out_compact_with_its_numbers_and_order_as_signed() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let token = with_claims(
        &key,
        r#""sub":"a","metadata":{ "b" : 1.50, "a" : [ 1e400 , "x y" ] },"peerMetadata": { }"#,
    );
    let identity = admit(&ring, &token).unwrap();
    assert_eq!(text(identity.metadata.as_deref()), Some(r#"{"b":1.50,"a":[1e400,"x y"]}"#));
    assert_eq!(text(identity.peer_metadata.as_deref()), Some("{}"));
    let empty = admit(&ring, &with_claims(&key, r#""sub":"a","metadata": { } "#)).unwrap();
    assert!(empty.metadata.is_none(), "an empty object is nothing to carry");
}

#[test]
fn w130_tokens_of_a_revoked_key_are_invalid_and_those_of_others_are_not() {
    let (mut revoked, other) = (secret_key(), secret_key());
    revoked.revoked_at = Some(0);
    let ring = ring(&[&revoked, &other]);
    let token = |key: &KeyRecord| with_claims(key, r#""sub":"a""#);
    assert_eq!(admit(&ring, &token(&revoked)).unwrap_err(), Denied::InvalidCredential);
    assert!(admit(&ring, &token(&other)).is_ok());
}

#[test]
fn w131_origins_bind_publishable_keys_and_not_tokens() {
    let mut public = publishable();
    public.allowed_origins = AllowedOrigins::new(vec![OriginRule::parse("https://a.example").unwrap()]);
    let mut secret = secret_key();
    secret.allowed_origins = public.allowed_origins.clone();
    let from = |public: &KeyRecord, origin: Option<&str>| {
        let ring = ring(&[public]);
        let key = Credential::Key(public.id.as_str());
        ring.authenticate(key, origin, NOW_MS, &TokenPolicy::default()).map(drop)
    };
    assert_eq!(from(&public, Some("https://a.example")), Ok(()));
    for origin in [Some("https://b.example"), Some("http://a.example"), Some("https://a.example:444"), None] {
        let denied = from(&public, origin).unwrap_err();
        assert_eq!((denied.close_code(), denied.reason()), (4001, "origin not allowed"), "{origin:?}");
    }
    public.allow_missing_origin = true;
    assert_eq!(from(&public, None), Ok(()));
    assert!(admit(&ring(&[&secret]), &with_claims(&secret, r#""sub":"a""#)).is_ok());
}

#[test]
fn w107_suspension_is_told_only_to_those_with_a_good_credential() {
    let (public, secret) = (publishable(), secret_key());
    let app = AppRecord { suspended: true, ..AppRecord::new(APP.parse().unwrap()) };
    let ring = Keyring::new(vec![app], vec![public.clone(), secret.clone()]).unwrap();
    let denied = connect(&ring, public.id.as_str()).unwrap_err();
    assert_eq!((denied.close_code(), denied.reason()), (4012, "app suspended"));
    assert_eq!(admit(&ring, &with_claims(&secret, r#""sub":"a""#)).unwrap_err(), Denied::AppSuspended);
    assert_eq!(connect(&ring, "pk_live_unknown0").unwrap_err(), Denied::InvalidCredential);
    let expired = signed(&secret, r#"{"sub":"a","exp":1}"#);
    assert_eq!(admit(&ring, &expired).unwrap_err(), Denied::TokenExpired);
    let header = format!("Bearer {}:{}", secret.id.as_str(), secret.secret.as_ref().unwrap().expose());
    assert!(ring.authenticate_rest(Some(&header)).is_ok(), "usage still works");
}

#[test]
fn a_policy_can_cap_the_life_of_self_signed_tokens() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let lasting = |secs: u64| {
        let token = signed(&key, &format!(r#"{{"sub":"a","exp":{}}}"#, NOW + secs));
        let policy = TokenPolicy { max_lifetime_secs: Some(3_600) };
        ring.authenticate(Credential::Token(&token), None, NOW_MS, &policy).map(drop)
    };
    assert_eq!(lasting(3_600), Ok(()));
    assert_eq!(lasting(3_660), Ok(()), "a clock may be a minute ahead");
    assert_eq!(lasting(3_661), Err(Denied::InvalidCredential));
}

#[test]
fn w135_everything_but_the_right_pair_is_unauthorized() {
    let (public, mut revoked, key) = (publishable(), secret_key(), secret_key());
    revoked.revoked_at = Some(1);
    let ring = ring(&[&public, &revoked, &key]);
    let secret = |key: &KeyRecord| key.secret.as_ref().unwrap().expose().to_owned();
    let (id, right) = (key.id.as_str(), secret(&key));
    let token = with_claims(&key, r#""sub":"a""#);
    for good in
        [format!("Bearer {id}:{right}"), format!("bearer {id}:{right}"), format!("BEARER   {id}:{right}")]
    {
        assert_eq!(ring.authenticate_rest(Some(&good)).unwrap().id, key.id, "{good}");
    }
    for bad in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("{id}:{right}"),
        format!("Basic {id}:{right}"),
        format!("Bearer{id}:{right}"),
        format!("Bearer {id}"),
        format!("Bearer {id}:"),
        format!("Bearer :{right}"),
        format!("Bearer {id}:{right}x"),
        format!("Bearer {id}:{} ", right),
        format!("Bearer {id}:{}", &right[..right.len() - 1]),
        format!("Bearer {id}:{}", secret(&secret_key())),
        format!("Bearer {}:{}", revoked.id.as_str(), secret(&revoked)),
        format!("Bearer {}:{right}", public.id.as_str()),
        format!("Bearer {}", public.id.as_str()),
        format!("Bearer sk_id_00000000000000000000000000000000:{right}"),
        format!("Bearer {}:{right}", revoked.id.as_str()),
        format!("Bearer {token}"),
    ] {
        assert_eq!(ring.authenticate_rest(Some(&bad)).unwrap_err(), Unauthorized, "{bad}");
    }
    assert_eq!(ring.authenticate_rest(None).unwrap_err(), Unauthorized);
}

/// A key that is not found is held against another one, whose proof must not count for it.
#[test]
fn a_token_under_the_secret_of_another_key_opens_nothing() {
    let known = secret_key();
    let mut other = secret_key();
    other.secret = known.secret.clone();
    let token = with_claims(&other, r#""sub":"a""#);
    let mut revoked = other.clone();
    revoked.revoked_at = Some(1);
    let mut bare = other.clone();
    bare.secret = None;
    for keys in [&[][..], &[&known], &[&known, &revoked], &[&known, &bare], &[&revoked]] {
        assert_eq!(admit(&ring(keys), &token).unwrap_err(), Denied::InvalidCredential);
    }
    assert!(admit(&ring(&[&known, &other]), &token).is_ok());
}

#[test]
fn records_that_contradict_each_other_make_no_keyring() {
    let key = publishable();
    let app = AppRecord::new(APP.parse().unwrap());
    assert!(matches!(
        Keyring::new(vec![app.clone(), app.clone()], vec![]),
        Err(KeyringError::DuplicateApp { .. })
    ));
    let doubled = Keyring::new(vec![app.clone()], vec![key.clone(), key.clone()]).unwrap_err();
    assert!(matches!(doubled, KeyringError::DuplicateKey { .. }));
    assert!(!doubled.to_string().contains(key.id.as_str()), "{doubled}");
    let orphan = Keyring::new(vec![], vec![key.clone()]).unwrap_err();
    assert_eq!(orphan, KeyringError::UnknownApp { key: key.id.clone(), app: key.app.clone() });
    let ring = Keyring::new(vec![app], vec![key.clone()]).unwrap();
    assert_eq!(ring.key(&key.id).map(Arc::as_ref), Some(&key));
    assert_eq!(ring.app(&key.app).unwrap().id, key.app);
    assert_eq!((ring.apps().count(), ring.keys().count()), (1, 1));
}

#[test]
fn neither_credentials_nor_metadata_are_shown() {
    let (public, secret) = (publishable(), secret_key());
    let ring = ring(&[&public, &secret]);
    let token = with_claims(&secret, r#""sub":"a","metadata":{"password":"hunter2"}"#);
    let identity = admit(&ring, &token).unwrap();
    let shown = format!(
        "{ring:?} {identity:?} {:?} {:?} {:?}",
        identity.grants,
        Credential::Key(public.id.as_str()),
        Credential::Token(&token)
    );
    for hidden in ["hunter2", public.id.as_str(), secret.id.as_str(), &token] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(!shown.contains(secret.secret.as_ref().unwrap().expose()), "{shown}");
}
