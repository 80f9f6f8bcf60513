//! Back after a lost connection.

use peerhall_core::{PeerState, RemoteState};
use peerhall_sim::{Lab, LabOptions, Tamper, What, Wish};
use serde_json::json;

use crate::common::{Frames, SECOND, connected_pair, pair, seconds_after};

#[test]
fn r01_a_swap_tells_one_reset_for_each_survivor_and_the_connection_is_the_new_one() {
    let (mut lab, alice, _) = connected_pair();
    let carol = lab.peer("carol");
    lab.join(carol, "room");
    lab.run_for(SECOND);
    lab.clear_seen();
    let before = [lab.remote(alice, "bob").unwrap(), lab.remote(alice, "carol").unwrap()];
    lab.on_event(alice, |seen, peer, _| {
        if let What::Remote { key, event: peerhall_core::RemoteEvent::ConnectionReset { link }, .. } =
            &seen.what
        {
            assert_eq!(peer.remote(*key).unwrap().link, *link);
        }
        Vec::new()
    });
    lab.cut(alice);
    lab.run_for(SECOND * 5);
    for old in before {
        let now = lab.remote(alice, old.id.as_str()).unwrap();
        assert_eq!(lab.count_seen(alice, &format!("{} connection-reset", old.id)), 1);
        assert_eq!(now.key, old.key, "r51: the remote peer is the same");
        assert_ne!(now.link, old.link);
    }
}

#[test]
fn r02_the_first_connection_is_no_reset() {
    let (mut lab, alice, bob) = pair();
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.run_for(SECOND * 2);
    assert!(!lab.has_seen(alice, "bob connection-reset") && !lab.has_seen(bob, "alice connection-reset"));
}

fn open_at(
    word: &'static str,
) -> impl FnMut(&peerhall_sim::Seen, &mut peerhall_core::Peer<serde_json::Value>, peerhall_core::Time) -> Vec<Wish>
{
    move |seen, peer, _| {
        if seen.to_string() == word {
            let remote = peer.remotes()[0].key;
            return vec![Wish::OpenChannel { remote, label: "chat".to_owned() }];
        }
        Vec::new()
    }
}

#[test]
fn r03_a_channel_made_at_the_reset_opens_without_any_media() {
    let (mut lab, alice, bob) = pair();
    lab.on_event(alice, open_at("bob connection-reset"));
    lab.cut(alice);
    lab.run_for(SECOND * 5);
    assert!(lab.has_seen(alice, "channel chat open") && lab.has_seen(bob, "channel chat open"));
    assert!(lab.is_connected(alice, "bob"));
}

#[test]
fn r04_a_channel_made_at_peer_joined_connects_without_any_media() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
    lab.on_event(alice, open_at("peer-joined bob"));
    lab.join(alice, "room");
    lab.join(bob, "room");
    lab.run_for(SECOND * 2);
    assert_eq!(lab.remote(bob, "alice").unwrap().state, RemoteState::Connected);
    assert!(lab.has_seen(alice, "channel chat open"));
}

#[test]
fn r05_recovery_without_media_works_end_to_end() {
    let (mut lab, alice, bob) = pair();
    let remote = lab.remote(alice, "bob").unwrap().key;
    let channel = lab.open_channel(alice, remote, "chat").unwrap();
    lab.with_peer(alice, |peer, _| peer.keep_channel(remote, channel));
    lab.run_for(SECOND);
    for who in [alice, bob, alice] {
        lab.clear_seen();
        lab.cut(who);
        lab.run_for(SECOND * 5);
        assert!(lab.send_on(channel, "still there?"), "the channel asked to be opened again");
        lab.run_for(SECOND);
        assert!(lab.has_seen(bob, "channel message still there?"));
        assert!(lab.is_connected(alice, "bob") && lab.is_connected(bob, "alice"));
    }
}

