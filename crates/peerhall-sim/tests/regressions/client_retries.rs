//! How a client comes back.

use std::time::Duration;

use peerhall_core::{CloseCode, Credential, ServerUrl, SignallingOptions, SignallingState};
use peerhall_sim::{Dialling, Lab, LabOptions, Tamper, TokenAnswer};
use serde_json::json;

use crate::common::{Frames, SECOND, client, connect, outcome, subscribe};

#[test]
fn r28_a_reconnect_without_a_welcome_moves_on_after_ten_seconds() {
    let (mut lab, carol) = client();
    lab.set_dialling(Dialling::Mute);
    lab.cut(carol);
    assert!(lab.run_until(SECOND * 11, |lab| lab.has_seen(carol, "disconnected 4000 retries")));
    lab.set_dialling(Dialling::Works);
    lab.run_for(SECOND * 3);
    assert_eq!(lab.client_state(carol), SignallingState::Connected);
}

#[test]
fn r31_a_refused_replay_is_tried_three_more_times_two_seconds_apart() {
    let (mut lab, carol) = client();
    subscribe(&mut lab, carol, "room");
    lab.run_for(SECOND);
    let frames = Frames::listen(&mut lab);
    let heard = frames.0.clone();
    lab.on_up(move |actor, frame| {
        heard.borrow_mut().push((actor, frame.clone()));
        if frame["type"] == "subscribe" { Tamper::Refuse("backend_error".to_owned()) } else { Tamper::Pass }
    });
    lab.cut(carol);
    lab.run_for(SECOND * 30);
    assert_eq!(frames.of(carol).iter().filter(|word| *word == "subscribe").count(), 4);
    // It stays held: the next connection asks again, and is let in.
    frames.clear();
    lab.stop_tampering();
    let frames = Frames::listen(&mut lab);
    lab.cut(carol);
    lab.run_for(SECOND * 5);
    assert_eq!(frames.of(carol), ["subscribe"]);
    assert_eq!(lab.members("room"), ["carol"]);
}

#[test]
fn r31_a_replay_that_is_swallowed_is_tried_again() {
    let (mut lab, carol) = client();
    subscribe(&mut lab, carol, "room");
    lab.run_for(SECOND);
    let mut swallowed = 0;
    lab.on_up(move |_, frame| {
        swallowed += u32::from(frame["type"] == "subscribe");
        if frame["type"] == "subscribe" && swallowed == 1 { Tamper::Drop } else { Tamper::Pass }
    });
    lab.cut(carol);
    lab.run_for(SECOND * 10);
    assert!(lab.members("room").is_empty());
    // 15 s for the answer and 2 s of pause.
    lab.run_for(SECOND * 10);
    assert_eq!(lab.members("room"), ["carol"]);
}

#[test]
fn r32_replay_retries_never_fire_on_a_newer_connection() {
    let (mut lab, carol) = client();
    subscribe(&mut lab, carol, "room");
    lab.run_for(SECOND);
    lab.on_up(|_, frame| {
        if frame["type"] == "subscribe" { Tamper::Refuse("backend_error".to_owned()) } else { Tamper::Pass }
    });
    lab.cut(carol);
    assert!(lab.run_until(SECOND * 5, |lab| lab.has_seen(carol, "connected again")));
    lab.run_for(SECOND / 2);
    // A retry is planned now; the connection ends before its moment.
    lab.stop_tampering();
    lab.cut(carol);
    assert!(lab.run_until(SECOND * 5, |lab| lab.count_seen(carol, "connected again") == 2));
    let frames = Frames::listen(&mut lab);
    lab.run_for(SECOND * 10);
    assert_eq!(frames.of(carol), ["subscribe"]);
}

#[test]
fn r73_terminal_codes_stop_and_4002_does_not() {
    for code in [4001, 4003, 4012, 4020] {
        let (mut lab, carol) = client();
        lab.close_by_server(carol, CloseCode(code), "over");
        lab.run_for(SECOND * 60);
        assert_eq!(lab.words(carol), [format!("disconnected {code}"), "state closed".to_owned()]);
        assert_eq!(lab.sockets_opened(carol), 1);
    }
    for code in [1000, 1001, 1006, 1008, 1009, 1011, 4000, 4002, 4011, 4999] {
        let (mut lab, carol) = client();
        lab.close_by_server(carol, CloseCode(code), "come back");
        lab.run_for(SECOND * 2);
        assert_eq!(lab.client_state(carol), SignallingState::Connected, "{code}");
    }
}

