//! Drops and returns (wire protocol, section 9.4), row by row.

use peerhall_proto::code::CloseCode;

use super::lab::{LINGER, Lab, Login, PAUSE};
use crate::Ended;

#[test]
fn a_drop_is_told_at_once_and_marked() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.lose(bob);
    assert_eq!(lab.heard(alice), ["room: -bob!"]);
    lab.advance(LINGER * 2);
    assert!(lab.heard(alice).is_empty(), "alice was told already, so the end of the linger is silent");
}

#[test]
fn only_an_unsubscribe_a_kick_and_a_normal_close_leave_no_ghost() {
    let normal = [None, Some(CloseCode::NORMAL), Some(CloseCode::GOING_AWAY)].map(Ended::ByClient);
    let final_closes = [
        CloseCode::INVALID_TOKEN,
        CloseCode::CHANNEL_NOT_AUTHORIZED,
        CloseCode::ACCOUNT_SUSPENDED,
        CloseCode::ADMIN_DISCONNECT,
    ];
    let passing = [
        CloseCode::GOING_AWAY,
        CloseCode::POLICY_VIOLATION,
        CloseCode::TOO_BIG,
        CloseCode::TOKEN_EXPIRED,
        CloseCode::OVER_MESSAGE_RATE,
    ];
    let no_ghost = normal.into_iter().chain(final_closes.map(Ended::ByServer)).map(|ended| (ended, ""));
    let inactive = [Ended::Lost, Ended::ByClient(Some(CloseCode::CLIENT_INACTIVITY))];
    let ghost = inactive.into_iter().chain(passing.map(Ended::ByServer)).map(|ended| (ended, "!"));
    for (ended, mark) in no_ghost.chain(ghost) {
        let mut lab = Lab::new();
        let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
        lab.join(&[alice, bob], "room");
        lab.end(bob, ended);
        assert_eq!(lab.heard(alice), [format!("room: -bob{mark}")], "{ended:?}");
        lab.subscribe(alice, "room");
        lab.advance(PAUSE);
        let ghosts = if mark == "!" { "room: +bob" } else { "room:" };
        assert_eq!(lab.heard(alice), ["ack s", ghosts], "{ended:?}");
        lab.close(alice);
        lab.advance(LINGER);
        lab.assert_empty();
    }
}

#[test]
fn a_returning_member_is_shown_those_who_are_about_to_return_and_a_newcomer_is_not() {
    let mut lab = Lab::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob, carol], "room");
    lab.lose(alice);
    lab.lose(bob);
    lab.deafen();
    let (alice, newcomer) = (lab.connect("alice"), lab.connect("newcomer"));
    lab.subscribe(alice, "room");
    lab.subscribe(newcomer, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(alice), ["ack s", "room: +bob +carol +newcomer"]);
    assert_eq!(lab.heard(newcomer), ["ack s", "room: +alice +carol"]);
    assert_eq!(lab.heard(carol), ["room: +alice +newcomer"]);
}

#[test]
fn a_return_is_told_to_those_who_do_not_know_the_peer_and_to_nobody_else() {
    let mut lab = Lab::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob, carol], "room");
    lab.lose(alice);
    lab.lose(bob);
    let (alice, newcomer) = (lab.connect("alice"), lab.connect("newcomer"));
    lab.join(&[alice, newcomer], "room");
    let bob = lab.connect("bob");
    lab.subscribe(bob, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice +carol +newcomer"]);
    assert!(lab.heard(alice).is_empty(), "alice learned of bob in her own snapshot and waits for him");
    assert_eq!(lab.heard(newcomer), ["room: +bob"]);
    assert_eq!(lab.heard(carol), ["room: +bob"]);
    lab.lose(bob);
    for member in [alice, newcomer, carol] {
        assert_eq!(lab.heard(member), ["room: -bob!"], "all know him now");
    }
}

#[test]
fn a_ghost_that_expires_has_left_for_those_who_learned_of_it_in_their_snapshot() {
    let mut lab = Lab::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob, carol], "room");
    lab.lose(bob);
    lab.advance(1_000);
    lab.lose(alice);
    let alice = lab.connect("alice");
    lab.join(&[alice], "room");
    lab.advance(LINGER - 1_000 - PAUSE - 1);
    assert!(lab.heard(alice).is_empty());
    lab.advance(1);
    assert_eq!(lab.heard(alice), ["room: -bob"]);
    assert!(lab.heard(carol).is_empty());
    lab.advance(LINGER);
    assert!(lab.heard(alice).is_empty() && lab.heard(carol).is_empty());
}

