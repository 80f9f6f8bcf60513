use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::wire::{A, B, Reads, Source, Wire, noise};
use crate::frame::control::Control;
use crate::frame::{Frame, Proof, Start};
use crate::{ChannelOptions, Config, CutOff, Event, Kind, MAX_OPEN_TRANSFERS, TransferError, WINDOW};

fn start(transfer: u32) -> Frame {
    Frame::Start(Start {
        transfer,
        kind: Kind::Bytes,
        total: None,
        content: None,
        asks_place: false,
        again: false,
        whole: None,
        info: Bytes::new(),
        first: Bytes::new(),
    })
}

/// An empty message in one frame.
fn whole(transfer: u32, proof: Proof, asks_place: bool) -> Frame {
    let Frame::Start(begins) = start(transfer) else { panic!("it is one") };
    Frame::Start(Start { whole: Some(proof), asks_place, ..begins })
}

#[test]
fn a_message_in_one_frame_that_is_not_what_was_sent_is_refused() {
    let mut wire = Wire::open(301, "chat");
    let channel = wire.channel(B, "chat");
    wire.inject(B, channel, whole(1, Proof([0; 32]), false).encode());
    assert_eq!(wire.ends[B].messages()[0].result, Some(Err(TransferError::ProofMismatch)));
    wire.inject(B, channel, whole(2, Proof(*blake3::hash(b"").as_bytes()), false).encode());
    assert!(matches!(wire.ends[B].messages()[1].result, Some(Ok(_))));
}

fn cut_off(wire: &Wire, side: usize) -> Option<&CutOff> {
    wire.ends[side]
        .events
        .iter()
        .find_map(|event| if let Event::CutOff(reason) = event { Some(reason) } else { None })
}

/// What a frame after a proper opening leads to.
fn after(frames: &[Frame]) -> Option<CutOff> {
    let mut wire = Wire::open(300, "chat");
    wire.ends[B].reads = Reads::Never;
    let channel = wire.channel(B, "chat");
    for frame in frames {
        wire.inject(B, channel, frame.encode());
    }
    if let Some(reason) = cut_off(&wire, B).cloned() {
        assert!(wire.ends[B].session.labels().next().is_none(), "all of it is closed");
        wire.settle();
        return Some(reason);
    }
    None
}

#[test]
fn l20_more_open_messages_than_allowed_end_the_session() {
    let most = u32::try_from(MAX_OPEN_TRANSFERS).unwrap();
    let frames: Vec<_> = (1..=most).map(start).collect();
    assert_eq!(after(&frames), None);
    let frames: Vec<_> = (1..=most + 1).map(start).collect();
    assert_eq!(after(&frames), Some(CutOff::TooMany));
}

#[test]
fn l20_more_bytes_than_the_credit_end_the_session() {
    let data = Frame::Data { transfer: 1, bytes: noise(1, 16_000) };
    let fits = WINDOW / 16_000;
    let mut frames = vec![start(1)];
    frames.extend(std::iter::repeat_n(data.clone(), fits));
    assert_eq!(after(&frames), None);
    frames.push(data);
    assert_eq!(after(&frames), Some(CutOff::Credit));
}

#[test]
fn l20_frames_at_the_wrong_moment_end_the_session() {
    let proof = Proof([0; 32]);
    let end = Proof(*blake3::hash(b"").as_bytes());
    for frames in [
        vec![Frame::Data { transfer: 1, bytes: Bytes::new() }],
        vec![start(1), start(1)],
        vec![start(2), start(1)],
        vec![whole(1, proof, true)],
        vec![Frame::Received { transfer: 1, bytes: 0, proof }],
        vec![Frame::Credit { transfer: 9, bytes: 1 }],
        vec![Frame::Place { transfer: 9, offset: 0, unread: 0 }],
        vec![Frame::End { transfer: 3, proof }],
    ] {
        assert_eq!(after(&frames), Some(CutOff::OutOfTurn), "{frames:?}");
    }
    // What crosses on its way is no offence.
    assert_eq!(
        after(&[start(1), Frame::End { transfer: 1, proof: end }, Frame::End { transfer: 1, proof: end }]),
        None
    );
}

#[test]
fn l20_credit_that_was_never_owed_ends_the_session() {
    let mut wire = Wire::open(301, "chat");
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(1, 100)));
    let channel = wire.channel(A, "chat");
    wire.inject(A, channel, Frame::Credit { transfer: 1, bytes: 101 }.encode());
    assert_eq!(cut_off(&wire, A), Some(&CutOff::Credit));
    assert_eq!(wire.ends[A].sent[&id], Err(TransferError::Closed));
}

#[test]
fn l20_what_cannot_be_read_ends_this_session_and_no_other() {
    let mut wire = Wire::open(302, "chat");
    let mut other = Wire::open(303, "chat");
    let channel = wire.channel(B, "chat");
    wire.inject(B, channel, Bytes::from_static(b"\xffnonsense"));
    assert!(matches!(cut_off(&wire, B), Some(CutOff::Frame(_))));
    let id = other.send(A, "chat", Kind::Text, Source::of("hi"));
    other.settle();
    assert!(other.ends[A].sent[&id].is_ok());
    // The session stays over, whatever comes.
    wire.connect();
    wire.settle();
    let late = wire.call(B, |session, now| session.open(now, "x", ChannelOptions::default()));
    assert_eq!(late, Err(crate::SendError::Closed));
}

#[test]
fn another_version_is_told_as_such() {
    let mut wire = Wire::new(304);
    wire.connect();
    while wire.pipes() == 0 {
        assert!(wire.step(None));
    }
    let control = wire.ends[B].session.control.as_ref().unwrap().id;
    wire.inject(B, control, Control::Hello { version: 2, tag: 5 }.encode());
    assert_eq!(cut_off(&wire, B), Some(&CutOff::Version(2)));
}

#[test]
fn a_message_that_is_announced_as_too_large_is_cancelled() {
    let mut wire = Wire::with(305, Config { max_message: 1_000, ..Config::default() });
    wire.connect();
    wire.call(A, |session, now| session.open(now, "chat", ChannelOptions::default())).unwrap();
    let large = wire.send(A, "chat", Kind::Bytes, Source::of(noise(1, 1_001)));
    let fits = wire.send(A, "chat", Kind::Bytes, Source::of(noise(1, 1_000)));
    wire.settle();
    assert!(matches!(wire.ends[A].sent[&large], Err(TransferError::Cancelled { .. })));
    assert!(wire.ends[A].sent[&fits].is_ok());
    assert_eq!(wire.ends[B].messages().len(), 1, "the application never heard of it");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_of_a_remote_break_a_session(
        messages in vec((any::<bool>(), 0..24_u8, 0..4_u8, vec(any::<u8>(), 0..80)), 0..40),
    ) {
        let mut wire = Wire::open(306, "chat");
        wire.send(B, "chat", Kind::Bytes, Source::of(noise(1, 300_000)));
        let lane = wire.channel(B, "chat");
        let control = wire.ends[B].session.control.as_ref().unwrap().id;
        for (on_control, kind, number, mut rest) in messages {
            let mut message = vec![kind, 0, 0, 0, number];
            message.append(&mut rest);
            wire.inject(B, if on_control { control } else { lane }, message.into());
            wire.step(None);
        }
        wire.pass(std::time::Duration::from_secs(100));
        prop_assert!(wire.ends[B].most_unread <= WINDOW);
    }
}
