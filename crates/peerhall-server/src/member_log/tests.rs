use super::*;

fn event(peer: &str, change: MemberChange) -> MemberEvent {
    MemberEvent {
        app: "app".parse().unwrap(),
        channel: "room".parse().unwrap(),
        peer: peer.parse().unwrap(),
        change,
    }
}

fn at(ms: u64) -> Now {
    Now { at: Tick(ms), unix_ms: 1_000_000 + i64::try_from(ms).unwrap() }
}

/// A folder of its own for one test, removed at its end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("peerhall-members-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self, now: Now) -> Vec<String> {
        let lost = recover(&self.0, now.unix_ms).unwrap();
        let mut names: Vec<_> = lost.iter().map(|member| member.peer.as_str().to_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn present() -> MemberChange {
    MemberChange::Present(None)
}

#[test]
fn members_and_those_who_dropped_are_remembered_and_leavers_are_not() {
    let folder = Folder::new("basic");
    let mut log = MemberLog::create(&folder.0, 0).unwrap();
    for peer in ["alice", "bob", "carol"] {
        log.record(&event(peer, present()), at(0));
    }
    log.record(&event("bob", MemberChange::Dropped), at(10));
    log.record(&event("carol", MemberChange::Gone), at(20));
    log.end_turn(at(20));
    assert_eq!(folder.names(at(30_000)), ["alice", "bob"]);
    assert_eq!(folder.names(at(30_000)), Vec::<String>::new(), "a log is read once");
}

#[test]
fn after_a_minute_without_a_sign_of_life_nobody_is_expected() {
    let folder = Folder::new("old");
    let mut log = MemberLog::create(&folder.0, 0).unwrap();
    log.record(&event("alice", present()), at(0));
    log.end_turn(at(0));
    assert_eq!(log.deadline(), Some(Tick(5_000)));
    log.end_turn(at(5_000));
    assert_eq!(folder.names(at(65_001)), Vec::<String>::new());
}

#[test]
fn a_heartbeat_keeps_quiet_rooms_alive() {
    let folder = Folder::new("heartbeat");
    let mut log = MemberLog::create(&folder.0, 3).unwrap();
    log.record(&event("alice", present()), at(0));
    for turn in 0..=40 {
        log.end_turn(at(turn * 5_000));
    }
    assert_eq!(folder.names(at(230_000)), ["alice"]);
}

#[test]
fn a_torn_last_line_spoils_nothing_else() {
    let folder = Folder::new("torn");
    let mut log = MemberLog::create(&folder.0, 0).unwrap();
    log.record(&event("alice", present()), at(0));
    log.end_turn(at(0));
    let path = folder.0.join("members-0.log");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"t\":1000001,\"e\":\"+\",\"a\":\"app\",\"c\":\"ro");
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(folder.names(at(1)), ["alice"]);
}

/// Has somebody come and go until the log is put aside. Returns the number of turns.
fn write_until_put_aside(log: &mut MemberLog) -> u64 {
    let (mut turns, mut largest) = (0, 0);
    while log.size >= largest {
        largest = log.size;
        for _ in 0..10_000 {
            log.record(&event("bob", present()), at(turns));
            log.record(&event("bob", MemberChange::Gone), at(turns));
        }
        turns += 1;
        log.end_turn(at(turns));
    }
    turns
}

fn size_of(folder: &Folder) -> u64 {
    let files = folder.0.read_dir().unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    files.sum()
}

#[test]
fn a_long_log_is_written_anew_beside_the_shard_and_still_knows_everybody() {
    let folder = Folder::new("compact");
    let mut log = MemberLog::create(&folder.0, 0).unwrap();
    log.record(&event("alice", present()), at(0));
    let turns = write_until_put_aside(&mut log);
    log.record(&event("carol", present()), at(turns));
    log.end_turn(at(turns));
    let base = log.compaction.take().unwrap().outcome().unwrap();
    assert!(base < 1_000, "one member takes {base} bytes");
    assert!(size_of(&folder) < 2_000, "{} bytes are left", size_of(&folder));
    assert_eq!(folder.names(at(turns)), ["alice", "carol"]);
    assert_eq!(size_of(&folder), 0, "all of it is cleared away");
}

#[test]
fn a_base_alone_is_kept_alive_by_heartbeats() {
    let folder = Folder::new("base");
    let mut log = MemberLog::create(&folder.0, 0).unwrap();
    log.record(&event("alice", present()), at(0));
    let turns = write_until_put_aside(&mut log);
    assert_eq!(log.size, 0);
    for beat in 1..=40 {
        assert!(log.deadline().is_some());
        log.end_turn(at(turns + beat * 5_000));
    }
    assert_eq!(folder.names(at(turns + 230_000)), ["alice"]);
}

#[test]
fn a_crash_between_two_steps_of_a_compaction_loses_nobody_and_brings_nobody_back() {
    let folder = Folder::new("steps");
    let mut log = MemberLog::create(&folder.0, 0).unwrap();
    for peer in ["alice", "dan"] {
        log.record(&event(peer, present()), at(0));
    }
    log.record(&event("dan", MemberChange::Gone), at(0));
    log.end_turn(at(0));
    std::fs::copy(&log.paths.current, &log.paths.aside).unwrap();
    log.record(&event("carol", present()), at(1));
    log.end_turn(at(1));
    Compaction::start(log.paths.clone()).unwrap().outcome().unwrap();
    // The new base is there, and the log that it was made of is too.
    std::fs::copy(&log.paths.current, &log.paths.aside).unwrap();
    assert_eq!(folder.names(at(2)), ["alice", "carol"]);
}

#[test]
fn a_compaction_that_fails_loses_nobody_and_is_tried_again() {
    let folder = Folder::new("fails");
    let mut log = MemberLog::create(&folder.0, 0).unwrap();
    let in_the_way = log.paths.base.with_extension("new");
    std::fs::create_dir(&in_the_way).unwrap();
    log.record(&event("alice", present()), at(0));
    write_until_put_aside(&mut log);
    log.compaction.take().unwrap().outcome().unwrap_err();
    log.record(&event("carol", present()), at(20_000));
    log.compact_at = 1;
    log.end_turn(at(20_000));
    log.compaction.take().unwrap().outcome().unwrap_err();
    std::fs::remove_dir(&in_the_way).unwrap();
    log.record(&event("dan", present()), at(40_000));
    log.end_turn(at(40_000));
    log.compaction.take().unwrap().outcome().unwrap();
    assert!(!log.paths.aside.exists());
    assert_eq!(folder.names(at(40_000)), ["alice", "carol", "dan"]);
}

#[test]
fn a_log_that_cannot_be_written_keeps_no_more_than_its_bound_and_goes_on_later() {
    let folder = Folder::new("full");
    let mut log = MemberLog::create(&folder.0, 0).unwrap();
    let path = folder.0.join("members-0.log");
    // A file opened for reading only refuses every write, as a full disk does.
    let writable = std::mem::replace(&mut log.file, File::open(&path).unwrap());
    log.record(&event("alice", present()), at(0));
    log.end_turn(at(0));
    assert_eq!(log.deadline(), Some(Tick(5_000)), "it rests");
    for _ in 0..100_000 {
        log.record(&event("bob", present()), at(1));
        log.end_turn(at(1));
    }
    assert!(log.pending.len() <= 2 * MAX_PENDING);
    log.file = writable;
    log.record(&event("carol", present()), at(6_000));
    log.end_turn(at(6_000));
    assert!(folder.names(at(6_000)).contains(&"carol".to_owned()));
}
