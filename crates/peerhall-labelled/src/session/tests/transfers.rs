use std::time::Duration;

use bytes::Bytes;

use super::wire::{A, B, Reads, Source, Wire, noise};
use crate::frame::{MAX_INFO_BYTES, MAX_MESSAGE_BYTES};
use crate::options::{BUFFER_CEILING, PROGRESS_STEP, STALL_LIMIT};
use crate::session::Sending;
use crate::{CHUNK, ChannelOptions, Config, Kind, Proof, Receipt, Role, SendError, TransferError, WINDOW};

fn receipt(bytes: &[u8]) -> Receipt {
    Receipt { bytes: u64::try_from(bytes.len()).unwrap(), proof: Proof(*blake3::hash(bytes).as_bytes()) }
}

fn plain(kind: Kind) -> Sending {
    Sending { kind, info: Bytes::new(), total: None, content: None }
}

#[test]
fn l01_empty_messages_arrive_as_such() {
    let mut wire = Wire::open(1, "chat");
    let ids = [Kind::Text, Kind::Blob, Kind::Bytes].map(|kind| wire.send(A, "chat", kind, Source::of("")));
    wire.settle();
    for (id, coming) in ids.iter().zip(wire.ends[B].messages()) {
        assert_eq!(wire.ends[A].sent[id], Ok(receipt(b"")));
        assert_eq!((coming.bytes.len(), coming.offer.total), (0, Some(0)));
        assert_eq!(coming.result, Some(Ok(receipt(b""))));
    }
    assert_eq!(wire.ends[B].messages().len(), 3);
}

#[test]
fn l02_every_size_arrives_with_its_proof() {
    let mut wire = Wire::open(2, "chat");
    for size in [0, 1, 16_320, 16_321, 16_367, 16_368, 16_379, 16_380, 32_640, 50_000, 5_000_000] {
        let bytes = noise(size as u64, size);
        let id = wire.send(A, "chat", Kind::Bytes, Source::of(bytes.clone()));
        wire.settle();
        assert_eq!(wire.ends[A].sent[&id], Ok(receipt(&bytes)), "{size} bytes");
        assert_eq!(wire.ends[B].messages().last().unwrap().bytes, bytes, "{size} bytes");
    }
}

#[test]
fn l02_a_long_stream_arrives_with_its_proof() {
    let mut wire = Wire::open(3, "chat");
    wire.delay = Duration::from_millis(1);
    let id = wire.send(A, "chat", Kind::Bytes, Source::repeated(noise(3, 1 << 18), 1 << 8));
    wire.settle();
    let found = wire.ends[A].sent[&id].clone().unwrap();
    assert_eq!(found.bytes, 1 << 26);
    let coming = &wire.ends[B].messages()[0];
    assert_eq!((coming.count, &coming.result), (1 << 26, &Some(Ok(found))));
}

#[test]
fn a_message_that_fits_is_one_frame_and_so_is_its_receipt() {
    let mut wire = Wire::open(17, "chat");
    for (size, frames) in [(0, 2), (16_000, 2), (16_384, 4)] {
        let before = wire.delivered;
        let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(17, size)));
        wire.settle();
        assert!(wire.ends[A].sent[&id].is_ok());
        assert_eq!(wire.delivered - before, frames, "{size} bytes");
    }
}

#[test]
fn a_driver_may_have_larger_parts_and_who_sends_small_ones_takes_them() {
    let mut wire = Wire::open_with(19, "chat", Config { chunk: usize::MAX, ..Config::default() });
    wire.restart(B, Role::Asker, 3);
    wire.connect();
    wire.settle();
    for (from, largest) in [(B, CHUNK), (A, MAX_MESSAGE_BYTES)] {
        let bytes = noise(19, 12_000_000);
        let id = wire.send(from, "chat", Kind::Bytes, Source::of(bytes.clone()));
        wire.settle();
        assert_eq!(wire.ends[from].sent[&id], Ok(receipt(&bytes)));
        let came = wire.ends[1 - from].messages().last().unwrap().result.clone();
        assert_eq!(came, Some(Ok(receipt(&bytes))));
        assert_eq!(wire.largest, largest);
    }
}

