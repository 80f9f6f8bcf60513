//! Tracks and their frames.

use std::time::Duration;

use peerhall_rtc::error::TrackError;
use peerhall_rtc::{Codec, LocalTrack, RemoteTrack, Sample, WriteError};

use super::peer::{LIMIT, pair};

/// Writes frames at a steady pace until it is dropped.
pub(super) struct Pump(tokio::task::JoinHandle<()>);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Every frame carries its number behind what its codec needs at the front.
pub(super) fn pump(track: &LocalTrack, head: &'static [u8], size: usize) -> Pump {
    let track = track.clone();
    Pump(tokio::spawn(async move {
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        for number in 0_u32.. {
            clock.tick().await;
            let mut payload = head.to_vec();
            payload.extend_from_slice(&number.to_be_bytes());
            payload.resize(size.max(payload.len()), 0x55);
            let time = Duration::from_millis(20) * number;
            track.write(&Sample::new(track.codec(), time, payload)).expect("the right codec");
        }
    }))
}

/// First bytes of a VP8 key frame of 16 by 16 pixels (RFC 6386 section 9.1).
pub(super) const VP8_KEY: &[u8] = &[0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00];

pub(super) async fn frame(track: &RemoteTrack) -> Option<Sample> {
    tokio::time::timeout(LIMIT, track.recv()).await.expect("a frame comes in time")
}

