//! The signalling client.

use std::time::Duration;

use peerhall_core::{CloseCode, RequestError, SignallingState, SubscribeOptions, TokenId};
use peerhall_sim::{Dialling, Lab, LabOptions, Tamper, TokenAnswer};
use serde_json::json;

use crate::common::{Frames, SECOND, client, connect, outcome, subscribe};

#[test]
fn r06_a_payload_above_the_cap_is_refused_with_sizes_and_the_socket_lives_on() {
    let (mut lab, carol) = client();
    subscribe(&mut lab, carol, "room");
    let big = json!("x".repeat(65_535));
    let refused = lab.with_client(carol, |client, now| client.publish(now, "room", big.clone()));
    assert_eq!(refused, Err(RequestError::Oversized { size: 65_537, cap: 65_536 }));
    let refused = lab.with_client(carol, |client, now| client.send(now, "dave", big));
    assert_eq!(refused, Err(RequestError::Oversized { size: 65_537, cap: 65_536 }));
    let sent = lab.ask_client(carol, |client, now| client.publish(now, "room", json!(1))).unwrap();
    lab.run_for(SECOND);
    assert_eq!(outcome(&lab, carol, sent), "ok");
    assert_eq!(lab.sockets_opened(carol), 1);
}

#[test]
fn r07_a_window_of_zero_switches_watchdog_and_keepalive_off() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let options = lab.options().inactivity_timeout(Some(Duration::ZERO));
    let carol = lab.client_with("carol", options);
    connect(&mut lab, carol);
    lab.run_for(SECOND);
    let frames = Frames::listen(&mut lab);
    lab.stall(carol);
    lab.run_for(SECOND * 600);
    assert_eq!(lab.client_state(carol), SignallingState::Connected);
    assert!(frames.of(carol).is_empty());
    assert_eq!(lab.core_client(carol).deadline(), None);
}

#[test]
fn r17_connect_close_connect_during_a_token_fetch_opens_one_socket() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let carol = lab.client("carol");
    lab.tokens(carol).delay = SECOND;
    let first = connect(&mut lab, carol);
    lab.run_for(SECOND / 2);
    lab.with_client(carol, |client, now| client.close(now, CloseCode::NORMAL, "changed my mind"));
    let second = connect(&mut lab, carol);
    lab.run_for(SECOND * 5);
    assert_eq!(outcome(&lab, carol, first), "SignallingConnectError");
    assert_eq!(outcome(&lab, carol, second), "ok");
    assert_eq!(lab.sockets_opened(carol), 1);
}

#[test]
fn r18_a_socket_that_cannot_be_made_is_told_and_tried_again() {
    let (mut lab, carol) = client();
    lab.set_dialling(Dialling::Impossible);
    lab.cut(carol);
    lab.run_for(SECOND * 5);
    assert!(lab.count_seen(carol, "disconnected 1006 retries") >= 3, "{:?}", lab.words(carol));
    lab.set_dialling(Dialling::Works);
    lab.run_for(SECOND * 40);
    assert_eq!(lab.client_state(carol), SignallingState::Connected);

    let mut lab = Lab::new(LabOptions::seeded(5));
    lab.set_dialling(Dialling::Impossible);
    let dave = lab.client("dave");
    let op = connect(&mut lab, dave);
    lab.run_for(SECOND);
    assert_eq!(lab.words(dave), ["state connecting", "disconnected 1006", "state closed", "connect Error"]);
    assert_eq!(outcome(&lab, dave, op), "Error");
}

#[test]
fn r19_an_invalid_channel_name_is_never_replayed() {
    let (mut lab, carol) = client();
    let subscribe = |client: &mut peerhall_core::Signalling<_>, now| {
        client.subscribe(now, "a\u{7}b", SubscribeOptions::default())
    };
    assert!(matches!(lab.with_client(carol, subscribe), Err(RequestError::Name(_))));
    let frames = Frames::listen(&mut lab);
    lab.cut(carol);
    lab.run_for(SECOND * 5);
    assert!(lab.has_seen(carol, "connected again"));
    assert!(!frames.of(carol).contains(&"subscribe".to_owned()));
}

#[test]
fn r20_a_subscribe_while_disconnected_leaves_nothing_to_replay() {
    let (mut lab, carol) = client();
    let frames = Frames::listen(&mut lab);
    lab.cut(carol);
    lab.run_for(SECOND / 10);
    assert_eq!(lab.client_state(carol), SignallingState::Reconnecting);
    let refused =
        lab.with_client(carol, |client, now| client.subscribe(now, "room", SubscribeOptions::default()));
    assert_eq!(refused, Err(RequestError::NotConnected));
    lab.run_for(SECOND * 5);
    assert!(lab.has_seen(carol, "connected again"));
    assert!(frames.of(carol).is_empty(), "{:?}", frames.of(carol));
}

#[test]
fn r26_a_socket_without_a_welcome_is_given_up_after_ten_seconds() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    lab.set_dialling(Dialling::Mute);
    let carol = lab.client("carol");
    let first = connect(&mut lab, carol);
    let began = lab.now();
    assert!(lab.run_until(SECOND * 60, |lab| lab.answer(carol, first).is_some()));
    // The clock of the welcome starts with the socket, which waits for its token.
    assert!(lab.now() - began <= SECOND * 10 + SECOND / 100);
    assert_eq!(lab.words(carol), ["state connecting", "disconnected 4000", "state closed", "connect Error"]);
    lab.set_dialling(Dialling::Works);
    let second = connect(&mut lab, carol);
    lab.run_for(SECOND);
    assert_eq!(outcome(&lab, carol, second), "ok");
}

