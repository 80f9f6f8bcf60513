//! What every store must do, as tests that each implementation runs by [`tests!`].

use peerhall_auth::action::{Action, Actions};
use peerhall_auth::key::{AppRecord, KeyId, KeyKind, KeyRecord};
use peerhall_auth::origin::{AllowedOrigins, OriginRule};
use peerhall_auth::pattern::PatternSet;
use peerhall_proto::ids::AppId;

use super::{
    AppChange, AuditAction, AuditEntry, KeyChange, Missing, Snapshot, Stamp, Store, StoreError, Usage,
};

/// One place where things are stored, opened as often as a test likes: as by several processes.
pub(super) trait Fixture: Default {
    fn open(&self) -> Box<dyn Store>;
}

/// Makes one test of each function of this module, run on the given fixture.
macro_rules! tests {
    ($fixture:ty) => {
        contract::tests!($fixture =>
            an_app_is_kept_as_it_was_given,
            an_app_id_is_taken_once,
            a_change_of_an_app_touches_what_it_names,
            keys_are_kept_as_they_were_given,
            a_key_needs_its_app_and_a_new_id,
            an_app_has_at_most_fifty_live_keys,
            a_change_of_a_key_touches_what_it_names,
            a_revoked_key_stays_revoked_since_its_first_time,
            what_does_not_exist_cannot_be_changed,
            the_revision_grows_with_apps_and_keys_only,
            others_see_a_change_at_once,
            usage_adds_up_per_app_and_period,
            every_change_has_its_audit_line,
            a_refused_change_leaves_no_trace,
            a_secret_is_made_once_and_then_kept,
        );
    };
    ($fixture:ty => $($test:ident,)+) => {$(
        #[test]
        fn $test() {
            contract::$test(&<$fixture>::default());
        }
    )+};
}
pub(super) use tests;

pub(super) fn stamp(at: u64) -> Stamp {
    Stamp { who: "test".to_owned(), at }
}

pub(super) fn app_id(name: &str) -> AppId {
    name.parse().unwrap()
}

fn patterns(list: &[&str]) -> PatternSet {
    PatternSet::for_key(list.iter().map(|pattern| pattern.parse().unwrap()).collect()).unwrap()
}

/// A new key of app `app`, made at second `created_at`.
pub(super) fn key(kind: KeyKind, app: &str, created_at: u64) -> KeyRecord {
    KeyRecord::generate(kind, app_id(app), patterns(&["**"]), created_at).unwrap()
}

/// A store with the apps `a` and `b`.
fn with_apps(fixture: &impl Fixture) -> Box<dyn Store> {
    let mut store = fixture.open();
    for app in ["a", "b"] {
        store.create_app(&AppRecord::new(app_id(app)), &stamp(1)).unwrap();
    }
    store
}

pub(super) fn an_app_is_kept_as_it_was_given(fixture: &impl Fixture) {
    let full = AppRecord {
        id: app_id("full"),
        suspended: true,
        plan_name: "Größer \"quoted\"".to_owned(),
        max_connections: Some(u32::MAX),
        max_messages_per_period: Some(1 << 53),
        overages: true,
    };
    let plain = AppRecord::new(app_id("a-plain_1"));
    let mut store = fixture.open();
    assert_eq!(store.load().unwrap(), Snapshot::default());
    store.create_app(&full, &stamp(1)).unwrap();
    store.create_app(&plain, &stamp(2)).unwrap();
    assert_eq!(fixture.open().load().unwrap().apps, [plain, full]);
}

pub(super) fn an_app_id_is_taken_once(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let error = store.create_app(&AppRecord::new(app_id("a")), &stamp(2)).unwrap_err();
    assert!(matches!(error, StoreError::AppExists(id) if id == app_id("a")));
    store.create_app(&AppRecord::new(app_id("A")), &stamp(3)).unwrap();
}

