use super::*;
use crate::action::Action;

fn app() -> AppId {
    "app_abc".parse().unwrap()
}

fn generate(kind: KeyKind) -> KeyRecord {
    let patterns = PatternSet::for_key(vec!["**".parse().unwrap()]).unwrap();
    KeyRecord::generate(kind, app(), patterns, 1_700_000_000).unwrap()
}

fn is_lower_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[test]
fn generated_values_have_the_documented_formats_and_differ() {
    let publishable = KeyId::generate(KeyKind::Publishable).unwrap();
    let secret_id = KeyId::generate(KeyKind::Secret).unwrap();
    let secret = Secret::generate().unwrap();
    assert!(is_lower_hex(publishable.as_str().strip_prefix("pk_live_").unwrap(), 32));
    assert!(is_lower_hex(secret_id.as_str().strip_prefix("sk_id_").unwrap(), 32));
    assert!(is_lower_hex(secret.expose().strip_prefix("sk_secret_").unwrap(), 64));
    assert_ne!(KeyId::generate(KeyKind::Secret).unwrap(), secret_id);
    assert_ne!(Secret::generate().unwrap(), secret);
}

#[test]
fn imported_values_are_read_within_their_bounds() {
    assert_eq!("pk_live_Ab-_1234".parse::<KeyId>().unwrap().kind(), KeyKind::Publishable);
    assert_eq!(format!("sk_id_{}", "x".repeat(128)).parse::<KeyId>().unwrap().kind(), KeyKind::Secret);
    for (text, error) in [
        ("sk_live_0123456789", KeyFormatError::Prefix),
        ("PK_LIVE_0123456789", KeyFormatError::Prefix),
        ("pk_live_0123456", KeyFormatError::Length { characters: 7 }),
        ("sk_id_0123456 ", KeyFormatError::Character),
        ("sk_id_0123456\n", KeyFormatError::Character),
        ("sk_id_012345:7", KeyFormatError::Character),
    ] {
        assert_eq!(text.parse::<KeyId>(), Err(error), "{text:?}");
    }
    let long = format!("sk_secret_{}", "x".repeat(129));
    assert_eq!(long.parse::<Secret>(), Err(KeyFormatError::Length { characters: 129 }));
    assert_eq!("sk_id_0123456789".parse::<Secret>(), Err(KeyFormatError::Prefix));
}

#[test]
fn w129_a_new_publishable_key_may_not_send_and_has_no_secret() {
    let key = generate(KeyKind::Publishable);
    assert_eq!(key.actions, Actions::PUBLISHABLE_DEFAULT);
    assert!(!key.actions.contains(Action::Send));
    assert!(key.secret.is_none() && key.signing_secret().is_none());
    assert!(key.inject_turn && !key.allow_missing_origin && !key.is_revoked());
}

#[test]
fn only_a_live_secret_key_signs() {
    let mut key = generate(KeyKind::Secret);
    assert_eq!(key.actions, Actions::ALL);
    assert_eq!(key.signing_secret(), key.secret.as_ref());
    key.revoked_at = Some(u64::MAX);
    assert!(key.is_revoked() && key.signing_secret().is_none());

    let mut publishable = generate(KeyKind::Publishable);
    publishable.secret = Some(Secret::generate().unwrap());
    assert!(publishable.signing_secret().is_none());
}

#[test]
fn debug_shows_neither_a_secret_nor_a_whole_id() {
    let key = generate(KeyKind::Secret);
    let shown = format!("{key:?}");
    assert!(shown.contains("<redacted>"), "{shown}");
    assert!(!shown.contains(key.id.as_str()), "{shown}");
    let secret = key.secret.as_ref().unwrap().expose();
    assert!(!shown.contains(secret.strip_prefix("sk_secret_").unwrap()), "{shown}");
}

#[test]
fn a_hint_gives_away_8_characters_or_a_quarter() {
    let hint = |id: &str| id.parse::<KeyId>().unwrap().hint();
    assert_eq!(hint("pk_live_0123456789abcdef0123456789abcdef"), "pk_live_01234567…");
    assert_eq!(hint("sk_id_01234567"), "sk_id_01…");
}

#[test]
fn records_are_equal_when_every_field_is() {
    let key = generate(KeyKind::Secret);
    assert_eq!(key, key.clone());
    let other = KeyRecord { secret: Some(Secret::generate().unwrap()), ..key.clone() };
    assert_ne!(key, other);
    let app = AppRecord::new(app());
    assert_ne!(AppRecord { suspended: true, ..app.clone() }, app);
    assert_eq!(app.plan_name, "SELF_HOSTED");
}