#[test]
fn r73_4010_delays_once_by_about_thirty_seconds() {
    let (mut lab, carol) = client();
    lab.close_by_server(carol, CloseCode(4010), "full");
    lab.run_for(SECOND / 10);
    let lost = lab.now();
    assert!(lab.run_until(SECOND * 100, |lab| lab.has_seen(carol, "connected again")));
    let delay = lab.now() - lost;
    assert!((SECOND * 23..=SECOND * 37).contains(&delay), "{delay:?}");
    lab.cut(carol);
    let lost = lab.now();
    assert!(lab.run_until(SECOND * 100, |lab| lab.count_seen(carol, "connected again") == 2));
    assert!(lab.now() - lost < SECOND, "the floor counts once");
}

#[test]
fn the_first_delay_over_200_drops_lies_within_its_jitter() {
    let (mut lab, carol) = client();
    lab.set_weather(peerhall_sim::Weather::CALM);
    lab.tokens(carol).delay = Duration::ZERO;
    let mut delays = Vec::new();
    for _ in 0..200 {
        lab.run_for(SECOND);
        lab.cut(carol);
        let lost = lab.now();
        let before = lab.sockets_opened(carol);
        assert!(lab.run_until(SECOND * 5, |lab| lab.sockets_opened(carol) > before));
        delays.push((lab.now() - lost).as_millis());
    }
    assert!(delays.iter().all(|delay| (400..=600).contains(delay)), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < 440) && delays.iter().any(|delay| *delay > 560));
}

#[test]
fn attempts_grow_to_the_cap_and_end_after_the_last_one() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let reconnect = peerhall_core::ReconnectOptions::default().jitter_ratio(0.0).unwrap();
    let options = lab.options().reconnect(Some(reconnect.max_attempts(Some(9)).unwrap()));
    let carol = lab.client_with("carol", options);
    connect(&mut lab, carol);
    lab.run_for(SECOND);
    lab.set_weather(peerhall_sim::Weather::CALM);
    lab.tokens(carol).delay = Duration::ZERO;
    lab.set_dialling(Dialling::Refused(Some(503)));
    lab.clear_seen();
    lab.cut(carol);
    lab.run_for(SECOND * 400);
    let times = lab.times_seen(carol, "disconnected 1006 retries");
    let gaps: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert_eq!(gaps, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert_eq!(lab.words(carol).last().map(String::as_str), Some("state closed"));
    assert_eq!(lab.count_seen(carol, "disconnected 1006"), 1, "the last one retries no more");
}

#[test]
fn x01_a_provider_that_fails_to_the_end_ends_with_an_event() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let reconnect = peerhall_core::ReconnectOptions::default().max_attempts(Some(4)).unwrap();
    let options = lab.options().reconnect(Some(reconnect));
    let carol = lab.client_with("carol", options);
    connect(&mut lab, carol);
    lab.run_for(SECOND);
    lab.clear_seen();
    lab.tokens(carol).answer = TokenAnswer::Fails("no ?token=secret".to_owned());
    lab.cut(carol);
    lab.run_for(SECOND * 100);
    let words = lab.words(carol);
    assert_eq!(words[words.len() - 3..], ["token-provider-error 4", "disconnected 1006", "state closed"]);
    assert!(!lab.seen(carol).iter().any(|seen| format!("{seen:?}").contains("secret")));
}

#[test]
fn x02_channels_are_let_go_at_close() {
    let (mut lab, carol) = client();
    subscribe(&mut lab, carol, "room");
    lab.run_for(SECOND);
    lab.with_client(carol, |client, now| client.close(now, CloseCode::NORMAL, "bye"));
    lab.run_for(SECOND);
    connect(&mut lab, carol);
    lab.run_for(SECOND);
    let frames = Frames::listen(&mut lab);
    lab.cut(carol);
    lab.run_for(SECOND * 5);
    assert!(lab.has_seen(carol, "connected again"));
    assert!(frames.of(carol).is_empty());
}