pub(super) fn a_change_of_an_app_touches_what_it_names(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let quotas = AppChange {
        max_connections: Some(Some(2)),
        max_messages_per_period: Some(Some(10)),
        plan_name: Some("Small".to_owned()),
        ..AppChange::default()
    };
    store.update_app(&app_id("a"), &quotas, &stamp(2)).unwrap();
    let suspend = AppChange { suspended: Some(true), overages: Some(true), ..AppChange::default() };
    let mut expected = AppRecord {
        suspended: true,
        overages: true,
        plan_name: "Small".to_owned(),
        max_connections: Some(2),
        max_messages_per_period: Some(10),
        id: app_id("a"),
    };
    assert_eq!(store.update_app(&app_id("a"), &suspend, &stamp(3)).unwrap(), expected);
    let lift = AppChange { max_connections: Some(None), ..AppChange::default() };
    expected.max_connections = None;
    assert_eq!(store.update_app(&app_id("a"), &lift, &stamp(4)).unwrap(), expected);
    assert_eq!(fixture.open().load().unwrap().apps, [expected, AppRecord::new(app_id("b"))]);
}

pub(super) fn keys_are_kept_as_they_were_given(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let first = KeyRecord {
        patterns: patterns(&["room-*", r"a\*b", "größe/**"]),
        actions: Action::Send.into(),
        allowed_origins: AllowedOrigins::new(vec![OriginRule::parse("https://*.example.com").unwrap()]),
        allow_missing_origin: true,
        inject_turn: false,
        name: "Fröhlich \"Web\"".to_owned(),
        revoked_at: Some(7),
        ..key(KeyKind::Publishable, "a", 5)
    };
    let imported = KeyRecord {
        id: "sk_id_imported-from_elsewhere".parse().unwrap(),
        secret: Some("sk_secret_imported-from_elsewhere".parse().unwrap()),
        ..key(KeyKind::Secret, "b", 6)
    };
    let last = key(KeyKind::Secret, "a", 7);
    for key in [&last, &first, &imported] {
        store.create_key(key, &stamp(8)).unwrap();
    }
    assert_eq!(store.load().unwrap().keys, [first, imported, last]);
    assert_eq!(fixture.open().load().unwrap(), store.load().unwrap());
}

pub(super) fn a_key_needs_its_app_and_a_new_id(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let error = store.create_key(&key(KeyKind::Secret, "c", 1), &stamp(1)).unwrap_err();
    assert!(matches!(error, StoreError::NotFound(Missing::App(id)) if id == app_id("c")));

    let first = key(KeyKind::Publishable, "a", 1);
    store.create_key(&first, &stamp(1)).unwrap();
    let same_id = KeyRecord { app: app_id("b"), name: "other".to_owned(), ..first.clone() };
    let error = store.create_key(&same_id, &stamp(2)).unwrap_err();
    assert!(!error.to_string().contains(first.id.as_str()), "a publishable id is a credential");
    assert!(matches!(error, StoreError::KeyExists(id) if id == first.id));
    assert_eq!(store.load().unwrap().keys, [first]);
}

pub(super) fn an_app_has_at_most_fifty_live_keys(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let keys: Vec<KeyRecord> = (0..50).map(|at| key(KeyKind::Secret, "a", at)).collect();
    for key in &keys {
        store.create_key(key, &stamp(1)).unwrap();
    }
    let next = key(KeyKind::Publishable, "a", 51);
    let error = store.create_key(&next, &stamp(2)).unwrap_err();
    assert!(matches!(error, StoreError::TooManyKeys { app, limit: 50 } if app == app_id("a")));
    store.create_key(&key(KeyKind::Publishable, "b", 52), &stamp(3)).unwrap();
    store.revoke_key(&keys[0].id, &stamp(4)).unwrap();
    store.create_key(&next, &stamp(5)).unwrap();
    assert_eq!(store.load().unwrap().keys.len(), 52);
}

pub(super) fn a_change_of_a_key_touches_what_it_names(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let mut expected = key(KeyKind::Secret, "a", 1);
    let other = key(KeyKind::Secret, "a", 2);
    store.create_key(&expected, &stamp(1)).unwrap();
    store.create_key(&other, &stamp(1)).unwrap();

    let narrow = KeyChange {
        patterns: Some(patterns(&["room-*"])),
        actions: Some(Actions::from_words(["subscribe"]).unwrap()),
        ..KeyChange::default()
    };
    expected.patterns = patterns(&["room-*"]);
    expected.actions = Action::Subscribe.into();
    assert_eq!(store.update_key(&expected.id, &narrow, &stamp(2)).unwrap(), expected);

    let rest = KeyChange {
        allowed_origins: Some(AllowedOrigins::new(vec![OriginRule::parse("null").unwrap()])),
        allow_missing_origin: Some(true),
        inject_turn: Some(false),
        name: Some("new".to_owned()),
        ..KeyChange::default()
    };
    rest.apply(&mut expected);
    assert_eq!(store.update_key(&expected.id, &rest, &stamp(3)).unwrap(), expected);
    assert_eq!(fixture.open().load().unwrap().keys, [expected, other]);
}

