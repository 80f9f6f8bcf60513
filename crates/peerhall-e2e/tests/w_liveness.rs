//! Wire checklist, liveness: 109 to 113. An idle SDK client (114) is shown in `foreign_js.rs`.

use std::time::{Duration, Instant};

use peerhall_e2e::client::Event;
use peerhall_e2e::server::{Ways, token_of};
use peerhall_e2e::socket::{self, Opcode};
use peerhall_e2e::{PATIENCE, Running, shortest, start, start_with};
use peerhall_server::Config;
use serde_json::json;

/// The defaults, 1 s for 20: every figure of the checklist shrinks with them.
const SCALE: u32 = 20;

fn scaled() -> Running {
    start_with(|config| {
        config.liveness.ping_every /= SCALE;
        config.liveness.pong_within /= SCALE;
    })
}

#[test]
fn w109_ping_gives_pong_with_the_request_id_and_no_ack() {
    let server = start();
    let mut client = server.client();
    client.send(&json!({ "type": "ping" }));
    client.expect_json(&json!({ "type": "pong" }));
    client.send(&json!({ "type": "ping", "requestId": "p" }));
    client.expect_json(&json!({ "type": "pong", "requestId": "p" }));
    client.silent();
}

#[test]
fn w109_a_websocket_ping_gets_a_pong_with_its_payload() {
    let server = start();
    let mut client = server.client();
    for payload in [&b""[..], b"hello", &[0xff; 125]] {
        client.write(&socket::masked(true, Opcode::Ping, payload));
        let event = client.poll(Instant::now() + PATIENCE);
        assert!(matches!(&event, Some(Event::Pong(echo)) if echo == payload), "{event:?}");
    }
}

#[test]
fn w110_ping_is_answered_over_the_message_quota() {
    let server = start();
    let key = server.add_tenant("small", |app| app.max_messages_per_period = Some(1));
    let mut client = server.dial().token(&token_of(&key, &json!({}))).open();
    client.ack(json!({ "type": "publish", "channel": "room", "data": 1 }));
    let more = json!({ "type": "publish", "channel": "room", "data": 2 });
    assert_eq!(client.refusal(more), "over_message_quota");
    client.sync();
}

#[test]
fn w111_an_idle_connection_is_pinged_at_least_every_35_s() {
    let liveness = Config::default().liveness;
    assert_eq!(
        (liveness.ping_every, liveness.pong_within),
        (Duration::from_secs(30), Duration::from_secs(10))
    );

    let server = scaled();
    let mut client = server.client();
    let limit = Duration::from_secs(35) / SCALE;
    let mut waits: Vec<Duration> = (0..4)
        .map(|_| {
            let begin = Instant::now();
            let event = client.poll(begin + PATIENCE);
            assert!(matches!(event, Some(Event::Ping)), "{event:?}");
            begin.elapsed()
        })
        .collect();
    // A machine that stands still for a moment makes one late, and the next early.
    waits.sort_unstable();
    assert!(waits[..3].iter().all(|waited| *waited < limit), "{waits:?}");
    client.sync();
}

#[test]
fn w112_a_client_that_never_answers_pings_is_dropped_within_45_s() {
    let server = scaled();
    let limit = Duration::from_secs(45) / SCALE;
    let waited = shortest(limit, || {
        let begin = Instant::now();
        let mut client = server.client();
        client.mute();
        // The close is attempted before the socket is given up.
        assert_eq!(client.closed(), 1001);
        begin.elapsed()
    });
    assert!(waited < limit, "{waited:?}");
    assert_eq!(server.rest().get("/v1/usage").json()["concurrentNow"], json!(0));
}

#[test]
fn w112_a_client_that_talks_but_answers_no_pings_stays() {
    let server = scaled();
    let mut client = server.client();
    client.mute();
    let end = Instant::now() + Duration::from_secs(60) / SCALE;
    while Instant::now() < end {
        client.sync();
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn w113_a_client_that_stops_reading_is_closed_1008_and_holds_up_nobody() {
    const MESSAGES: usize = 160;
    const { assert!(MESSAGES * 65_500 > 10_000_000) };
    let server = start();
    let key = server.publishable();
    let text = json!({ "type": "publish", "channel": "room", "data": "x".repeat(65_500) });
    let limit = Duration::from_millis(100);
    let slowest = shortest(limit, || {
        // A small window, so that the kernel does not swallow what the client does not read.
        let mut stuck = server.dial().key(key.id.as_str()).receive_buffer(4_096).open();
        let (mut reader, mut sender) = (server.client(), server.client());
        stuck.ack(json!({ "type": "subscribe", "channel": "room" }));
        reader.subscribe("room");
        let slowest = (0..MESSAGES).fold(Duration::ZERO, |slowest, _| {
            let begin = Instant::now();
            sender.send(&text);
            slowest.max(reader.find("message", |frame| frame.kind() == "message").at - begin)
        });
        assert_eq!(stuck.closed(), 1008);
        sender.sync();
        slowest
    });
    assert!(slowest < limit, "{slowest:?}");
}