#[test]
fn r12_r36_a_missing_roster_is_asked_for_twice_and_then_told_with_an_advice_that_works() {
    let (mut lab, alice, _) = pair();
    lab.on_down(|_, frame| if frame["type"] == "presence" { Tamper::Drop } else { Tamper::Pass });
    let frames = Frames::listen(&mut lab);
    lab.cut(alice);
    assert!(lab.run_until(SECOND * 5, |_| frames.of(alice).contains(&"subscribe".to_owned())));
    let welcomed = lab.now();
    assert!(lab.run_until(SECOND * 60, |lab| lab.has_seen(alice, "error ReconcileTimeoutError")));
    let after = (lab.now() - welcomed).as_secs_f64();
    assert!((29.9..30.1).contains(&after), "{after}");
    assert_eq!(frames.of(alice).iter().filter(|word| *word == "subscribe").count(), 3);
    let advice = lab.seen(alice).iter().find_map(|seen| {
        if let What::Peer(peerhall_core::PeerEvent::Error(error)) = &seen.what {
            Some(error.message.clone())
        } else {
            None
        }
    });
    assert!(advice.unwrap().contains("make a new one"));
    assert_eq!(lab.state(alice), PeerState::Reconnecting);
    // A late snapshot still completes.
    lab.stop_tampering();
    lab.inject(
        alice,
        &json!({"type": "presence", "channel": "room", "joined": [{"peerId": "bob"}], "left": []})
            .to_string(),
    );
    lab.run_for(SECOND);
    assert_eq!(lab.state(alice), PeerState::Joined);
}

#[test]
fn a_roster_that_never_comes_ends_the_peer() {
    let (mut lab, alice, _) = pair();
    lab.on_down(|_, frame| if frame["type"] == "presence" { Tamper::Drop } else { Tamper::Pass });
    lab.cut(alice);
    lab.run_for(SECOND * 600);
    assert_eq!(lab.state(alice), PeerState::Closed);
    assert_eq!(lab.count_seen(alice, "error ReconcileTimeoutError"), 1);
}

#[test]
fn r22_a_peer_alone_is_joined_again_right_at_the_welcome() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let alice = lab.peer("alice");
    lab.join(alice, "room");
    lab.run_for(SECOND);
    lab.on_down(|_, frame| if frame["type"] == "presence" { Tamper::Drop } else { Tamper::Pass });
    lab.clear_seen();
    lab.cut(alice);
    lab.run_for(SECOND * 2);
    assert_eq!(lab.words(alice), ["state reconnecting", "state joined"]);
}

#[test]
fn a_lone_peer_whose_subscription_is_lost_asks_again_until_it_holds() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let alice = lab.peer("alice");
    lab.join(alice, "room");
    lab.run_for(SECOND);
    lab.on_up(|_, frame| {
        if frame["type"] == "subscribe" { Tamper::Refuse("backend_error".to_owned()) } else { Tamper::Pass }
    });
    lab.cut(alice);
    lab.run_for(SECOND * 25);
    assert!(lab.members("room").is_empty());
    lab.stop_tampering();
    lab.run_for(SECOND * 60);
    assert_eq!((lab.state(alice), lab.members("room")), (PeerState::Joined, vec!["alice".to_owned()]));
}

#[test]
fn r25_a_remote_that_never_negotiated_stays_idle_over_a_drop() {
    let (mut lab, alice, _) = pair();
    lab.cut(alice);
    lab.run_for(SECOND * 5);
    assert_eq!(lab.remote(alice, "bob").unwrap().state, RemoteState::Idle);
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.run_for(SECOND);
    let states: Vec<_> = lab.words(alice).into_iter().filter(|word| word.starts_with("bob c")).collect();
    assert_eq!(states, ["bob connection-reset", "bob connecting", "bob connected"]);
}

#[test]
fn r44_a_track_that_cannot_be_attached_to_one_does_not_stop_the_others() {
    let (mut lab, alice, _) = connected_pair();
    let carol = lab.peer("carol");
    lab.join(carol, "room");
    lab.run_for(SECOND);
    lab.refuse_attach(alice, true);
    lab.cut(alice);
    lab.run_for(SECOND * 3);
    assert_eq!(lab.state(alice), PeerState::Joined);
    assert_eq!(lab.remotes(alice), ["bob", "carol"]);
    assert_eq!(lab.count_seen(alice, "carol connection-reset"), 1);
    assert!(lab.has_seen(alice, "bob negotiation-error NotSupportedError"));
}

