use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::wire::{A, B, Reads, Source, Wire, noise};
use crate::frame::MAX_MESSAGE_BYTES;
use crate::{
    CHUNK, ChannelChange, ChannelOptions, Config, CutOff, Event, Kind, Role, SendError, TransferError, Way,
};

const SECOND: Duration = Duration::from_secs(1);

/// Two that have opened a label, have shown that they know the way, and have no connection.
fn apart(seed: u64) -> Wire {
    apart_with(seed, Config::default())
}

fn apart_with(seed: u64, config: Config) -> Wire {
    let mut wire = Wire::with(seed, config);
    wire.frozen = true;
    wire.connect();
    wire.call(A, |session, now| session.open(now, "chat", ChannelOptions::default())).unwrap();
    wire.settle();
    wire
}

fn ways(wire: &Wire) -> [Way; 2] {
    [A, B].map(|side| wire.ends[side].session.way())
}

fn told(wire: &Wire, side: usize) -> Vec<Way> {
    let way = |event: &Event| if let Event::Way(way) = event { Some(*way) } else { None };
    wire.ends[side].events.iter().filter_map(way).collect()
}

/// All of these messages have come to a side, in order and once.
fn assert_arrived(wire: &Wire, side: usize, sizes: &[usize]) {
    let messages = wire.ends[side].messages();
    assert_eq!(messages.len(), sizes.len(), "each once");
    for (index, (coming, size)) in messages.iter().zip(sizes).enumerate() {
        assert_eq!(coming.bytes, noise(index as u64, *size), "message {index}");
        assert!(matches!(coming.result, Some(Ok(_))), "message {index}");
    }
}

/// Texts are small, and all channels stand in one line.
#[test]
fn through_the_server_go_small_parts_whatever_the_driver_has() {
    let mut wire = apart_with(510, Config { chunk: MAX_MESSAGE_BYTES, ..Config::default() });
    wire.send(A, "chat", Kind::Bytes, Source::of(noise(0, 5_000_000)));
    wire.detour(A, true);
    wire.detour(B, true);
    wire.pass(SECOND);
    assert_eq!(ways(&wire), [Way::Server; 2]);
    assert_eq!(wire.ends[A].session.lanes[0].chunk(), CHUNK);
    let come = wire.ends[B].messages()[0].bytes.len();
    assert!((1..5_000_000).contains(&come), "{come} bytes have come");
    wire.thaw();
    for side in [A, B] {
        wire.detour(side, false);
    }
    wire.settle();
    assert_eq!(wire.ends[A].session.lanes[0].chunk(), MAX_MESSAGE_BYTES);
    assert_arrived(&wire, B, &[5_000_000]);
}

#[test]
fn without_a_connection_messages_go_through_the_server_and_move_back_to_the_first_one() {
    for first in [A, B] {
        let mut wire = apart(500);
        let sizes = [0, 5, 1_000_000];
        for (index, size) in sizes.into_iter().enumerate() {
            wire.send(A, "chat", Kind::Bytes, Source::of(noise(index as u64, size)));
        }
        wire.detour(A, true);
        wire.detour(B, true);
        wire.settle();
        assert_eq!(ways(&wire), [Way::Server; 2]);
        assert_arrived(&wire, B, &sizes);
        assert!(wire.ends[A].sent.values().all(Result::is_ok));
        wire.thaw();
        for side in [first, 1 - first] {
            wire.detour(side, false);
        }
        wire.settle();
        assert_eq!(
            (told(&wire, A), told(&wire, B)),
            (vec![Way::Server, Way::Connection], vec![Way::Server, Way::Connection])
        );
        let texts = wire.server.taken;
        let id = wire.send(B, "chat", Kind::Text, Source::of("direct"));
        wire.settle();
        assert!(wire.ends[B].sent[&id].is_ok());
        assert_eq!((wire.server.taken, wire.pipes()), (texts, 2), "over the connection");
    }
}

