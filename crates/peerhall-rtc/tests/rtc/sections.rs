//! Sections of tracks that are gone: they stay in every description, so that there must not be many.

use std::time::Duration;

use peerhall_proto::signal::Description;
use peerhall_rtc::{Codec, Event, Events, LocalTrack, OfferOptions, PeerConnection, RemoteTrack};

use super::media::{VP8_KEY, frame, pump};
use super::peer::{LIMIT, Peer, config, pair};

/// Half of what a message between two peers carries, in bytes.
const SHORT: usize = 32 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_tracks_of_each_side_that_come_and_go_at_once_leave_descriptions_short() {
    let (mut alice, mut bob) = pair();
    for round in 0..50 {
        let ours = LocalTrack::new(Codec::Vp8, Some(&format!("alice{round}")));
        let theirs = LocalTrack::new(Codec::Vp8, Some(&format!("bob{round}")));
        let added = tokio::join!(
            alice.connection.add_track(&ours, &["a"]),
            bob.connection.add_track(&theirs, &["b"]),
        );
        let (first, second) = (added.0.expect("added"), added.1.expect("added"));
        let _pumps = (pump(&ours, VP8_KEY, 100), pump(&theirs, VP8_KEY, 100));
        for (peer, id) in [(&mut bob, ours.id()), (&mut alice, theirs.id())] {
            let seen = peer.track().await;
            assert_eq!(seen.id(), id);
            assert!(frame(&seen).await.is_some(), "{id} shows something");
        }
        let removed = tokio::join!(alice.connection.remove_track(first), bob.connection.remove_track(second));
        removed.0.expect("removed");
        removed.1.expect("removed");
        assert_eq!(bob.removed_track().await, ours.id());
        assert_eq!(alice.removed_track().await, theirs.id());
    }
    for Peer { connection, .. } in [&alice, &bob] {
        let offer = connection.create_offer(OfferOptions::default()).await.expect("an offer");
        assert!(offer.sdp.len() < SHORT, "{} bytes", offer.sdp.len());
    }
}

/// One side offers, the other answers.
async fn negotiate(from: &PeerConnection, to: &PeerConnection) {
    let offer = from.create_offer(OfferOptions::default()).await.expect("an offer");
    from.set_local_description(offer.clone()).await.expect("our offer");
    answer(to, from, offer).await;
}

/// One side answers the other's offer.
async fn answer(from: &PeerConnection, to: &PeerConnection, offer: Description) {
    from.set_remote_description(offer).await.expect("their offer");
    let answer = from.create_answer().await.expect("an answer");
    from.set_local_description(answer.clone()).await.expect("our answer");
    to.set_remote_description(answer).await.expect("their answer");
}

async fn next_track(events: &mut Events) -> RemoteTrack {
    let found = async {
        loop {
            if let Event::Track(track) = events.next().await.expect("the connection goes on") {
                return track;
            }
        }
    };
    tokio::time::timeout(LIMIT, found).await.expect("a track comes in time")
}

async fn needed(events: &mut Events) {
    let found = async {
        while !matches!(events.next().await.expect("the connection goes on"), Event::NegotiationNeeded) {}
    };
    tokio::time::timeout(LIMIT, found).await.expect("an offer is due in time")
}

/// A connection that has sent so many tracks to another, and none since.
async fn silent(tracks: usize) -> (PeerConnection, PeerConnection, Events, Events) {
    let (alice, at_alice) = PeerConnection::open(config()).expect("a connection opens");
    let (bob, mut at_bob) = PeerConnection::open(config()).expect("a connection opens");
    let mut former = Vec::new();
    for round in 0..tracks {
        let track = LocalTrack::new(Codec::Vp8, Some(&format!("former{round}")));
        former.push(alice.add_track(&track, &["s"]).await.expect("added"));
    }
    negotiate(&alice, &bob).await;
    for sender in former {
        next_track(&mut at_bob).await;
        alice.remove_track(sender).await.expect("removed");
    }
    negotiate(&alice, &bob).await;
    (alice, bob, at_alice, at_bob)
}