#[test]
fn r51_r52_r53_r54_survivors_get_media_and_metadata_again_and_nothing_is_called_removed() {
    let (mut lab, alice, bob) = connected_pair();
    let frames = Frames::listen(&mut lab);
    lab.cut(alice);
    lab.run_for(SECOND * 5);
    assert_eq!(
        lab.words(bob),
        [
            "alice reconnecting",
            "alice connection-reset",
            "alice track video {\"role\":\"cam\"}",
            "alice stream-added stream {\"role\":\"cam\"}",
            "alice connected",
        ]
    );
    assert_eq!(
        lab.words(alice),
        ["bob reconnecting", "state reconnecting", "bob connection-reset", "state joined", "bob connected"]
    );
    let sent: Vec<_> = frames.of(alice).into_iter().filter(|word| word != "rtc-ice").collect();
    assert_eq!(sent, ["subscribe", "rtc-reset", "metadata", "offer"]);
}

#[test]
fn a_reconnect_with_a_departure_two_survivors_and_a_newcomer_is_told_in_its_order() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let people: Vec<_> = ["alice", "bob", "carol", "dave"].map(|name| lab.peer(name)).into();
    for who in &people {
        lab.join(*who, "room");
    }
    lab.add_track(people[0], "camera", Some("stream"), Some(json!({"role": "cam"})));
    lab.run_for(SECOND * 2);
    lab.clear_seen();
    let alice = people[0];
    lab.set_dialling_of(alice, Some(peerhall_sim::Dialling::Refused(None)));
    lab.cut(alice);
    lab.run_for(SECOND);
    lab.close(people[1]);
    let eve = lab.peer("eve");
    lab.join(eve, "room");
    lab.run_for(SECOND);
    lab.set_dialling_of(alice, None);
    let frames = Frames::listen(&mut lab);
    assert!(lab.run_until(SECOND * 20, |lab| lab.state(alice) == PeerState::Joined));
    let mut words = lab.words(alice);
    // The roster has no order that a client could rely on.
    words[6..9].sort();
    assert_eq!(
        words,
        [
            "bob reconnecting",
            "carol reconnecting",
            "dave reconnecting",
            "state reconnecting",
            "bob closed",
            "peer-left bob",
            "carol connection-reset",
            "dave connection-reset",
            "peer-joined eve",
            "state joined",
        ]
    );
    lab.run_for(SECOND);
    let sent: Vec<_> = frames.of(alice).into_iter().filter(|word| !word.starts_with("rtc")).collect();
    assert_eq!(sent, ["subscribe", "metadata", "metadata", "metadata", "offer", "offer", "offer"]);
}

#[test]
fn r55_metadata_survives_a_drop_on_the_receivers_side() {
    // The vendor's SDK tells of its tracks once, and a drop that it does not see tells it nothing.
    let mut lab = Lab::new(LabOptions::seeded(5));
    let bob = lab.peer("bob");
    lab.join(bob, "room");
    let alice = lab.vendor("alice", peerhall_sim::VendorKind::Js, "room");
    lab.run_for(SECOND);
    lab.try_add_track(alice, "camera", Some("stream"), Some(json!({"role": "cam"}))).unwrap();
    lab.run_for(SECOND * 2);
    assert!(lab.has_seen(bob, "alice track video {\"role\":\"cam\"}"));
    lab.clear_seen();
    // It tells nothing again, whatever it does.
    lab.on_up(
        |_, frame| {
            if frame["data"].get("__meteredTrackMeta").is_some() { Tamper::Drop } else { Tamper::Pass }
        },
    );
    lab.cut(bob);
    lab.run_for(SECOND * 5);
    assert!(lab.has_seen(bob, "alice stream-added stream {\"role\":\"cam\"}"), "{:?}", lab.words(bob));
}

#[test]
fn r67_a_welcome_without_a_list_keeps_the_old_one_and_an_empty_list_replaces_it() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
    let list = json!([{"urls": "stun:stun.example.org"}]);
    lab.tokens(alice).claims.insert("metadata".to_owned(), json!({"iceServers": list}));
    lab.join(alice, "room");
    lab.join(bob, "room");
    lab.run_for(SECOND);
    assert_eq!(lab.ice_servers(alice, "bob"), Some(1));
    lab.tokens(alice).claims.remove("metadata");
    lab.cut(alice);
    lab.run_for(SECOND * 3);
    assert_eq!(lab.ice_servers(alice, "bob"), Some(1));
    lab.tokens(alice).claims.insert("metadata".to_owned(), json!({"iceServers": []}));
    lab.cut(alice);
    lab.run_for(SECOND * 3);
    assert_eq!(lab.ice_servers(alice, "bob"), Some(0));
}

