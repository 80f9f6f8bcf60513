use std::time::Duration;

use bytes::Bytes;

use super::wire::{A, B, Source, Wire, have, noise};
use crate::session::Sending;
use crate::{ChannelChange, ChannelOptions, ContentId, Event, Kind, Role, TransferError};

fn file(bytes: &Bytes) -> Sending {
    let content = ContentId(*blake3::hash(bytes).as_bytes());
    let total = u64::try_from(bytes.len()).unwrap();
    Sending { kind: Kind::Blob, info: Bytes::new(), total: Some(total), content: Some(content) }
}

#[test]
fn l12_labels_come_back_after_a_lost_connection() {
    let mut wire = Wire::open(200, "chat");
    wire.call(B, |session, now| session.open(now, "files", ChannelOptions::default())).unwrap();
    wire.settle();
    wire.cut();
    let closed = Event::Channel { label: "chat".into(), change: ChannelChange::Close };
    assert!(wire.ends[A].events.contains(&closed) && wire.ends[B].events.contains(&closed));
    wire.connect();
    wire.settle();
    for label in ["chat", "files"] {
        let ids = [A, B].map(|side| wire.send(side, label, Kind::Text, Source::of("again")));
        wire.settle();
        assert!(wire.ends[A].sent[&ids[A]].is_ok() && wire.ends[B].sent[&ids[B]].is_ok());
    }
    assert_eq!(wire.pipes(), 3);
}

#[test]
fn what_was_not_acknowledged_arrives_after_a_cut_in_order_and_once() {
    for seed in 0..40 {
        let mut wire = Wire::open(seed, "chat");
        let mut rng = fastrand::Rng::with_seed(seed);
        let sizes: Vec<_> =
            (0..30).map(|_| if rng.bool() { rng.usize(0..2_000) } else { rng.usize(0..400_000) }).collect();
        let ids: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(index, size)| {
                // A stream that cannot begin anew needs no more than what is kept.
                let source = Source::of(noise(index as u64, *size)).once();
                wire.send(A, "chat", Kind::Bytes, source)
            })
            .collect();
        for _ in 0..4 {
            (0..rng.usize(0..400)).for_each(|_| {
                wire.step(None);
            });
            wire.cut();
            wire.connect();
        }
        wire.settle();
        assert!(ids.iter().all(|id| wire.ends[A].sent[id].is_ok()), "seed {seed}: {:?}", wire.ends[A].sent);
        let messages = wire.ends[B].messages();
        assert_eq!(messages.len(), sizes.len(), "seed {seed}: each once");
        for (index, (coming, size)) in messages.iter().zip(&sizes).enumerate() {
            assert_eq!(coming.bytes, noise(index as u64, *size), "seed {seed}, message {index}");
            assert!(matches!(coming.result, Some(Ok(_))), "seed {seed}, message {index}");
        }
    }
}

#[test]
fn an_abort_or_a_cancel_during_a_cut_is_told_after_it() {
    let mut wire = Wire::open(201, "chat");
    let first = wire.send(A, "chat", Kind::Bytes, Source::of(noise(1, 900_000)));
    let second = wire.send(A, "chat", Kind::Text, Source::of("second"));
    (0..20).for_each(|_| assert!(wire.step(None)));
    wire.cut();
    let incoming = *wire.ends[B].coming.keys().next().unwrap();
    wire.call(B, |session, now| session.cancel(now, incoming, "not now"));
    wire.connect();
    wire.settle();
    assert!(matches!(wire.ends[A].sent[&first], Err(TransferError::Cancelled { .. })));
    assert!(wire.ends[A].sent[&second].is_ok());
}

#[test]
fn an_aborted_message_is_not_awaited_after_a_cut() {
    let mut wire = Wire::open(202, "chat");
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(1, 900_000)));
    (0..20).for_each(|_| assert!(wire.step(None)));
    wire.cut();
    wire.call(A, |session, now| session.abort(now, id, "gone"));
    wire.connect();
    wire.settle();
    wire.pass(Duration::from_secs(60));
    assert!(wire.ends[B].messages()[0].result.as_ref().is_some_and(Result::is_err));
}