/// What is said on other channels waits until the part before it is over.
#[test]
fn a_slow_line_has_small_parts_and_so_has_one_that_is_not_known_yet() {
    let config = Config { chunk: MAX_MESSAGE_BYTES, ..Config::default() };
    for (delay, size) in [(Duration::from_secs(3), 12_000_000), (Duration::from_millis(1), 200_000)] {
        let mut wire = Wire::open_with(21, "chat", config);
        wire.delay = delay;
        let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(21, size)));
        wire.settle();
        assert!(wire.ends[A].sent[&id].is_ok());
        assert_eq!(wire.largest, CHUNK, "{delay:?}");
    }
}

/// What is said next on the channel, an end before all is sent among it, waits until the buffer is empty.
#[test]
fn a_buffer_holds_more_where_the_line_is_fast_and_the_driver_wants_it() {
    let (fast, slow) = (Duration::from_millis(5), Duration::from_secs(3));
    let wide = 2 * BUFFER_CEILING;
    let driver = |buffer| Config { chunk: MAX_MESSAGE_BYTES, buffer, ..Config::default() };
    for (delay, config, least, most) in [
        (fast, driver(wide), BUFFER_CEILING, wide),
        (slow, driver(wide), 0, BUFFER_CEILING),
        (fast, driver(0), 0, BUFFER_CEILING),
        (fast, Config::default(), 0, BUFFER_CEILING),
    ] {
        let mut wire = Wire::open_with(22, "chat", config);
        wire.delay = delay;
        let bytes = noise(22, 24_000_000);
        let id = wire.send(A, "chat", Kind::Bytes, Source::of(bytes.clone()));
        wire.settle();
        assert_eq!(wire.ends[A].sent[&id], Ok(receipt(&bytes)));
        let held = wire.most_held;
        assert!(least < held && held <= most, "{held} bytes with {delay:?} and {config:?}");
    }
}

#[test]
fn parts_are_no_smaller_than_what_everybody_sends() {
    let mut wire = Wire::open_with(20, "chat", Config { chunk: 0, ..Config::default() });
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(20, 100_000)));
    wire.settle();
    assert!(wire.ends[A].sent[&id].is_ok());
    assert_eq!(wire.ends[A].session.lanes[0].chunk(), CHUNK);
}

#[test]
fn receipts_of_what_is_read_together_go_together_and_none_waits_for_a_reader() {
    let mut wire = Wire::open(18, "chat");
    let before = wire.delivered;
    wire.ends[B].reads = Reads::Never;
    let sent = (0..20).map(|n| wire.send(A, "chat", Kind::Bytes, Source::of(noise(n, 1_000))));
    let ids: Vec<_> = sent.collect();
    wire.settle();
    assert_eq!((wire.delivered - before, wire.ends[A].sent.len()), (20, 0));
    wire.read(B, 0);
    wire.pass(Duration::from_millis(100));
    assert_eq!(wire.ends[A].sent.len(), 1, "the others are not read");
    (1..20).for_each(|place| wire.read(B, place));
    wire.settle();
    assert!(ids.iter().all(|id| wire.ends[A].sent[id].is_ok()));
    assert_eq!(wire.delivered - before, 20 + 2);
}

