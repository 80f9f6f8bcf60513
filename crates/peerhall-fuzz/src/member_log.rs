//! The log of who is in which room, as it is found after a crash.

use peerhall_server::fuzzing::read_member_log;

/// Tries one input.
///
/// # Panics
///
/// When a log cannot be read, or says something else after it has been written anew.
pub fn run(data: &[u8]) {
    let (members, compact) = read_member_log(data).expect("memory can be read");
    let (again, twice) = read_member_log(&compact).expect("memory can be read");
    assert_eq!(again, members, "a log written anew");
    let lines = |log: &[u8]| log.split(|byte| *byte == b'\n').count();
    assert_eq!(lines(&twice), members.len() + 1);
    // A torn last line is passed over, and takes no other with it.
    let whole_lines = data.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let torn = [&data[..whole_lines], b"{\"t\":1,\"e\":\"+\",\"a\":\"a".as_slice()].concat();
    let (kept, _) = read_member_log(&torn).expect("memory can be read");
    assert_eq!(kept, read_member_log(&data[..whole_lines]).expect("memory can be read").0);
}
