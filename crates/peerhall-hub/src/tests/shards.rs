//! Rooms and peers that are spread over the shards of a node, and notes that cross each other.

use super::lab::{LINGER, Lab, Login, PAUSE};

#[test]
fn w157_members_on_different_shards_see_and_hear_each_other() {
    let mut lab = Lab::of(3);
    let peers =
        ["alice", "bob", "carol"].map(|peer| Login::new(peer).metadata(&format!("{{\"is\":{peer:?}}}")));
    let mut shard = 0..;
    let [alice, bob, carol] = peers.map(|login| lab.enter(login.on(shard.next().unwrap())));
    lab.enter_room(alice, "room");
    lab.enter_room(bob, "room");
    lab.enter_room(carol, "room");
    assert_eq!(lab.heard(carol), ["ack s", r#"room: +alice{"is":"alice"} +bob{"is":"bob"}"#]);
    assert_eq!(
        lab.heard(alice),
        ["ack s", "room:", r#"room: +bob{"is":"bob"}"#, r#"room: +carol{"is":"carol"}"#]
    );
    lab.publish(bob, "room", "1");
    lab.send(alice, "carol", "2");
    lab.lose(alice);
    lab.unsubscribe(carol, "room");
    assert_eq!(
        lab.heard(carol),
        ["message room bob 1", r#"direct alice 2 {"is":"alice"}"#, r#"room: -alice{"is":"alice"}!"#, "ack u"]
    );
    let heard_by_bob = lab.heard(bob);
    assert_eq!(
        heard_by_bob[heard_by_bob.len() - 3..],
        ["ack p", r#"room: -alice{"is":"alice"}!"#, r#"room: -carol{"is":"carol"}"#]
    );
}

#[test]
fn a_snapshot_waits_until_every_shard_has_said_who_is_there() {
    let mut lab = Lab::of(3);
    let (alice, bob) = (lab.enter(Login::new("alice").on(1)), lab.enter(Login::new("bob").on(2)));
    lab.join(&[alice, bob], "room");
    let carol = lab.enter(Login::new("carol"));
    lab.holds_notes = true;
    lab.subscribe(carol, "room");
    lab.advance(PAUSE * 10);
    lab.deliver(0, 1);
    lab.deliver(1, 0);
    lab.deliver(0, 2);
    assert_eq!(lab.heard(carol), ["ack s"]);
    lab.deliver(2, 0);
    assert_eq!(lab.heard(carol), ["room: +alice +bob"]);
    assert!(lab.heard(alice).is_empty());
    lab.settle();
    assert_eq!(
        (lab.heard(alice), lab.heard(bob)),
        (vec!["room: +carol".into()], vec!["room: +carol".into()])
    );
}

#[test]
fn w075_a_direct_never_overtakes_the_joined_of_its_sender() {
    for seed in 0..50 {
        let mut lab = Lab::of(3);
        lab.rng.0 = seed;
        let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").on(1).ours()));
        let carol = lab.enter(Login::new("carol").on(2));
        lab.join(&[alice, carol], "room");
        lab.holds_notes = true;
        lab.subscribe(bob, "room");
        while lab.heard(bob).last().is_none_or(|heard| !heard.starts_with("room:")) {
            assert!(lab.deliver_one(), "the snapshot never came");
        }
        lab.send(bob, "alice", "1");
        lab.send(bob, "carol", "2");
        lab.settle();
        assert_eq!(lab.heard(alice), ["room: +bob", "direct bob 1"]);
        assert_eq!(lab.heard(carol), ["room: +bob", "direct bob 2"]);
    }
}

#[test]
fn a_room_that_was_left_and_entered_again_takes_no_answer_to_its_first_question() {
    let mut lab = Lab::of(2);
    let (alice, bob) = (lab.enter(Login::new("alice").ours()), lab.enter(Login::new("bob").on(1)));
    lab.join(&[bob], "room");
    lab.holds_notes = true;
    lab.subscribe(alice, "room");
    lab.unsubscribe(alice, "room");
    lab.subscribe(alice, "room");
    lab.deliver(0, 1);
    lab.deliver(0, 1);
    lab.unsubscribe(bob, "room");
    lab.settle();
    assert_eq!(lab.heard(alice), ["ack s", "ack u", "ack s", "room:"]);
    lab.close(alice);
    lab.settle();
    lab.close(bob);
    lab.settle();
    lab.assert_empty();
}

#[test]
fn what_a_shard_hears_between_two_questions_belongs_to_neither() {
    let mut lab = Lab::of(2);
    let (alice, bob) = (lab.enter(Login::new("alice").ours()), lab.enter(Login::new("bob").on(1).ours()));
    lab.join(&[bob], "hall");
    let carol = lab.enter(Login::new("carol").on(1));
    lab.join(&[carol], "room");
    lab.holds_notes = true;
    lab.subscribe(alice, "room");
    lab.unsubscribe(alice, "room");
    lab.subscribe(alice, "room");
    lab.deliver(0, 1);
    lab.subscribe(bob, "room");
    lab.deliver(0, 1);
    lab.unsubscribe(bob, "room");
    lab.settle();
    assert_eq!(lab.heard(alice), ["ack s", "ack u", "ack s", "room: +carol"]);
}

#[test]
fn a_peer_that_comes_back_elsewhere_before_its_drop_is_known_there_gets_what_is_held() {
    let mut lab = Lab::of(3);
    let (alice, bob) = (lab.connect("alice"), lab.connect("bob"));
    lab.join(&[alice, bob], "room");
    lab.holds_notes = true;
    lab.lose(bob);
    let bob = lab.enter(Login::new("bob").on(1));
    lab.send(alice, "bob", "1");
    lab.subscribe(bob, "room");
    lab.settle();
    lab.advance(PAUSE);
    lab.settle();
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice", "direct alice 1"]);
    lab.send(alice, "bob", "2");
    lab.settle();
    assert_eq!(lab.heard(bob), ["direct alice 2"]);
    assert_eq!(lab.heard(alice), ["room: -bob!", "ack d", "room: +bob", "ack d"]);
}

#[test]
fn a_peer_that_has_seen_its_room_before_anybody_asks_gets_what_is_held_at_once() {
    let mut lab = Lab::of(2);
    let (alice, bob) = (lab.connect("alice"), lab.connect("bob"));
    let carol = lab.enter(Login::new("carol").on(1));
    lab.join(&[alice, bob, carol], "room");
    lab.holds_notes = true;
    lab.lose(bob);
    lab.send(alice, "bob", "1");
    let bob = lab.enter(Login::new("bob").on(1).ours());
    lab.subscribe(bob, "room");
    lab.settle();
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice +carol", "direct alice 1"]);
}

#[test]
fn a_peer_that_comes_back_elsewhere_unknown_and_to_no_room_gets_what_is_held_after_two_seconds() {
    let mut lab = Lab::of(2);
    let (alice, bob) = (lab.connect("alice"), lab.connect("bob"));
    lab.join(&[alice, bob], "room");
    lab.holds_notes = true;
    lab.lose(bob);
    let bob = lab.enter(Login::new("bob").on(1));
    lab.send(alice, "bob", "1");
    lab.settle();
    lab.advance(2_000);
    lab.settle();
    assert_eq!(lab.heard(bob), ["direct alice 1"]);
}

#[test]
fn a_direct_under_way_to_two_connections_never_comes_twice() {
    let mut lab = Lab::of(3);
    let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").on(1)));
    lab.join(&[bob], "room");
    lab.holds_notes = true;
    let also_bob = lab.enter(Login::new("bob").on(2));
    lab.deliver(2, 0);
    lab.send(alice, "bob", "1");
    lab.lose(bob);
    for _ in 0..3 {
        lab.settle();
        lab.advance(2_000);
    }
    assert_eq!(
        lab.heard(also_bob),
        ["direct alice 1"],
        "the first shard does not keep it for the second one"
    );
}

#[test]
fn a_direct_under_way_to_a_connection_that_is_lost_waits_for_its_peer() {
    let mut lab = Lab::of(2);
    let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").on(1)));
    lab.join(&[alice, bob], "room");
    lab.holds_notes = true;
    lab.send(alice, "bob", "1");
    lab.lose(bob);
    lab.settle();
    lab.holds_notes = false;
    let bob = lab.connect("bob");
    lab.enter_room(bob, "room");
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice", "direct alice 1"]);
}

#[test]
fn a_return_on_another_shard_is_told_like_any_other() {
    let mut lab = Lab::of(3);
    let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").on(1)));
    let carol = lab.enter(Login::new("carol").on(2));
    lab.join(&[alice, bob, carol], "room");
    lab.lose(alice);
    lab.lose(bob);
    lab.deafen();
    let alice = lab.enter(Login::new("alice").on(2));
    lab.enter_room(alice, "room");
    assert_eq!(lab.heard(alice), ["ack s", "room: +bob +carol"]);
    let bob = lab.enter(Login::new("bob").on(0));
    lab.enter_room(bob, "room");
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice +carol"]);
    assert!(lab.heard(alice).is_empty(), "alice learned of bob in her own snapshot");
    assert_eq!(lab.heard(carol), ["room: +alice", "room: +bob"]);
}

#[test]
fn a_shard_that_begins_to_serve_a_room_learns_of_its_ghosts_and_their_time() {
    let mut lab = Lab::of(2);
    let (alice, bob, carol) = (lab.connect("alice"), lab.connect("bob"), lab.connect("carol"));
    lab.join(&[alice, bob, carol], "room");
    lab.lose(bob);
    lab.lose(alice);
    lab.advance(LINGER - 1_000);
    let alice = lab.enter(Login::new("alice").on(1));
    lab.enter_room(alice, "room");
    assert_eq!(lab.heard(alice), ["ack s", "room: +bob +carol"]);
    lab.advance(1_000 - PAUSE - 1);
    assert!(lab.heard(alice).is_empty());
    lab.advance(1);
    assert_eq!(lab.heard(alice), ["room: -bob"]);
}

#[test]
fn shards_are_64_at_most() {
    use crate::{ShardId, ShardSet};
    assert_eq!(ShardId::new(64), None);
    let last = ShardId::new(63).unwrap();
    let others = ShardSet::others(64, last);
    assert_eq!(others.iter().map(ShardId::number).collect::<Vec<_>>(), (0..63).collect::<Vec<_>>());
    assert_eq!(others.union(ShardSet::one(last)).iter().count(), 64);
    assert!(ShardSet::others(1, ShardId::new(0).unwrap()).is_empty());
    assert_eq!(format!("{:?}", ShardSet::one(last)), "{63}");
}

#[test]
fn a_shard_that_begins_again_is_forgotten_and_asked_who_is_there() {
    use crate::ShardId;
    let mut lab = Lab::of(2);
    let alice = lab.enter(Login::new("alice").on(0));
    let bob = lab.enter(Login::new("bob").on(1));
    lab.enter_room(alice, "room");
    lab.enter_room(bob, "room");
    let _ = (lab.heard(alice), lab.heard(bob));
    // What a node does when another one tells it that a note was lost.
    lab.on(1, |hub, _| hub.link_up(ShardId::new(0).unwrap()));
    lab.settle();
    lab.advance(1);
    assert_eq!(lab.heard(alice), ["room: -bob!", "room: +bob"]);
    assert!(lab.heard(bob).is_empty(), "nothing was lost in the other direction");
    lab.send(bob, "alice", "1");
    lab.publish(alice, "room", "2");
    assert_eq!(lab.heard(bob).last().map(String::as_str), Some("message room alice 2"));
}