#[test]
fn l03_every_kind_arrives_as_what_it_was() {
    let mut wire = Wire::open(4, "chat");
    let given = [
        (Kind::Text, "hällo"),
        (Kind::Json, "null"),
        (Kind::Json, r#"{"a":[1,{}]}"#),
        (Kind::Blob, "b"),
        (Kind::Bytes, "c"),
    ];
    for (kind, bytes) in given {
        wire.send(B, "chat", kind, Source::of(bytes));
    }
    let stream = wire.try_send(B, "chat", plain(Kind::Bytes), Source::repeated(noise(4, 700), 30)).unwrap();
    wire.settle();
    let messages = wire.ends[A].messages();
    for ((kind, bytes), coming) in given.iter().zip(&messages) {
        assert_eq!((coming.offer.kind, &coming.bytes[..]), (*kind, bytes.as_bytes()));
        assert_eq!(coming.label, "chat");
        assert_eq!(coming.offer.total, Some(bytes.len() as u64));
    }
    assert_eq!((messages[5].offer.total, messages[5].count), (None, 21_000), "a stream of unknown length");
    assert_eq!(wire.ends[B].sent[&stream].clone().unwrap().bytes, 21_000);
}

#[test]
fn l04_info_may_have_so_many_bytes_and_not_one_more() {
    let mut wire = Wire::open(5, "chat");
    let info = noise(5, MAX_INFO_BYTES + 1);
    let sending = |info| Sending { info, ..plain(Kind::Text) };
    let before = wire.delivered;
    let refused = wire.try_send(A, "chat", sending(info.clone()), Source::of("text"));
    assert_eq!(refused, Err(SendError::InfoTooLarge { size: MAX_INFO_BYTES + 1 }));
    wire.settle();
    assert_eq!(wire.delivered, before, "nothing was sent");
    let largest = info.slice(1..);
    wire.try_send(A, "chat", sending(largest.clone()), Source::of("text")).unwrap();
    wire.settle();
    let coming = &wire.ends[B].messages()[0];
    assert_eq!((&coming.offer.info, &coming.bytes[..]), (&largest, &b"text"[..]));
}

#[test]
fn l05_an_abort_reaches_both_sides_at_every_moment() {
    let reason = TransferError::Aborted { reason: "changed my mind".to_owned() };
    for steps in [0, 1, 3, 8, 20, 40, 60] {
        let mut wire = Wire::open(steps, "chat");
        let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(6, 1_500_000)));
        (0..steps).for_each(|_| assert!(wire.step(None), "it was over before"));
        wire.call(A, |session, now| session.abort(now, id, "changed my mind"));
        assert_eq!(wire.ends[A].sent[&id], Err(reason.clone()), "after {steps} steps");
        assert!(wire.ends[A].session.lanes[0].outgoing.is_empty(), "nothing of it is kept");
        wire.settle();
        // The first frame may have gone out at once.
        for coming in wire.ends[B].messages() {
            assert!(
                matches!(&coming.result, Some(Err(error)) if *error == reason) || coming.count == 1_500_000
            );
        }
        assert!(wire.ends[B].session.lanes[0].incoming.is_empty(), "nothing of it is kept");
        let next = wire.send(A, "chat", Kind::Text, Source::of("next"));
        wire.settle();
        assert!(wire.ends[A].sent[&next].is_ok(), "the channel goes on");
    }
}

#[test]
fn l05_what_is_aborted_before_its_turn_is_never_announced() {
    let mut wire = Wire::open(7, "chat");
    wire.send(A, "chat", Kind::Bytes, Source::of(noise(7, 2_000_000)));
    let id = wire.send(A, "chat", Kind::Text, Source::of("second"));
    wire.call(A, |session, now| session.abort(now, id, "no"));
    wire.settle();
    assert_eq!(wire.ends[B].messages().len(), 1);
    assert_eq!(wire.ends[B].messages()[0].count, 2_000_000);
}

#[test]
fn l06_a_receiver_that_cancels_stops_the_sender_within_a_chunk() {
    let mut wire = Wire::open(8, "chat");
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(8, 5_000_000)));
    while wire.ends[B].messages().first().is_none_or(|coming| coming.count < 1_000_000) {
        assert!(wire.step(None));
    }
    let incoming = *wire.ends[B].coming.keys().next().unwrap();
    wire.call(B, |session, now| session.cancel(now, incoming, "enough"));
    let cancelled = TransferError::Cancelled { reason: "enough".to_owned() };
    assert_eq!(wire.ends[B].messages()[0].result, Some(Err(cancelled.clone())));
    while !wire.ends[A].sent.contains_key(&id) {
        assert!(wire.step(None));
    }
    assert_eq!(wire.ends[A].sent[&id], Err(cancelled));
    let on_the_way = wire.delivered;
    wire.settle();
    assert!(wire.delivered - on_the_way <= 256 / 16 + 1, "only what the buffer held came after that");
}

#[test]
fn l07_a_reader_that_never_reads_holds_a_window_and_the_sender_waits() {
    let mut wire = Wire::with(9, Config { stall_limit: None, ..Config::default() });
    wire.connect();
    wire.call(A, |session, now| session.open(now, "chat", ChannelOptions::default())).unwrap();
    wire.settle();
    wire.ends[B].reads = Reads::Never;
    let id = wire.send(A, "chat", Kind::Bytes, Source::repeated(noise(9, 1 << 18), 100));
    wire.settle();
    wire.pass(Duration::from_secs(3_600));
    assert_eq!(wire.ends[B].most_unread, WINDOW);
    assert!(!wire.ends[A].sent.contains_key(&id), "neither success nor failure");
    let last = wire.ends[A].progress[&id].last().copied().unwrap();
    assert_eq!((last.current, last.acked, last.done), (WINDOW as u64, 0, false));
    // It reads after all.
    wire.ends[B].reads = Reads::AtOnce;
    let incoming = *wire.ends[B].coming.keys().next().unwrap();
    wire.call(B, |session, now| session.read(now, incoming, WINDOW));
    wire.settle();
    assert!(wire.ends[A].sent[&id].is_ok());
}

