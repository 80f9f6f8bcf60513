use serde_json::json;
use tempfile::TempDir;

use crate::support::run_in;

#[test]
fn an_app_is_created_listed_and_changed() {
    let data = TempDir::new().unwrap();
    let create = [
        "app",
        "create",
        "--app",
        "shop",
        "--plan",
        "Small",
        "--max-connections",
        "2",
        "--max-messages",
        "10",
        "--overages",
        "--json",
    ];
    let mut shop = json!({
        "appId": "shop", "suspended": false, "planName": "Small", "maxConnections": 2,
        "maxMessagesPerPeriod": 10, "overages": true,
    });
    assert_eq!(run_in(data.path(), &create).json(), shop);

    let change = ["app", "update", "--app", "shop", "--suspend", "--max-connections", "none", "--json"];
    shop["suspended"] = json!(true);
    shop["maxConnections"] = json!(null);
    assert_eq!(run_in(data.path(), &change).json(), shop);

    let change =
        ["app", "update", "--app", "shop", "--resume", "--overages", "off", "--plan", "Big", "--json"];
    shop["suspended"] = json!(false);
    shop["overages"] = json!(false);
    shop["planName"] = json!("Big");
    assert_eq!(run_in(data.path(), &change).json(), shop);
    assert_eq!(run_in(data.path(), &["app", "list", "--json"]).json(), json!({ "apps": [shop] }));
    let table = run_in(data.path(), &["app", "list"]).text();
    assert!(table.lines().count() == 2 && table.contains("Big"), "{table}");
}

#[test]
fn the_app_default_is_there_at_its_first_use() {
    let data = TempDir::new().unwrap();
    run_in(data.path(), &["app", "create", "--app", "shop"]).text();
    let changed = run_in(data.path(), &["app", "update", "--max-messages", "7", "--json"]).json();
    assert_eq!((&changed["appId"], &changed["maxMessagesPerPeriod"]), (&json!("default"), &json!(7)));
    assert_eq!(changed["planName"], json!("SELF_HOSTED"));
}

#[test]
fn what_cannot_be_done_to_an_app_is_told_in_one_sentence() {
    let data = TempDir::new().unwrap();
    run_in(data.path(), &["app", "create", "--app", "shop"]).text();
    for (arguments, status, about) in [
        (&["app", "create", "--app", "shop"][..], 1, "choose another id"),
        (&["app", "create"], 2, "--app"),
        (&["app", "create", "--app", "b", "--max-connections=-1"], 2, "whole number"),
        (&["app", "create", "--app", "b", "--max-messages", "many"], 2, "whole number or the word none"),
        (&["app", "update", "--app", "shop"], 2, "nothing to change"),
        (&["app", "update", "--app", "nobody", "--suspend"], 1, "there is no app nobody"),
        (&["app", "update", "--app", "shop", "--suspend", "--resume"], 2, "--resume"),
    ] {
        let sentence = run_in(data.path(), arguments).sentence(status);
        assert!(sentence.contains(about), "{arguments:?}: {sentence}");
    }
}
