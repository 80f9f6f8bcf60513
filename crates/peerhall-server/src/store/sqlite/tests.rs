use std::path::{Path, PathBuf};
use std::sync::Barrier;

use peerhall_auth::key::KeyKind;
use tempfile::TempDir;

use super::super::contract::{self, app_id, key, stamp};
use super::*;

mod crash;
mod full;

contract::tests!(Fixture);

struct Fixture(TempDir);

impl Default for Fixture {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl contract::Fixture for Fixture {
    fn open(&self) -> Box<dyn Store> {
        Box::new(SqliteStore::open(self.0.path()).unwrap())
    }
}

impl Fixture {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The store with app `a` and one secret key of it.
    fn with_key(&self) -> (SqliteStore, KeyRecord) {
        let mut store = SqliteStore::open(self.path()).unwrap();
        store.create_app(&AppRecord::new(app_id("a")), &stamp(1)).unwrap();
        let key = key(KeyKind::Secret, "a", 1);
        store.create_key(&key, &stamp(1)).unwrap();
        (store, key)
    }
}

fn problem(opened: Result<SqliteStore, StoreError>) -> MasterKeyError {
    match opened {
        Err(StoreError::MasterKey { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

fn every_byte_of(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn no_secret_lies_on_the_disk_in_clear() {
    let fixture = Fixture::default();
    let (mut store, key) = fixture.with_key();
    let resume = store.secret("resume").unwrap();
    let secret = key.secret.unwrap();
    for _ in ["as it runs", "after it is closed"] {
        let bytes = every_byte_of(fixture.path());
        assert!(holds(&bytes, key.id.as_str()), "the search finds what is there");
        assert!(!holds(&bytes, secret.expose()));
        assert!(!holds(&bytes, &secret.expose()[10..42]), "nor a part of it");
        assert!(!bytes.windows(16).any(|window| window == &resume.expose()[..16]));
        drop(store);
        store = SqliteStore::open(fixture.path()).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn folder_and_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let fixture = Fixture::default();
    let folder = fixture.path().join("new/deep");
    let mut store = SqliteStore::open(&folder).unwrap();
    store.create_app(&AppRecord::new(app_id("a")), &stamp(1)).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "database, its log, its index, master key: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
}

#[test]
fn a_lost_master_key_is_reported_and_not_replaced() {
    let fixture = Fixture::default();
    drop(fixture.with_key());
    let kept = fixture.file("kept");
    std::fs::rename(fixture.file("master.key"), &kept).unwrap();
    assert_eq!(problem(SqliteStore::open(fixture.path())), MasterKeyError::Missing);
    assert_eq!(problem(SqliteStore::open_existing(fixture.path())), MasterKeyError::Missing);
    assert!(!fixture.file("master.key").exists());
    std::fs::rename(&kept, fixture.file("master.key")).unwrap();
    assert_eq!(SqliteStore::open(fixture.path()).unwrap().load().unwrap().keys.len(), 1);
}

#[test]
fn the_master_key_of_another_store_is_reported() {
    let (fixture, other) = (Fixture::default(), Fixture::default());
    drop((fixture.with_key(), other.with_key()));
    std::fs::copy(other.file("master.key"), fixture.file("master.key")).unwrap();
    assert_eq!(problem(SqliteStore::open(fixture.path())), MasterKeyError::Wrong);
    std::fs::write(fixture.file("master.key"), "half a k").unwrap();
    let error = SqliteStore::open(fixture.path()).unwrap_err();
    assert!(error.to_string().contains("master.key does not hold 64 hex digits"), "{error}");
}

#[test]
fn a_secret_moved_to_another_key_does_not_open() {
    let fixture = Fixture::default();
    let (mut store, first) = fixture.with_key();
    let second = key(KeyKind::Secret, "a", 2);
    store.create_key(&second, &stamp(2)).unwrap();
    let swap = "UPDATE keys SET sealed_secret = (SELECT sealed_secret FROM keys WHERE id = ?1) WHERE id = ?2";
    store.connection.execute(swap, (first.id.as_str(), second.id.as_str())).unwrap();
    let error = store.load().unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt { detail } if detail.contains(&second.id.hint())),
        "{error}"
    );
}

#[test]
fn a_change_made_by_hand_is_a_revision_too() {
    let fixture = Fixture::default();
    let (mut store, key) = fixture.with_key();
    let before = store.revision().unwrap();
    let by_hand = Connection::open(fixture.file(DATABASE)).unwrap();
    by_hand.execute("DELETE FROM keys WHERE id = ?1", (key.id.as_str(),)).unwrap();
    assert!(store.revision().unwrap() > before);
    assert!(store.load().unwrap().keys.is_empty());
}

#[test]
fn keys_are_written_through_to_the_disk_and_usage_is_not() {
    let fixture = Fixture::default();
    let (mut store, _) = fixture.with_key();
    let synchronous = |store: &SqliteStore| -> u32 {
        store.connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap()
    };
    let (normal, full) = (1, 2);
    assert_eq!(synchronous(&store), full);
    store.add_usage(1, &[(app_id("a"), Usage::default())]).unwrap();
    assert_eq!(synchronous(&store), normal);
    store.create_key(&key(KeyKind::Publishable, "a", 2), &stamp(2)).unwrap();
    assert_eq!(synchronous(&store), full);
}

#[test]
fn a_store_of_a_newer_program_is_left_alone() {
    let fixture = Fixture::default();
    let (store, _) = fixture.with_key();
    store.connection.execute("INSERT INTO schema_version (version) VALUES (7)", ()).unwrap();
    drop(store);
    let error = SqliteStore::open(fixture.path()).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 7, known: 1 }));
    assert!(error.to_string().contains("start a newer peerhall"));
}

#[test]
fn an_older_store_is_brought_up_to_date_with_its_content() {
    let fixture = Fixture::default();
    let (mut store, key) = fixture.with_key();
    let next =
        [schema::MIGRATIONS, &["ALTER TABLE apps ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'"]].concat();
    let broken = [next.as_slice(), &["CREATE TABLE half (a); CREATE TABLE half (a)"]].concat();

    let transaction = store.connection.transaction().unwrap();
    schema::migrate(&transaction, &broken).unwrap_err();
    drop(transaction);
    let version = |store: &SqliteStore| -> u32 {
        store.connection.query_row("SELECT max(version) FROM schema_version", (), |row| row.get(0)).unwrap()
    };
    assert_eq!(version(&store), 1, "a migration that fails changes nothing");

    let transaction = store.connection.transaction().unwrap();
    schema::migrate(&transaction, &next).unwrap();
    transaction.commit().unwrap();
    assert_eq!(version(&store), 2);
    let colour: String = store.connection.query_row("SELECT colour FROM apps", (), |row| row.get(0)).unwrap();
    assert_eq!(colour, "blue");
    assert_eq!(store.load().unwrap().keys, [key]);
}

#[test]
fn a_file_that_is_no_database_is_reported_and_left_alone() {
    let fixture = Fixture::default();
    let text = "this is a letter to my aunt, and it is longer than a header ".repeat(20);
    std::fs::write(fixture.file(DATABASE), &text).unwrap();
    let error = SqliteStore::open(fixture.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(!error.is_transient());
    assert_eq!(std::fs::read_to_string(fixture.file(DATABASE)).unwrap(), text);
}

#[test]
fn a_row_that_breaks_a_rule_is_reported_as_damage() {
    let fixture = Fixture::default();
    for damage in [
        "UPDATE keys SET patterns = '[]x'",
        "UPDATE keys SET actions = '[\"admin\"]'",
        "UPDATE keys SET created_at = -1",
        "UPDATE keys SET sealed_secret = x'00'",
        "UPDATE apps SET max_connections = -1",
        "UPDATE apps SET max_messages_per_period = -1",
    ] {
        let mut store = SqliteStore::open(fixture.path()).unwrap();
        if store.load().unwrap().keys.is_empty() {
            drop(store);
            store = fixture.with_key().0;
        }
        store.connection.execute_batch("BEGIN").unwrap();
        store.connection.execute(damage, ()).unwrap();
        let read = (rows::apps(&store.connection), rows::keys(&store.connection, &store.master_key));
        match read {
            (Err(StoreError::Corrupt { .. }), _) | (_, Err(StoreError::Corrupt { .. })) => {}
            other => panic!("{damage}: {other:?}"),
        }
        store.connection.execute_batch("ROLLBACK").unwrap();
    }
}

#[test]
fn a_folder_without_a_store_is_not_filled_by_mistake() {
    let fixture = Fixture::default();
    for folder in [fixture.path().to_owned(), fixture.file("absent")] {
        let error = SqliteStore::open_existing(&folder).unwrap_err();
        assert!(matches!(error, StoreError::NoStore { .. }), "{error}");
    }
    assert_eq!(std::fs::read_dir(fixture.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let fixture = Fixture::default();
    std::fs::write(fixture.file("file"), "").unwrap();
    let error = SqliteStore::open(&fixture.file("file/data")).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }) && error.to_string().contains("file/data"), "{error}");
}

#[test]
fn many_processes_may_open_a_new_store_at_once() {
    let fixture = Fixture::default();
    let together = Barrier::new(8);
    let opened: Vec<(ServerSecret, KeyRecord)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|at| {
                let (fixture, together) = (&fixture, &together);
                scope.spawn(move || {
                    together.wait();
                    let mut store = SqliteStore::open(fixture.path()).unwrap();
                    let app = format!("app{at}");
                    store.create_app(&AppRecord::new(app_id(&app)), &stamp(1)).unwrap();
                    let key = key(KeyKind::Secret, &app, at);
                    store.create_key(&key, &stamp(1)).unwrap();
                    (store.secret("resume").unwrap(), key)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let (secrets, keys): (Vec<ServerSecret>, Vec<KeyRecord>) = opened.into_iter().unzip();
    assert!(secrets.iter().all(|secret| *secret == secrets[0]), "one secret for all");
    assert_eq!(SqliteStore::open(fixture.path()).unwrap().load().unwrap().keys, keys);
}

#[test]
fn a_writer_that_holds_the_store_too_long_makes_others_say_so() {
    let fixture = Fixture::default();
    let (mut store, key) = fixture.with_key();
    let other = Connection::open(fixture.file(DATABASE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.connection.busy_timeout(Duration::from_millis(20)).unwrap();
    let error = store.revoke_key(&key.id, &stamp(2)).unwrap_err();
    assert!(matches!(error, StoreError::Busy) && error.is_transient(), "{error}");
    assert_eq!(store.load().unwrap().keys, std::slice::from_ref(&key), "readers do not wait");
    other.execute_batch("ROLLBACK").unwrap();
    store.revoke_key(&key.id, &stamp(3)).unwrap();
}
