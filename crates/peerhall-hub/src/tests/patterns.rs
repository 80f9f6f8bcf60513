//! Pattern subscriptions (wire protocol, section 11.3).

use super::lab::{Lab, Login, PAUSE};

#[test]
fn w090_a_key_with_one_pattern_opens_what_it_matches() {
    let table: [(&str, &[&str], &[&str]); 7] = [
        ("room-*", &["room-42", "room-", "room-a-b"], &["admin-1", "room-1/x", "Room-1", "xroom-1"]),
        ("*", &["room-1", "a"], &["a/b"]),
        ("app_abc/**", &["app_abc/room-1", "app_abc/sub/deep", "app_abc/"], &["app_abc", "app_abcd/x"]),
        ("devices/*/events", &["devices/7/events", "devices//events"], &["devices/7/8/events"]),
        ("a**z", &["az", "a/b/z"], &["azb"]),
        (r"a\\*", &[r"a\", r"a\x"], &["ab"]),
        ("a?c", &["a?c"], &["abc"]),
    ];
    let mut lab = Lab::new();
    for (pattern, inside, outside) in table {
        let alice = lab.enter(Login::new("alice").within(&[pattern]));
        for (names, answer) in [(inside, "ack s"), (outside, "error channel_not_authorized s")] {
            for name in names {
                lab.subscribe(alice, name);
                assert_eq!(lab.heard(alice), [answer], "{name} under {pattern}");
            }
        }
    }
}

#[test]
fn w094_a_pattern_subscriber_gets_the_messages_of_every_name_that_matches() {
    let mut lab = Lab::of(2);
    let watcher = lab.enter(Login::new("watcher").on(1));
    let sensor = lab.connect("sensor");
    lab.join(&[watcher], "fleet/*/t");
    lab.publish(sensor, "fleet/1/t", "1");
    lab.publish(sensor, "fleet/1/2/t", "2");
    lab.publish(sensor, "fleet/9/t", "3");
    assert_eq!(lab.heard(watcher), ["message fleet/1/t sensor 1", "message fleet/9/t sensor 3"]);
    lab.unsubscribe(watcher, "fleet/*/t");
    lab.publish(sensor, "fleet/1/t", "4");
    assert_eq!(lab.heard(watcher), ["ack u"]);
}

#[test]
fn w095_a_pattern_must_be_covered_by_the_scope() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").within(&["fleet/*/t", "room-1"]));
    for (pattern, answer) in [
        ("fleet/*/t", "ack s"),
        ("fleet/1*/t", "ack s"),
        ("fleet/**", "error channel_not_authorized s"),
        ("fleet/**/t", "error channel_not_authorized s"),
        ("room-*", "error channel_not_authorized s"),
    ] {
        lab.subscribe(alice, pattern);
        assert_eq!(lab.heard(alice), [answer], "{pattern}");
    }
}

#[test]
fn w096_name_and_patterns_together_give_one_copy() {
    let mut lab = Lab::of(2);
    let bob = lab.enter(Login::new("bob").metadata("{}"));
    for shard in [0, 1] {
        let alice = lab.enter(Login::new("alice").on(shard));
        lab.join(&[alice], "room-1");
        lab.join(&[alice], "room-*");
        lab.join(&[alice], "**");
        lab.publish(bob, "room-1", "1");
        assert_eq!(lab.heard(alice), ["message room-1 bob 1"]);
        lab.text(alice, r#"{"type":"subscribe","channel":"*","includeSenderMetadata":true}"#);
        lab.advance(PAUSE);
        lab.deafen();
        lab.publish(bob, "room-1", "2");
        assert_eq!(lab.heard(alice), ["message room-1 bob 2 {}"], "any matching subscription may ask");
    }
}

#[test]
fn w097_a_pattern_subscriber_is_in_no_roster_and_gets_an_empty_snapshot() {
    let mut lab = Lab::new();
    let [alice, watcher, bob] = ["alice", "watcher", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice], "room-1");
    lab.subscribe(watcher, "room-*");
    assert_eq!(lab.heard(watcher), ["ack s"]);
    lab.advance(PAUSE);
    assert_eq!(lab.heard(watcher), ["room-*:"]);
    lab.enter_room(bob, "room-1");
    assert_eq!(lab.heard(bob), ["ack s", "room-1: +alice"]);
    lab.lose(watcher);
    assert_eq!(lab.heard(alice), ["room-1: +bob"]);
    assert!(lab.heard(watcher).is_empty());
}

#[test]
fn w098_publishing_to_a_starred_name_is_literal() {
    let mut lab = Lab::new();
    let [literal, pattern, bob] = ["literal", "pattern", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[literal], "room-1");
    lab.join(&[pattern], "room-*");
    lab.publish(bob, "room-*", "1");
    assert_eq!(lab.heard(pattern), ["message room-* bob 1"], "the name matches itself");
    assert!(lab.heard(literal).is_empty());
}

#[test]
fn a_publisher_that_watches_its_own_channel_gets_no_copy() {
    let mut lab = Lab::new();
    let [alice, also_alice] = ["alice", "alice"].map(|peer| lab.connect(peer));
    lab.join(&[alice, also_alice], "room-*");
    lab.publish(alice, "room-1", "1");
    assert_eq!(lab.heard(alice), ["ack p"]);
    assert_eq!(lab.heard(also_alice), ["message room-1 alice 1"]);
}

#[test]
fn patterns_leave_nothing_behind() {
    let mut lab = Lab::of(3);
    let watchers: Vec<_> = (0..3).map(|shard| lab.enter(Login::new("watcher").on(shard))).collect();
    for pattern in ["a*", "b*", "**"] {
        lab.join(&watchers, pattern);
    }
    lab.unsubscribe(watchers[0], "b*");
    let sensor = lab.connect("sensor");
    lab.publish(sensor, "b1", "1");
    assert!(lab.heard(watchers[0]).ends_with(&["message b1 sensor 1".to_owned()]), "by `**`");
    assert_eq!(lab.heard(watchers[1]), ["message b1 sensor 1"]);
    for who in watchers.into_iter().chain([sensor]) {
        lab.lose(who);
    }
    lab.assert_empty();
}