pub(super) fn a_revoked_key_stays_revoked_since_its_first_time(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let key = key(KeyKind::Secret, "a", 1);
    store.create_key(&key, &stamp(1)).unwrap();
    let revoked = store.revoke_key(&key.id, &stamp(20)).unwrap();
    assert_eq!(revoked, KeyRecord { revoked_at: Some(20), ..key.clone() });
    let before = (store.revision().unwrap(), store.audit_trail(99).unwrap());
    assert_eq!(store.revoke_key(&key.id, &stamp(30)).unwrap(), revoked);
    assert_eq!((store.revision().unwrap(), store.audit_trail(99).unwrap()), before);
    assert_eq!(fixture.open().load().unwrap().keys, [revoked]);
}

pub(super) fn what_does_not_exist_cannot_be_changed(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let id = KeyId::generate(KeyKind::Publishable).unwrap();
    let no_key =
        |error: StoreError| matches!(error, StoreError::NotFound(Missing::Key(missing)) if missing == id);
    assert!(no_key(store.revoke_key(&id, &stamp(1)).unwrap_err()));
    assert!(no_key(store.update_key(&id, &KeyChange::default(), &stamp(1)).unwrap_err()));
    let error = store.update_app(&app_id("c"), &AppChange::default(), &stamp(1)).unwrap_err();
    assert!(matches!(error, StoreError::NotFound(Missing::App(missing)) if missing == app_id("c")));
}

type Change<'a> = &'a dyn Fn(&mut dyn Store);

pub(super) fn the_revision_grows_with_apps_and_keys_only(fixture: &impl Fixture) {
    let mut store = fixture.open();
    let key = key(KeyKind::Secret, "a", 1);
    let mut last = store.revision().unwrap();
    let changes: [Change<'_>; 5] = [
        &|store| store.create_app(&AppRecord::new(app_id("a")), &stamp(1)).unwrap(),
        &|store| store.create_key(&key, &stamp(1)).unwrap(),
        &|store| drop(store.update_app(&app_id("a"), &AppChange::default(), &stamp(1)).unwrap()),
        &|store| drop(store.update_key(&key.id, &KeyChange::default(), &stamp(1)).unwrap()),
        &|store| drop(store.revoke_key(&key.id, &stamp(1)).unwrap()),
    ];
    for (at, change) in changes.iter().enumerate() {
        change(&mut *store);
        let now = store.revision().unwrap();
        assert!(now > last, "change {at}");
        assert_eq!(store.load().unwrap().revision, now, "change {at}");
        last = now;
    }
    store.add_usage(1, &[(app_id("a"), Usage { messages: 1, ..Usage::default() })]).unwrap();
    store.secret("resume").unwrap();
    store.audit(&minted("alice")).unwrap();
    store.load().unwrap();
    assert_eq!(store.revision().unwrap(), last);
}

pub(super) fn others_see_a_change_at_once(fixture: &impl Fixture) {
    let mut server = with_apps(fixture);
    let mut tool = fixture.open();
    let before = server.load().unwrap();
    assert_eq!(server.revision().unwrap(), before.revision);
    let key = key(KeyKind::Publishable, "a", 1);
    tool.create_key(&key, &stamp(1)).unwrap();
    assert!(server.revision().unwrap() > before.revision);
    assert_eq!(server.load().unwrap().keys, [key]);
    assert_eq!(server.revision().unwrap(), tool.revision().unwrap());
    let usage = Usage { messages: 4, ..Usage::default() };
    tool.add_usage(1, &[(app_id("a"), usage)]).unwrap();
    assert_eq!(server.revision().unwrap(), tool.revision().unwrap(), "usage of others is no change");
    assert_eq!(server.usage(&app_id("a"), 1).unwrap(), usage);
}