#[test]
fn one_side_that_has_no_connection_is_enough_and_the_first_that_has_one_ends_it() {
    for (wants, ends) in [(A, A), (B, B), (A, B), (B, A)] {
        let mut wire = apart(501);
        wire.detour(wants, true);
        wire.settle();
        assert_eq!(ways(&wire), [Way::Server; 2]);
        wire.thaw();
        wire.detour(ends, false);
        if ends == wants {
            wire.settle();
        } else {
            // Who wanted it hears of it, and has the connection soon, too.
            wire.detour(wants, false);
            wire.settle();
        }
        wire.pass(SECOND * 100);
        assert_eq!(ways(&wire), [Way::Connection; 2], "{wants} wants, {ends} ends");
        let id = wire.send(A, "chat", Kind::Text, Source::of("hello"));
        wire.settle();
        assert!(wire.ends[A].sent[&id].is_ok());
    }
}

#[test]
fn messages_that_move_from_one_way_to_the_other_and_back_arrive_in_order_and_once() {
    for seed in 0..60 {
        let mut wire = Wire::open(seed, "chat");
        let mut rng = fastrand::Rng::with_seed(seed);
        let sizes: Vec<_> =
            (0..20).map(|_| if rng.bool() { rng.usize(0..2_000) } else { rng.usize(0..300_000) }).collect();
        let ids: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(index, size)| {
                wire.send(A, "chat", Kind::Bytes, Source::of(noise(index as u64, *size)).once())
            })
            .collect();
        for _ in 0..6 {
            (0..rng.usize(0..300)).for_each(|_| {
                wire.step(None);
            });
            // Nothing moves on the connection, and what was on its way comes late.
            wire.frozen = true;
            let first = rng.usize(0..2);
            wire.detour(first, true);
            (0..rng.usize(0..10)).for_each(|_| {
                wire.step(None);
            });
            wire.detour(1 - first, true);
            match rng.usize(0..4) {
                0 => wire.server.fails = true,
                1 => wire.server.loses = true,
                _ => {}
            }
            (0..rng.usize(0..300)).for_each(|_| {
                wire.step(None);
            });
            if rng.bool() {
                // The server was away, and both have other connections, which are no better.
                wire.cut();
                wire.connect();
            }
            wire.thaw();
            let first = rng.usize(0..2);
            wire.detour(first, false);
            (0..rng.usize(0..10)).for_each(|_| {
                wire.step(None);
            });
            wire.detour(1 - first, false);
        }
        wire.pass(SECOND * 20);
        assert_eq!(ways(&wire), [Way::Connection; 2], "seed {seed}");
        for id in &ids {
            assert!(matches!(wire.ends[A].sent.get(id), Some(Ok(_))), "seed {seed}: {:?}", wire.ends[A].sent);
        }
        assert_arrived(&wire, B, &sizes);
    }
}

#[test]
fn an_abort_reaches_the_other_side_through_the_server() {
    let mut wire = apart(502);
    wire.detour(A, true);
    wire.settle();
    wire.ends[B].reads = Reads::Never;
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(1, 3_000_000)));
    wire.settle();
    assert!(wire.ends[B].most_unread <= crate::WINDOW, "no more than the credit");
    wire.call(A, |session, now| session.abort(now, id, "enough"));
    wire.settle();
    let result = wire.ends[B].messages()[0].result.clone();
    assert_eq!(result, Some(Err(TransferError::Aborted { reason: "enough".to_owned() })));
}

#[test]
fn l07_who_does_not_read_what_comes_through_the_server_is_given_up_and_the_way_stays() {
    let mut wire = apart(501);
    wire.detour(A, true);
    wire.settle();
    wire.ends[B].reads = Reads::Never;
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(0, 3_000_000)));
    wire.pass(SECOND * 200);
    assert!(matches!(wire.ends[A].sent.get(&id), Some(Err(TransferError::Stalled { .. }))));
    let turns = wire.ends[A].events.iter().filter(|event| matches!(event, Event::Way(_))).count();
    assert_eq!((turns, ways(&wire)), (1, [Way::Server; 2]));
}