#[test]
fn renewed_ice_servers_are_those_of_live_connections_too_and_none_is_made_anew_for_them() {
    let list = |count: usize| json!(vec![json!({"urls": "stun:stun.example.org"}); count]).to_string();
    let options = LabOptions::seeded(5).ice_servers(&list(1)).renewed_ice_servers(SECOND * 30, &list(2));
    let mut lab = Lab::new(options);
    let (alice, bob, carol) = (lab.peer("alice"), lab.peer("bob"), lab.peer("carol"));
    lab.join(alice, "room");
    lab.join(bob, "room");
    lab.run_for(SECOND * 20);
    assert_eq!(lab.ice_servers(alice, "bob"), Some(1));
    lab.run_for(SECOND * 25);
    assert_eq!(lab.ice_servers(alice, "bob"), Some(2), "for its next restart of ICE");
    lab.join(carol, "room");
    lab.run_for(SECOND * 2);
    assert_eq!(lab.ice_servers(alice, "carol"), Some(2), "with the new list");
    assert_eq!(lab.count_seen(alice, "bob connection-reset"), 0);
    assert!(lab.broken().is_empty());
}

#[test]
fn r78_close_in_a_peer_left_handler_during_a_reconcile_builds_no_further_connection() {
    let (mut lab, alice, _) = connected_pair();
    let carol = lab.peer("carol");
    lab.join(carol, "room");
    lab.run_for(SECOND);
    lab.set_dialling_of(alice, Some(peerhall_sim::Dialling::Refused(None)));
    lab.cut(alice);
    lab.run_for(SECOND / 2);
    lab.close(carol);
    lab.run_for(SECOND);
    lab.on_event(alice, |seen, peer, now| {
        if seen.to_string() == "peer-left carol" {
            peer.close(now, None);
        }
        Vec::new()
    });
    lab.clear_seen();
    lab.set_dialling_of(alice, None);
    lab.run_for(SECOND * 20);
    assert_eq!(lab.state(alice), PeerState::Closed);
    assert_eq!(lab.count_seen(alice, "bob connection-reset"), 0);
    assert_eq!(lab.count_seen(alice, "peer-left bob"), 1);
    assert!(lab.broken().is_empty());
}

#[test]
fn a_peer_that_drops_is_not_called_gone_and_one_that_stays_away_is_soon_after_16_seconds() {
    let (mut lab, alice, bob) = connected_pair();
    lab.set_dialling_of(alice, Some(peerhall_sim::Dialling::Refused(None)));
    lab.cut(alice);
    let cut = lab.now();
    lab.run_for(SECOND * 60);
    let gone = seconds_after(cut, &lab.times_seen(bob, "peer-left alice"));
    assert_eq!(gone.len(), 1);
    assert!((15.9..17.5).contains(&gone[0]), "{gone:?}");
}

#[test]
fn whoever_does_not_hear_the_server_calls_nobody_gone() {
    let (mut lab, alice, bob) = connected_pair();
    lab.cut(alice);
    lab.run_for(SECOND / 10);
    assert!(lab.has_seen(bob, "alice reconnecting"));
    // Bob's own connection dies in silence, and with it the word of alice's return.
    lab.stall(bob);
    lab.run_for(SECOND * 40);
    assert!(!lab.words(bob).iter().any(|word| word.starts_with("peer-left")), "{:?}", lab.words(bob));
    assert_eq!(lab.state(bob), PeerState::Joined);
    assert!(lab.is_connected(bob, "alice") && lab.is_connected(alice, "bob"));
}

#[test]
fn a_server_that_crashes_and_comes_back_loses_nobody() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let people: Vec<_> = (0..12).map(|n| lab.peer(&format!("p{n}"))).collect();
    for who in &people {
        lab.join(*who, "room");
    }
    lab.run_for(SECOND * 2);
    lab.clear_seen();
    lab.crash();
    lab.run_for(SECOND * 3);
    lab.start_server();
    lab.run_for(SECOND * 60);
    for who in people {
        assert_eq!((lab.state(who), lab.remotes(who).len()), (PeerState::Joined, 11));
        assert!(!lab.words(who).iter().any(|word| word.starts_with("peer-left")), "{:?}", lab.words(who));
    }
}
