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
struct Folder(PathBuf);

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

#[test]
fn a_long_log_is_written_anew_and_still_knows_everybody() {
    let folder = Folder::new("compact");
    let mut log = MemberLog::create(&folder.0, 0).unwrap();
    log.record(&event("alice", present()), at(0));
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
    assert!(std::fs::metadata(folder.0.join("members-0.log")).unwrap().len() < COMPACT_AT);
    assert_eq!(folder.names(at(turns)), ["alice"]);
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
