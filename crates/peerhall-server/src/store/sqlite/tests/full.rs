//! A disk without room.

use std::io::Write;
use std::process::Command;

use super::*;

/// Adds audit lines until the store refuses.
fn fill(store: &mut SqliteStore) -> StoreError {
    let entry = AuditEntry {
        subject: "x".repeat(4_000),
        ..app_line(&stamp(1), AuditAction::AppUpdate, &app_id("a"))
    };
    let lines = 0..100_000;
    lines.map(|_| store.audit(&entry)).find_map(Result::err).expect("the store has a limit")
}

fn assert_full_and_readable(store: &mut SqliteStore, key: &KeyRecord) {
    let error = fill(store);
    assert!(matches!(error, StoreError::Full), "{error}");
    assert!(error.is_transient() && error.to_string().contains("free some space"), "{error}");
    assert_eq!(store.load().unwrap().keys, std::slice::from_ref(key));
    store.revision().unwrap();
}

#[test]
fn a_full_database_takes_nothing_more_and_can_be_read() {
    let fixture = Fixture::default();
    let (mut store, key) = fixture.with_key();
    store.connection.pragma_update(None, "max_page_count", 60).unwrap();
    assert_full_and_readable(&mut store, &key);

    store.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    store.revoke_key(&key.id, &stamp(2)).unwrap();
    assert!(store.load().unwrap().keys[0].is_revoked(), "with room again, work goes on");
}

/// A disk of one megabyte, for as long as it lives.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where this user may not mount anything.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_takes_nothing_more_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    };
    let folder = disk.0.path().join("data");
    let mut store = SqliteStore::open(&folder).unwrap();
    store.create_app(&AppRecord::new(app_id("a")), &stamp(1)).unwrap();
    let first = key(KeyKind::Secret, "a", 1);
    store.create_key(&first, &stamp(1)).unwrap();
    assert_full_and_readable(&mut store, &first);

    let ballast = disk.0.path().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    drop(file);
    let second = key(KeyKind::Secret, "a", 2);
    let error = store.create_key(&second, &stamp(2)).unwrap_err();
    assert!(matches!(error, StoreError::Full), "{error}");
    let fresh = disk.0.path().join("fresh");
    let error = SqliteStore::open(&fresh).unwrap_err();
    assert!(matches!(error, StoreError::Full), "{error}");

    std::fs::remove_file(&ballast).unwrap();
    drop(store);
    let mut store = SqliteStore::open(&folder).unwrap();
    assert_eq!(store.load().unwrap().keys, [first], "no repair, and nothing of the refused key");
    drop(store);
    std::fs::remove_dir_all(&folder).unwrap();
    SqliteStore::open(&fresh).expect("a start that found no room leaves nothing to repair");
}