pub(super) fn usage_adds_up_per_app_and_period(fixture: &impl Fixture) {
    let (a, b) = (app_id("a"), app_id("b"));
    let mut store = with_apps(fixture);
    let first = Usage { messages: 5, overage_messages: 1, overage_connections: 2, peak_concurrent: 9 };
    let second = Usage { messages: 7, overage_messages: 0, overage_connections: 3, peak_concurrent: 4 };
    store.add_usage(100, &[(a.clone(), first), (b.clone(), second)]).unwrap();
    store.add_usage(100, &[(a.clone(), second), (a.clone(), second)]).unwrap();
    store.add_usage(200, &[(a.clone(), first)]).unwrap();
    store.add_usage(300, &[]).unwrap();

    let mut reopened = fixture.open();
    let sum = Usage { messages: 19, overage_messages: 1, overage_connections: 8, peak_concurrent: 9 };
    assert_eq!(reopened.usage(&a, 100).unwrap(), sum);
    assert_eq!(reopened.usage(&b, 100).unwrap(), second);
    assert_eq!(reopened.usage(&a, 200).unwrap(), first);
    assert_eq!(reopened.usage(&b, 200).unwrap(), Usage::default());
    assert_eq!(reopened.usage(&app_id("nobody"), 100).unwrap(), Usage::default());
}

fn minted(peer: &str) -> AuditEntry {
    let (action, app) = (AuditAction::TokenMint, app_id("a"));
    AuditEntry { stamp: stamp(9), action, app, subject: peer.to_owned() }
}

pub(super) fn every_change_has_its_audit_line(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let key = key(KeyKind::Publishable, "a", 1);
    store.create_key(&key, &stamp(2)).unwrap();
    store.update_key(&key.id, &KeyChange::default(), &stamp(3)).unwrap();
    store.revoke_key(&key.id, &stamp(4)).unwrap();
    store.update_app(&app_id("b"), &AppChange::default(), &stamp(5)).unwrap();
    store.audit(&minted("alice")).unwrap();
    for action in AuditAction::ALL {
        store.audit(&AuditEntry { action, ..minted("each word is read back") }).unwrap();
    }

    let trail = fixture.open().audit_trail(100).unwrap();
    assert!(trail.iter().take(7).rev().map(|entry| entry.action).eq(AuditAction::ALL));
    let line = |action, app: &str, subject: &str, at| AuditEntry {
        stamp: stamp(at),
        action,
        app: app_id(app),
        subject: subject.to_owned(),
    };
    let expected = [
        minted("alice"),
        line(AuditAction::AppUpdate, "b", "", 5),
        line(AuditAction::KeyRevoke, "a", &key.id.hint(), 4),
        line(AuditAction::KeyUpdate, "a", &key.id.hint(), 3),
        line(AuditAction::KeyCreate, "a", &key.id.hint(), 2),
        line(AuditAction::AppCreate, "b", "", 1),
        line(AuditAction::AppCreate, "a", "", 1),
    ];
    assert_eq!(trail[7..], expected);
    assert_eq!(store.audit_trail(2).unwrap(), trail[..2]);
}

pub(super) fn a_refused_change_leaves_no_trace(fixture: &impl Fixture) {
    let mut store = with_apps(fixture);
    let before = (store.load().unwrap(), store.audit_trail(99).unwrap());
    let id = KeyId::generate(KeyKind::Secret).unwrap();
    store.create_app(&AppRecord::new(app_id("a")), &stamp(2)).unwrap_err();
    store.create_key(&key(KeyKind::Secret, "c", 2), &stamp(2)).unwrap_err();
    store.revoke_key(&id, &stamp(2)).unwrap_err();
    store.update_app(&app_id("c"), &AppChange::default(), &stamp(2)).unwrap_err();
    assert_eq!((store.load().unwrap(), store.audit_trail(99).unwrap()), before);
}

pub(super) fn a_secret_is_made_once_and_then_kept(fixture: &impl Fixture) {
    let mut store = fixture.open();
    let resume = store.secret("resume").unwrap();
    let turn = store.secret("turn").unwrap();
    assert_ne!(resume, turn);
    assert_eq!(store.secret("resume").unwrap(), resume);
    assert_eq!(fixture.open().secret("turn").unwrap(), turn);
    assert_eq!(format!("{resume:?}"), "<redacted>");
}
