//! Messages under labels, with whatever happens to the two while they are on their way: each arrives once, in the
//! order of the calls, and both sides know of it (labelled-peer, tests T9, T11, T12 and section 7.3).

use std::time::Duration;

use peerhall_core::CloseCode;
use peerhall_labelled::TransferError;
use peerhall_sim::{ActorId, Lab, LabOptions, Style, VendorKind as Kind};
use serde_json::json;

use crate::common::SECOND;

const LABEL: &str = "files";

/// Messages of each side, and bytes of each: half a second of the way, several windows.
const COUNT: u8 = 5;
const SIZE: usize = 1_000_000;

/// How long faults may last and be got over.
const PATIENCE: Duration = Duration::from_secs(300);

/// A message that is known by its first byte.
fn message(number: u8, size: usize) -> Vec<u8> {
    let mut noise = fastrand::Rng::with_seed(number.into());
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| noise.u8(..)).take(size).collect();
    if let Some(first) = bytes.first_mut() {
        *first = number;
    }
    bytes
}

/// Two that have a label open with each other.
fn pair(seed: u64) -> (Lab, ActorId, ActorId) {
    let mut lab = Lab::new(LabOptions::seeded(seed));
    let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
    for peer in [alice, bob] {
        lab.open_label(peer, LABEL);
        lab.join(peer, "room");
    }
    lab.run_for(SECOND * 2);
    assert!(lab.is_connected(alice, "bob") && lab.is_connected(bob, "alice"));
    (lab, alice, bob)
}

/// Both send, and something happens in the middle of it; tells how long it took.
fn send_while(seed: u64, what: &str, happens: impl FnOnce(&mut Lab, ActorId, ActorId)) -> Duration {
    let (mut lab, alice, bob) = pair(seed);
    let ways = [(alice, bob, "bob"), (bob, alice, "alice")];
    for number in 0..COUNT {
        for (from, _, to) in ways {
            lab.send_on_label(from, to, LABEL, message(number, SIZE)).unwrap();
        }
    }
    lab.run_for(Duration::from_millis(200));
    for (from, to, _) in ways {
        assert!(
            lab.came(to).len() < usize::from(COUNT) && lab.gone(from).len() < usize::from(COUNT),
            "{what}"
        );
    }
    happens(&mut lab, alice, bob);
    let started = lab.now();
    let count = usize::from(COUNT);
    let over = |lab: &Lab| ways.iter().all(|(from, _, _)| lab.gone(*from).len() == count);
    assert!(lab.run_until(PATIENCE, over), "{what}: {:?} {:?}", lab.words(alice), lab.words(bob));
    for (from, to, _) in ways {
        let numbers: Vec<u8> = lab.came(to).iter().map(|came| came.bytes[0]).collect();
        assert_eq!(numbers, (0..COUNT).collect::<Vec<_>>(), "{what}");
        for (came, gone) in lab.came(to).iter().zip(lab.gone(from)) {
            assert!(came.bytes == message(came.bytes[0], SIZE), "{what}: other bytes");
            assert_eq!(gone.result.as_ref().map(|receipt| receipt.bytes), Ok(SIZE as u64), "{what}");
        }
    }
    assert_eq!(lab.broken(), Vec::<String>::new(), "{what}");
    lab.now() - started
}

#[test]
fn r51_r52_messages_arrive_once_when_either_side_or_both_lose_the_server() {
    send_while(1, "the sender's socket is cut", |lab, alice, _| lab.cut(alice));
    send_while(2, "the receiver's socket is cut", |lab, _, bob| lab.cut(bob));
    send_while(3, "both at once", |lab, alice, bob| {
        lab.cut(alice);
        lab.cut(bob);
    });
    send_while(4, "again and again", |lab, alice, bob| {
        for _ in 0..5 {
            lab.cut(alice);
            lab.run_for(Duration::from_millis(700));
            lab.cut(bob);
            lab.run_for(Duration::from_millis(700));
        }
    });
    send_while(5, "a silent socket", |lab, alice, _| lab.stall(alice));
}

#[test]
fn r01_messages_arrive_once_when_the_connection_is_replaced() {
    send_while(6, "the sender starts over", |lab, alice, _| {
        lab.with_peer(alice, |peer, now| peer.drop_connection(now));
    });
    send_while(7, "both start over", |lab, alice, bob| {
        lab.with_peer(alice, |peer, now| peer.drop_connection(now));
        lab.with_peer(bob, |peer, now| peer.drop_connection(now));
    });
}

#[test]
fn messages_arrive_once_when_the_server_dies_or_says_goodbye() {
    send_while(8, "a crash", |lab, _, _| {
        lab.crash();
        lab.run_for(SECOND * 3);
        lab.start_server();
    });
    send_while(9, "a restart in order", |lab, _, _| {
        lab.drain_server(SECOND);
        lab.run_for(SECOND);
        lab.start_server();
    });
    send_while(10, "an end by the server", |lab, alice, _| {
        lab.close_by_server(alice, CloseCode(1011), "for the lab");
    });
}

#[test]
fn messages_arrive_once_when_the_path_is_lost_for_a_while() {
    let took = send_while(11, "a short break", |lab, alice, bob| {
        lab.block_media(alice, bob, true);
        lab.run_for(SECOND * 3);
        lab.block_media(alice, bob, false);
    });
    assert!(took < SECOND * 10, "{took:?}");
    send_while(12, "a long break", |lab, alice, bob| {
        lab.block_media(alice, bob, true);
        lab.run_for(SECOND * 25);
        lab.block_media(alice, bob, false);
        lab.with_peer(alice, |peer, now| peer.network_available(now));
    });
    let (mut lab, alice, bob) = pair(18);
    lab.send_on_label(alice, "bob", LABEL, message(1, SIZE)).unwrap();
    lab.run_for(Duration::from_millis(50));
    // Longer than a transfer may stall, and nothing else works either.
    lab.block_media(alice, bob, true);
    lab.stall(alice);
    lab.run_for(SECOND * 40);
    lab.resume(alice);
    lab.block_media(alice, bob, false);
    lab.with_peer(alice, |peer, now| peer.network_available(now));
    assert!(lab.run_until(PATIENCE, |lab| lab.came(bob).len() == 1 && lab.gone(alice).len() == 1));
    assert!(lab.gone(alice)[0].result.is_ok(), "{:?}", lab.gone(alice));
}

