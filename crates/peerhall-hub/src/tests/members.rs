//! `subscribe` and `unsubscribe` (wire protocol, sections 4.1 and 4.2).

use super::lab::{Lab, Login, PAUSE};

#[test]
fn w033_subscribe_gives_one_ack_and_then_one_presence() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    lab.subscribe(alice, "room");
    assert_eq!(lab.heard(alice), ["ack s"]);
    lab.advance(1_000);
    assert_eq!(lab.heard(alice), ["room:"]);
}

#[test]
fn w034_without_an_id_there_is_no_ack_but_a_presence() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    lab.text(alice, r#"{"type":"subscribe","channel":"room"}"#);
    assert!(lab.heard(alice).is_empty());
    lab.advance(1_000);
    assert_eq!(lab.heard(alice), ["room:"]);
}

#[test]
fn w035_bad_channels_are_refused_with_the_id() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    let long = format!("{:?}", "x".repeat(257));
    for channel in [r#""""#, "7", "null", &long, r#""a\u0000b""#, r#""a\u009fb""#] {
        lab.text(alice, &format!(r#"{{"type":"subscribe","requestId":"s","channel":{channel}}}"#));
        assert_eq!(lab.heard(alice), ["error invalid_channel s"], "{channel}");
    }
    lab.text(alice, r#"{"type":"subscribe","requestId":"s"}"#);
    assert_eq!(lab.heard(alice), ["error invalid_channel s"]);
}

#[test]
fn w036_a_name_has_at_most_256_bytes() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    for (name, answer) in
        [("x".repeat(256), "ack s"), ("é".repeat(128), "ack s"), ("é".repeat(129), "error invalid_channel s")]
    {
        lab.subscribe(alice, &name);
        assert_eq!(lab.heard(alice), [answer], "{} bytes", name.len());
    }
}

#[test]
fn w037_reserved_channels_are_refused_and_their_likes_are_not() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    for channel in ["_metered/x", "_INTERNAL/x", "_system/", "_system/*"] {
        lab.subscribe(alice, channel);
        lab.publish(alice, channel, "1");
        assert_eq!(lab.heard(alice), ["error channel_reserved s", "error channel_reserved p"], "{channel}");
    }
    for channel in ["_metered", "_meteredx/y", "a/_system/b"] {
        lab.subscribe(alice, channel);
        assert_eq!(lab.heard(alice), ["ack s"], "{channel}");
    }
}

#[test]
fn w038_a_channel_outside_the_scope_is_refused_and_the_others_live_on() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").within(&["room-*"]));
    let bob = lab.connect("bob");
    lab.join(&[alice], "room-1");
    lab.subscribe(alice, "hall");
    lab.publish(bob, "room-1", "1");
    assert_eq!(lab.heard(alice), ["error channel_not_authorized s", "message room-1 bob 1"]);
}

#[test]
fn w039_subscribe_needs_its_action() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").may(&["publish", "presence", "send"]));
    lab.subscribe(alice, "room");
    lab.subscribe(alice, "room-*");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(alice), ["error action_not_permitted s", "error action_not_permitted s"]);
}

#[test]
fn w040_a_connection_holds_100_channels_names_and_patterns_together() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    for number in 0..50 {
        lab.subscribe(alice, &format!("room-{number}"));
        lab.subscribe(alice, &format!("hall-{number}/*"));
    }
    assert_eq!(lab.heard(alice), vec!["ack s"; 100]);
    lab.subscribe(alice, "one-more");
    lab.subscribe(alice, "one-more/*");
    lab.subscribe(alice, "room-7");
    lab.subscribe(alice, "hall-7/*");
    let refused = "error channel_limit_exceeded s";
    assert_eq!(lab.heard(alice), [refused, refused, "ack s", "ack s"]);
    lab.unsubscribe(alice, "hall-3/*");
    lab.subscribe(alice, "one-more");
    lab.subscribe(alice, "two-more");
    assert_eq!(lab.heard(alice), ["ack u", "ack s", refused]);
    lab.close(alice);
    lab.advance(PAUSE);
    lab.assert_empty();
}

#[test]
fn w041_subscribing_again_gives_a_full_snapshot_and_the_others_stay_silent() {
    let mut lab = Lab::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob, carol], "room");
    lab.subscribe(alice, "room");
    lab.advance(1_000);
    assert_eq!(lab.heard(alice), ["ack s", "room: +bob +carol"]);
    assert!(lab.heard(bob).is_empty() && lab.heard(carol).is_empty());
}

