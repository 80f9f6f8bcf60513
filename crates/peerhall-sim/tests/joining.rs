//! Into the channel and out of it: states and the order of events (sdk-behaviour, sections 4.2 to 4.9).

use std::time::Duration;

use peerhall_core::PeerState;
use peerhall_sim::{Lab, LabOptions};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn joining_tells_state_then_event_then_answers() {
    let mut lab = Lab::new(LabOptions::seeded(1));
    let alice = lab.peer("alice");
    lab.join(alice, "room");
    lab.run_for(SECOND);
    assert_eq!(lab.words(alice), ["state joining", "state joined", "joined room", "join ok"]);
    assert_eq!(lab.state(alice), PeerState::Joined);
}