#[test]
fn messages_arrive_once_through_the_server_and_on_over_the_connection_that_comes_back() {
    let (mut lab, alice, bob) = pair(13);
    lab.block_media(alice, bob, true);
    let sent = (0..COUNT).map(|number| lab.send_on_label(alice, "bob", LABEL, message(number, 100_000)));
    assert!(sent.into_iter().all(|sent| sent.is_ok()));
    assert!(lab.run_until(SECOND * 60, |lab| lab.goes_through_the_server(alice, "bob")));
    assert!(lab.run_until(SECOND * 60, |lab| lab.came(bob).len() == 2), "{:?}", lab.words(alice));
    lab.block_media(alice, bob, false);
    lab.with_peer(alice, |peer, now| peer.network_available(now));
    assert!(lab.run_until(SECOND * 60, |lab| lab.gone(alice).len() == usize::from(COUNT)));
    let results: Vec<_> = lab.gone(alice).iter().map(|gone| gone.result.clone().map(|r| r.bytes)).collect();
    assert_eq!(results, vec![Ok(100_000); usize::from(COUNT)]);
    assert!(lab.is_connected(alice, "bob") && !lab.goes_through_the_server(alice, "bob"));
    let numbers: Vec<u8> = lab.came(bob).iter().map(|came| came.bytes[0]).collect();
    assert_eq!(numbers, (0..COUNT).collect::<Vec<_>>());
    assert!(lab.came(bob).iter().all(|came| came.bytes == message(came.bytes[0], 100_000)));
}

#[test]
fn messages_arrive_once_beside_media_that_both_change_at_once() {
    for style in [Style::Trickle, Style::OwnTrackIds, Style::Whole] {
        send_while(14, "collisions", |lab, alice, bob| {
            lab.set_style(alice, style);
            for round in 0..20 {
                lab.add_track(alice, &format!("cam-{round}"), Some("stream"), Some(json!({"of": "alice"})));
                lab.add_track(bob, &format!("mic-{round}"), Some("stream"), None);
                lab.run_for(Duration::from_millis(30));
            }
        });
    }
}

/// T11: before joining, before connecting, from either side.
#[test]
fn l11_messages_wait_for_a_connection_from_either_side() {
    for (first, second) in [("alice", "bob"), ("bob", "alice")] {
        let mut lab = Lab::new(LabOptions::seeded(15));
        let (one, other) = (lab.peer(first), lab.peer(second));
        for peer in [one, other] {
            lab.open_label(peer, LABEL);
        }
        lab.join(one, "room");
        lab.run_for(SECOND);
        lab.join(other, "room");
        let known = |lab: &Lab| lab.remote(one, second).is_some() && lab.remote(other, first).is_some();
        assert!(lab.run_until(SECOND * 5, known));
        assert!(!lab.is_connected(one, second));
        lab.send_on_label(one, second, LABEL, message(1, 10)).unwrap();
        lab.send_on_label(other, first, LABEL, message(2, 10)).unwrap();
        lab.run_for(SECOND * 3);
        assert_eq!(lab.came(other).iter().map(|came| came.bytes[0]).collect::<Vec<_>>(), [1]);
        assert_eq!(lab.came(one).iter().map(|came| came.bytes[0]).collect::<Vec<_>>(), [2]);
    }
}

/// T8: who leaves ends what is on its way to it, at once.
#[test]
fn l08_messages_to_somebody_who_leaves_fail_at_once() {
    let (mut lab, alice, bob) = pair(16);
    lab.send_on_label(alice, "bob", LABEL, message(1, 50_000_000)).unwrap();
    lab.run_for(Duration::from_millis(200));
    lab.close(bob);
    lab.run_for(SECOND * 2);
    let results: Vec<_> = lab.gone(alice).iter().map(|gone| gone.result.clone()).collect();
    assert_eq!(results, [Err(TransferError::Closed)]);
    assert!(lab.came(bob).is_empty());
}

/// T16: messages to a peer of the vendor's fail as soon as it has shown that it knows no labels.
#[test]
fn l16_messages_to_a_vendors_peer_fail_and_it_sees_nothing_of_them() {
    for kind in [Kind::Js, Kind::Python] {
        let mut lab = Lab::new(LabOptions::seeded(17));
        let alice = lab.peer("alice");
        lab.open_label(alice, LABEL);
        lab.join(alice, "room");
        lab.run_for(SECOND);
        let victor = lab.vendor("victor", kind, "room");
        lab.add_track(alice, "camera", Some("stream"), None);
        lab.run_until(SECOND, |lab| lab.remote(alice, "victor").is_some());
        lab.send_on_label(alice, "victor", LABEL, message(1, 10)).unwrap();
        lab.run_for(SECOND * 5);
        assert!(lab.is_connected(alice, "victor"), "{kind:?}");
        let results: Vec<_> = lab.gone(alice).iter().map(|gone| gone.result.clone()).collect();
        assert_eq!(results, [Err(TransferError::NotLabelled)], "{kind:?}");
        assert!(!lab.words(victor).iter().any(|word| word.contains("channel")), "{:?}", lab.words(victor));
    }
}
