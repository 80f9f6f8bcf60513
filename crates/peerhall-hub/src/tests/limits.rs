//! Rates, quotas and the end of a token (wire protocol, sections 12 to 14).

use peerhall_auth::key::AppRecord;

use super::lab::{Lab, Login, PAUSE, START_UNIX_MS, app};

#[test]
fn w104_201_frames_at_once_close_with_4011_and_200_do_not() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.advance(10_000);
    for number in 0..200 {
        match number % 3 {
            0 => lab.text(alice, r#"{"type":"ping"}"#),
            1 => lab.text(alice, "{nope"),
            _ => lab.binary(alice),
        }
    }
    assert!(lab.is_open(alice));
    lab.deafen();
    lab.publish(alice, "room", "1");
    assert_eq!(lab.heard(alice), ["closed 4011"], "the frame that finds no token is not processed");
    assert_eq!(lab.heard(bob), ["room: -alice!"], "the peer is expected back");
}

#[test]
fn w104_100_frames_a_second_go_on() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    for _ in 0..1_000 {
        lab.text(alice, r#"{"type":"ping"}"#);
        lab.advance(10);
    }
    assert_eq!(lab.heard(alice), ["pong"; 1_000]);
}

#[test]
fn p07_pings_of_the_websocket_cost_what_messages_cost() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    assert!((0..200).all(|_| lab.ping(alice)));
    lab.deafen();
    assert!(!lab.ping(alice), "the ping that finds no token is not answered");
    assert_eq!(lab.heard(alice), ["closed 4011"]);
}

#[test]
fn w105_w110_over_the_message_quota_only_publish_and_send_are_refused() {
    let mut lab = Lab::of(2);
    let plan = AppRecord { max_messages_per_period: Some(10), ..app("app") };
    let alice = lab.enter(Login::new("alice").app(plan.clone()));
    let bob = lab.enter(Login::new("bob").app(plan.clone()).on(1));
    lab.join(&[bob], "room");
    for number in 0..5 {
        lab.publish(alice, "room", &number.to_string());
        lab.send(bob, "alice", &number.to_string());
    }
    lab.deafen();
    lab.publish(alice, "room", "10");
    lab.send(alice, "bob", "11");
    lab.text(alice, r#"{"type":"ping"}"#);
    lab.subscribe(alice, "room");
    lab.advance(PAUSE);
    let refused = ["error over_message_quota p", "error over_message_quota d"];
    assert_eq!(lab.heard(alice), [refused[0], refused[1], "pong", "ack s", "room: +bob"]);
    assert_eq!(lab.heard(bob), ["room: +alice"]);
    let figures = lab.usage(&plan.id).figures();
    assert_eq!((figures.messages, figures.overage_messages), (12, 0), "dropped attempts count");
    lab.usage(&plan.id).start_period();
    lab.publish(alice, "room", "12");
    assert_eq!(lab.heard(bob), ["message room alice 12"]);
}

#[test]
fn refusals_that_come_before_the_quota_are_not_counted() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").within(&["room"]).may(&["publish"]));
    lab.publish(alice, "hall", "1");
    lab.send(alice, "bob", "1");
    lab.publish(alice, "room", "1");
    assert_eq!(lab.usage(&app("app").id).figures().messages, 1);
}

#[test]
fn w106_over_the_connection_quota_the_next_one_closes_with_4010_without_welcome() {
    let mut lab = Lab::of(2);
    let plan = AppRecord { max_connections: Some(2), ..app("app") };
    let login = |peer: &str, shard| Login::new(peer).app(plan.clone()).on(shard);
    let (alice, _bob) = (lab.enter(login("alice", 0)), lab.enter(login("bob", 1)));
    for shard in [0, 1] {
        let carol = lab.open(login("carol", shard));
        assert_eq!(lab.heard(carol), ["closed 4010"]);
    }
    let _other_app = lab.enter(Login::new("dave").app(app("other")));
    lab.close(alice);
    let _carol = lab.enter(login("carol", 1));
    let figures = lab.usage(&plan.id).figures();
    assert_eq!((figures.concurrent, figures.peak, figures.overage_connections), (2, 2, 0));
}

