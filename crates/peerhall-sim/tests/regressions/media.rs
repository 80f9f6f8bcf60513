//! Tracks, streams and what is said about them.

use peerhall_core::{Outcome, PeerState, StateError};
use peerhall_sim::{Lab, LabOptions, Style, Tamper};
use serde_json::json;

use crate::common::{Frames, SECOND, connected_pair, pair};

#[test]
fn r14_a_stream_is_removed_when_its_last_track_is_though_the_track_only_mutes() {
    let (mut lab, alice, bob) = connected_pair();
    let second = lab.add_track(alice, "mic", Some("stream"), None);
    lab.run_for(SECOND);
    let camera = lab.track(alice, "camera").key;
    lab.with_peer(alice, |peer, now| peer.remove_track(now, camera)).unwrap();
    lab.run_for(SECOND);
    assert!(!lab.has_seen(bob, "alice stream-removed stream"));
    lab.with_peer(alice, |peer, now| peer.remove_track(now, second)).unwrap();
    lab.run_for(SECOND);
    assert_eq!(lab.count_seen(bob, "alice stream-removed stream"), 1);
}

#[test]
fn r43_replacing_with_nothing_while_alone_drops_the_track() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let alice = lab.peer("alice");
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.join(alice, "room");
    lab.run_for(SECOND);
    lab.replace_track(alice, "camera", None).unwrap();
    assert!(lab.has_seen(alice, "replace ok"));
    let bob = lab.peer("bob");
    lab.join(bob, "room");
    lab.run_for(SECOND * 2);
    assert!(!lab.words(bob).iter().any(|word| word.contains("track")));
}

#[test]
fn r53_metadata_goes_out_before_the_offer_for_newcomers_and_for_live_adds() {
    let (mut lab, alice, _) = pair();
    let frames = Frames::listen(&mut lab);
    let signals = |frames: &Frames| -> Vec<String> {
        frames.of(alice).into_iter().filter(|word| word != "rtc-ice").collect()
    };
    lab.add_track(alice, "camera", Some("stream"), Some(json!({"role": "cam"})));
    lab.run_for(SECOND);
    assert_eq!(signals(&frames), ["metadata", "offer"]);
    frames.clear();
    let carol = lab.peer("carol");
    lab.join(carol, "room");
    lab.run_for(SECOND);
    assert_eq!(signals(&frames), ["metadata", "offer"]);
}

#[test]
fn r58_oversized_metadata_is_refused_and_changes_nothing() {
    let (mut lab, alice, bob) = pair();
    let big = json!({"x": "y".repeat(65_536)});
    let refused = lab.try_add_track(alice, "camera", Some("stream"), Some(big));
    assert!(matches!(refused, Err(StateError::Oversized { cap: 65_536, .. })), "{refused:?}");
    let camera = lab.track(alice, "camera").key;
    assert_eq!(lab.core(alice).track_metadata(camera), None);
    lab.run_for(SECOND);
    assert!(lab.words(bob).is_empty());
    lab.add_track(alice, "camera", Some("other"), None);
    lab.run_for(SECOND);
    assert!(lab.has_seen(bob, "alice stream-added other"));
}

#[test]
fn r59_a_track_belongs_to_one_stream() {
    let (mut lab, alice, _) = connected_pair();
    let metadata = Some(json!({"role": "second"}));
    assert!(
        lab.try_add_track(alice, "camera", Some("stream"), metadata).is_ok(),
        "adding it again is no error"
    );
    for stream in [Some("another"), None] {
        let refused = lab.try_add_track(alice, "camera", stream, None);
        assert_eq!(refused, Err(StateError::TrackAlreadyAttached { method: "addTrack" }));
    }
    let camera = lab.track(alice, "camera").key;
    assert_eq!(lab.core(alice).track_metadata(camera), Some(json!({"role": "cam"})), "the first one wins");
}