#[test]
fn r27_a_late_welcome_changes_nothing() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    lab.set_weather(peerhall_sim::Weather { latency: SECOND * 6, jitter: Duration::ZERO });
    let carol = lab.client("carol");
    connect(&mut lab, carol);
    lab.run_for(SECOND * 60);
    assert!(lab.has_seen(carol, "connect Error"));
    assert!(!lab.has_seen(carol, "connected first"));
    assert_eq!(lab.client_state(carol), SignallingState::Closed);
}

#[test]
fn r33_never_sent_and_fate_unknown_have_different_names() {
    let (mut lab, carol) = client();
    let sent = lab.ask_client(carol, |client, now| client.publish(now, "room", json!(1))).unwrap();
    lab.cut(carol);
    lab.run_for(SECOND / 10);
    assert_eq!(outcome(&lab, carol, sent), "DisconnectedError");
    let refused = lab.with_client(carol, |client, now| client.publish(now, "room", json!(2)));
    assert_eq!(refused.unwrap_err().name(), "NotConnectedError");
}

#[test]
fn r38_an_unknown_code_refuses_its_request_at_once() {
    let (mut lab, carol) = client();
    lab.on_up(|_, _| Tamper::Refuse("quantum_decay".to_owned()));
    let op = lab.ask_client(carol, |client, now| client.publish(now, "room", json!(1))).unwrap();
    lab.run_for(SECOND / 10);
    assert_eq!(outcome(&lab, carol, op), "quantum_decay");
}

#[test]
fn r46_close_during_a_token_fetch_leaves_no_socket_and_no_reconnect() {
    let (mut lab, carol) = client();
    lab.tokens(carol).delay = SECOND * 5;
    lab.cut(carol);
    lab.run_for(SECOND * 2);
    lab.with_client(carol, |client, now| client.close(now, CloseCode::NORMAL, "enough"));
    lab.run_for(SECOND * 300);
    assert_eq!(lab.client_state(carol), SignallingState::Closed);
    assert_eq!(lab.sockets_opened(carol), 1);
    assert_eq!(lab.core_client(carol).deadline(), None);
}

#[test]
fn r47_an_idle_healthy_connection_stays_up() {
    let (mut lab, carol) = client();
    lab.run_for(SECOND * 3_600);
    assert!(lab.words(carol).is_empty(), "{:?}", lab.words(carol));
    assert_eq!(lab.sockets_opened(carol), 1);
}

#[test]
fn r49_a_dead_link_is_noticed_within_the_window() {
    let (mut lab, carol) = client();
    lab.stall(carol);
    let stalled = lab.now();
    assert!(lab.run_until(SECOND * 100, |lab| lab.has_seen(carol, "disconnected 4000 retries")));
    assert!(lab.now() - stalled <= SECOND * 60);
    lab.run_for(SECOND * 5);
    assert_eq!(lab.client_state(carol), SignallingState::Connected);
}

#[test]
fn r72_a_frame_above_a_mebibyte_closes_with_1009_and_the_client_recovers() {
    let (mut lab, carol) = client();
    let frame = json!({"type": "message", "channel": "c", "from": "x", "data": "y".repeat(1_048_576)});
    lab.inject(carol, &frame.to_string());
    lab.run_for(SECOND * 5);
    assert_eq!(lab.words(carol)[..2], ["disconnected 1009 retries", "state reconnecting"]);
    assert_eq!(lab.client_state(carol), SignallingState::Connected);
    assert!(!lab.words(carol).iter().any(|word| word.starts_with("message")));
}

#[test]
fn r74_pending_requests_end_with_the_connection() {
    let (mut lab, carol) = client();
    lab.on_up(|_, _| Tamper::Drop);
    let ops: Vec<_> = (0..5)
        .map(|n| lab.ask_client(carol, |client, now| client.publish(now, "room", json!(n))).unwrap())
        .collect();
    lab.run_for(SECOND);
    lab.cut(carol);
    lab.run_for(SECOND / 10);
    for op in ops {
        assert_eq!(outcome(&lab, carol, op), "DisconnectedError");
    }
}

#[test]
fn r75_a_stale_socket_cannot_disturb_the_new_one() {
    let (mut lab, carol) = client();
    // The window of a half-open connection ends, a new one is made, and then the old one speaks.
    lab.stall(carol);
    lab.inject(carol, r#"{"type":"message","channel":"c","from":"x","data":1}"#);
    assert!(lab.run_until(SECOND * 100, |lab| lab.has_seen(carol, "connected again")));
    let before = lab.words(carol).len();
    lab.resume(carol);
    lab.run_for(SECOND * 30);
    assert_eq!(lab.words(carol).len(), before, "{:?}", lab.words(carol));
    assert_eq!(lab.client_state(carol), SignallingState::Connected);
}

#[test]
fn a_late_token_is_dropped() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let carol = lab.client("carol");
    lab.tokens(carol).delay = SECOND * 11;
    let op = connect(&mut lab, carol);
    lab.run_for(SECOND * 20);
    assert_eq!(outcome(&lab, carol, op), "TokenProviderError");
    assert_eq!(lab.sockets_opened(carol), 0);
    // An answer to a question that nobody asked.
    lab.with_client(carol, |client, now| client.token(now, TokenId(99), Err("late".to_owned())));
    assert_eq!(lab.client_state(carol), SignallingState::Closed);
    assert_eq!(lab.tokens(carol).answer, TokenAnswer::Token);
}
