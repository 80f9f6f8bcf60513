//! Who hears of whom and when (wire protocol, sections 9.1 to 9.3).

use std::time::Duration;

use super::lab::{Heard, Lab, Login, PAUSE};
use crate::{Effect, HubConfig};

#[test]
fn w070_a_lone_subscriber_gets_an_empty_snapshot() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    lab.subscribe(alice, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(alice), ["ack s", "room:"]);
}

#[test]
fn w071_the_snapshot_follows_the_ack_after_20_ms() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    let start = lab.now();
    lab.subscribe(alice, "room");
    lab.advance(1_000);
    let times: Vec<u64> = lab.hear_with_time(alice).iter().map(|(at, _)| at - start).collect();
    assert_eq!(times, [0, 20]);
}

#[test]
fn the_pause_is_a_setting_and_our_own_clients_get_none() {
    let mut lab = Lab::with(HubConfig { pause: Duration::from_millis(300), ..HubConfig::default() }, 1);
    let (foreign, ours) = (lab.connect("foreign"), lab.enter(Login::new("ours").ours()));
    lab.subscribe(foreign, "room");
    lab.subscribe(ours, "room");
    assert_eq!(lab.heard(ours), ["ack s", "room:"]);
    lab.advance(299);
    assert_eq!(lab.heard(foreign), ["ack s"]);
    lab.advance(1);
    assert_eq!(lab.heard(foreign), ["room: +ours"]);
    assert_eq!(lab.heard(ours), ["room: +foreign"]);

    let mut lab = Lab::with(HubConfig { pause: Duration::ZERO, ..HubConfig::default() }, 1);
    let foreign = lab.connect("foreign");
    lab.subscribe(foreign, "room");
    assert_eq!(lab.heard(foreign), ["ack s", "room:"]);
}