#[test]
fn with_overages_on_nothing_is_refused_and_everything_over_is_counted() {
    let mut lab = Lab::new();
    let plan = AppRecord {
        max_connections: Some(1),
        max_messages_per_period: Some(1),
        overages: true,
        ..app("app")
    };
    let alice = lab.enter(Login::new("alice").app(plan.clone()));
    let _bob = lab.enter(Login::new("bob").app(plan.clone()));
    lab.publish(alice, "room", "1");
    lab.send(alice, "bob", "2");
    assert_eq!(lab.heard(alice), ["ack p", "ack d"]);
    let figures = lab.usage(&plan.id).figures();
    assert_eq!((figures.messages, figures.overage_messages), (2, 1));
    assert_eq!((figures.peak, figures.overage_connections), (2, 1));
}

#[test]
fn w014_w015_w016_w018_the_welcome_says_who_when_and_what() {
    let mut lab = Lab::new();
    let alice = lab.open(Login::new("alice").for_ms(90_999).welcomed_with(r#"{"iceServers":[]}"#));
    let bob = lab.open(Login::new("bob").metadata(r#"{"secret":1}"#));
    let start = u64::try_from(START_UNIX_MS / 1_000).unwrap();
    let welcome = |peer: &str, expires_at, metadata: Option<&str>| super::lab::Heard::Welcome {
        peer: peer.into(),
        expires_at,
        server_time: start,
        metadata: metadata.map(Into::into),
    };
    assert_eq!(lab.hear(alice), [welcome("alice", Some(start + 90), Some(r#"{"iceServers":[]}"#))]);
    assert_eq!(lab.hear(bob), [welcome("bob", None, None)], "w019: no peerMetadata");
}

#[test]
fn our_client_gets_other_ice_servers_before_the_earlier_ones_end_and_the_vendors_never() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").ours().renewed_after_ms(10_000));
    let bob = lab.enter(Login::new("bob").renewed_after_ms(10_000));
    let _gone = lab.enter(Login::new("carol").ours().renewed_after_ms(20_000));
    lab.advance(10_000 - 1);
    assert!(lab.due.is_empty());
    lab.advance(1);
    let due: Vec<_> = lab.due.drain(..).map(|due| (due.peer.to_string(), due.host)).collect();
    assert_eq!(due, [("alice".to_owned(), Some("host".into()))]);
    lab.renew(alice, "[1]", 60_000);
    assert_eq!(lab.hear(alice), [super::lab::Heard::IceServers("[1]".into())]);
    assert!(lab.heard(bob).is_empty());
    lab.advance(60_000);
    assert_eq!(lab.due.len(), 2, "alice again, and carol");
}

#[test]
fn w123_a_token_is_closed_with_4002_250_ms_before_its_end() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").for_ms(3_000));
    let bob = lab.connect("bob");
    lab.join(&[alice, bob], "room");
    lab.advance(3_000 - 250 - PAUSE - 1);
    assert!(lab.is_open(alice) && lab.heard(bob).is_empty());
    lab.advance(1);
    assert_eq!(lab.heard(alice), ["closed 4002"]);
    assert_eq!(lab.heard(bob), ["room: -alice!"], "it comes back with a fresh token");
}

#[test]
fn a_wall_clock_that_jumps_ends_no_connection() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").for_ms(60_000));
    lab.jump_wall_clock(3_600_000);
    lab.advance(59_000);
    assert!(lab.is_open(alice));
    lab.advance(1_000);
    assert!(!lab.is_open(alice));
}

#[test]
fn a_token_connection_that_ended_early_leaves_no_timer() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").for_ms(86_400_000));
    lab.close(alice);
    lab.assert_empty();
    let mut lab = Lab::new();
    let early = lab.enter(Login::new("early").for_ms(5_000));
    lab.close(early);
    let late = lab.enter(Login::new("late").for_ms(9_000));
    lab.advance(8_000);
    assert!(lab.is_open(late), "the place was used again, the timer of the first one is not its own");
    lab.advance(1_000);
    assert_eq!(lab.heard(late), ["closed 4002"]);
    lab.assert_empty();
}