#[test]
fn l07_with_a_limit_the_sender_of_an_unread_message_gives_up() {
    let mut wire = Wire::open(10, "chat");
    wire.ends[B].reads = Reads::Never;
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(10, 3_000_000)));
    wire.pass(STALL_LIMIT - Duration::from_secs(1));
    assert!(!wire.ends[A].sent.contains_key(&id));
    wire.pass(Duration::from_secs(5));
    let stalled = TransferError::Stalled { waited: STALL_LIMIT };
    assert_eq!(wire.ends[A].sent[&id], Err(stalled.clone()));
    assert_eq!(wire.ends[B].messages()[0].result, Some(Err(stalled)));
}

#[test]
fn a_source_that_gives_nothing_for_an_hour_is_not_taken_for_dead() {
    let mut wire = Wire::open(11, "chat");
    let silent = wire.try_send(A, "chat", plain(Kind::Bytes), Source::repeated(Bytes::new(), 0)).unwrap();
    wire.call(A, |session, now| session.provide(now, silent, Bytes::from_static(b"begin"), false));
    wire.pass(Duration::from_secs(3_600));
    assert_eq!((wire.ends[B].messages()[0].count, wire.ends[A].sent.len()), (5, 0));
    wire.call(A, |session, now| session.pause(now, silent, true));
    wire.call(A, |session, now| session.provide(now, silent, Bytes::from_static(b"end"), true));
    wire.pass(Duration::from_secs(3_600));
    assert_eq!(wire.ends[B].messages()[0].count, 5, "it is held back");
    wire.call(A, |session, now| session.pause(now, silent, false));
    wire.settle();
    assert_eq!(wire.ends[A].sent[&silent], Ok(receipt(b"beginend")));
}

#[test]
fn a_sender_that_falls_silent_is_given_up_by_the_receiver() {
    let mut wire = Wire::open(12, "chat");
    wire.send(A, "chat", Kind::Bytes, Source::of(noise(12, 500_000)));
    while wire.ends[B].messages().is_empty() {
        wire.step(None);
    }
    // Nothing of what is on its way comes, and nothing else.
    wire.call(B, |session, now| session.handle_timeout(now + STALL_LIMIT));
    let stalled = TransferError::Stalled { waited: STALL_LIMIT };
    assert_eq!(wire.ends[B].messages()[0].result, Some(Err(stalled)));
}

#[test]
fn a_receiver_gives_nobody_up_while_there_is_no_path_and_who_is_silent_after_it() {
    let mut wire = Wire::open(15, "chat");
    wire.send(A, "chat", Kind::Bytes, Source::of(noise(15, 500_000)));
    while wire.ends[B].messages().is_empty() {
        wire.step(None);
    }
    wire.call(B, |session, now| session.path(now, false));
    wire.call(B, |session, now| session.handle_timeout(now + STALL_LIMIT * 10));
    wire.call(B, |session, now| session.path(now + STALL_LIMIT * 10, true));
    wire.call(B, |session, now| session.handle_timeout(now + STALL_LIMIT * 11 - Duration::from_millis(1)));
    assert_eq!(wire.ends[B].messages()[0].result, None, "the time without a path does not count");
    wire.call(B, |session, now| session.handle_timeout(now + STALL_LIMIT * 11));
    let stalled = TransferError::Stalled { waited: STALL_LIMIT };
    assert_eq!(wire.ends[B].messages()[0].result, Some(Err(stalled)));
}