#[test]
fn a_short_message_does_not_wait_behind_a_long_one_of_another_label() {
    let mut wire = apart(503);
    wire.call(A, |session, now| session.open(now, "file", ChannelOptions::default())).unwrap();
    wire.detour(A, true);
    wire.settle();
    let long = wire.send(A, "file", Kind::Bytes, Source::of(noise(1, 8_000_000)));
    (0..200).for_each(|_| assert!(wire.step(None)));
    let short = wire.send(A, "chat", Kind::Text, Source::of("short"));
    while !wire.ends[A].sent.contains_key(&short) {
        assert!(wire.step(None));
    }
    assert!(!wire.ends[A].sent.contains_key(&long));
}

#[test]
fn when_the_quota_is_used_up_it_is_told_once_and_messages_wait_for_a_connection() {
    let mut wire = apart(504);
    wire.server.quota = Some(12);
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(0, 1_000_000)));
    wire.detour(A, true);
    wire.detour(B, true);
    wire.pass(SECOND * 1_000);
    let over =
        |side: usize| wire.ends[side].events.iter().filter(|event| **event == Event::OverQuota).count();
    assert_eq!((over(A), ways(&wire)), (1, [Way::Connection; 2]));
    assert!(!wire.ends[A].sent.contains_key(&id));
    wire.thaw();
    wire.detour(A, false);
    wire.detour(B, false);
    wire.settle();
    assert!(
        matches!(wire.ends[A].sent.get(&id), Some(Ok(_))),
        "over the connection: {:?}",
        wire.ends[A].sent
    );
}

#[test]
fn a_sender_is_told_soon_of_a_quota_that_its_receiver_is_the_first_to_meet() {
    for quota in 4..60_usize {
        let mut wire = apart(600 + u64::try_from(quota).unwrap());
        wire.server.quota = Some(quota);
        wire.send(A, "chat", Kind::Bytes, Source::of(noise(1, 6_000_000)));
        wire.detour(A, true);
        wire.detour(B, true);
        wire.pass(SECOND * 10);
        let told = wire.ends[A].events.iter().filter(|event| **event == Event::OverQuota).count();
        assert_eq!((told, wire.ends[A].session.way()), (1, Way::Connection), "after {quota} texts");
    }
}

#[test]
fn a_message_whose_receipt_meets_the_quota_is_confirmed_over_the_first_connection() {
    for more in 0..6 {
        let mut wire = apart(800 + u64::try_from(more).unwrap());
        wire.detour(A, true);
        wire.detour(B, true);
        wire.pass(SECOND * 10);
        wire.server.quota = Some(wire.server.taken + more);
        let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(0, 5)));
        wire.pass(SECOND * 200);
        assert!(wire.ends[A].sent.values().all(Result::is_ok), "{more} texts more: {:?}", wire.ends[A].sent);
        wire.thaw();
        wire.detour(A, false);
        wire.detour(B, false);
        wire.settle();
        assert!(matches!(wire.ends[A].sent.get(&id), Some(Ok(_))), "{more} texts more");
        assert_arrived(&wire, B, &[5]);
    }
}

#[test]
fn the_way_through_the_server_is_tried_again_when_the_quota_may_be_another() {
    let mut wire = apart(505);
    wire.server.quota = Some(6);
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(0, 100_000)));
    wire.detour(A, true);
    wire.settle();
    assert_eq!(wire.ends[A].session.way(), Way::Connection);
    wire.server.quota = None;
    wire.pass(SECOND * 310);
    assert!(matches!(wire.ends[A].sent.get(&id), Some(Ok(_))), "{:?}", wire.ends[A].sent);
    assert_eq!(ways(&wire), [Way::Server; 2]);
}

#[test]
fn a_side_that_has_it_switched_off_is_left_alone() {
    let mut wire = Wire::with(506, Config { fallback: false, ..Config::default() });
    wire.call(A, |session, now| session.open(now, "chat", ChannelOptions::default())).unwrap();
    for side in [A, B] {
        wire.detour(side, true);
        wire.inject_text(side, "no text of anybody");
    }
    wire.settle();
    assert_eq!((wire.server.taken, ways(&wire)), (0, [Way::Connection; 2]));
    assert!(wire.ends.iter().all(|end| !end.events.iter().any(|event| matches!(event, Event::CutOff(_)))));
}

