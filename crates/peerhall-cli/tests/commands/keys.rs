use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{command, run_in};

fn hex_after(prefix: &str, text: &Value, digits: usize) -> bool {
    let tail = text.as_str().and_then(|text| text.strip_prefix(prefix)).unwrap_or_default();
    tail.len() == digits && tail.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn members(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_publishable_key_is_its_id() {
    let data = TempDir::new().unwrap();
    let key = run_in(data.path(), &["key", "create", "--type", "publishable", "--json"]).json();
    assert_eq!(members(&key), ["keyId"]);
    assert!(hex_after("pk_live_", &key["keyId"], 32), "{key}");
}

#[test]
fn a_secret_key_is_a_pair_and_its_secret_is_shown_once() {
    let data = TempDir::new().unwrap();
    let key = run_in(data.path(), &["key", "create", "--type", "secret", "--json"]).json();
    assert_eq!(members(&key), ["keyId", "secret"]);
    assert!(hex_after("sk_id_", &key["keyId"], 32) && hex_after("sk_secret_", &key["secret"], 64), "{key}");
    for list in [&["key", "list"][..], &["key", "list", "--json"]] {
        let text = run_in(data.path(), list).text();
        assert!(text.contains(key["keyId"].as_str().unwrap()));
        assert!(!text.contains("sk_secret_"), "{text}");
    }
}

#[test]
fn w129_a_new_publishable_key_may_not_send_and_says_so() {
    let data = TempDir::new().unwrap();
    let run = run_in(data.path(), &["key", "create", "--type", "publishable", "--json"]);
    run.json();
    let warning = String::from_utf8(run.0.stderr).unwrap();
    assert!(warning.starts_with("warning: ") && warning.contains("WebRTC"), "{warning}");
    let keys = run_in(data.path(), &["key", "list", "--json"]).json();
    assert_eq!(keys["keys"][0]["actions"], json!(["publish", "subscribe", "presence"]));

    let all = ["key", "create", "--type", "publishable", "--actions", "send,presence,subscribe,publish"];
    for quiet in [&all[..], &["key", "create", "--type", "secret", "--actions", "publish"]] {
        let run = run_in(data.path(), quiet);
        assert!(run.0.status.success() && run.0.stderr.is_empty(), "{run:?}");
    }
}

#[test]
fn a_listed_key_is_what_was_asked_for() {
    let data = TempDir::new().unwrap();
    run_in(data.path(), &["app", "create", "--app", "shop"]).text();
    let create = [
        "key",
        "create",
        "--type",
        "publishable",
        "--app",
        "shop",
        "--channels",
        "room-*,team/**",
        "--actions",
        "subscribe,send",
        "--origins",
        "https://a.example,https://*.b.example",
        "--allow-missing-origin",
        "--no-turn",
        "--name",
        "Web site",
        "--json",
    ];
    let key = run_in(data.path(), &create).json();
    run_in(data.path(), &["key", "create", "--type", "secret"]).text();

    let mut listed = run_in(data.path(), &["key", "list", "--app", "shop", "--json"]).json();
    let created_at = listed["keys"][0]["createdAt"].take();
    assert!(created_at.as_u64().is_some_and(|at| at > 1_700_000_000), "{created_at}");
    assert_eq!(
        listed,
        json!({ "keys": [{
            "keyId": key["keyId"], "type": "publishable", "app": "shop", "name": "Web site",
            "channels": ["room-*", "team/**"], "actions": ["subscribe", "send"],
            "origins": ["https://a.example", "https://*.b.example"],
            "allowMissingOrigin": true, "injectTurn": false, "createdAt": null, "revokedAt": null,
        }] })
    );
    let everything = run_in(data.path(), &["key", "list", "--json"]).json();
    let secret = &everything["keys"].as_array().unwrap()[1];
    assert_eq!((&secret["app"], &secret["channels"]), (&json!("default"), &json!(["**"])));
    assert_eq!((&secret["injectTurn"], &secret["allowMissingOrigin"]), (&json!(true), &json!(false)));
    assert_eq!(secret["actions"], json!(["publish", "subscribe", "presence", "send"]));
}

#[test]
fn a_revoked_key_stays_in_the_list_with_its_time() {
    let data = TempDir::new().unwrap();
    let key = run_in(data.path(), &["key", "create", "--type", "secret", "--json"]).json();
    let id = key["keyId"].as_str().unwrap();
    let revoked = run_in(data.path(), &["key", "revoke", id, "--json"]).json();
    assert_eq!(members(&revoked), ["keyId", "revokedAt"]);
    let again = run_in(data.path(), &["key", "revoke", id, "--json"]).json();
    assert_eq!(again, revoked, "revoking twice is no error and changes nothing");
    let keys = run_in(data.path(), &["key", "list", "--json"]).json();
    assert_eq!(keys["keys"][0]["revokedAt"], revoked["revokedAt"]);
}

#[test]
fn the_fifty_first_key_is_refused() {
    let data = TempDir::new().unwrap();
    for _ in 0..50 {
        run_in(data.path(), &["key", "create", "--type", "secret"]).text();
    }
    let sentence = run_in(data.path(), &["key", "create", "--type", "secret"]).sentence(1);
    assert!(sentence.contains("50 keys") && sentence.contains("peerhall key revoke"), "{sentence}");
}

#[test]
fn what_cannot_be_made_or_found_is_told_in_one_sentence() {
    let data = TempDir::new().unwrap();
    run_in(data.path(), &["key", "create", "--type", "secret"]).text();
    let patterns = vec!["a"; 101].join(",");
    let name = "n".repeat(129);
    for (arguments, status, about) in [
        (&["key", "revoke", "pk_live_0123456789abcdef"][..], 1, "there is no key pk_live_0123…"),
        (&["key", "revoke", "nonsense"], 2, "no key id"),
        (&["key", "create", "--type", "secret", "--app", "nobody"], 1, "peerhall app create"),
        (&["key", "create", "--type", "secret", "--app", "two words"], 2, "[A-Za-z0-9_-]"),
        (&["key", "create", "--type", "private"], 2, "publishable, secret"),
        (
            &["key", "create", "--type", "secret", "--actions", "admin"],
            2,
            "publish, subscribe, presence and send",
        ),
        (&["key", "create", "--type", "secret", "--origins", "https://a.example"], 2, "publishable keys"),
        (&["key", "create", "--type", "publishable", "--origins", "a.example"], 2, "https://app.example.com"),
        (&["key", "create", "--type", "publishable", "--allow-missing-origin"], 2, "--origins"),
        (&["key", "create", "--type", "secret", "--channels", "a,,b"], 2, "cannot be empty"),
        (&["key", "create", "--type", "secret", "--channels", &patterns], 1, "100"),
        (&["key", "create", "--type", "secret", "--name", &name], 2, "128 characters"),
    ] {
        let sentence = run_in(data.path(), arguments).sentence(status);
        assert!(sentence.contains(about), "{arguments:?}: {sentence}");
    }
    let keys = run_in(data.path(), &["key", "list", "--json"]).json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "a refusal makes nothing");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let data = TempDir::new().unwrap();
    run_in(data.path(), &["key", "create", "--type", "secret"]).text();
    let secret = format!("sk_secret_{}", "ab".repeat(32));
    for arguments in [
        &["key", "revoke", &secret][..],
        &["key", "list", &secret],
        &["token", "mint", "--sub", "alice", "--key", &secret],
        &["key", "create", "--type", &secret],
    ] {
        let sentence = run_in(data.path(), arguments).sentence(2);
        assert!(!sentence.contains("abab"), "{sentence}");
    }
}

#[test]
fn reading_commands_make_no_store() {
    let data = TempDir::new().unwrap();
    let folder = data.path().join("mistyped");
    for arguments in [
        &["key", "list"][..],
        &["key", "revoke", "pk_live_0123456789abcdef"],
        &["app", "list"],
        &["token", "mint", "--sub", "alice", "--key", "sk_id_0123456789abcdef"],
    ] {
        let sentence = run_in(&folder, arguments).sentence(1);
        assert!(sentence.contains("mistyped") && sentence.contains("--data"), "{sentence}");
    }
    assert!(!folder.exists());
}

#[test]
fn the_folder_may_come_from_the_environment() {
    let data = TempDir::new().unwrap();
    run_in(data.path(), &["key", "create", "--type", "secret"]).text();
    let list = command().args(["key", "list"]).env("PEERHALL_DATA_DIR", data.path()).output().unwrap();
    assert!(list.status.success() && String::from_utf8(list.stdout).unwrap().contains("sk_id_"));
}

#[test]
fn a_lost_master_key_stops_everything_and_is_not_replaced() {
    let data = TempDir::new().unwrap();
    run_in(data.path(), &["key", "create", "--type", "secret"]).text();
    let file = data.path().join("master.key");
    std::fs::remove_file(&file).unwrap();
    let sentence = run_in(data.path(), &["key", "create", "--type", "secret"]).sentence(1);
    assert!(sentence.contains("master.key is missing"), "{sentence}");
    assert!(!file.exists());
}
