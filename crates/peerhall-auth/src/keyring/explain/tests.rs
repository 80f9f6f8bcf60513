use super::super::tests::support::{APP, NOW, NOW_MS, publishable, ring, secret_key, signed, with_claims};
use super::*;
use crate::action::Actions;
use crate::key::AppRecord;
use crate::origin::{AllowedOrigins, OriginRule};
use crate::pattern::PatternSet;

fn ask(ring: &Keyring, credential: Credential<'_>, action: Action, channel: &str) -> Finding {
    let channel = channel.parse().unwrap();
    let question = Question { credential, origin: None, action, channel: &channel };
    ring.explain(&APP.parse().unwrap(), &question, NOW_MS, &TokenPolicy::default())
}

fn patterns(pattern: &str) -> PatternSet {
    PatternSet::for_key(vec![pattern.parse().unwrap()]).unwrap()
}

#[test]
fn each_rule_that_refuses_a_frame_is_named_and_so_is_the_pattern_that_allows_it() {
    let key = KeyRecord {
        patterns: patterns("team-*"),
        actions: Actions::from_words(["subscribe", "publish"]).unwrap(),
        ..secret_key()
    };
    let ring = ring(&[&key]);
    let narrow = with_claims(&key, r#""sub":"a","channels":["team-1"],"permissions":["subscribe"]"#);
    let wide = with_claims(&key, r#""sub":"a""#);
    let of = |token: &str, action, channel| ask(&ring, Credential::Token(token), action, channel);
    let allowed = Finding::Allowed { by_key: "team-*".into(), by_token: Some("team-1".into()) };
    assert_eq!(of(&narrow, Action::Subscribe, "team-1"), allowed);
    assert_eq!(allowed.to_string(), "yes, by the pattern team-1 of the token within team-* of its key");
    let by_key = Finding::Allowed { by_key: "team-*".into(), by_token: None };
    assert_eq!(of(&wide, Action::Publish, "team-9"), by_key);
    assert_eq!(of(&narrow, Action::Subscribe, "team-2"), Finding::TokenLacksChannel);
    assert_eq!(of(&narrow, Action::Publish, "team-1"), Finding::TokenLacksAction);
    assert_eq!(of(&wide, Action::Subscribe, "hall"), Finding::KeyLacksChannel);
    assert_eq!(of(&wide, Action::Send, "team-1"), Finding::KeyLacksAction);
    assert_eq!(of(&wide, Action::Publish, "_metered/x"), Finding::ReservedChannel);
}

#[test]
fn each_rule_that_refuses_a_credential_is_named() {
    let key = secret_key();
    let revoked = KeyRecord { revoked_at: Some(7), ..secret_key() };
    let stranger = secret_key();
    let ring = ring(&[&key, &revoked]);
    let of = |token: &str| ask(&ring, Credential::Token(token), Action::Publish, "room");
    let good = with_claims(&key, r#""sub":"a""#);
    assert_eq!(of("nonsense"), Finding::NotAToken);
    assert_eq!(of(&with_claims(&stranger, r#""sub":"a""#)), Finding::UnknownKey);
    assert_eq!(of(&with_claims(&revoked, r#""sub":"a""#)), Finding::Revoked { at: 7 });
    let mut forged = good.clone();
    forged.replace_range(good.len() - 4.., "AAAA");
    assert_eq!(of(&forged), Finding::BadSignature);
    assert_eq!(of(&with_claims(&key, r#""sub":"""#)), Finding::BadClaims);
    assert_eq!(of(&signed(&key, &format!(r#"{{"sub":"a","exp":{}}}"#, NOW - 1))), Finding::Expired);
    let by_id = ask(&ring, Credential::Key(key.id.as_str()), Action::Publish, "room");
    assert_eq!(by_id, Finding::SecretKey);
}

#[test]
fn a_web_site_that_a_key_does_not_allow_is_told_so_and_keys_of_other_apps_are_unknown() {
    let key = KeyRecord {
        allowed_origins: AllowedOrigins::new(vec![OriginRule::parse("https://good.example").unwrap()]),
        ..publishable()
    };
    let ring = ring(&[&key]);
    let channel = "room".parse().unwrap();
    let with = |app: &str, origin| {
        let credential = Credential::Key(key.id.as_str());
        let question = Question { credential, origin, action: Action::Publish, channel: &channel };
        ring.explain(&app.parse().unwrap(), &question, NOW_MS, &TokenPolicy::default())
    };
    assert_eq!(with(APP, Some("https://evil.example")), Finding::OriginNotAllowed);
    assert!(matches!(with(APP, Some("https://good.example")), Finding::Allowed { .. }));
    assert_eq!(with("app_other", Some("https://good.example")), Finding::UnknownKey);
}

#[test]
fn a_suspended_app_is_the_reason_when_everything_else_is_good() {
    let key = publishable();
    let app = AppRecord { suspended: true, ..AppRecord::new(APP.parse().unwrap()) };
    let ring = Keyring::new(vec![app], vec![key.clone()]).unwrap();
    let found = ask(&ring, Credential::Key(key.id.as_str()), Action::Publish, "room");
    assert_eq!((found.code(), found), ("app_suspended", Finding::AppSuspended));
}
