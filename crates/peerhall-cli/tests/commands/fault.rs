use std::io::Write;
use std::os::unix::process::ExitStatusExt;

use crate::running::{dev_with, event, join};
use crate::support::command;

/// Half a server must not linger: what the other shards know of the broken one would never be corrected.
#[test]
fn p20_a_fault_of_a_whole_shard_ends_the_process_so_that_it_can_be_started_anew() {
    let (mut server, url, key) = dev_with(command().env("PEERHALL_FAILPOINT", "kaboom"));
    let mut peer = join(&url, &key, &[]);
    peer.until(event("joined"));
    writeln!(peer.input(), "kaboom whole-shard").unwrap();
    let status = server.child.wait().unwrap();
    assert_eq!(status.signal(), Some(6), "aborted: {status:?}");
    peer.until(|line| (line["event"] == "state-change" && line["to"] == "reconnecting").then_some(()));
}