#[tokio::test]
async fn a_track_finds_another_section_when_the_remote_retires_the_one_that_it_has_just_taken() {
    let (alice, bob, mut at_alice, mut at_bob) = silent(6).await;
    needed(&mut at_bob).await;

    let names: Vec<_> = (0..6).map(|n| format!("next{n}")).collect();
    let tracks = names.iter().map(|name| LocalTrack::new(Codec::Vp8, Some(name)));
    for track in tracks {
        alice.add_track(&track, &["s"]).await.expect("added");
    }
    let offer = bob.create_offer(OfferOptions::default()).await.expect("an offer");
    assert!(offer.sdp.contains("m=video 0 "), "sections are retired");
    bob.set_local_description(offer.clone()).await.expect("our offer");
    while tokio::time::timeout(Duration::ZERO, at_alice.next()).await.is_ok() {}
    answer(&alice, &bob, offer).await;
    needed(&mut at_alice).await;
    negotiate(&alice, &bob).await;

    let mut seen = Vec::new();
    while seen.len() < names.len() {
        seen.push(next_track(&mut at_bob).await.id().to_owned());
    }
    seen.sort();
    assert_eq!(seen, names);
}

#[tokio::test]
async fn a_track_that_takes_a_silent_section_is_in_the_answer_to_an_offer_that_comes_at_that_moment() {
    let (alice, bob, _at_alice, mut at_bob) = silent(4).await;
    let next = LocalTrack::new(Codec::Vp8, Some("next"));
    alice.add_track(&next, &["s"]).await.expect("added");
    negotiate(&bob, &alice).await;
    assert_eq!(next_track(&mut at_bob).await.id(), "next");
}

#[tokio::test]
async fn a_track_that_takes_the_place_of_one_that_was_just_offered_is_offered_next() {
    let (alice, mut at_alice) = PeerConnection::open(config()).expect("a connection opens");
    let (bob, mut at_bob) = PeerConnection::open(config()).expect("a connection opens");
    let [first, second] = ["first", "second"].map(|name| LocalTrack::new(Codec::Vp8, Some(name)));
    let sender = alice.add_track(&first, &["s"]).await.expect("added");
    needed(&mut at_alice).await;
    let offer = alice.create_offer(OfferOptions::default()).await.expect("an offer");
    alice.set_local_description(offer.clone()).await.expect("our offer");
    alice.remove_track(sender).await.expect("removed");
    alice.add_track(&second, &["s"]).await.expect("added");
    answer(&bob, &alice, offer).await;
    needed(&mut at_alice).await;
    negotiate(&alice, &bob).await;
    assert_eq!(next_track(&mut at_bob).await.id(), "first");
    assert_eq!(next_track(&mut at_bob).await.id(), "second");
}

#[tokio::test]
async fn a_section_that_numbers_codecs_in_another_way_than_ours_takes_no_track_of_ours() {
    let (alice, mut at_alice) = PeerConnection::open(config()).expect("a connection opens");
    let (bob, _at_bob) = PeerConnection::open(config()).expect("a connection opens");
    let [first, second, one, two] =
        ["first", "second", "one", "two"].map(|name| LocalTrack::new(Codec::Vp8, Some(name)));
    alice.add_track(&first, &["s"]).await.expect("added");
    needed(&mut at_alice).await;
    negotiate(&alice, &bob).await;
    alice.add_track(&second, &["s"]).await.expect("added");
    needed(&mut at_alice).await;
    for track in [&one, &two] {
        bob.add_track(track, &["s"]).await.expect("added");
    }
    let mut offer = bob.create_offer(OfferOptions::default()).await.expect("an offer");
    bob.set_local_description(offer.clone()).await.expect("our offer");
    offer.sdp = with_other_numbers_in_the_last_section(&offer.sdp);
    alice.set_remote_description(offer).await.expect("their offer");
    let answer = alice.create_answer().await.expect("an answer");
    let last = answer.sdp.rsplit("m=video").next().expect("a section");
    assert!(last.contains("a=recvonly") && !last.contains("second"), "{last}");
    alice.set_local_description(answer).await.expect("our answer");
    needed(&mut at_alice).await;
    let next = alice.create_offer(OfferOptions::default()).await.expect("an offer");
    assert!(next.sdp.contains("a=msid:s second"), "the track has a section of its own");
}

/// A description as of a Firefox, which numbers codecs in its own way where it opens a section.
fn with_other_numbers_in_the_last_section(sdp: &str) -> String {
    let (before, last) = sdp.split_at(sdp.rfind("m=video").expect("a section"));
    let numbered = last.lines().map(|line| {
        let words = line.split(' ').map(|word| match word {
            "96" => "60",
            "97" => "61",
            "apt=96" => "apt=60",
            other => other,
        });
        let line = words.collect::<Vec<_>>().join(" ");
        line.replace(":96 ", ":60 ").replace(":97 ", ":61 ") + "\r\n"
    });
    before.to_owned() + &numbered.collect::<String>()
}
