//! A client under attack in the lab.

use std::time::Duration;

use peerhall_sim::{ActorId, Lab, LabOptions};

/// Most lines of one input that are looked at.
const MAX_LINES: usize = 60;

/// Most that a mind may hold, as the length of its `Debug` text, beside what one input says.
const MAX_WEIGHT: usize = 200_000;

/// Has two peers meet, lets `say` bring each line to one of them, and asks what must hold afterwards.
pub(crate) fn run(data: &[u8], say: impl Fn(&mut Lab, ActorId, &str)) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lab = Lab::new(LabOptions::seeded(1).records(false));
    let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.join(alice, "room");
    lab.join(bob, "room");
    lab.run_for(Duration::from_secs(1));
    for line in text.lines().take(MAX_LINES) {
        if line.is_empty() {
            lab.run_for(Duration::from_millis(100));
        } else {
            say(&mut lab, alice, line);
        }
    }
    lab.run_for(Duration::from_secs(2));
    assert!(lab.broken().is_empty(), "{:?}", lab.broken());
    assert!(lab.weight(alice) < MAX_WEIGHT + 2 * data.len(), "{} bytes", lab.weight(alice));
    // Five minutes is the longest that a server can keep a client away.
    lab.cut(alice);
    lab.run_for(Duration::from_secs(420));
    assert!(lab.broken().is_empty(), "{:?}", lab.broken());
    let state = lab.state(alice);
    assert!(matches!(state, peerhall_core::PeerState::Joined | peerhall_core::PeerState::Closed), "{state}");
}