#[test]
fn one_that_starts_over_is_found_again() {
    let mut wire = apart(507);
    wire.detour(A, true);
    wire.detour(B, true);
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(0, 400_000)));
    (0..40).for_each(|_| assert!(wire.step(None)));
    wire.restart(B, Role::Asker, 99);
    wire.connect();
    wire.ends[B].coming.clear();
    wire.pass(SECOND * 20);
    assert_eq!(ways(&wire), [Way::Server; 2]);
    assert!(matches!(wire.ends[A].sent.get(&id), Some(Ok(_))), "{:?}", wire.ends[A].sent);
    assert_arrived(&wire, B, &[400_000]);
}

#[test]
fn who_creates_channels_may_change_on_the_way() {
    let mut wire = apart(508);
    wire.detour(A, true);
    wire.detour(B, true);
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(0, 400_000)));
    (0..40).for_each(|_| assert!(wire.step(None)));
    wire.call(A, |session, now| session.reset(now, Role::Asker));
    wire.call(B, |session, now| session.reset(now, Role::Creator));
    wire.pass(SECOND * 20);
    assert!(matches!(wire.ends[A].sent.get(&id), Some(Ok(_))), "{:?}", wire.ends[A].sent);
    assert_arrived(&wire, B, &[400_000]);
}

#[test]
fn raw_channels_wait_for_a_connection() {
    let mut wire = apart(509);
    let raw = ChannelOptions { ordered: false, ..ChannelOptions::default() };
    wire.call(A, |session, now| session.open(now, "game", raw)).unwrap();
    let opened = Event::Channel { label: "game".into(), change: ChannelChange::Open };
    wire.detour(A, true);
    wire.settle();
    assert_eq!(ways(&wire), [Way::Server; 2]);
    assert!(!wire.ends[A].events.contains(&opened));
    wire.thaw();
    wire.detour(A, false);
    wire.settle();
    assert!(wire.ends[A].events.contains(&opened) && wire.ends[B].events.contains(&opened));
}

#[test]
fn a_call_through_the_server_costs_few_texts() {
    let mut wire = apart(510);
    wire.detour(A, true);
    wire.settle();
    let before = wire.server.taken;
    let id = wire.send(A, "chat", Kind::Bytes, Source::of(noise(0, 1_000_000)));
    wire.settle();
    assert!(wire.ends[A].sent[&id].is_ok());
    // 15,000 bytes fit into each; and so many are acknowledged at once.
    let texts = wire.server.taken - before;
    assert!((67..90).contains(&texts), "{texts} texts for 1 MB");
}

#[test]
fn texts_that_are_none_end_the_session_and_nothing_else() {
    let mut wire = apart(511);
    wire.detour(A, true);
    wire.settle();
    wire.inject_text(B, "?");
    let is_cut_off = |event: &Event| matches!(event, Event::CutOff(CutOff::Frame(_)));
    assert!(wire.ends[B].events.iter().any(is_cut_off));
    wire.settle();
    assert_eq!(wire.ends[B].session.way(), Way::Connection);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn l20_no_text_of_a_remote_can_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..60_usize, "[A-Za-z0-9+/=]"), 0..20),
    ) {
        let mut wire = apart(512);
        wire.detour(A, true);
        wire.send(A, "chat", Kind::Bytes, Source::of(noise(0, 100_000)));
        for (which, place, letter) in changes {
            (0..5).for_each(|_| {
                wire.step(None);
            });
            let mut text = which.get(&wire.server.texts).clone();
            let place = place.min(text.len() - 1);
            text.replace_range(place..=place, &letter);
            wire.inject_text(A, &text);
            wire.inject_text(B, &text);
        }
        wire.pass(SECOND);
    }
}

#[test]
fn bytes_of_nothing_are_a_message_through_the_server_too() {
    let mut wire = apart(513);
    wire.detour(B, true);
    wire.settle();
    let ids = [A, B].map(|side| wire.send(side, "chat", Kind::Bytes, Source::of(Bytes::new())));
    wire.settle();
    assert!(wire.ends[A].sent[&ids[0]].is_ok() && wire.ends[B].sent[&ids[1]].is_ok());
}

