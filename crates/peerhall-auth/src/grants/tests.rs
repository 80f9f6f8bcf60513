use super::*;
use crate::key::KeyKind;

fn patterns(list: &[&str]) -> PatternSet {
    PatternSet::new(list.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
}

fn key(list: &[&str]) -> Arc<KeyRecord> {
    let app = "app_abc".parse().unwrap();
    Arc::new(KeyRecord::generate(KeyKind::Secret, app, patterns(list), 0).unwrap())
}

fn token(key: Arc<KeyRecord>, channels: Option<&[&str]>) -> Grants {
    let scope = TokenScope { patterns: channels.map(patterns), actions: Actions::ALL };
    Grants::of_token(key, scope)
}

#[test]
fn w092_a_token_for_one_room_reaches_that_room_only() {
    let grants = token(key(&["room-*"]), Some(&["room-1"]));
    assert!(grants.covers_name("room-1"));
    assert!(!grants.covers_name("room-2"));
}

#[test]
fn w093_a_token_wider_than_its_key_is_held_to_the_key() {
    let grants = token(key(&["room-*"]), Some(&["**"]));
    assert!(grants.covers_name("room-1"));
    assert!(!grants.covers_name("other"));
}

#[test]
fn w095_a_pattern_has_to_be_covered_by_token_and_key() {
    let covers = |grants: &Grants, pattern: &str| grants.covers_pattern(&pattern.parse().unwrap());
    let grants = token(key(&["fleet/**"]), Some(&["fleet/*/t", "other/**"]));
    assert!(covers(&grants, "fleet/s-*/t") && covers(&grants, "fleet/*/t"));
    assert!(!covers(&grants, "fleet/**") && !covers(&grants, "other/*"));
    assert!(covers(&Grants::of_key(key(&["fleet/**"])), "fleet/*"));
}

#[test]
fn w127_absent_channels_mean_the_keys_and_an_empty_list_means_none() {
    assert!(token(key(&["room-*"]), None).covers_name("room-1"));
    assert!(!token(key(&["room-*"]), None).covers_name("other"));
    let none = token(key(&["**"]), Some(&[]));
    assert!(!none.covers_name("room-1") && !none.covers_pattern(&"a".parse().unwrap()));
}

#[test]
fn w128_a_permission_that_the_key_lacks_has_no_effect() {
    let mut record = KeyRecord::clone(&key(&["**"]));
    record.actions = Action::Publish.into();
    let scope = TokenScope { patterns: None, actions: [Action::Publish, Action::Send].into_iter().collect() };
    let grants = Grants::of_token(Arc::new(record), scope);
    assert!(grants.may(Action::Publish));
    assert!(!grants.may(Action::Send) && !grants.may(Action::Subscribe));
    assert_eq!(grants.actions(), Action::Publish.into());
}

#[test]
fn a_changed_key_takes_effect_under_the_same_token() {
    let wide = key(&["room-*"]);
    let grants = token(Arc::clone(&wide), None);
    let narrow = Arc::new(KeyRecord {
        patterns: patterns(&["room-1"]),
        actions: Action::Subscribe.into(),
        ..KeyRecord::clone(&wide)
    });
    let changed = grants.with_key(narrow);
    assert!(grants.covers_name("room-2") && !changed.covers_name("room-2"));
    assert!(grants.may(Action::Send) && !changed.may(Action::Send) && changed.may(Action::Subscribe));
    assert_eq!(changed.token(), grants.token());
}

#[test]
fn grants_are_two_pointers() {
    assert!(size_of::<Grants>() <= 24);
    assert_eq!(size_of::<Option<Grants>>(), 16);
}