#[test]
fn r60_a_replacement_that_fails_for_some_lists_both_sides_and_one_that_fails_for_all_changes_nothing() {
    let (mut lab, alice, _) = connected_pair();
    let carol = lab.peer("carol");
    lab.join(carol, "room");
    lab.run_for(SECOND);
    let carols = lab.remote(alice, "carol").unwrap().link;
    lab.refuse_replace(alice, carols, true);
    let frames = Frames::listen(&mut lab);
    lab.replace_track(alice, "camera", Some("camera-2")).unwrap();
    lab.run_for(SECOND);
    let error = lab.replace_error(alice).unwrap();
    assert_eq!(error.succeeded.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["bob"]);
    assert_eq!(error.failed.len(), 1);
    assert_eq!(error.failed[0].0.as_str(), "carol");
    assert!(!error.failed[0].1.contains("hunter2"), "r69: {}", error.failed[0].1);
    // Bob is told that the old id is void, and what the new one is.
    assert_eq!(frames.of(alice), ["metadata", "metadata"]);
    let new = lab.track(alice, "camera-2").key;
    assert_eq!(lab.core(alice).track_metadata(new), Some(json!({"role": "cam"})));

    let bobs = lab.remote(alice, "bob").unwrap().link;
    lab.refuse_replace(alice, bobs, true);
    lab.replace_track(alice, "camera-2", Some("camera-3")).unwrap();
    lab.run_for(SECOND);
    let third = lab.track(alice, "camera-3").key;
    assert_eq!(lab.core(alice).track_metadata(third), None);
    assert_eq!(lab.core(alice).track_metadata(new), Some(json!({"role": "cam"})));
}

#[test]
fn x11_a_newcomer_whose_tracks_cannot_be_attached_is_told_all_the_same() {
    let (mut lab, alice, _) = connected_pair();
    lab.refuse_attach(alice, true);
    let carol = lab.peer("carol");
    lab.join(carol, "room");
    lab.run_for(SECOND);
    assert!(lab.has_seen(alice, "peer-joined carol"));
    assert!(lab.has_seen(alice, "carol negotiation-error NotSupportedError"));
}

#[test]
fn x12_metadata_is_found_with_every_browser_also_when_both_attach_before_joining() {
    for (ours, theirs) in [
        (Style::Trickle, Style::OwnTrackIds),
        (Style::OwnTrackIds, Style::Trickle),
        (Style::OwnTrackIds, Style::OwnTrackIds),
        (Style::Whole, Style::OwnTrackIds),
    ] {
        let mut lab = Lab::new(LabOptions::seeded(5));
        let people = [("alice", ours), ("bob", theirs)].map(|(name, style)| {
            let who = lab.peer(name);
            lab.set_style(who, style);
            lab.add_track(who, &format!("mic-{name}"), Some("s"), Some(json!({"mic": name})));
            lab.add_track(who, &format!("cam-{name}"), Some("s"), Some(json!({"cam": name})));
            lab.join(who, "room");
            who
        });
        lab.run_for(SECOND * 3);
        for (who, other) in [(people[0], "bob"), (people[1], "alice")] {
            for word in [
                format!("{other} track audio {{\"mic\":\"{other}\"}}"),
                format!("{other} track video {{\"cam\":\"{other}\"}}"),
            ] {
                assert_eq!(lab.count_seen(who, &word), 1, "{ours:?} {theirs:?}: {:?}", lab.words(who));
            }
        }
    }
}

#[test]
fn x14_a_stream_is_removed_by_what_was_added_with_it() {
    let (mut lab, alice, bob) = connected_pair();
    lab.add_track(alice, "mic", Some("stream"), None);
    lab.add_track(alice, "screen", Some("other"), None);
    lab.run_for(SECOND);
    let stream = lab.stream(alice, "stream");
    lab.with_peer(alice, |peer, now| peer.remove_stream(now, stream)).unwrap();
    lab.run_for(SECOND);
    assert_eq!(lab.count_seen(bob, "alice stream-removed stream"), 1);
    assert_eq!(lab.count_seen(bob, "alice stream-removed other"), 0);
}

