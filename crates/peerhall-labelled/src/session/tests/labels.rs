use std::time::Duration;

use super::wire::{A, B, Source, Wire};
use crate::{ChannelChange, ChannelOptions, Event, Kind, MAX_LABELS, SendError, TransferError};

fn opens(wire: &mut Wire, side: usize, label: &str) {
    wire.call(side, |session, now| session.open(now, label, ChannelOptions::default())).unwrap();
}

fn labels(wire: &Wire, side: usize) -> Vec<String> {
    let mut labels: Vec<_> = wire.ends[side].session.labels().map(|(label, _)| label.to_string()).collect();
    labels.sort();
    labels
}

fn changes(wire: &Wire, side: usize) -> Vec<&'static str> {
    let change = |event: &Event| {
        let Event::Channel { change, .. } = event else { return None };
        Some(match change {
            ChannelChange::New { .. } => "new",
            ChannelChange::Open => "open",
            ChannelChange::Close => "close",
            ChannelChange::Refused => "refused",
        })
    };
    wire.ends[side].events.iter().filter_map(change).collect()
}

#[test]
fn l10_a_label_that_both_open_at_once_has_one_channel_a_thousand_times() {
    let mut wire = Wire::new(100);
    wire.connect();
    wire.settle();
    for round in 0..1_000 {
        opens(&mut wire, A, "both");
        opens(&mut wire, B, "both");
        wire.settle();
        assert_eq!(
            (wire.pipes(), labels(&wire, A), labels(&wire, B)),
            (2, vec!["both".into()], vec!["both".into()]),
            "round {round}"
        );
        assert_eq!(wire.channel(A, "both"), wire.channel(A, "both"));
        wire.call(round % 2, |session, now| session.close(now, "both"));
        wire.settle();
        assert_eq!(
            (wire.pipes(), labels(&wire, A).len(), labels(&wire, B).len()),
            (1, 0, 0),
            "round {round}"
        );
    }
    assert_eq!(changes(&wire, B).iter().filter(|change| **change == "open").count(), 1_000);
}

