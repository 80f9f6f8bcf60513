//! Who is told that somebody knows labelled channels, and who is left alone.

use peerhall_sim::{ActorId, Lab, LabOptions, VendorKind as Kind};

use crate::common::{Frames, SECOND, connected_pair, pair};

#[test]
fn two_that_know_labels_learn_it_with_the_first_descriptions_and_once() {
    let (mut lab, alice, bob) = pair();
    for peer in [alice, bob] {
        lab.with_peer(peer, |peer, _| peer.know_labels());
    }
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.run_for(SECOND);
    lab.add_track(bob, "screen", Some("screen"), None);
    lab.run_for(SECOND);
    assert_eq!((lab.count_seen(alice, "bob labelled"), lab.count_seen(bob, "alice labelled")), (1, 1));
    // Another connection may be another client's.
    lab.with_peer(alice, |peer, now| peer.drop_connection(now));
    lab.run_for(SECOND * 20);
    assert!(lab.is_connected(alice, "bob"));
    assert_eq!((lab.count_seen(alice, "bob labelled"), lab.count_seen(bob, "alice labelled")), (2, 2));
}

#[test]
fn one_that_knows_labels_alone_is_told_of_nobody() {
    let (mut lab, alice, bob) = pair();
    lab.with_peer(alice, |peer, _| peer.know_labels());
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.add_track(bob, "screen", Some("screen"), None);
    lab.run_for(SECOND);
    assert!(lab.is_connected(alice, "bob"));
    assert_eq!((lab.count_seen(alice, "bob unlabelled"), lab.count_seen(alice, "bob labelled")), (1, 0));
    assert!(!lab.words(bob).iter().any(|word| word.contains("labelled")), "who does not ask is not told");
}

#[test]
fn without_labels_descriptions_look_as_before() {
    let (mut lab, alice, _) = connected_pair();
    let frames = Frames::listen(&mut lab);
    lab.add_track(alice, "second", Some("stream"), None);
    lab.run_for(SECOND);
    let heard = frames.0.borrow();
    assert!(heard.iter().any(|(_, frame)| frame.to_string().contains("rtc-description")));
    assert!(!heard.iter().any(|(_, frame)| frame.to_string().contains("\"ph\"")));
}

#[test]
fn l16_a_vendors_peer_is_undisturbed_by_one_that_knows_labels() {
    for kind in [Kind::Js, Kind::Python] {
        let mut lab = Lab::new(LabOptions::seeded(5));
        let alice = lab.peer("alice");
        lab.with_peer(alice, |peer, _| peer.know_labels());
        lab.join(alice, "room");
        lab.run_for(SECOND);
        let victor = lab.vendor("victor", kind, "room");
        lab.add_track(alice, "camera", Some("stream"), None);
        lab.add_track(victor, "screen", Some("theirs"), None);
        lab.run_for(SECOND * 5);
        assert!(lab.is_connected(alice, "victor"), "{kind:?}");
        assert!(lab.has_seen(alice, "victor stream-added theirs"), "{kind:?}: {:?}", lab.words(alice));
        assert_eq!(lab.count_seen(alice, "victor unlabelled"), 1, "{kind:?}");
    }
}

/// Two that know the way through the server, with a description of each other's.
fn pair_with_detours() -> (Lab, ActorId, ActorId) {
    let (mut lab, alice, bob) = pair();
    for peer in [alice, bob] {
        lab.with_peer(peer, |peer, _| {
            peer.know_labels();
            peer.offer_detours();
        });
    }
    lab.add_track(alice, "camera", Some("stream"), None);
    (lab, alice, bob)
}

#[test]
fn labelled_data_is_sent_through_the_server_while_there_is_no_path_and_no_longer() {
    let (mut lab, alice, bob) = pair_with_detours();
    lab.block_media(alice, bob, true);
    lab.run_for(SECOND * 29);
    assert_eq!(lab.count_seen(alice, "bob detour"), 0);
    lab.run_for(SECOND * 2);
    for (who, other) in [(alice, "bob"), (bob, "alice")] {
        assert_eq!(lab.count_seen(who, &format!("{other} detour")), 1, "{:?}", lab.words(who));
    }
    let bobs = lab.remote(alice, "bob").expect("is here").key;
    lab.with_peer(alice, |peer, now| peer.carry(now, bobs, "AQID".to_owned())).expect("taken");
    lab.run_for(SECOND);
    assert_eq!(lab.count_seen(bob, "alice carried AQID"), 1);
    lab.block_media(alice, bob, false);
    lab.with_peer(alice, |peer, now| peer.network_available(now));
    lab.run_for(SECOND * 60);
    assert!(lab.is_connected(alice, "bob"));
    for (who, other) in [(alice, "bob"), (bob, "alice")] {
        assert_eq!(lab.count_seen(who, &format!("{other} no-detour")), 1, "{:?}", lab.words(who));
    }
}

#[test]
fn a_lost_connection_is_waited_for_as_long_as_a_first_one_also_over_a_reconnect() {
    let (mut lab, alice, bob) = pair_with_detours();
    lab.run_for(SECOND * 5);
    assert!(lab.is_connected(alice, "bob"));
    lab.block_media(alice, bob, true);
    lab.run_for(SECOND * 60);
    assert_eq!(lab.count_seen(alice, "bob detour"), 1, "{:?}", lab.words(alice));
    lab.cut(alice);
    lab.run_for(SECOND * 20);
    assert_eq!((lab.count_seen(alice, "bob detour"), lab.count_seen(alice, "bob no-detour")), (1, 0));
}

#[test]
fn one_that_does_not_know_the_way_through_the_server_is_sent_nothing_there() {
    let (mut lab, alice, bob) = pair();
    for peer in [alice, bob] {
        lab.with_peer(peer, |peer, _| peer.know_labels());
    }
    lab.with_peer(alice, |peer, _| peer.offer_detours());
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.block_media(alice, bob, true);
    lab.run_for(SECOND * 120);
    assert_eq!(lab.count_seen(alice, "bob detour") + lab.count_seen(bob, "alice detour"), 0);
    let bobs = lab.remote(alice, "bob").expect("is here").key;
    lab.with_peer(alice, |peer, now| peer.carry(now, bobs, "AQID".to_owned())).expect("taken");
    lab.run_for(SECOND);
    assert_eq!(lab.count_seen(bob, "alice carried AQID"), 0, "it would not know what to do with it");
}

#[test]
fn much_labelled_data_stays_below_the_servers_rate_and_leaves_room_for_negotiation() {
    let (mut lab, alice, bob) = pair_with_detours();
    lab.run_for(SECOND * 5);
    let bobs = lab.remote(alice, "bob").expect("is here").key;
    for _ in 0..500 {
        lab.with_peer(alice, |peer, now| peer.carry(now, bobs, "AQID".to_owned())).expect("taken");
    }
    lab.run_for(SECOND);
    lab.add_track(alice, "screen", Some("screen"), None);
    lab.run_for(SECOND);
    assert!(lab.has_seen(bob, "alice stream-added screen"), "before the rest of the data");
    assert!(lab.count_seen(bob, "alice carried AQID") < 500);
    lab.run_for(SECOND * 10);
    assert_eq!(lab.count_seen(bob, "alice carried AQID"), 500);
    assert_eq!(lab.sockets_opened(alice), 1, "cut off for sending too fast");
}
