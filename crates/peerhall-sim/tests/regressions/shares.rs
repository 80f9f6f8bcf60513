//! Streams that are shared under labels.

use peerhall_core::{MAX_SHARES, ShareError, StateError};
use peerhall_sim::{ActorId, Lab};

use crate::common::{Frames, SECOND, connected_pair, pair};

/// Alice shares a picture with everybody, and bob has it.
fn sharing() -> (Lab, ActorId, ActorId) {
    let (mut lab, alice, bob) = pair();
    lab.share(alice, None, "camera", &["front"]).unwrap();
    lab.run_for(SECOND);
    assert!(
        lab.has_seen(bob, "alice stream-added share-camera {\"label\":\"camera\"}"),
        "{:?}",
        lab.words(bob)
    );
    lab.clear_seen();
    (lab, alice, bob)
}

#[test]
fn l13_another_track_of_the_kind_takes_the_place_without_negotiation_and_one_of_another_kind_comes_beside_it()
{
    let (mut lab, alice, bob) = sharing();
    let frames = Frames::listen(&mut lab);
    let change = lab.share(alice, None, "camera", &["back"]).unwrap();
    assert_eq!((change.gone.len(), change.unused.len()), (1, 0));
    lab.run_for(SECOND);
    assert_eq!(frames.of(alice), ["metadata", "metadata"], "the old id is void, and the new one is named");
    assert_eq!((lab.sends(alice, "bob"), lab.words(bob)), (vec!["back".to_owned()], Vec::new()));

    let change = lab.share(alice, None, "camera", &["back", "mic"]).unwrap();
    assert_eq!((change.gone.len(), change.unused.len()), (0, 1), "what stays is left alone");
    lab.run_for(SECOND);
    assert_eq!(lab.words(bob), ["alice track audio {\"label\":\"camera\"}"]);
    lab.clear_seen();
    lab.share(alice, None, "camera", &["mic"]).unwrap();
    lab.run_for(SECOND);
    assert_eq!((lab.sends(alice, "bob"), lab.words(bob)), (vec!["mic".to_owned()], Vec::new()));
    assert_eq!(lab.unshare(alice, None, "camera"), 1);
    lab.run_for(SECOND);
    assert_eq!(lab.words(bob), ["alice stream-removed share-camera"]);
    assert_eq!(lab.unshare(alice, None, "camera"), 0);
}

#[test]
fn l13_a_share_that_changes_faster_than_connections_answer_ends_as_what_was_wanted_last() {
    let (mut lab, alice, bob) = sharing();
    for name in ["back", "screen", "front", "last"] {
        lab.share(alice, None, "camera", &[name]).unwrap();
    }
    lab.run_for(SECOND);
    assert_eq!(lab.sends(alice, "bob"), ["last"]);
    lab.share(alice, None, "camera", &["front"]).unwrap();
    lab.unshare(alice, None, "camera");
    lab.run_for(SECOND);
    assert_eq!(lab.sends(alice, "bob"), Vec::<String>::new(), "what is unshared on its way is not sent");
    assert_eq!(lab.words(bob), ["alice stream-removed share-camera"]);
    lab.share(alice, None, "camera", &["back"]).unwrap();
    lab.share(alice, None, "camera", &["front"]).unwrap();
    lab.run_for(SECOND);
    assert_eq!(lab.sends(alice, "bob"), ["front"]);
}

#[test]
fn l13_a_track_that_cannot_take_anothers_place_gets_one_of_its_own() {
    let (mut lab, alice, bob) = sharing();
    let carol = lab.peer("carol");
    lab.join(carol, "room");
    lab.run_for(SECOND);
    lab.clear_seen();
    let carols = lab.remote(alice, "carol").unwrap().link;
    lab.refuse_replace(alice, carols, true);
    lab.share(alice, None, "camera", &["back"]).unwrap();
    lab.share(alice, None, "camera", &["screen"]).unwrap();
    lab.run_for(SECOND);
    assert_eq!(
        (lab.sends(alice, "bob"), lab.sends(alice, "carol")),
        (vec!["screen".to_owned()], vec!["screen".to_owned()])
    );
    assert_eq!(lab.words(bob), Vec::<String>::new());
    assert_eq!(
        lab.count_seen(carol, "alice track video {\"label\":\"camera\"}"),
        1,
        "{:?}",
        lab.words(carol)
    );
    lab.unshare(alice, None, "camera");
    lab.run_for(SECOND);
    assert_eq!(lab.sends(alice, "carol"), Vec::<String>::new());
}

