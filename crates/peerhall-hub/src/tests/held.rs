//! Directs to a peer that dropped: held, limited, released in order (wire protocol, section 9.4).

use super::lab::{LINGER, Lab, Login, PAUSE, Who};

/// Alice and bob share a room, and bob has just been lost.
fn bob_is_away(lab: &mut Lab) -> Who {
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.lose(bob);
    lab.deafen();
    alice
}

#[test]
fn directs_to_a_ghost_are_acknowledged_and_delivered_in_order_after_its_snapshot() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    lab.send(alice, "bob", "1");
    lab.send(alice, "bob", "2");
    let bob = lab.connect("bob");
    lab.send(alice, "bob", "3");
    lab.subscribe(bob, "room");
    lab.send(alice, "bob", "4");
    lab.advance(PAUSE);
    lab.send(alice, "bob", "5");
    let directs = (1..=5).map(|number| format!("direct alice {number}"));
    let expected: Vec<String> =
        ["ack s", "room: +alice"].map(String::from).into_iter().chain(directs).collect();
    assert_eq!(lab.heard(bob), expected);
    assert_eq!(lab.heard(alice), ["ack d", "ack d", "ack d", "ack d", "room: +bob", "ack d"]);
}

#[test]
fn held_directs_wait_for_every_snapshot_that_was_asked_for() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    lab.send(alice, "bob", "1");
    let bob = lab.connect("bob");
    lab.subscribe(bob, "room");
    lab.advance(10);
    lab.subscribe(bob, "hall");
    lab.advance(10);
    assert_eq!(lab.heard(bob), ["ack s", "ack s", "room: +alice"]);
    lab.advance(10);
    assert_eq!(lab.heard(bob), ["hall:", "direct alice 1"]);
}

#[test]
fn held_directs_do_not_wait_for_a_snapshot_that_was_given_back() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    lab.send(alice, "bob", "1");
    let bob = lab.connect("bob");
    lab.subscribe(bob, "room");
    lab.unsubscribe(bob, "room");
    lab.enter_room(bob, "hall");
    assert_eq!(lab.heard(bob), ["ack s", "ack u", "ack s", "hall:", "direct alice 1"]);
}

#[test]
fn a_peer_that_comes_back_to_no_room_gets_them_after_two_seconds() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    lab.send(alice, "bob", "1");
    let bob = lab.connect("bob");
    lab.advance(1_999);
    assert!(lab.heard(bob).is_empty());
    lab.advance(1);
    assert_eq!(lab.heard(bob), ["direct alice 1"]);
    lab.send(alice, "bob", "2");
    assert_eq!(lab.heard(bob), ["direct alice 2"]);
}

#[test]
fn at_most_64_directs_are_held() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    for number in 0..64 {
        lab.send(alice, "bob", &number.to_string());
    }
    assert_eq!(lab.heard(alice), ["ack d"; 64]);
    lab.send(alice, "bob", "64");
    assert_eq!(lab.heard(alice), ["error peer_not_found d"]);
    let bob = lab.connect("bob");
    lab.enter_room(bob, "room");
    let expected: Vec<String> = (0..64).map(|number| format!("direct alice {number}")).collect();
    assert_eq!(lab.heard(bob)[2..], expected);
    lab.send(alice, "bob", "65");
    assert_eq!(lab.heard(bob), ["direct alice 65"]);
}

#[test]
fn at_most_256_kib_are_held() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    let envelope = r#"{"type":"direct","from":"alice","data":""}"#.len();
    let quarter = format!("\"{}\"", "x".repeat(64 * 1024 - envelope));
    (0..4).for_each(|_| lab.send(alice, "bob", &quarter));
    lab.send(alice, "bob", "1");
    assert_eq!(lab.heard(alice), ["ack d", "ack d", "ack d", "ack d", "error peer_not_found d"]);
}

#[test]
fn a_direct_is_held_for_10_s() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    lab.send(alice, "bob", "1");
    lab.advance(1);
    lab.send(alice, "bob", "2");
    lab.advance(10_000 - PAUSE);
    let bob = lab.connect("bob");
    lab.enter_room(bob, "room");
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice", "direct alice 2"]);
}

#[test]
fn what_is_too_old_to_be_delivered_takes_no_room_from_what_is_not() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    let large = format!("\"{}\"", "x".repeat(60_000));
    (0..4).for_each(|_| lab.send(alice, "bob", &large));
    (4..64).for_each(|number| lab.send(alice, "bob", &number.to_string()));
    lab.advance(10_001);
    lab.deafen();
    lab.send(alice, "bob", &large);
    lab.send(alice, "bob", "65");
    assert_eq!(lab.heard(alice), ["ack d", "ack d"]);
    let bob = lab.connect("bob");
    lab.enter_room(bob, "room");
    assert_eq!(lab.heard(bob)[2..], [format!("direct alice {large}"), "direct alice 65".to_owned()]);
}

