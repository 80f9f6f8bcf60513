//! Who is told that somebody knows labelled channels, and who is left alone.

use peerhall_sim::{Lab, LabOptions, VendorKind as Kind};

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