#[test]
fn w073_w074_the_snapshot_lists_everybody_and_the_others_hear_of_the_newcomer() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").metadata(r#"{"n":1}"#));
    let bob = lab.connect("bob");
    lab.join(&[alice, bob], "room");
    let carol = lab.enter(Login::new("carol").metadata(r#"{"n":3}"#));
    lab.subscribe(carol, "room");
    lab.advance(1_000);
    assert_eq!(lab.heard(carol), ["ack s", r#"room: +alice{"n":1} +bob"#]);
    assert_eq!(lab.heard(alice), [r#"room: +carol{"n":3}"#]);
    assert_eq!(lab.heard(bob), [r#"room: +carol{"n":3}"#]);
}

#[test]
fn w075_w076_the_snapshot_is_queued_before_the_announcement() {
    let mut lab = Lab::new();
    let (alice, bob) = (lab.enter(Login::new("alice").ours()), lab.enter(Login::new("bob").ours()));
    lab.join(&[alice], "room");
    let mut effects = Vec::new();
    let subscribe = r#"{"type":"subscribe","channel":"room"}"#;
    let (alice, bob) = (lab.place(alice).1, lab.place(bob).1);
    lab.on(0, |hub, now| {
        hub.text(bob, subscribe, now);
        hub.end_turn(now);
        hub.take_effects(&mut effects);
    });
    let receivers: Vec<_> = effects
        .iter()
        .filter_map(|effect| if let Effect::Send { conn, .. } = effect { Some(*conn) } else { None })
        .collect();
    assert_eq!(receivers, [bob, alice]);
}

#[test]
fn w077_twenty_that_come_together_learn_of_each_other_exactly_once() {
    for apart_ms in [0, 1, 7] {
        let mut lab = Lab::of(3);
        let peers: Vec<_> =
            (0..20).map(|number| lab.enter(Login::new(&format!("p{number}")).on(number % 3))).collect();
        for peer in &peers {
            lab.subscribe(*peer, "room");
            lab.advance(apart_ms);
        }
        lab.advance(1_000);
        for (at, peer) in peers.iter().enumerate() {
            let mut known: Vec<String> = lab.hear(*peer).into_iter().flat_map(joined_of).collect();
            known.sort();
            let mut others: Vec<String> =
                (0..20).filter(|other| *other != at).map(|other| format!("p{other}")).collect();
            others.sort();
            assert_eq!(known, others, "{apart_ms} ms apart");
        }
    }
}

fn joined_of(heard: Heard) -> Vec<String> {
    let Heard::Presence { joined, .. } = heard else { return Vec::new() };
    joined.into_iter().map(|entry| entry.peer).collect()
}

#[test]
fn w078_whoever_comes_and_goes_in_the_pause_is_folded_into_the_snapshot() {
    let mut lab = Lab::new();
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.subscribe(carol, "room");
    lab.advance(10);
    lab.subscribe(dave, "room");
    lab.lose(alice);
    lab.unsubscribe(bob, "room");
    lab.advance(10);
    assert_eq!(lab.heard(carol), ["ack s", "room:"]);
    lab.advance(10);
    assert_eq!(lab.heard(carol), ["room: +dave"]);
    assert_eq!(lab.heard(dave), ["ack s", "room: +carol"]);
}

#[test]
fn w078_a_member_that_subscribes_again_hears_nothing_until_its_snapshot() {
    let mut lab = Lab::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.subscribe(carol, "room");
    lab.advance(10);
    lab.subscribe(alice, "room");
    lab.advance(10);
    lab.close(bob);
    assert_eq!(lab.heard(alice), ["ack s"]);
    lab.advance(10);
    assert_eq!(lab.heard(alice), ["room: +carol"]);
}

#[test]
fn w079_unsubscribe_gives_the_others_left_and_the_leaver_its_ack() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.unsubscribe(bob, "room");
    assert_eq!(lab.heard(alice), ["room: -bob"]);
    assert_eq!(lab.heard(bob), ["ack u"]);
}

#[test]
fn w080_every_end_gives_the_others_left_at_once() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    let [clean, lost] = ["clean", "lost"].map(|peer| lab.connect(peer));
    lab.join(&[alice, clean, lost], "room");
    lab.close(clean);
    lab.lose(lost);
    assert_eq!(lab.heard(alice), ["room: -clean", "room: -lost!"]);
}

#[test]
fn w082_w083_a_peer_is_one_however_many_connections_it_has() {
    let mut lab = Lab::of(2);
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    let (second, third) = (lab.connect("bob"), lab.enter(Login::new("bob").on(1)));
    lab.join(&[alice, bob], "room");
    lab.subscribe(second, "room");
    lab.subscribe(third, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(second), ["ack s", "room: +alice"]);
    assert_eq!(lab.heard(third), ["ack s", "room: +alice"]);
    lab.lose(bob);
    lab.close(second);
    lab.unsubscribe(second, "room");
    assert!(lab.heard(alice).is_empty(), "others stay silent until the last connection goes");
    lab.close(third);
    assert_eq!(lab.heard(alice), ["room: -bob"]);
}

#[test]
fn metadata_of_a_peer_is_that_of_the_connection_announced_last() {
    let mut lab = Lab::new();
    let first = lab.enter(Login::new("bob").metadata(r#"{"n":1}"#));
    let last = lab.enter(Login::new("bob").metadata(r#"{"n":2}"#));
    let [alice, carol] = ["alice", "carol"].map(|peer| lab.connect(peer));
    lab.join(&[first], "room");
    lab.join(&[last], "room");
    lab.subscribe(alice, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(alice), ["ack s", r#"room: +bob{"n":2}"#]);
    lab.close(last);
    lab.subscribe(carol, "room");
    lab.advance(PAUSE);
    assert_eq!(lab.heard(carol), ["ack s", r#"room: +alice +bob{"n":1}"#]);
}

#[test]
fn w084_leaving_and_coming_back_are_two_frames_left_first() {
    let mut lab = Lab::new();
    let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").ours()));
    lab.join(&[alice, bob], "room");
    lab.batch(|lab| {
        lab.unsubscribe(bob, "room");
        lab.subscribe(bob, "room");
    });
    assert_eq!(lab.heard(alice), ["room: -bob", "room: +bob"]);
    lab.batch(|lab| {
        lab.lose(bob);
        let bob = lab.open(Login::new("bob").ours());
        lab.subscribe(bob, "room");
    });
    assert_eq!(lab.heard(alice), ["room: -bob!", "room: +bob"]);
}

#[test]
fn w085_without_the_action_presence_nobody_sees_and_nobody_is_seen() {
    let mut lab = Lab::new();
    let shadow = lab.enter(Login::new("shadow").may(&["subscribe", "publish", "send"]));
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, shadow], "room");
    lab.subscribe(bob, "room");
    lab.advance(PAUSE);
    lab.publish(bob, "room", "1");
    assert_eq!(lab.heard(shadow), ["message room bob 1"]);
    assert_eq!(lab.heard(bob), ["ack s", "room: +alice", "ack p"]);
    lab.deafen();
    lab.lose(shadow);
    lab.advance(20_000);
    assert!(lab.heard(alice).is_empty() && lab.heard(bob).is_empty());
}

#[test]
fn w088_after_a_reconnect_the_full_roster_is_the_first_presence_frame() {
    let mut lab = Lab::new();
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob, carol], "room");
    lab.lose(alice);
    let alice = lab.connect("alice");
    lab.subscribe(dave, "room");
    lab.advance(10);
    lab.subscribe(alice, "room");
    lab.advance(1_000);
    assert_eq!(lab.heard(alice), ["ack s", "room: +bob +carol +dave"]);
}

#[test]
fn w089_whoever_is_lost_within_the_pause_was_never_there() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice], "room");
    lab.subscribe(bob, "room");
    lab.lose(bob);
    lab.advance(20_000);
    assert!(lab.heard(alice).is_empty());
}

#[test]
fn w153_a_returning_peer_whose_partners_left_meanwhile_is_told_by_its_snapshot() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.lose(alice);
    lab.close(bob);
    let alice = lab.connect("alice");
    lab.subscribe(alice, "room");
    lab.advance(2_000);
    assert_eq!(lab.heard(alice), ["ack s", "room:"]);
}

#[test]
fn a_crowd_that_enters_together_gets_its_lists_in_steps_and_each_learns_of_all_others_once() {
    let mut lab = Lab::new();
    lab.snapshot_bytes = 2_000;
    let crowd: Vec<_> = (0..60).map(|n| lab.connect(&format!("peer-{n:02}"))).collect();
    lab.batch(|lab| crowd.iter().for_each(|who| lab.subscribe(*who, "room")));
    lab.advance(PAUSE);
    let mut steps = 0;
    for who in crowd {
        let heard = lab.heard(who);
        let frames = heard.iter().filter(|heard| heard.starts_with("room:"));
        steps = steps.max(frames.clone().count());
        let mut seen: Vec<&str> = frames.flat_map(|frame| frame.split(" +").skip(1)).collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((seen.len(), count), (59, 59), "each other one once");
    }
    assert!((5..60).contains(&steps), "{steps} steps");
}