#[test]
fn x15_only_those_who_carry_a_track_count_and_a_track_that_is_sent_cannot_replace_another() {
    let (mut lab, alice, _) = connected_pair();
    lab.add_track(alice, "mic", Some("stream"), None);
    lab.run_for(SECOND);
    let refused = lab.replace_track(alice, "camera", Some("mic"));
    assert_eq!(refused, Err(StateError::TrackAlreadyAttached { method: "replaceTrack" }));
    // Nobody receives a track that was never added.
    let bob = lab.remote(alice, "bob").unwrap().link;
    lab.refuse_replace(alice, bob, true);
    let op = lab.replace_track(alice, "screen", Some("screen-2")).unwrap();
    assert!(matches!(lab.answer(alice, op), Some(Outcome::ReplaceTrack(Ok(())))));
}

#[test]
fn x16_metadata_above_the_cap_is_dropped_by_its_receiver() {
    let (mut lab, alice, _) = pair();
    let told = json!({"__meteredTrackMeta": {"trackId": "t", "metadata": {"x": "y".repeat(100_000)}}});
    lab.inject(alice, &json!({"type": "direct", "from": "bob", "data": told}).to_string());
    lab.run_for(SECOND);
    assert!(lab.weight(alice) < 20_000, "{}", lab.weight(alice));
    assert!(!lab.words(alice).iter().any(|word| word.starts_with("data")));
}

#[test]
fn x20_a_peer_that_ended_forgets_its_tracks() {
    let (mut lab, alice, _) = connected_pair();
    let camera = lab.track(alice, "camera").key;
    lab.kick("alice");
    lab.run_for(SECOND);
    assert_eq!(lab.state(alice), PeerState::Closed);
    assert_eq!(lab.core(alice).track_metadata(camera), None);
}

#[test]
fn a_track_that_is_removed_while_it_is_being_replaced_is_not_sent_on() {
    let (mut lab, alice, bob) = connected_pair();
    let camera = lab.track(alice, "camera").key;
    let op = lab.replace_track(alice, "camera", Some("camera-2")).unwrap();
    lab.with_peer(alice, |peer, now| peer.remove_track(now, camera)).unwrap();
    lab.run_for(SECOND * 2);
    assert!(lab.answer(alice, op).is_some());
    assert_eq!(lab.count_seen(bob, "alice stream-removed stream"), 1, "{:?}", lab.words(bob));
}

#[test]
fn two_replacements_by_the_same_track_are_not_both_made() {
    let (mut lab, alice, _) = connected_pair();
    lab.add_track(alice, "screen", Some("other"), None);
    lab.run_for(SECOND);
    lab.replace_track(alice, "camera", Some("new")).unwrap();
    let refused = lab.replace_track(alice, "screen", Some("new"));
    assert_eq!(refused, Err(StateError::TrackAlreadyAttached { method: "replaceTrack" }));
}

#[test]
fn tracks_that_are_added_while_away_are_attached_on_the_way_back() {
    let (mut lab, alice, bob) = pair();
    lab.cut(alice);
    lab.run_for(SECOND / 10);
    assert_eq!(lab.state(alice), PeerState::Reconnecting);
    lab.add_track(alice, "camera", Some("stream"), Some(json!({"role": "cam"})));
    assert!(matches!(
        lab.replace_track(alice, "camera", None),
        Err(StateError::InvalidState { method: "replaceTrack", .. })
    ));
    lab.run_for(SECOND * 3);
    assert!(lab.has_seen(bob, "alice stream-added stream {\"role\":\"cam\"}"));
}

#[test]
fn labels_that_are_cleared_are_gone() {
    let (mut lab, alice, bob) = pair();
    let mut first = true;
    lab.on_up(move |_, frame| {
        // The offer is lost once, so that the label can be cleared before the track comes.
        let lost = first && frame["data"]["type"] == "rtc-description";
        first &= !lost;
        if lost { Tamper::Drop } else { Tamper::Pass }
    });
    let camera = lab.add_track(alice, "camera", Some("stream"), Some(json!({"role": "cam"})));
    lab.run_for(SECOND);
    lab.with_peer(alice, |peer, now| peer.remove_track(now, camera)).unwrap();
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.run_for(SECOND * 40);
    assert!(lab.has_seen(bob, "alice track video"), "{:?}", lab.words(bob));
}