fn number(frame: &Sample, head: usize) -> u32 {
    let bytes = frame.payload.get(head..head + 4).expect("a number");
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

#[tokio::test]
async fn frames_of_every_size_arrive_whole_and_in_order_both_ways() {
    let (mut alice, mut bob) = pair();
    let voice = LocalTrack::new(Codec::Opus, Some("voice"));
    let picture = LocalTrack::new(Codec::Vp8, Some("picture"));
    alice.connection.add_track(&voice, &["call"]).await.expect("added");
    bob.connection.add_track(&picture, &["call"]).await.expect("added");
    let _pumps = (pump(&voice, &[0xf8], 80), pump(&picture, VP8_KEY, 30_000));
    let heard = bob.track().await;
    let seen = alice.track().await;
    for (track, head, size) in [(heard, 1, 80), (seen, VP8_KEY.len(), 30_000)] {
        let mut last: Option<Sample> = None;
        for _ in 0..20 {
            let now = frame(&track).await.expect("the track goes on");
            assert_eq!(now.payload.len(), size);
            assert!(now.keyframe);
            if let Some(last) = last {
                let steps = number(&now, head) - number(&last, head);
                let passed = now.time - last.time;
                assert!(steps >= 1, "out of order");
                assert!(passed.abs_diff(Duration::from_millis(20) * steps) < Duration::from_millis(1));
            }
            last = Some(now);
        }
    }
}

#[tokio::test]
async fn a_removed_track_ends_and_another_one_follows() {
    let (alice, mut bob) = pair();
    for round in 0..3 {
        let name = format!("track{round}");
        let track = LocalTrack::new(Codec::Vp8, Some(&name));
        let sender = alice.connection.add_track(&track, &["s"]).await.expect("added");
        let _pump = pump(&track, VP8_KEY, 2_000);
        let seen = bob.track().await;
        assert_eq!(seen.id(), name);
        frame(&seen).await.expect("a frame");
        alice.connection.remove_track(sender).await.expect("removed");
        assert_eq!(bob.removed_track().await, name);
        while frame(&seen).await.is_some() {}
        assert!(seen.is_ended());
        assert_eq!(track.sender_count(), 0);
        let again = alice.connection.remove_track(sender).await;
        assert_eq!(again, Err(TrackError::UnknownSender));
    }
}

#[tokio::test]
async fn a_replaced_track_goes_on_without_negotiation_and_on_one_clock() {
    let (mut alice, mut bob) = pair();
    let first = LocalTrack::new(Codec::Vp8, Some("first"));
    let second = LocalTrack::new(Codec::Vp8, Some("second"));
    let sender = alice.connection.add_track(&first, &["s"]).await.expect("added");
    let seen = {
        let _pump = pump(&first, VP8_KEY, 1_000);
        let seen = bob.track().await;
        frame(&seen).await.expect("a frame");
        seen
    };
    alice.connection.replace_track(sender, Some(&second)).await.expect("replaced");
    let asked = tokio::time::timeout(LIMIT, second.keyframe_requested()).await;
    asked.expect("the new source is asked for a key frame");
    let _pump = pump(&second, VP8_KEY, 1_500);
    let mut last = Duration::ZERO;
    loop {
        let now = frame(&seen).await.expect("the track goes on");
        assert!(now.time > last || last.is_zero(), "time ran backwards");
        last = now.time;
        if now.payload.len() == 1_500 {
            break;
        }
    }
    alice.connection.replace_track(sender, None).await.expect("silenced");
    assert_eq!(second.sender_count(), 0);
    let voice = LocalTrack::new(Codec::Opus, None);
    let refused = alice.connection.replace_track(sender, Some(&voice)).await;
    assert_eq!(refused, Err(TrackError::OtherKind));
    alice.connection.close().await;
    while let Some(event) = alice.events.recv().await {
        let offered = matches!(
            event,
            peerhall_rtc::Event::SignalingState(peerhall_rtc::SignalingState::HaveRemoteOffer)
        );
        assert!(!offered, "negotiated");
    }
}

#[tokio::test]
async fn one_track_feeds_many_connections_and_hears_their_requests() {
    let source = LocalTrack::new(Codec::Vp8, Some("camera"));
    let mut pairs = Vec::new();
    let _pump = pump(&source, VP8_KEY, 5_000);
    for _ in 0..4 {
        let (alice, mut bob) = pair();
        alice.connection.add_track(&source, &["s"]).await.expect("added");
        let again = alice.connection.add_track(&source, &["s"]).await;
        assert_eq!(again, Err(TrackError::AlreadySent));
        let seen = bob.track().await;
        frame(&seen).await.expect("a frame");
        pairs.push((alice, bob, seen));
    }
    assert_eq!(source.sender_count(), 4);
    // The requests of the first frames are one ring; the next is by the receiver's own wish.
    let asked = tokio::time::timeout(LIMIT, source.keyframe_requested()).await;
    asked.expect("each new receiver needs a key frame");
    for (_, _, seen) in &pairs {
        seen.request_keyframe();
        let asked = tokio::time::timeout(LIMIT, source.keyframe_requested()).await;
        asked.expect("the request arrives");
    }
    let (alice, _, _) = pairs.remove(0);
    alice.connection.close().await;
    assert_eq!(source.sender_count(), 3, "a closed connection has left the track");
}

#[test]
fn a_track_carries_one_codec() {
    let track = LocalTrack::new(Codec::Vp8, Some("a b\r\nc"));
    assert_eq!(track.id(), "abc", "what cannot stand in a description is left out");
    let sample = Sample::new(Codec::Opus, Duration::ZERO, vec![1]);
    let refused = track.write(&sample);
    assert_eq!(refused, Err(WriteError::OtherCodec { expected: Codec::Vp8, found: Codec::Opus }));
}

#[tokio::test]
async fn a_track_that_is_stopped_takes_nothing_any_more_under_any_of_its_ids_and_says_so() {
    let track = LocalTrack::new(Codec::Opus, Some("mic"));
    let alias = track.alias();
    assert!(alias.is_alias_of(&track) && alias.id() != track.id());
    assert!(!alias.is_alias_of(&LocalTrack::new(Codec::Opus, Some("mic"))));
    let sample = Sample::new(Codec::Opus, Duration::ZERO, vec![1]);
    assert_eq!(alias.write(&sample), Ok(()));
    let waits = tokio::spawn({
        let track = track.clone();
        async move { track.stopped().await }
    });
    tokio::task::yield_now().await;
    alias.stop();
    tokio::time::timeout(LIMIT, waits).await.expect("soon").expect("no panic");
    track.stopped().await;
    assert_eq!(
        (track.write(&sample), alias.write(&sample)),
        (Err(WriteError::Stopped), Err(WriteError::Stopped))
    );
    assert!(track.is_stopped());
}

#[tokio::test]
async fn a_connection_sends_one_source_twice_when_it_has_two_ids() {
    let source = LocalTrack::new(Codec::Vp8, Some("camera"));
    let alias = source.alias();
    let _pump = pump(&source, VP8_KEY, 5_000);
    let (alice, mut bob) = pair();
    alice.connection.add_track(&source, &["one"]).await.expect("added");
    alice.connection.add_track(&alias, &["two"]).await.expect("added");
    for _ in 0..2 {
        let seen = bob.track().await;
        assert_eq!(seen.id(), if seen.streams() == ["one"] { source.id() } else { alias.id() });
        frame(&seen).await.expect("a frame");
    }
    assert_eq!(source.sender_count(), 2);
}