#[test]
fn a_receiver_that_starts_over_goes_on_with_what_it_has() {
    let bytes = noise(203, 3_000_000);
    let mut wire = Wire::open(203, "files");
    let id = wire.try_send(A, "files", file(&bytes), Source::of(bytes.clone())).unwrap();
    wire.settle();
    let waiting = wire.ends[B].waiting();
    assert_eq!(waiting.len(), 1, "it asks before it sends");
    wire.call(B, |session, now| session.accept(now, waiting[0], have(b"")));
    while wire.ends[B].messages()[0].count < 1_500_000 {
        assert!(wire.step(None));
    }
    let stored = wire.ends[B].messages()[0].bytes.clone();
    // The page is loaded again: what it had in memory is gone, what it stored is not.
    wire.restart(B, Role::Asker, 77);
    wire.connect();
    wire.settle();
    let waiting = *wire.ends[B].coming.keys().next_back().unwrap();
    wire.ends[B].coming.get_mut(&waiting).unwrap().bytes.clear();
    let before = wire.delivered;
    wire.call(B, |session, now| session.accept(now, waiting, have(&stored)));
    wire.settle();
    assert_eq!(wire.ends[A].sent[&id].clone().unwrap().bytes, 3_000_000);
    assert_eq!([&stored[..], &wire.ends[B].coming[&waiting].bytes].concat(), bytes, "the rest came");
    assert!(
        (wire.delivered - before) * 16_000 < 3_000_000 - stored.len() + 500_000,
        "and nothing but the rest"
    );
}

#[test]
fn a_sender_that_starts_over_is_asked_for_the_rest() {
    let bytes = noise(204, 2_000_000);
    let mut wire = Wire::open(204, "files");
    wire.try_send(A, "files", file(&bytes), Source::of(bytes.clone())).unwrap();
    wire.settle();
    let first = wire.ends[B].waiting()[0];
    wire.call(B, |session, now| session.accept(now, first, have(b"")));
    while wire.ends[B].messages()[0].count < 900_000 {
        assert!(wire.step(None));
    }
    let stored = wire.ends[B].messages()[0].bytes.clone();
    wire.ends[A].sources.clear();
    wire.restart(A, Role::Creator, 99);
    wire.call(A, |session, now| session.open(now, "files", ChannelOptions::default())).unwrap();
    wire.call(B, |session, now| session.open(now, "files", ChannelOptions::default())).unwrap();
    wire.connect();
    wire.settle();
    let failed = &wire.ends[B].coming[&first].result;
    assert_eq!(failed, &Some(Err(TransferError::ConnectionReset)));
    wire.ends[A].sent.clear();
    let id = wire.try_send(A, "files", file(&bytes), Source::of(bytes.clone())).unwrap();
    wire.settle();
    let second = wire.ends[B].waiting()[0];
    assert_eq!(wire.ends[B].coming[&second].offer.content, wire.ends[B].coming[&first].offer.content);
    wire.call(B, |session, now| session.accept(now, second, have(&stored)));
    wire.settle();
    assert!(wire.ends[A].sent[&id].is_ok());
    assert_eq!([&stored[..], &wire.ends[B].coming[&second].bytes].concat(), bytes);
}

#[test]
fn a_part_that_is_not_of_the_same_file_does_not_pass_for_it() {
    let bytes = noise(205, 500_000);
    let mut wire = Wire::open(205, "files");
    let id = wire.try_send(A, "files", file(&bytes), Source::of(bytes)).unwrap();
    wire.settle();
    let waiting = wire.ends[B].waiting()[0];
    wire.call(B, |session, now| session.accept(now, waiting, have(&noise(206, 100_000))));
    wire.settle();
    assert_eq!(wire.ends[A].sent[&id], Err(TransferError::ProofMismatch));
    assert_eq!(wire.ends[B].coming[&waiting].result, Some(Err(TransferError::ProofMismatch)));
}

#[test]
fn a_stream_that_cannot_begin_anew_fails_when_the_receiver_starts_over() {
    let mut wire = Wire::open(207, "chat");
    wire.call(B, |session, now| session.open(now, "chat", ChannelOptions::default())).unwrap();
    let id = wire.send(A, "chat", Kind::Bytes, Source::repeated(noise(1, 1 << 18), 20).once());
    while wire.ends[B].messages().first().is_none_or(|coming| coming.count < 3_000_000) {
        assert!(wire.step(None));
    }
    wire.restart(B, Role::Asker, 78);
    wire.connect();
    wire.settle();
    assert_eq!(wire.ends[A].sent[&id], Err(TransferError::ConnectionReset));
}

#[test]
fn a_file_that_a_person_is_asked_about_does_not_stall() {
    let bytes = noise(208, 100_000);
    let mut wire = Wire::open(208, "files");
    let id = wire.try_send(A, "files", file(&bytes), Source::of(bytes)).unwrap();
    wire.pass(Duration::from_secs(3_600));
    let waiting = wire.ends[B].waiting()[0];
    wire.call(B, |session, now| session.accept(now, waiting, have(b"")));
    wire.settle();
    assert!(wire.ends[A].sent[&id].is_ok());
}
