//! Offers and answers, step by step.

use peerhall_proto::signal::{Candidate, Description, DescriptionKind};
use peerhall_rtc::error::{BadDescription, CandidateError, NegotiationError, Step};
use peerhall_rtc::{
    Codec, ConnectionState, DataChannelInit, Event, Events, IceState, LocalTrack, OfferOptions,
    PeerConnection, SignalingState,
};

use super::peer::{LIMIT, Peer, config, message, open, pair};

/// A connection that nobody negotiates for.
fn bare() -> (PeerConnection, Events) {
    PeerConnection::open(config()).expect("a connection opens")
}

async fn bare_with_channel() -> (PeerConnection, Events) {
    let (connection, events) = bare();
    connection.create_data_channel("x", DataChannelInit::default()).await.expect("a channel");
    (connection, events)
}

async fn offer_of(connection: &PeerConnection) -> Description {
    let offer = connection.create_offer(OfferOptions::default()).await.expect("an offer");
    connection.set_local_description(offer.clone()).await.expect("our offer");
    offer
}

async fn answer_of(connection: &PeerConnection, offer: Description) -> Description {
    connection.set_remote_description(offer).await.expect("their offer");
    let answer = connection.create_answer().await.expect("an answer");
    connection.set_local_description(answer.clone()).await.expect("our answer");
    answer
}