#[test]
fn held_directs_are_given_up_with_the_ghost() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    lab.advance(LINGER - 1);
    lab.send(alice, "bob", "1");
    lab.advance(1);
    lab.send(alice, "bob", "2");
    assert_eq!(lab.heard(alice), ["ack d", "error peer_not_found d"]);
    let bob = lab.connect("bob");
    lab.enter_room(bob, "room");
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice"]);
    lab.close(alice);
    lab.close(bob);
    lab.assert_empty();
}

#[test]
fn held_directs_survive_a_second_drop() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    lab.send(alice, "bob", "1");
    let bob = lab.connect("bob");
    lab.subscribe(bob, "room");
    lab.lose(bob);
    lab.send(alice, "bob", "2");
    let bob = lab.connect("bob");
    lab.enter_room(bob, "room");
    assert_eq!(lab.heard(bob)[2..], ["direct alice 1", "direct alice 2"]);
}

#[test]
fn a_peer_lost_outside_every_room_is_not_found() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.lose(bob);
    lab.send(alice, "bob", "1");
    assert_eq!(lab.heard(alice), ["error peer_not_found d"]);
}

#[test]
fn nothing_is_held_while_another_connection_of_the_peer_lives() {
    let mut lab = Lab::of(2);
    let alice = lab.connect("alice");
    let (bob, also_bob) = (lab.connect("bob"), lab.enter(Login::new("bob").on(1)));
    lab.join(&[alice, bob], "room");
    lab.lose(bob);
    lab.send(alice, "bob", "1");
    assert_eq!(lab.heard(also_bob), ["direct alice 1"]);
}

#[test]
fn directs_are_held_on_the_senders_shard_and_released_wherever_the_peer_comes_back() {
    for home in 0..3 {
        let mut lab = Lab::of(3);
        let alice = lab.connect("alice");
        let bob = lab.enter(Login::new("bob").on(1));
        lab.join(&[alice, bob], "room");
        lab.lose(bob);
        lab.send(alice, "bob", "1");
        lab.send(alice, "bob", "2");
        let bob = lab.enter(Login::new("bob").on(home));
        lab.send(alice, "bob", "3");
        lab.enter_room(bob, "room");
        lab.send(alice, "bob", "4");
        let expected =
            ["ack s", "room: +alice", "direct alice 1", "direct alice 2", "direct alice 3", "direct alice 4"];
        assert_eq!(lab.heard(bob), expected, "back on shard {home}");
    }
}

const OFFER: &str = r#"{"type":"rtc-description","description":{"type":"offer","sdp":"v=0"}}"#;
const CANDIDATE: &str = r#"{"type":"rtc-ice","candidate":null}"#;

#[test]
fn what_was_meant_for_the_lost_connection_is_refused_and_what_an_application_says_is_held() {
    let mut lab = Lab::new();
    let alice = bob_is_away(&mut lab);
    lab.send(alice, "bob", OFFER);
    lab.send(alice, "bob", CANDIDATE);
    lab.send(alice, "bob", "1");
    assert_eq!(lab.heard(alice), ["error peer_not_found d", "error peer_not_found d", "ack d"]);
    let bob = lab.connect("bob");
    lab.send(alice, "bob", OFFER);
    lab.enter_room(bob, "room");
    lab.send(alice, "bob", OFFER);
    let expected = ["ack s", "room: +alice", "direct alice 1", &format!("direct alice {OFFER}")];
    assert_eq!(lab.heard(bob), expected);
}

#[test]
fn an_offer_to_a_ghost_that_its_sender_was_shown_waits_for_the_fresh_connection() {
    for shards in [1, 2] {
        let mut lab = Lab::of(shards);
        let alice = lab.connect("alice");
        let on_last = || Login::new("bob").on(shards - 1);
        let bob = lab.enter(on_last());
        lab.join(&[alice, bob], "room");
        lab.lose(alice);
        lab.lose(bob);
        let alice = lab.connect("alice");
        lab.enter_room(alice, "room");
        lab.deafen();
        lab.send(alice, "bob", OFFER);
        let bob = lab.enter(on_last());
        lab.enter_room(bob, "room");
        assert_eq!(lab.heard(alice), ["ack d"]);
        assert_eq!(lab.heard(bob)[2..], [format!("direct alice {OFFER}")]);
    }
}

#[test]
fn an_offer_that_was_under_way_between_shards_when_its_receiver_dropped_is_given_up() {
    let mut lab = Lab::of(2);
    let alice = lab.connect("alice");
    let bob = lab.enter(Login::new("bob").on(1));
    lab.join(&[alice, bob], "room");
    lab.deafen();
    lab.holds_notes = true;
    lab.send(alice, "bob", OFFER);
    lab.send(alice, "bob", "1");
    lab.lose(bob);
    lab.settle();
    lab.holds_notes = false;
    let bob = lab.enter(Login::new("bob").on(1));
    lab.enter_room(bob, "room");
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice", "direct alice 1"]);
}
