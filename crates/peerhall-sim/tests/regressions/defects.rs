//! Defects of the reference clients that are about identity and liveness (sdk-behaviour, section 12).

use peerhall_core::PeerState;
use peerhall_sim::{Lab, LabOptions};
use serde_json::json;

use crate::common::SECOND;

#[test]
fn x10_an_own_former_id_in_the_snapshot_is_nobody() {
    // A server that gives every connection of a key another id, and is slow to forget.
    let mut lab = Lab::new(LabOptions::seeded(5).resumes(false));
    let (alice, bob) = (lab.key_peer("alice"), lab.peer("bob"));
    lab.join(alice, "room");
    lab.join(bob, "room");
    lab.run_for(SECOND);
    let former = lab.core(alice).peer_id().unwrap().to_string();
    lab.cut(alice);
    lab.run_for(SECOND * 5);
    assert_eq!(lab.state(alice), PeerState::Joined);
    let now = lab.core(alice).peer_id().unwrap().to_string();
    assert_ne!(former, now);
    let frame = json!({"type": "presence", "channel": "room",
        "joined": [{"peerId": former}, {"peerId": now}, {"peerId": "carol"}], "left": []});
    lab.inject(alice, &frame.to_string());
    lab.run_for(SECOND);
    assert_eq!(lab.remotes(alice), ["bob", "carol"]);
}

#[test]
fn x18_no_window_at_all_does_not_close_at_once() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let options = lab.options().inactivity_timeout(None);
    let alice = lab.peer_with("alice", peerhall_core::PeerOptions::new(options).unwrap());
    lab.join(alice, "room");
    lab.run_for(SECOND * 600);
    assert_eq!((lab.state(alice), lab.sockets_opened(alice)), (PeerState::Joined, 1));
}

#[test]
fn x18_a_drop_during_join_is_not_final() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let alice = lab.peer("alice");
    lab.join(alice, "room");
    lab.run_for(SECOND / 20);
    lab.cut(alice);
    lab.run_for(SECOND);
    assert_eq!(lab.state(alice), PeerState::Idle);
    lab.join(alice, "room");
    lab.run_for(SECOND);
    assert_eq!(lab.state(alice), PeerState::Joined);
}

#[test]
fn a_key_with_a_resume_value_keeps_its_id_over_a_drop() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let (alice, bob) = (lab.key_peer("alice"), lab.peer("bob"));
    lab.join(alice, "room");
    lab.join(bob, "room");
    lab.run_for(SECOND);
    let before = lab.core(alice).peer_id().cloned();
    lab.clear_seen();
    lab.cut(alice);
    lab.run_for(SECOND * 5);
    assert_eq!(lab.core(alice).peer_id().cloned(), before);
    assert!(!lab.words(bob).iter().any(|word| word.starts_with("peer-left")));
}