#[test]
fn x03_connect_is_refused_when_close_ran_meanwhile() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let carol = lab.client("carol");
    let op = connect(&mut lab, carol);
    lab.with_client(carol, |client, now| client.close(now, CloseCode::NORMAL, "changed my mind"));
    lab.run_for(SECOND);
    assert_eq!(outcome(&lab, carol, op), "SignallingConnectError");
    assert_eq!(lab.sockets_opened(carol), 0);
}

#[test]
fn x17_a_server_that_goes_away_is_left_alone_for_as_long_as_it_asked() {
    let (mut lab, carol) = client();
    lab.drain_server(SECOND * 20);
    lab.start_server();
    lab.run_for(SECOND / 10);
    let lost = lab.now();
    assert!(lab.run_until(SECOND * 100, |lab| lab.has_seen(carol, "connected again")));
    let delay = lab.now() - lost;
    assert!((SECOND * 15..=SECOND * 25).contains(&delay), "{delay:?}");
}

#[test]
fn x17_nobody_is_kept_away_for_longer_than_five_minutes_and_the_rule_can_be_switched_off() {
    let (mut lab, carol) = client();
    lab.inject(carol, &json!({"type": "going_away", "retryAfterMs": 1e12}).to_string());
    lab.run_for(SECOND);
    lab.cut(carol);
    lab.run_for(SECOND * 361);
    assert_eq!(lab.client_state(carol), SignallingState::Connected);

    let mut lab = Lab::new(LabOptions::seeded(5));
    let options = lab.options().honour_retry_after(false);
    let dave = lab.client_with("dave", options);
    connect(&mut lab, dave);
    lab.run_for(SECOND);
    lab.inject(dave, &json!({"type": "going_away", "retryAfterMs": 60_000}).to_string());
    lab.run_for(SECOND);
    lab.cut(dave);
    lab.run_for(SECOND);
    assert_eq!(lab.client_state(dave), SignallingState::Connected);
}

#[test]
fn x21_a_static_key_that_is_called_expired_twice_is_given_up() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let options = lab.key_options();
    let carol = lab.client_with("carol", options);
    connect(&mut lab, carol);
    lab.run_for(SECOND);
    lab.close_by_server(carol, CloseCode::TOKEN_EXPIRED, "expired");
    lab.run_for(SECOND * 2);
    assert_eq!(lab.client_state(carol), SignallingState::Connected);
    lab.close_by_server(carol, CloseCode::TOKEN_EXPIRED, "expired");
    lab.run_for(SECOND * 60);
    assert_eq!(lab.client_state(carol), SignallingState::Closed);
    assert_eq!(lab.sockets_opened(carol), 2);
}

#[test]
fn x22_a_channel_that_is_refused_for_good_is_not_held() {
    for (code, held) in
        [("channel_not_authorized", false), ("channel_limit_exceeded", false), ("backend_error", true)]
    {
        let (mut lab, carol) = client();
        lab.on_up(move |_, _| Tamper::Refuse(code.to_owned()));
        let op = subscribe(&mut lab, carol, "room");
        lab.run_for(SECOND);
        assert_eq!(outcome(&lab, carol, op), code);
        let frames = Frames::listen(&mut lab);
        lab.cut(carol);
        lab.run_for(SECOND * 5);
        assert_eq!(frames.of(carol).contains(&"subscribe".to_owned()), held, "{code}");
    }
}

#[test]
fn another_server_takes_over_when_the_first_cannot_be_reached() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let urls = ["ws://localhost:1", "ws://localhost:2"].map(|url| ServerUrl::parse(url).unwrap());
    let options = SignallingOptions::new(urls.to_vec(), Credential::Token).unwrap();
    let carol = lab.client_with("carol", options);
    lab.set_dialling(Dialling::Refused(None));
    connect(&mut lab, carol);
    assert!(lab.run_until(SECOND, |lab| lab.sockets_opened(carol) == 1));
    lab.set_dialling(Dialling::Works);
    lab.run_for(SECOND);
    assert_eq!(lab.words(carol), ["state connecting", "state connected", "connected first", "connect ok"]);
    assert_eq!(lab.sockets_opened(carol), 2);
}