async fn wait(events: &mut Events, mut pick: impl FnMut(&Event) -> bool) -> Event {
    let found = async {
        loop {
            let event = events.next().await.expect("the connection goes on");
            if pick(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(LIMIT, found).await.expect("the event comes in time")
}

#[tokio::test]
async fn states_follow_the_steps_and_steps_out_of_turn_are_refused() {
    let (alice, _a) = bare_with_channel().await;
    let (bob, _b) = bare();
    assert_eq!(alice.signaling_state(), SignalingState::Stable);
    let early = alice.create_answer().await;
    let state = SignalingState::Stable;
    assert_eq!(early, Err(NegotiationError::WrongState { step: Step::CreateAnswer, state }));
    assert_eq!(bob.create_offer(OfferOptions::default()).await, Err(NegotiationError::NothingToOffer));

    let offer = offer_of(&alice).await;
    assert_eq!(alice.signaling_state(), SignalingState::HaveLocalOffer);
    bob.set_remote_description(offer.clone()).await.expect("their offer");
    assert_eq!(bob.signaling_state(), SignalingState::HaveRemoteOffer);
    let refused = bob.create_offer(OfferOptions::default()).await;
    let state = SignalingState::HaveRemoteOffer;
    assert_eq!(refused, Err(NegotiationError::WrongState { step: Step::CreateOffer, state }));
    let invented = Description { kind: DescriptionKind::Answer, sdp: offer.sdp.clone() };
    let refused = bob.set_local_description(invented).await;
    assert_eq!(refused, Err(NegotiationError::NotCreatedHere));
    let answer = bob.create_answer().await.expect("an answer");
    bob.set_local_description(answer.clone()).await.expect("our answer");
    assert_eq!(bob.signaling_state(), SignalingState::Stable);
    alice.set_remote_description(answer.clone()).await.expect("their answer");
    assert_eq!(alice.signaling_state(), SignalingState::Stable);
    let again = alice.set_remote_description(answer).await;
    let state = SignalingState::Stable;
    let step = Step::SetRemote(DescriptionKind::Answer);
    assert_eq!(again, Err(NegotiationError::WrongState { step, state }));
}

#[tokio::test]
async fn all_changes_of_a_turn_need_one_negotiation() {
    let (connection, mut events) = bare();
    let voice = LocalTrack::new(Codec::Opus, None);
    let picture = LocalTrack::new(Codec::Vp8, None);
    let (first, second, third) = tokio::join!(
        connection.add_track(&voice, &["s"]),
        connection.add_track(&picture, &["s"]),
        connection.create_data_channel("x", DataChannelInit::default()),
    );
    first.expect("added");
    second.expect("added");
    third.expect("created");
    wait(&mut events, |event| matches!(event, Event::NegotiationNeeded)).await;
    let (other, _b) = bare();
    let answer = answer_of(&other, offer_of(&connection).await).await;
    connection.set_remote_description(answer).await.expect("their answer");
    // The state change that follows the answer comes without another need in between.
    let next = wait(&mut events, |event| {
        matches!(event, Event::NegotiationNeeded | Event::SignalingState(SignalingState::Stable))
    })
    .await;
    assert!(matches!(next, Event::SignalingState(_)), "{next:?}");
    connection.close().await;
    while let Some(event) = events.next().await {
        assert!(!matches!(event, Event::NegotiationNeeded), "announced twice");
    }
}

#[tokio::test]
async fn an_offer_rolls_a_pending_one_back_and_what_it_had_no_room_for_is_announced_again() {
    let (alice, mut events) = bare_with_channel().await;
    let (bob, _b) = bare_with_channel().await;
    let picture = LocalTrack::new(Codec::Vp8, Some("camera"));
    alice.add_track(&picture, &["stream"]).await.expect("added");
    offer_of(&alice).await;
    let answer = answer_of(&alice, offer_of(&bob).await).await;
    assert!(!answer.sdp.contains("m=video"), "the offer had no room for a picture");
    bob.set_remote_description(answer).await.expect("their answer");
    wait(&mut events, |event| matches!(event, Event::NegotiationNeeded)).await;
    let offer = offer_of(&alice).await;
    assert!(offer.sdp.contains("a=msid:stream camera"), "the picture is offered again");
    let answer = answer_of(&bob, offer).await;
    alice.set_remote_description(answer).await.expect("their answer");
}

#[tokio::test]
async fn a_waiting_track_goes_into_the_answer_where_the_offer_has_room() {
    let (alice, _a) = bare();
    let (bob, mut events) = bare();
    let ours = LocalTrack::new(Codec::Opus, Some("alice"));
    let theirs = LocalTrack::new(Codec::Opus, Some("bob"));
    alice.add_track(&ours, &["a"]).await.expect("added");
    bob.add_track(&theirs, &["b1", "b2"]).await.expect("added");
    let answer = answer_of(&alice, offer_of(&bob).await).await;
    assert!(answer.sdp.contains("a=msid:a alice"));
    assert_eq!(answer.sdp.matches("m=audio").count(), 1);
    bob.set_remote_description(answer).await.expect("their answer");
    let track = wait(&mut events, |event| matches!(event, Event::Track(_))).await;
    let Event::Track(track) = track else { panic!("a track was picked") };
    assert_eq!((track.id(), track.streams()), ("alice", &["a".to_owned()][..]));
}

#[tokio::test]
async fn an_answer_promises_no_track_that_does_not_exist() {
    let (alice, _a) = bare();
    let (bob, mut events) = bare();
    let theirs = LocalTrack::new(Codec::Vp8, Some("bob"));
    bob.add_track(&theirs, &["b1", "b2"]).await.expect("added");
    let offer = offer_of(&bob).await;
    assert!(offer.sdp.contains("a=msid:b1 bob\r\na=msid:b2 bob"), "every stream is named");
    let answer = answer_of(&alice, offer).await;
    assert!(answer.sdp.contains("a=recvonly") && !answer.sdp.contains("a=msid:"));
    bob.set_remote_description(answer).await.expect("their answer");
    bob.close().await;
    while let Some(event) = events.next().await {
        assert!(!matches!(event, Event::Track(_)), "a track out of nothing");
    }
}

#[tokio::test]
async fn an_offer_with_new_sections_is_given_out_again_until_it_is_answered() {
    let (alice, mut events) = bare_with_channel().await;
    let (bob, _b) = bare();
    let first = offer_of(&alice).await;
    let voice = LocalTrack::new(Codec::Opus, None);
    alice.add_track(&voice, &[]).await.expect("added");
    let second = offer_of(&alice).await;
    assert_eq!(first, second, "the remote may have answered the first already");
    let answer = answer_of(&bob, first).await;
    alice.set_remote_description(answer).await.expect("their answer");
    wait(&mut events, |event| matches!(event, Event::NegotiationNeeded)).await;
    assert!(offer_of(&alice).await.sdp.contains("m=audio"));
}

#[tokio::test]
async fn a_stray_answer_changes_nothing() {
    let (alice, _a) = bare_with_channel().await;
    let (bob, _b) = bare();
    let (carol, _c) = bare_with_channel().await;
    let voice = LocalTrack::new(Codec::Opus, None);
    for speaker in [&alice, &carol] {
        speaker.add_track(&voice, &[]).await.expect("added");
    }
    let stray = answer_of(&bob, offer_of(&carol).await).await;
    let (dave, _d) = bare();
    let offer = offer_of(&alice).await;
    let refused = alice.set_remote_description(stray).await;
    assert_eq!(refused, Err(NegotiationError::ForeignAnswer));
    let answer = answer_of(&dave, offer).await;
    alice.set_remote_description(answer).await.expect("the right answer still fits");
}

#[tokio::test]
async fn a_remote_with_another_certificate_is_told_apart() {
    let (alice, _a) = bare_with_channel().await;
    let (bob, _b) = bare();
    let answer = answer_of(&bob, offer_of(&alice).await).await;
    alice.set_remote_description(answer).await.expect("their answer");
    let (rebuilt, _r) = bare_with_channel().await;
    let refused = alice.set_remote_description(offer_of(&rebuilt).await).await;
    assert_eq!(refused, Err(NegotiationError::RemoteReplaced));
    assert!(NegotiationError::RemoteReplaced.needs_new_connection());
    assert_eq!(alice.signaling_state(), SignalingState::Stable, "the old one goes on");
}

/// A browser that has taken its own offer back can only go on with names that it has given itself.
#[tokio::test]
async fn the_section_of_channels_is_called_by_its_place_as_browsers_call_it() {
    for tracks in [0, 2] {
        let (alice, _a) = bare_with_channel().await;
        let (bob, _b) = bare();
        for _ in 0..tracks {
            alice.add_track(&LocalTrack::new(Codec::Opus, None), &[]).await.expect("added");
        }
        let name = format!("a=mid:{tracks}\r\n");
        for _ in 0..2 {
            let offer = offer_of(&alice).await;
            assert!(offer.sdp.contains(&name), "{}", offer.sdp);
            let answer = answer_of(&bob, offer).await;
            assert!(answer.sdp.contains(&name), "{}", answer.sdp);
            alice.set_remote_description(answer).await.expect("their answer");
        }
        let answer = answer_of(&alice, offer_of(&bob).await).await;
        assert!(answer.sdp.contains(&name), "{}", answer.sdp);
        bob.set_remote_description(answer).await.expect("our answer");
    }
}

#[tokio::test]
async fn sections_keep_their_place() {
    let (alice, _a) = bare_with_channel().await;
    let (bob, _b) = bare();
    let voice = LocalTrack::new(Codec::Opus, None);
    alice.add_track(&voice, &[]).await.expect("added");
    let offer = offer_of(&alice).await;
    let answer = answer_of(&bob, offer).await;
    alice.set_remote_description(answer).await.expect("their answer");
    let offer = offer_of(&alice).await;
    let mut parts: Vec<&str> = offer.sdp.split("m=").collect();
    parts.swap(1, 2);
    let swapped = Description { kind: DescriptionKind::Offer, sdp: parts.join("m=") };
    let refused = bob.set_remote_description(swapped).await;
    assert_eq!(refused, Err(BadDescription::Order.into()));
}

#[tokio::test]
async fn candidates_are_checked_and_old_ones_left_out() {
    let (alice, _a) = bare_with_channel().await;
    let (bob, _b) = bare();
    let line = "candidate:1 1 udp 2113937151 127.0.0.1 9 typ host";
    let candidate = |line: &str, ufrag: Option<&str>| {
        Some(Candidate {
            candidate: line.to_owned(),
            sdp_mid: None,
            sdp_m_line_index: Some(0),
            username_fragment: ufrag.map(str::to_owned),
        })
    };
    let early = bob.add_candidate(candidate(line, None)).await;
    assert_eq!(early, Err(CandidateError::NoRemoteDescription));
    answer_of(&bob, offer_of(&alice).await).await;
    bob.add_candidate(candidate(line, None)).await.expect("taken");
    bob.add_candidate(None).await.expect("the end is taken");
    bob.add_candidate(candidate("", None)).await.expect("an empty line is the end too");
    let tcp = "candidate:1 1 tcp 2113937151 127.0.0.1 9 typ host tcptype active";
    bob.add_candidate(candidate(tcp, None)).await.expect("left out");
    for bad in ["candidate:", "candidate:1 1 udp x 127.0.0.1 9 typ host", &"x".repeat(1_001)] {
        let refused = bob.add_candidate(candidate(bad, None)).await;
        assert_eq!(refused, Err(CandidateError::Syntax), "{} characters", bad.len());
    }
    let flood = async {
        loop {
            if let Err(error) = bob.add_candidate(candidate(line, None)).await {
                return error;
            }
        }
    };
    assert_eq!(flood.await, CandidateError::TooMany);
}

#[tokio::test]
async fn negotiation_can_be_started_by_each_side_in_turn() {
    let (mut alice, mut bob) = pair();
    let mut told = Vec::new();
    for round in 0..6 {
        let track = LocalTrack::new(Codec::Vp8, Some(&format!("track{round}")));
        let (adder, seer) = if round % 2 == 0 { (&alice, &mut bob) } else { (&bob, &mut alice) };
        adder.connection.add_track(&track, &["s"]).await.expect("added");
        told.push((seer.track().await.id().to_owned(), track));
    }
    let told: Vec<&str> = told.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(told, ["track0", "track1", "track2", "track3", "track4", "track5"]);
}

#[tokio::test]
async fn ice_can_be_restarted_by_each_side_without_losing_a_message() {
    let (mut alice, mut bob) = pair();
    let ours = alice.connection.create_data_channel("x", DataChannelInit::default()).await;
    let ours = ours.expect("a channel");
    let theirs = bob.channel().await;
    open(&ours).await;
    alice.connected().await;
    for round in 0..6 {
        let (starter, other) = if round % 2 == 0 { (&alice, &bob) } else { (&bob, &alice) };
        let ufrag = |sdp: &str| {
            let line = sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
            line.expect("a user name").to_owned()
        };
        let options = OfferOptions { ice_restart: true };
        let offer = starter.connection.create_offer(options).await.expect("an offer");
        starter.connection.set_local_description(offer.clone()).await.expect("our offer");
        let answer = answer_of(&other.connection, offer.clone()).await;
        let names = (ufrag(&offer.sdp), ufrag(&answer.sdp));
        starter.connection.set_remote_description(answer).await.expect("their answer");
        ours.send(format!("round {round}")).await.expect("sent");
        assert_eq!(message(&theirs).await, format!("round {round}").into());
        assert_ne!(names.0, names.1);
        assert_eq!(starter.connection.connection_state(), ConnectionState::Connected);
    }
}

#[tokio::test]
async fn a_path_that_is_never_found_fails_in_time_and_a_restart_heals_it() {
    let mut config = config();
    config.connect_timeout = std::time::Duration::from_millis(300);
    let (alice, mut events) = PeerConnection::open(config.clone()).expect("a connection opens");
    let channel = alice.create_data_channel("x", DataChannelInit::default()).await;
    let channel = channel.expect("a channel");
    let (bob, _b) = bare();
    // The candidates of neither side arrive, and bob's answer has none in it.
    let strip = |description: Description| Description {
        sdp: description
            .sdp
            .lines()
            .filter(|line| !line.starts_with("a=candidate:"))
            .map(|line| format!("{line}\r\n"))
            .collect(),
        ..description
    };
    let answer = answer_of(&bob, strip(offer_of(&alice).await)).await;
    alice.set_remote_description(strip(answer)).await.expect("their answer");
    wait(&mut events, |event| matches!(event, Event::IceState(IceState::Failed))).await;
    assert_eq!(alice.connection_state(), ConnectionState::Failed);

    let offer = alice.create_offer(OfferOptions { ice_restart: true }).await.expect("an offer");
    assert!(offer.sdp.contains("a=candidate:"), "it says where we are");
    alice.set_local_description(offer.clone()).await.expect("our offer");
    let answer = answer_of(&bob, offer).await;
    alice.set_remote_description(answer).await.expect("their answer");
    open(&channel).await;
    assert_eq!(alice.connection_state(), ConnectionState::Connected);
}

#[tokio::test]
async fn the_path_is_named() {
    let (alice, mut bob) = pair();
    let mut alice: Peer = alice;
    alice.connection.create_data_channel("x", DataChannelInit::default()).await.expect("a channel");
    bob.connected().await;
    let local = alice
        .wait("path", |event| match event {
            Event::SelectedPair { local, .. } => Some(local),
            _ => None,
        })
        .await;
    assert_eq!(local, peerhall_rtc::CandidateKind::Host);
    let stats = alice.connection.stats().await;
    assert_eq!(stats.pair.map(|pair| pair.local), Some(local));
    assert!(stats.bytes_sent > 0 && stats.bytes_received > 0);
}

#[tokio::test]
async fn a_closed_connection_says_so() {
    let (connection, _events) = bare_with_channel().await;
    let offer = offer_of(&connection).await;
    connection.close().await;
    connection.close().await;
    let closed = Err(NegotiationError::Closed);
    assert_eq!(connection.set_remote_description(offer).await, closed);
    assert_eq!(connection.signaling_state(), SignalingState::Closed);
    assert_eq!(connection.ice_state(), IceState::Closed);
    assert_eq!(connection.add_candidate(None).await, Err(CandidateError::Closed));
}

#[tokio::test]
async fn an_offer_of_channels_that_has_nothing_new_is_answered_before_there_is_a_path() {
    let (alice, _a) = bare_with_channel().await;
    let (bob, _b) = bare_with_channel().await;
    let offer = offer_of(&alice).await;
    let answer = answer_of(&bob, offer).await;
    alice.set_remote_description(answer).await.expect("their answer");
    // What bob wanted to offer was in alice's offer already.
    let offer = offer_of(&bob).await;
    let answer = answer_of(&alice, offer).await;
    bob.set_remote_description(answer).await.expect("their answer");
    assert_eq!(
        (alice.signaling_state(), bob.signaling_state()),
        (SignalingState::Stable, SignalingState::Stable)
    );
}