#[test]
fn l10_opening_and_closing_in_any_order_ends_with_one_channel_or_none() {
    for seed in 0..200 {
        let mut wire = Wire::new(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        wire.connect();
        for _ in 0..40 {
            let side = rng.usize(0..2);
            if rng.bool() {
                opens(&mut wire, side, "x");
            } else {
                wire.call(side, |session, now| session.close(now, "x"));
            }
            (0..rng.usize(0..4)).for_each(|_| {
                wire.step(None);
            });
        }
        wire.pass(Duration::from_secs(5));
        assert_eq!(labels(&wire, A), labels(&wire, B), "seed {seed}");
        assert_eq!(wire.pipes(), 1 + labels(&wire, A).len(), "seed {seed}");
        opens(&mut wire, B, "x");
        wire.settle();
        let id = wire.send(B, "x", Kind::Text, Source::of("works"));
        wire.settle();
        assert!(wire.ends[B].sent[&id].is_ok(), "seed {seed}");
    }
}

#[test]
fn l11_a_label_may_be_opened_before_there_is_a_connection_by_either_side() {
    for side in [A, B] {
        let mut wire = Wire::new(101);
        opens(&mut wire, side, "early");
        let id = wire.send(side, "early", Kind::Text, Source::of("early"));
        wire.connect();
        wire.settle();
        assert!(wire.ends[side].sent[&id].is_ok());
        assert_eq!(wire.ends[1 - side].messages()[0].bytes, b"early");
        assert_eq!(changes(&wire, 1 - side), ["new", "open"]);
    }
}

#[test]
fn l16_a_remote_that_does_not_know_labels_is_told_apart() {
    let mut wire = Wire::new(107);
    opens(&mut wire, A, "chat");
    opens(&mut wire, A, "files");
    assert_eq!(wire.ends[A].probes, 1, "descriptions are needed, once");
    let id = wire.send(A, "chat", Kind::Text, Source::of("early"));
    wire.call(A, |session, _| session.incapable());
    assert_eq!(wire.ends[A].sent[&id], Err(TransferError::NotLabelled));
    let sending = crate::Sending { kind: Kind::Text, info: Default::default(), total: None, content: None };
    assert_eq!(wire.try_send(A, "chat", sending, Source::of("x")), Err(SendError::NotLabelled));
    assert_eq!(wire.pipes(), 0, "no channel appears over there");
    // Another client with the same id.
    wire.cut();
    assert_eq!(wire.ends[A].probes, 2);
    wire.connect();
    wire.settle();
    assert!(wire.ends[A].session.is_ready());
}

#[test]
fn who_gives_way_lets_the_other_side_negotiate_first_and_does_it_when_that_has_no_wish() {
    let mut wire = Wire::new(108);
    opens(&mut wire, B, "chat");
    assert_eq!(wire.ends[B].probes, 0, "not at the same moment as the other side");
    let due = wire.ends[B].session.deadline().unwrap();
    wire.call(B, |session, _| session.handle_timeout(due));
    assert_eq!(wire.ends[B].probes, 1);
    wire.call(B, |session, _| session.handle_timeout(due * 2));
    wire.cut();
    wire.connect();
    wire.settle();
    assert_eq!((wire.ends[A].probes, wire.ends[B].probes), (0, 1), "the other side came first this time");
    assert_eq!(wire.ends[B].session.deadline(), None);
    assert_eq!(changes(&wire, A), ["new", "open"]);
}

#[test]
fn the_first_wish_decides_how_a_channel_behaves() {
    let mut wire = Wire::new(102);
    wire.connect();
    let lossy = ChannelOptions { ordered: false, max_retransmits: Some(0), ..ChannelOptions::default() };
    wire.call(A, |session, now| session.open(now, "state", lossy.clone())).unwrap();
    wire.settle();
    opens(&mut wire, B, "state");
    wire.settle();
    for side in [A, B] {
        let session = &wire.ends[side].session;
        assert_eq!(session.labels().next().unwrap().1, &lossy);
        let sending =
            crate::Sending { kind: Kind::Text, info: Default::default(), total: None, content: None };
        assert_eq!(wire.try_send(side, "state", sending, Source::of("x")), Err(SendError::NotFramed));
    }
}

#[test]
fn channels_of_the_application_are_left_alone() {
    let mut wire = Wire::new(103);
    wire.connect();
    wire.settle();
    for (label, protocol) in [("chat", ""), ("chat", "mine"), ("__peerhall", ""), ("x", "peerhall.10")] {
        let init = ChannelOptions { protocol: protocol.into(), ..ChannelOptions::default() };
        let channel = crate::RemoteChannel { label: label.into(), init };
        assert_eq!(wire.call(B, |session, _| session.remote_channel(channel)), None, "{label} {protocol}");
    }
}

#[test]
fn there_are_so_many_labels_and_none_more() {
    let mut wire = Wire::new(104);
    wire.connect();
    for index in 0..MAX_LABELS {
        opens(&mut wire, index % 2, &format!("label {index}"));
    }
    wire.settle();
    assert_eq!((labels(&wire, A).len(), labels(&wire, B).len()), (MAX_LABELS, MAX_LABELS));
    for side in [A, B] {
        let refused = wire.call(side, |session, now| session.open(now, "more", ChannelOptions::default()));
        assert_eq!(refused, Err(SendError::TooManyLabels(MAX_LABELS)));
    }
}

#[test]
fn labels_that_cannot_be_are_refused() {
    let mut wire = Wire::new(105);
    for label in ["", "__peerhall", &"x".repeat(257)] {
        let refused = wire.call(A, |session, now| session.open(now, label, ChannelOptions::default()));
        assert_eq!(refused, Err(SendError::BadLabel));
    }
    opens(&mut wire, A, &"ü".repeat(256));
}

#[test]
fn a_close_while_the_channel_is_on_its_way_holds() {
    for side in [A, B] {
        let mut wire = Wire::new(106);
        wire.connect();
        wire.settle();
        opens(&mut wire, side, "brief");
        let id = wire.send(side, "brief", Kind::Text, Source::of("never"));
        wire.call(side, |session, now| session.close(now, "brief"));
        assert_eq!(wire.ends[side].sent[&id], Err(TransferError::ChannelClosed));
        wire.pass(Duration::from_secs(5));
        assert_eq!((labels(&wire, A).len(), labels(&wire, B).len(), wire.pipes()), (0, 0, 1));
    }
}
