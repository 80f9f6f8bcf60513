use std::collections::BTreeSet;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{command, run_in};

/// A process that is killed anywhere between its start and its end has either made its key or not;
/// what it printed is there, and the next one works.
#[test]
fn a_key_that_was_printed_survives_a_kill_of_whoever_made_it() {
    let data = TempDir::new().unwrap();
    let mut printed = BTreeSet::new();
    for round in 0..24 {
        let mut child = command()
            .args(["key", "create", "--type", "publishable", "--json", "--data"])
            .arg(data.path().join("store"))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(700 * round));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        if let Ok(key) = serde_json::from_slice::<serde_json::Value>(&output.stdout) {
            printed.insert(key["keyId"].as_str().unwrap().to_owned());
        }
    }
    let folder = data.path().join("store");
    let last = run_in(&folder, &["key", "create", "--type", "publishable", "--json"]).json();
    printed.insert(last["keyId"].as_str().unwrap().to_owned());
    let listed = run_in(&folder, &["key", "list", "--json"]).json();
    let stored: BTreeSet<String> = listed["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["keyId"].as_str().unwrap().to_owned())
        .collect();
    assert!(printed.is_subset(&stored), "lost: {:?}", printed.difference(&stored));
}
