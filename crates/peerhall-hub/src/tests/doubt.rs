//! A peer that connects again while an earlier connection of it stands, alive or half-open (wire
//! protocol, sections 9.1, 9.3 and 9.4).

use super::lab::{LINGER, Lab, Login, PAUSE, Who};
use crate::{Ended, PROBE_WITHIN};

/// Milliseconds until a probed connection is given up.
const PROBE: u64 = PROBE_WITHIN.as_millis() as u64;

/// Alice and Bob in a room, and Bob's network has vanished without a word.
fn room_with_a_half_open_bob(shards: usize) -> (Lab, Who, Who) {
    let mut lab = Lab::of(shards);
    let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").on(shards - 1)));
    lab.join(&[alice, bob], "room");
    lab.vanish(bob);
    (lab, alice, bob)
}

#[test]
fn a_peer_that_comes_back_beside_its_half_open_connection_has_left_and_joined_for_the_others() {
    for shards in [1, 2, 3] {
        let (mut lab, alice, old) = room_with_a_half_open_bob(shards);
        let bob = lab.connect("bob");
        lab.subscribe(bob, "room");
        lab.advance(PROBE - 1);
        assert_eq!(lab.heard(bob), ["ack s"], "nobody knows yet whether the old one is dead");
        assert!(lab.heard(alice).is_empty());
        lab.advance(1);
        assert!(!lab.is_open(old));
        assert_eq!(lab.heard(alice), ["room: -bob!", "room: +bob"], "{shards} shards");
        assert_eq!(lab.heard(bob), ["room: +alice"]);
        lab.advance(LINGER);
        assert!(lab.heard(alice).is_empty() && lab.heard(bob).is_empty());
        lab.close(bob);
        assert_eq!(lab.heard(alice), ["room: -bob"]);
    }
}

#[test]
fn a_second_connection_beside_a_living_one_gets_its_snapshot_at_once_and_nobody_else_hears() {
    for shards in [1, 2] {
        let mut lab = Lab::of(shards);
        let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").on(shards - 1)));
        lab.join(&[alice, bob], "room");
        let second = lab.enter(Login::new("bob").ours());
        lab.subscribe(second, "room");
        assert_eq!(lab.heard(second), ["ack s", "room: +alice"]);
        lab.advance(LINGER);
        assert!(lab.heard(alice).is_empty() && lab.heard(bob).is_empty());
        assert!(lab.is_open(bob));
    }
}

#[test]
fn a_room_where_the_peer_is_not_present_yet_keeps_nobody_waiting() {
    let (mut lab, _, _) = room_with_a_half_open_bob(1);
    let bob = lab.connect("bob");
    lab.subscribe(bob, "elsewhere");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(bob), ["ack s", "elsewhere:"]);
}

#[test]
fn of_two_earlier_connections_the_dead_one_goes_and_the_living_one_keeps_the_peer_present() {
    let mut lab = Lab::new();
    let [alice, dead, alive] = ["alice", "bob", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, dead, alive], "room");
    lab.vanish(dead);
    lab.advance(PROBE);
    let bob = lab.connect("bob");
    lab.subscribe(bob, "room");
    lab.advance(PROBE);
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice"]);
    assert!(!lab.is_open(dead) && lab.is_open(alive));
    assert!(lab.heard(alice).is_empty(), "somebody with that name was there all the time");
}

#[test]
fn an_old_connection_that_ends_by_itself_ends_the_wait() {
    for ended in [Ended::Lost, Ended::ByClient(None)] {
        let (mut lab, alice, old) = room_with_a_half_open_bob(2);
        let bob = lab.connect("bob");
        lab.subscribe(bob, "room");
        lab.advance(PAUSE);
        lab.end(old, ended);
        let left = if ended == Ended::Lost { "room: -bob!" } else { "room: -bob" };
        assert_eq!(lab.heard(alice), [left, "room: +bob"]);
        assert_eq!(lab.heard(bob), ["ack s", "room: +alice"]);
    }
}

#[test]
fn a_newcomer_that_goes_or_unsubscribes_while_it_waits_is_owed_nothing() {
    let (mut lab, alice, _) = room_with_a_half_open_bob(1);
    let [first, second] = ["bob", "bob"].map(|peer| lab.connect(peer));
    lab.subscribe(first, "room");
    lab.subscribe(second, "room");
    lab.advance(PAUSE);
    lab.lose(first);
    lab.unsubscribe(second, "room");
    lab.advance(PROBE);
    assert_eq!(lab.heard(second), ["ack s", "ack u"]);
    assert_eq!(lab.heard(alice), ["room: -bob!"]);
    lab.close(second);
    lab.close(alice);
    lab.advance(LINGER);
    lab.assert_empty();
}

#[test]
fn a_shard_that_never_answers_keeps_nobody_waiting_for_long() {
    let (mut lab, _, _) = room_with_a_half_open_bob(2);
    lab.settle();
    let bob = lab.connect("bob");
    lab.holds_notes = true;
    lab.subscribe(bob, "room");
    lab.advance(2 * PROBE);
    lab.settle();
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice"]);
}

#[test]
fn a_peer_that_connects_often_has_its_other_connections_probed_once_a_second() {
    let mut lab = Lab::new();
    let bob = lab.connect("bob");
    for _ in 0..50 {
        lab.connect("bob");
    }
    assert!(lab.probes_seen <= 51, "{} probes for 51 connections", lab.probes_seen);
    let before = lab.probes_seen;
    lab.advance(PROBE);
    lab.connect("bob");
    assert_eq!(lab.probes_seen - before, 51, "an answer is good for a second");
    assert!(lab.is_open(bob));
}

#[test]
fn directs_reach_the_newcomer_while_it_waits_and_are_not_held() {
    let (mut lab, alice, _) = room_with_a_half_open_bob(1);
    let bob = lab.connect("bob");
    lab.subscribe(bob, "room");
    lab.advance(PAUSE);
    lab.send(alice, "bob", "1");
    assert_eq!(lab.heard(alice), ["ack d"]);
    assert_eq!(lab.heard(bob), ["ack s", "direct alice 1"]);
}