#[test]
fn a_peer_that_drops_again_is_a_ghost_anew() {
    let mut lab = Lab::new();
    let [mut alice, mut bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    for round in 0..3 {
        lab.lose(bob);
        lab.lose(alice);
        lab.advance(LINGER - 1_000);
        alice = lab.connect("alice");
        lab.enter_room(alice, "room");
        assert_eq!(lab.heard(alice), ["ack s", "room: +bob"], "round {round}");
        bob = lab.connect("bob");
        lab.enter_room(bob, "room");
        assert_eq!(lab.heard(bob), ["ack s", "room: +alice"]);
        lab.advance(LINGER);
        assert!(lab.heard(alice).is_empty(), "the timer of the drop is void");
    }
}

#[test]
fn a_drop_before_the_return_was_announced_prolongs_the_wait() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.lose(bob);
    lab.subscribe(alice, "room");
    lab.advance(LINGER - 10);
    assert_eq!(lab.heard(alice), ["room: -bob!", "ack s", "room: +bob"]);
    let bob = lab.connect("bob");
    lab.subscribe(bob, "room");
    lab.lose(bob);
    lab.advance(LINGER - 1);
    assert!(lab.heard(alice).is_empty());
    lab.advance(1);
    assert_eq!(lab.heard(alice), ["room: -bob"]);
}

#[test]
fn a_ghost_lives_in_the_rooms_that_it_was_in() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "here");
    lab.join(&[alice, bob], "there");
    lab.lose(bob);
    lab.subscribe(alice, "here");
    lab.subscribe(alice, "there");
    lab.advance(PAUSE);
    lab.deafen();
    let bob = lab.connect("bob");
    lab.join(&[bob], "here");
    lab.advance(LINGER);
    assert_eq!(lab.heard(alice), ["there: -bob"]);
}

#[test]
fn a_kick_gives_up_the_ghosts_of_the_peer() {
    let mut lab = Lab::of(2);
    let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").on(1)));
    let carol = lab.enter(Login::new("carol").on(1));
    lab.join(&[alice, bob, carol], "room");
    lab.lose(bob);
    lab.subscribe(alice, "room");
    lab.advance(PAUSE);
    lab.deafen();
    assert_eq!(lab.kick("bob"), 0);
    assert_eq!(lab.heard(alice), ["room: -bob"]);
    assert!(lab.heard(carol).is_empty());
    lab.send(alice, "bob", "1");
    assert_eq!(lab.heard(alice), ["error peer_not_found d"]);
}

#[test]
fn w086_a_kicked_peer_has_left_at_once_and_is_no_ghost() {
    let mut lab = Lab::of(2);
    let (alice, bob) = (lab.connect("alice"), lab.connect("bob"));
    let (also_bob, carol) = (lab.enter(Login::new("bob").on(1)), lab.enter(Login::new("carol").on(1)));
    lab.join(&[alice, bob, also_bob, carol], "room");
    assert_eq!(lab.kick("bob"), 2);
    assert_eq!(lab.heard(bob), ["closed 4020"]);
    assert_eq!(lab.heard(also_bob), ["closed 4020"]);
    assert_eq!(lab.heard(alice), ["room: -bob"]);
    assert_eq!(lab.heard(carol), ["room: -bob"]);
    lab.subscribe(alice, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(alice), ["ack s", "room: +carol"]);
    let bob = lab.connect("bob");
    lab.subscribe(bob, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice +carol"], "w145: a kick is no ban");
}

#[test]
fn a_linger_of_zero_keeps_no_ghosts() {
    let config = crate::HubConfig { linger: std::time::Duration::ZERO, ..crate::HubConfig::default() };
    let mut lab = Lab::with(config, 1);
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.lose(bob);
    lab.send(alice, "bob", "1");
    lab.subscribe(alice, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(alice), ["room: -bob!", "error peer_not_found d", "ack s", "room:"]);
}

#[test]
fn an_empty_room_with_ghosts_is_remembered_until_they_are_given_up() {
    let mut lab = Lab::of(2);
    let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").on(1)));
    lab.join(&[alice, bob], "room");
    lab.lose(alice);
    lab.lose(bob);
    lab.advance(LINGER - 1_000);
    let bob = lab.connect("bob");
    lab.subscribe(bob, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice"]);
    lab.advance(LINGER);
    assert_eq!(lab.heard(bob), ["room: -alice"]);
    lab.close(bob);
    lab.assert_empty();
}

#[test]
fn a_crowd_that_comes_and_drops_for_ever_is_not_waited_for_beyond_some_thousands() {
    const MOST: usize = 8_192;
    let mut lab = Lab::of(2);
    let alice = lab.connect("alice");
    lab.join(&[alice], "room");
    for hundred in 0..=MOST / 100 {
        let crowd: Vec<_> = (0..100).map(|n| lab.connect(&format!("peer-{hundred}-{n}"))).collect();
        lab.join(&crowd, "room");
        let dropped = hundred * 100;
        for who in crowd {
            lab.lose(who);
        }
        let left = lab.heard(alice).into_iter().filter(|heard| heard.starts_with("room: -"));
        let left = left.collect::<Vec<_>>().join(" ");
        let marks = left.matches('!').count();
        assert_eq!(marks, 100.min(MOST - dropped), "of those after {dropped}: {left}");
        assert_eq!(left.matches("-peer").count(), 100, "everybody is said to be gone");
    }
    let waited_for = lab.hubs.iter().map(|hub| hub.apps[0].peers.len());
    assert_eq!(waited_for.collect::<Vec<_>>(), [MOST + 1; 2], "and nothing else of them is kept");
    lab.close(alice);
    lab.advance(2 * LINGER);
    lab.assert_empty();
}
