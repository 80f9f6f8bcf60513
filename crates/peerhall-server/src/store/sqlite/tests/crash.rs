//! A process that is killed while it writes.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

const FOLDER: &str = "PEERHALL_TEST_CRASH_FOLDER";
const ACKNOWLEDGED: &str = "acknowledged ";

/// The process that is killed: prints each key once the store has acknowledged it.
#[test]
#[ignore = "started by the tests below, which kill it"]
fn writer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut store = SqliteStore::open(Path::new(&folder)).unwrap();
    let mut out = std::io::stdout();
    for round in 0.. {
        let app = format!("app{round}-{}", std::process::id());
        store.create_app(&AppRecord::new(app_id(&app)), &stamp(1)).unwrap();
        for at in 0..50 {
            let key = key(KeyKind::Secret, &app, at);
            store.create_key(&key, &stamp(1)).unwrap();
            writeln!(out, "{ACKNOWLEDGED}{}", key.id.as_str()).unwrap();
            out.flush().unwrap();
            store.add_usage(1, &[(app_id(&app), Usage { messages: 1, ..Usage::default() })]).unwrap();
        }
    }
}

fn start_writer(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "store::sqlite::tests::crash::writer"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills a writer `delay` after its `keys`th acknowledgement and returns all that it acknowledged.
fn kill_a_writer(folder: &Path, keys: usize, delay: Duration) -> Vec<String> {
    let mut child = start_writer(folder);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = lines.map_while(Result::ok).filter_map(|line| {
        // The test runner's own words may stand in front on the same line.
        line.split_once(ACKNOWLEDGED).map(|(_, id)| id.to_owned())
    });
    let mut seen: Vec<String> = acknowledged.by_ref().take(keys).collect();
    assert_eq!(seen.len(), keys, "the writer writes");
    std::thread::sleep(delay);
    child.kill().unwrap();
    seen.extend(acknowledged);
    // The last line may have been cut by the kill; an id that is whole has its full length.
    seen.retain(|id| id.len() == "sk_id_".len() + 32);
    child.wait().unwrap();
    seen
}

#[test]
fn a_kill_at_any_moment_loses_no_acknowledged_key() {
    let fixture = Fixture::default();
    let mut acknowledged = BTreeSet::new();
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for round in 0..12 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let delay = Duration::from_micros((random >> 33) % 40_000);
        let seen = kill_a_writer(fixture.path(), 1 + round % 3, delay);
        acknowledged.extend(seen);

        let mut store = SqliteStore::open(fixture.path()).unwrap();
        let stored: BTreeSet<String> =
            store.load().unwrap().keys.iter().map(|key| key.id.as_str().to_owned()).collect();
        let lost: Vec<&String> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?} of {}", acknowledged.len());
        let lines = store.audit_trail(u32::MAX).unwrap();
        let created = lines.iter().filter(|line| line.action == AuditAction::KeyCreate).count();
        assert_eq!(created, stored.len(), "round {round}: each key has its audit line, and none is without");
        let verdict: String =
            store.connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok", "round {round}");
    }
    assert!(acknowledged.len() >= 24, "the rounds wrote something: {}", acknowledged.len());
}

#[test]
fn a_kill_during_the_very_first_start_needs_no_repair() {
    for round in 0..12 {
        let fixture = Fixture::default();
        let folder = fixture.path().join("data");
        let mut child = start_writer(&folder);
        std::thread::sleep(Duration::from_millis(2 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut store = SqliteStore::open(&folder).unwrap();
        store.load().unwrap();
        store.secret("resume").unwrap();
    }
}