#[test]
fn w042_subscribing_again_switches_the_senders_metadata_on_and_off() {
    let mut lab = Lab::new();
    let bob = lab.enter(Login::new("bob").metadata(r#"{"n":1}"#));
    let alice = lab.connect("alice");
    lab.join(&[alice], "room");
    let with = r#"{"type":"subscribe","requestId":"s","channel":"room","includeSenderMetadata":true}"#;
    lab.text(alice, with);
    lab.publish(bob, "room", "1");
    lab.subscribe(alice, "room");
    lab.publish(bob, "room", "2");
    lab.text(alice, &with.replace("true", r#""true""#));
    lab.publish(bob, "room", "3");
    let expected = [
        "ack s",
        r#"message room bob 1 {"n":1}"#,
        "ack s",
        "message room bob 2",
        "ack s",
        "message room bob 3",
    ];
    assert_eq!(lab.heard(alice), expected);
}

#[test]
fn w043_unsubscribe_is_always_acknowledged() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").within(&["room"]));
    lab.join(&[alice], "room");
    for channel in ["room", "room", "unknown", "unknown-*", "_system/x"] {
        lab.unsubscribe(alice, channel);
        assert_eq!(lab.heard(alice), ["ack u"], "{channel}");
    }
}

#[test]
fn w044_after_the_ack_of_unsubscribe_the_channel_is_silent() {
    let mut lab = Lab::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.subscribe(alice, "room");
    lab.unsubscribe(alice, "room");
    lab.join(&[carol], "room");
    lab.publish(carol, "room", "1");
    lab.lose(bob);
    lab.advance(20_000);
    assert!(lab.heard(alice).is_empty(), "everything after the ack was heard in `join`");
    let again = lab.connect("dave");
    lab.subscribe(again, "room");
    lab.unsubscribe(again, "room");
    lab.publish(carol, "room", "1");
    lab.advance(20_000);
    assert_eq!(lab.heard(again), ["ack s", "ack u"]);
}

#[test]
fn w045_a_member_gets_messages_from_its_ack_on() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.subscribe(alice, "room");
    lab.publish(bob, "room", "1");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(alice), ["ack s", "message room bob 1", "room:"]);
}

#[test]
fn w089_subscribing_and_unsubscribing_within_the_pause_is_nobodys_business() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice], "room");
    lab.subscribe(bob, "room");
    lab.unsubscribe(bob, "room");
    lab.subscribe(bob, "room");
    lab.advance(PAUSE - 1);
    lab.unsubscribe(bob, "room");
    lab.advance(1_000);
    assert!(lab.heard(alice).is_empty());
    assert_eq!(lab.heard(bob), ["ack s", "ack u", "ack s", "ack u"]);
}

#[test]
fn a_subscription_given_back_and_taken_again_waits_for_its_own_pause() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    lab.subscribe(alice, "room");
    lab.advance(10);
    lab.unsubscribe(alice, "room");
    lab.subscribe(alice, "room");
    lab.advance(PAUSE - 1);
    assert_eq!(lab.heard(alice), ["ack s", "ack u", "ack s"]);
    lab.advance(1);
    assert_eq!(lab.heard(alice), ["room:"]);
}

#[test]
fn members_of_many_rooms_leave_in_any_order_and_nobody_loses_its_place() {
    let mut lab = Lab::new();
    let peers: Vec<_> = (0..8).map(|number| lab.connect(&format!("p{number}"))).collect();
    for room in ["a", "b", "c"] {
        lab.join(&peers, room);
    }
    lab.unsubscribe(peers[0], "b");
    lab.close(peers[3]);
    lab.unsubscribe(peers[6], "b");
    lab.lose(peers[1]);
    lab.deafen();
    lab.publish(peers[0], "b", "1");
    for (at, peer) in peers.iter().enumerate() {
        let expected: &[&str] = if [2, 4, 5, 7].contains(&at) { &["message b p0 1"] } else { &[] };
        assert_eq!(
            lab.heard(*peer).into_iter().filter(|heard| heard != "ack p").collect::<Vec<_>>(),
            expected
        );
    }
}

#[test]
fn inputs_of_a_connection_that_is_gone_do_nothing() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.close(alice);
    let successor = lab.connect("carol");
    lab.text(alice, r#"{"type":"publish","channel":"room","data":1}"#);
    lab.binary(alice);
    lab.text(successor, r#"{"type":"ping","requestId":"i"}"#);
    assert_eq!(lab.heard(bob), ["room: -alice"]);
    assert_eq!(lab.heard(successor), ["pong i"]);
}
