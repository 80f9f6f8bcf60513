use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use peerhall_auth::key::{AppRecord, KeyRecord};
use peerhall_auth::keyring::{Credential, Identity, Keyring, TokenPolicy};
use peerhall_server::store::{SqliteStore, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::run_in;

fn secret_key(data: &Path, more: &[&str]) -> String {
    let create = [&["key", "create", "--type", "secret", "--json"], more].concat();
    run_in(data, &create).json()["keyId"].as_str().unwrap().to_owned()
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// What a server with this store makes of a token.
fn admit(data: &Path, token: &str) -> Identity {
    let snapshot = SqliteStore::open(data).unwrap().load().unwrap();
    let (apps, keys): (Vec<AppRecord>, Vec<KeyRecord>) = (snapshot.apps, snapshot.keys);
    let keyring = Keyring::new(apps, keys).unwrap();
    let policy = TokenPolicy { max_lifetime_secs: None };
    keyring.authenticate(Credential::Token(token), None, now_ms(), &policy).unwrap()
}

fn claims(identity: &Identity) -> (String, Option<Value>, Option<Value>) {
    let read = |value: &Option<Box<serde_json::value::RawValue>>| {
        value.as_ref().map(|raw| serde_json::from_str(raw.get()).unwrap())
    };
    let peer = identity.peer.as_ref().unwrap().to_string();
    (peer, read(&identity.metadata), read(&identity.peer_metadata))
}

#[test]
fn a_minted_token_is_admitted_with_what_was_asked_for() {
    let data = TempDir::new().unwrap();
    let key = secret_key(data.path(), &["--channels", "room-*,team/**"]);
    let mint = [
        "token",
        "mint",
        "--key",
        &key,
        "--sub",
        "alice",
        "--channels",
        "room-42,team/a/*",
        "--permissions",
        "subscribe,send",
        "--metadata",
        r#"{"n": 12345678901234567890}"#,
        "--peer-metadata",
        r#"{"username":"Alice"}"#,
        "--expires",
        "2d",
        "--json",
    ];
    let minted = run_in(data.path(), &mint).json();
    let expires_at = minted["expiresAt"].as_i64().unwrap();
    let left = expires_at - now_ms() / 1_000;
    assert!((172_700..=172_800).contains(&left), "{left}");

    let identity = admit(data.path(), minted["token"].as_str().unwrap());
    let expected = (json!({ "n": 12_345_678_901_234_567_890_u64 }), json!({ "username": "Alice" }));
    assert_eq!(claims(&identity), ("alice".to_owned(), Some(expected.0), Some(expected.1)));
    assert_eq!(identity.expires_at, u64::try_from(expires_at).ok());
    let grants = &identity.grants;
    assert!(
        grants.covers_name("room-42") && grants.covers_name("team/a/b") && !grants.covers_name("room-43")
    );
    let may = |word: &str| grants.may(word.parse().unwrap());
    assert!(may("subscribe") && may("send") && !may("publish") && !may("presence"));
}

#[test]
fn a_token_without_wishes_has_the_scope_of_its_key_for_an_hour() {
    let data = TempDir::new().unwrap();
    let key = secret_key(data.path(), &["--channels", "room-*", "--actions", "publish"]);
    let text = run_in(data.path(), &["token", "mint", "--key", &key, "--sub", "bob"]).text();
    assert_eq!(text.lines().count(), 1, "the token alone: {text}");
    let identity = admit(data.path(), text.trim_end());
    assert_eq!(claims(&identity), ("bob".to_owned(), None, None));
    assert!(identity.grants.covers_name("room-1") && !identity.grants.covers_name("x"));
    assert!(identity.grants.may("publish".parse().unwrap()) && !identity.grants.may("send".parse().unwrap()));
    let left = i64::try_from(identity.expires_at.unwrap()).unwrap() - now_ms() / 1_000;
    assert!((3_500..=3_600).contains(&left), "{left}");
}

#[test]
fn minting_is_in_the_audit_trail() {
    let data = TempDir::new().unwrap();
    let key = secret_key(data.path(), &[]);
    run_in(data.path(), &["token", "mint", "--key", &key, "--sub", "bob"]).text();
    let line = SqliteStore::open(data.path()).unwrap().audit_trail(1).unwrap().remove(0);
    assert_eq!((line.action.as_str(), line.subject.as_str()), ("token.mint", "bob"));
    assert_eq!(line.stamp.who, "cli:tester");
}

#[test]
fn a_token_beyond_its_key_or_its_limits_is_refused_in_one_sentence() {
    let data = TempDir::new().unwrap();
    let narrow = secret_key(data.path(), &["--channels", "room-*", "--actions", "subscribe"]);
    let revoked = secret_key(data.path(), &[]);
    run_in(data.path(), &["key", "revoke", &revoked]).text();
    let publishable = run_in(data.path(), &["key", "create", "--type", "publishable", "--json"]).json();
    let publishable = publishable["keyId"].as_str().unwrap();
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(4_090));
    let mint = ["token", "mint", "--key", &narrow, "--sub", "alice"];
    for (more, status, about) in [
        (&["--channels", "other"][..], 1, "not covered by this key"),
        (&["--channels", "_metered/x"], 1, "reserved"),
        (&["--permissions", "send"], 1, "not permitted"),
        (&["--permissions", "fly"], 1, "--permissions"),
        (&["--expires", "0s"], 1, "at least 1s"),
        (&["--expires", "500ms"], 1, "at least 1s"),
        (&["--expires", "forever"], 2, "7d"),
        (&["--metadata", "{nope"], 2, "--metadata is not JSON"),
        (&["--metadata", "[]"], 1, "--metadata"),
        (&["--peer-metadata", &long], 1, "--peer-metadata"),
    ] {
        let sentence = run_in(data.path(), &[&mint, more].concat()).sentence(status);
        assert!(sentence.contains(about), "{more:?}: {sentence}");
    }
    for (key, sub, about) in [
        (revoked.as_str(), "alice", "not revoked"),
        (publishable, "alice", "only a secret key"),
        ("sk_id_0123456789abcdef", "alice", "there is no key sk_id_0123…"),
        (&narrow, "", "--sub"),
        (&narrow, "größe", "printable ASCII"),
    ] {
        let sentence = run_in(data.path(), &["token", "mint", "--key", key, "--sub", sub]).sentence(1);
        assert!(sentence.contains(about), "{key} {sub}: {sentence}");
    }
}