#[test]
fn a_sender_gives_nobody_up_while_there_is_no_path_and_who_does_not_read_after_it() {
    let mut wire = Wire::open(16, "chat");
    wire.ends[B].reads = Reads::Never;
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(16, 3_000_000)));
    wire.pass(STALL_LIMIT / 2);
    wire.call(A, |session, now| session.path(now, false));
    wire.pass(STALL_LIMIT * 2);
    wire.call(A, |session, now| session.path(now, true));
    wire.pass(STALL_LIMIT - Duration::from_secs(1));
    assert!(!wire.ends[A].sent.contains_key(&id), "the time without a path does not count");
    wire.pass(Duration::from_secs(5));
    assert_eq!(wire.ends[A].sent[&id], Err(TransferError::Stalled { waited: STALL_LIMIT }));
}

#[test]
fn l08_a_channel_that_closes_ends_what_is_on_it_on_both_sides() {
    for closer in [A, B] {
        let mut wire = Wire::open(13, "chat");
        let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(13, 5_000_000)));
        (0..30).for_each(|_| assert!(wire.step(None)));
        let began = wire.now;
        wire.call(closer, |session, now| session.close(now, "chat"));
        wire.settle();
        assert_eq!(wire.ends[A].sent[&id], Err(TransferError::ChannelClosed));
        assert_eq!(wire.ends[B].messages()[0].result, Some(Err(TransferError::ChannelClosed)));
        assert!(wire.now - began < Duration::from_secs(1), "at once");
        assert_eq!([A, B].map(|side| wire.ends[side].session.labels().count()), [0, 0]);
    }
}

#[test]
fn l08_a_peer_that_leaves_ends_everything() {
    let mut wire = Wire::open(14, "chat");
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(14, 5_000_000)));
    (0..30).for_each(|_| assert!(wire.step(None)));
    for side in [A, B] {
        wire.call(side, |session, _| session.end());
    }
    assert_eq!(wire.ends[A].sent[&id], Err(TransferError::Closed));
    assert_eq!(wire.ends[B].messages()[0].result, Some(Err(TransferError::Closed)));
    let refused = wire.try_send(A, "chat", plain(Kind::Text), Source::of("late"));
    assert_eq!(refused, Err(SendError::Closed));
}

#[test]
fn l09_messages_of_a_label_keep_their_order() {
    let mut wire = Wire::open(15, "chat");
    for bytes in [noise(15, 50_000), Bytes::from_static(b"two"), Bytes::from_static(b"three")] {
        wire.send(A, "chat", Kind::Bytes, Source::of(bytes));
    }
    wire.settle();
    let counts: Vec<_> = wire.ends[B].messages().iter().map(|coming| coming.count).collect();
    assert_eq!(counts, [50_000, 3, 5]);
}

#[test]
fn l09_a_large_message_does_not_delay_a_short_one_on_another_label() {
    let mut wire = Wire::open(16, "files");
    wire.call(A, |session, now| session.open(now, "chat", ChannelOptions::default())).unwrap();
    wire.settle();
    let large = wire.send(A, "files", Kind::Blob, Source::repeated(noise(16, 1 << 18), 4_096));
    (0..200).for_each(|_| assert!(wire.step(None)));
    let began = wire.now;
    let short = wire.send(A, "chat", Kind::Text, Source::of("hi"));
    while !wire.ends[A].sent.contains_key(&short) {
        assert!(wire.step(None));
    }
    assert!(wire.now - began < Duration::from_millis(100), "a round trip: {:?}", wire.now - began);
    assert!(!wire.ends[A].sent.contains_key(&large));
}

#[test]
fn two_large_messages_share_the_way() {
    let mut wire = Wire::open(17, "one");
    wire.call(B, |session, now| session.open(now, "two", ChannelOptions::default())).unwrap();
    wire.settle();
    for label in ["one", "two"] {
        wire.send(A, label, Kind::Bytes, Source::repeated(noise(17, 1 << 18), 40));
    }
    while wire.ends[A].sent.is_empty() {
        assert!(wire.step(None));
    }
    let counts: Vec<_> = wire.ends[B].messages().iter().map(|coming| coming.count).collect();
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(least * 10 >= most * 7, "{counts:?}");
}

#[test]
fn a_thousand_small_messages_do_not_wait_for_each_other() {
    let mut wire = Wire::open(18, "files");
    let began = wire.now;
    for file in 0..1_000 {
        wire.send(A, "files", Kind::Blob, Source::of(noise(file, 1_024)));
    }
    wire.settle();
    assert_eq!(wire.ends[A].sent.values().filter(|result| result.is_ok()).count(), 1_000);
    // A round trip takes 50 ms and more here.
    let each_after_the_other = Duration::from_millis(50) * 1_000;
    assert!((wire.now - began) * 10 < each_after_the_other, "{:?}", wire.now - began);
}