#[test]
fn a_wish_that_is_taken_back_while_the_other_side_follows_it_leaves_the_labels_open() {
    for seed in 0..20 {
        let mut wire = Wire::open(seed, "chat");
        wire.detour(A, true);
        while wire.ends[B].session.way() == Way::Connection {
            assert!(wire.step(None), "the other side hears of it");
        }
        wire.detour(A, false);
        wire.pass(Duration::from_secs(10));
        assert_eq!([A, B].map(|side| wire.ends[side].session.way()), [Way::Connection; 2]);
        let ids = [A, B].map(|side| wire.send(side, "chat", Kind::Text, Source::of("again")));
        wire.settle();
        assert!(wire.ends[A].sent[&ids[A]].is_ok() && wire.ends[B].sent[&ids[B]].is_ok(), "seed {seed}");
    }
}

#[test]
fn a_goodbye_that_is_lost_is_said_again() {
    for (failing, silent) in [(true, false), (false, true)] {
        let mut wire = Wire::open(31, "chat");
        // One side follows the other though it has a connection itself.
        wire.detour(B, true);
        wire.pass(Duration::from_secs(5));
        assert_eq!([A, B].map(|side| wire.ends[side].session.way()), [Way::Server; 2]);
        (wire.server.fails, wire.server.loses) = (failing, silent);
        wire.detour(B, false);
        wire.pass(Duration::from_secs(60));
        assert_eq!([A, B].map(|side| wire.ends[side].session.way()), [Way::Connection; 2], "{failing}");
        let id = wire.send(B, "chat", Kind::Text, Source::of("again"));
        wire.settle();
        assert!(wire.ends[B].sent[&id].is_ok());
    }
}

#[test]
fn who_follows_the_other_through_the_server_goes_back_when_a_path_is_found() {
    let mut wire = Wire::open(32, "chat");
    wire.call(A, |session, now| session.path(now, false));
    wire.detour(B, true);
    wire.pass(Duration::from_secs(5));
    assert_eq!(wire.ends[A].session.way(), Way::Server);
    wire.call(A, |session, now| session.path(now, true));
    wire.settle();
    assert_eq!([A, B].map(|side| wire.ends[side].session.way()), [Way::Connection; 2]);
}

#[test]
fn two_who_find_a_path_while_their_hellos_cross_do_not_stay_apart_on_the_way_through_the_server() {
    for seed in 0..20 {
        let mut wire = Wire::open(seed, "chat");
        // Both have said hello, and found a path before they heard that of the other.
        for (side, wanted) in [(A, true), (B, true), (A, false), (B, false)] {
            wire.detour(side, wanted);
        }
        wire.pass(Duration::from_secs(10));
        assert_eq!([A, B].map(|side| wire.ends[side].session.way()), [Way::Connection; 2], "seed {seed}");
        let ids = [A, B].map(|side| wire.send(side, "chat", Kind::Text, Source::of("again")));
        wire.settle();
        assert!(wire.ends[A].sent[&ids[A]].is_ok() && wire.ends[B].sent[&ids[B]].is_ok(), "seed {seed}");
    }
}

#[test]
fn a_session_that_was_cut_off_does_not_come_back_with_another_control_channel() {
    let mut wire = Wire::open(33, "chat");
    wire.detour(A, true);
    while wire.ends[B].session.way() == Way::Connection {
        assert!(wire.step(None), "the other side hears of it");
    }
    wire.detour(A, false);
    wire.pass(Duration::from_millis(500));
    wire.inject_text(A, "no word of ours");
    assert!(wire.ends[A].events.iter().any(|event| matches!(event, Event::CutOff(_))));
    wire.pass(Duration::from_secs(10));
    assert!(!wire.ends[A].session.is_ready());
    assert_eq!(wire.ends[A].session.labels().count(), 0);
    let sent = wire.call(A, |session, now| session.open(now, "chat", ChannelOptions::default()));
    assert_eq!(sent, Err(SendError::Closed));
}