#[test]
fn l13_l12_late_joiners_and_those_whose_connection_was_lost_get_what_is_shared_now() {
    let (mut lab, alice, bob) = sharing();
    lab.share(alice, None, "camera", &["back", "mic"]).unwrap();
    lab.run_for(SECOND);
    lab.share(alice, None, "camera", &["screen", "mic"]).unwrap();
    // In the middle of the change.
    let carol = lab.peer("carol");
    lab.join(carol, "room");
    lab.cut(alice);
    lab.run_for(SECOND / 10);
    // While the server is away, too.
    lab.share(alice, None, "camera", &["front", "mic"]).unwrap();
    lab.run_for(SECOND * 5);
    for other in ["bob", "carol"] {
        let mut sent = lab.sends(alice, other);
        sent.sort();
        assert_eq!(sent, ["front", "mic"], "{other}");
    }
    assert!(lab.has_seen(bob, "alice stream-added share-camera {\"label\":\"camera\"}"), "it came back");
    assert!(lab.has_seen(carol, "alice stream-added share-camera {\"label\":\"camera\"}"));
}

#[test]
fn what_is_shared_with_one_goes_to_nobody_else_and_ends_with_that_one() {
    let (mut lab, alice, bob) = pair();
    let carol = lab.peer("carol");
    lab.join(carol, "room");
    lab.run_for(SECOND);
    lab.share(alice, Some("bob"), "for-bob", &["front"]).unwrap();
    lab.share(alice, Some("carol"), "for-carol", &["front"]).unwrap();
    lab.share(alice, None, "for-all", &["front"]).unwrap();
    lab.run_for(SECOND);
    let sent = |lab: &Lab, to: &str| lab.sends(alice, to).len();
    assert_eq!((sent(&lab, "bob"), sent(&lab, "carol")), (2, 2), "one track under several labels");
    let for_bob = "alice track video {\"label\":\"for-bob\"}";
    assert!(lab.has_seen(bob, for_bob), "{:?}", lab.words(bob));
    assert!(!lab.words(carol).iter().any(|word| word.contains("for-bob")));
    lab.close(bob);
    lab.run_for(SECOND);
    let bobs = lab.share(alice, None, "another", &["back"]);
    assert!(bobs.is_ok());
    assert_eq!(lab.unshare(alice, Some("carol"), "for-carol"), 1);
    lab.run_for(SECOND);
    assert_eq!(sent(&lab, "carol"), 2);
    let again = lab.peer("bob");
    lab.join(again, "room");
    lab.run_for(SECOND * 2);
    let mut sent = lab.sends(alice, "bob");
    sent.sort();
    assert_eq!(sent, ["back", "front"], "what was for the former bob alone is forgotten");
}

#[test]
fn a_share_that_is_refused_changes_nothing() {
    let (mut lab, alice, _) = sharing();
    let long = "x".repeat(70_000);
    let refused = lab.share(alice, None, &long, &["mic"]);
    assert!(matches!(refused, Err(ShareError::State(StateError::Oversized { .. }))), "{refused:?}");
    assert_eq!(lab.unshare(alice, None, &long), 0);
    for n in 1..MAX_SHARES {
        lab.share(alice, None, &n.to_string(), &["back"]).unwrap();
    }
    assert_eq!(lab.share(alice, None, "one more", &["back"]), Err(ShareError::TooManyLabels(MAX_SHARES)));
    assert!(lab.share(alice, None, "camera", &["back"]).is_ok(), "a label that is there may change");
    assert_eq!(lab.share(alice, None, "nothing", &[]), Ok(peerhall_core::ShareChange::default()));
    lab.close(alice);
    lab.run_for(SECOND);
    let late = lab.share(alice, None, "camera", &["front"]);
    assert!(
        matches!(late, Err(ShareError::State(StateError::InvalidState { method: "share", .. }))),
        "{late:?}"
    );
    assert_eq!(lab.unshare(alice, None, "camera"), 0);
}

#[test]
fn a_peer_that_learns_of_labels_after_the_first_descriptions_is_told_of_those_who_know_them() {
    let (mut lab, alice, bob) = connected_pair();
    lab.with_peer(bob, |peer, _| peer.know_labels());
    lab.add_track(bob, "screen", Some("screen"), None);
    lab.run_for(SECOND);
    assert_eq!((lab.count_seen(bob, "alice unlabelled"), lab.count_seen(alice, "bob labelled")), (1, 0));
    lab.with_peer(alice, |peer, _| peer.know_labels());
    lab.add_track(alice, "mic", Some("stream"), None);
    lab.run_for(SECOND);
    assert_eq!((lab.count_seen(alice, "bob labelled"), lab.count_seen(bob, "alice labelled")), (1, 1));
}