#[test]
fn small_messages_that_wait_together_go_together_in_their_order() {
    let mut wire = Wire::open(22, "files");
    let before = wire.delivered;
    let files: Vec<_> = (0..300).map(|file| noise(file, 1_000 + file as usize % 7)).collect();
    for (place, file) in files.iter().enumerate() {
        wire.send(A, "files", Kind::Blob, Source::of(file.clone()));
        if place == 150 {
            wire.try_send(A, "files", plain(Kind::Bytes), Source::repeated(noise(1, 700), 40)).unwrap();
        }
    }
    wire.settle();
    let came = wire.ends[B].messages();
    let blobs = came.iter().filter(|coming| coming.offer.kind == Kind::Blob).map(|coming| &coming.bytes);
    assert!(blobs.eq(files.iter()), "each is whole and in its place");
    assert_eq!((came[151].count, came.len()), (28_000, 301));
    assert!(wire.ends[A].sent.values().all(Result::is_ok));
    // The first 64 go out as they are given, each by itself, and so come their receipts.
    let messages = wire.delivered - before;
    assert!(messages < 64 + 64 + 2 * 237 / 4, "{messages} messages with their receipts");
}

#[test]
fn l18_progress_rises_and_ends_with_everything() {
    let mut wire = Wire::open(19, "chat");
    let began = wire.now;
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(19, 3_000_000)));
    wire.settle();
    let progress = &wire.ends[A].progress[&id];
    let most = (wire.now - began).as_millis() / PROGRESS_STEP.as_millis() + 1;
    assert!(progress.len() as u128 <= most, "{} in {:?}", progress.len(), wire.now - began);
    assert!(progress.windows(2).all(|two| two[0].current <= two[1].current && two[0].acked <= two[1].acked));
    assert!(progress.iter().all(|step| step.acked <= step.current && step.total == Some(3_000_000)));
    let (last, before) = progress.split_last().unwrap();
    assert!(before.iter().all(|step| !step.done) && last.done);
    assert_eq!((last.current, last.acked), (3_000_000, 3_000_000));
    assert!(before.iter().any(|step| step.rate > 0 && step.left.is_some()), "rate and time left are told");
}

#[test]
fn progress_is_told_and_waits_for_nothing_more_while_there_is_no_path() {
    let mut wire = Wire::open(23, "chat");
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(23, 100_000)));
    wire.call(A, |session, now| session.path(now, false));
    let due = wire.ends[A].session.deadline().unwrap();
    assert_eq!(due, wire.now + PROGRESS_STEP);
    wire.now = due;
    wire.call(A, |session, now| session.handle_timeout(now));
    assert_eq!(wire.ends[A].progress[&id].last().unwrap().current, 100_000);
    assert_eq!(wire.ends[A].session.deadline(), None);
}

#[test]
fn l19_opposite_messages_with_equal_numbers_do_not_disturb_each_other() {
    let mut wire = Wire::open(20, "chat");
    let there = wire.send(A, "chat", Kind::Bytes, Source::of(noise(20, 800_000)));
    let back = wire.send(B, "chat", Kind::Bytes, Source::of(noise(21, 900_000)));
    assert_eq!(there, back, "the same number");
    (0..20).for_each(|_| assert!(wire.step(None)));
    wire.call(A, |session, now| session.abort(now, there, "stop"));
    wire.settle();
    assert!(wire.ends[A].sent[&there].is_err());
    assert_eq!(wire.ends[B].sent[&back], Ok(receipt(&noise(21, 900_000))));
    assert_eq!(wire.ends[A].messages()[0].bytes, noise(21, 900_000));
}

#[test]
fn memory_of_a_message_on_its_way_does_not_grow_with_it() {
    let mut wire = Wire::open(21, "chat");
    wire.send(A, "chat", Kind::Bytes, Source::repeated(noise(21, 1 << 16), 400));
    let mut most = 0;
    while wire.step(None) {
        most = most.max(wire.ends[A].session.lanes[0].outgoing.iter().map(|m| m.held()).sum());
    }
    assert!(most <= WINDOW + 2 * 256 * 1_024, "{most} bytes are held");
}
