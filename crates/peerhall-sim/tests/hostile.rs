//! A hostile server and a hostile remote peer: whatever they say, nobody panics, memory stays bounded,
//! and what is good goes on working.

use std::time::Duration;

use peerhall_core::PeerState;
use peerhall_sim::{ActorId, Lab, LabOptions};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

/// Most that the mind of a peer with one remote peer may hold under attack, as the length of its `Debug`
/// text. 512 pieces of track metadata of a few bytes and 200 candidates take about a third of it.
const MAX_WEIGHT: usize = 400_000;

fn pair(seed: u64) -> (Lab, ActorId, ActorId) {
    let mut lab = Lab::new(LabOptions::seeded(seed));
    let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
    lab.join(alice, "room");
    lab.join(bob, "room");
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.run_for(SECOND * 2);
    assert!(lab.is_connected(alice, "bob"));
    (lab, alice, bob)
}

/// A value of any shape, with the words that mean something among its members.
fn garbage(rng: &mut fastrand::Rng, depth: u32) -> Value {
    const WORDS: [&str; 34] = [
        "type",
        "welcome",
        "ack",
        "error",
        "message",
        "direct",
        "presence",
        "going_away",
        "pong",
        "peerId",
        "channel",
        "room",
        "from",
        "bob",
        "alice",
        "data",
        "joined",
        "left",
        "dropped",
        "metadata",
        "iceServers",
        "urls",
        "requestId",
        "code",
        "retryAfterMs",
        "rtc-description",
        "rtc-ice",
        "rtc-reset",
        "ends",
        "description",
        "candidate",
        "sdp",
        "offer",
        "__meteredTrackMeta",
    ];
    let word = |rng: &mut fastrand::Rng| rng.choice(WORDS).unwrap_or_default();
    match rng.u8(0..if depth == 0 { 5 } else { 10 }) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.f64() * 10_f64.powi(rng.i32(-300..300))),
        3 => json!("\u{0}\u{ffff}𝄞".repeat(rng.usize(0..40))),
        4 => json!(word(rng)),
        5 | 6 => Value::Array((0..rng.usize(0..4)).map(|_| garbage(rng, depth - 1)).collect()),
        _ => {
            let members = (0..rng.usize(0..6)).map(|_| (word(rng).to_owned(), garbage(rng, depth - 1)));
            Value::Object(members.collect())
        }
    }
}

/// A frame that is nearly good.
fn frame(rng: &mut fastrand::Rng) -> Value {
    let mut of = |depth| garbage(rng, depth);
    match of(0) {
        Value::Null => json!({"type": "presence", "channel": "room", "joined": of(3), "left": of(3)}),
        Value::Bool(_) => json!({"type": "welcome", "peerId": of(0), "expiresAt": of(0), "serverTime": of(0),
            "maxMessageSize": of(0), "metadata": {"iceServers": of(3)}, "resume": of(0)}),
        Value::Number(_) => json!({"type": "direct", "from": "bob", "data": of(4), "fromMetadata": of(1)}),
        Value::String(_) => json!({"type": "direct", "from": "bob", "data": {"type": "rtc-description",
            "description": {"type": "offer", "sdp": of(0)}, "ends": of(2)}}),
        Value::Array(_) | Value::Object(_) => of(4),
    }
}

#[test]
fn a_server_that_talks_nonsense_breaks_nothing() {
    for seed in 0..150 {
        let (mut lab, alice, bob) = pair(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        for _ in 0..200 {
            let frame = frame(&mut rng).to_string();
            let cut = rng.usize(0..=frame.chars().count());
            let text: String = if rng.u8(0..8) == 0 { frame.chars().take(cut).collect() } else { frame };
            lab.inject(alice, &text);
            lab.run_for(Duration::from_millis(rng.u64(0..50)));
        }
        assert!(lab.weight(alice) < MAX_WEIGHT, "seed {seed}: {}", lab.weight(alice));
        assert!(lab.broken().is_empty(), "seed {seed}: {:?}", lab.broken());
        // The next reconnect shows the room as it is.
        lab.cut(alice);
        lab.run_for(SECOND * 60);
        if lab.state(alice) == PeerState::Joined {
            assert_eq!(lab.remotes(alice), ["bob"], "seed {seed}");
            assert!(lab.is_connected(bob, "alice"), "seed {seed}");
        }
    }
}

#[test]
fn ten_thousand_ice_servers_are_none() {
    let mut lab = Lab::new(LabOptions::seeded(1));
    let alice = lab.peer("alice");
    let list: Vec<_> = (0..10_000).map(|n| json!({"urls": format!("stun:s{n}.example.org")})).collect();
    lab.tokens(alice).claims.insert("metadata".to_owned(), json!({"iceServers": list}));
    lab.join(alice, "room");
    let bob = lab.peer("bob");
    lab.join(bob, "room");
    lab.run_for(SECOND * 2);
    assert_eq!(lab.ice_servers(alice, "bob"), None);
    assert!(lab.log(alice).iter().any(|line| line.contains("iceServers break a rule")));
}

#[test]
fn wrong_acknowledgements_and_foreign_ids_answer_nothing() {
    let (mut lab, alice, _) = pair(1);
    lab.on_up(|_, _| peerhall_sim::Tamper::Drop);
    let op = lab.send(alice, json!("hello")).unwrap();
    for id in ["", "1", "00000000-0000-4000-8000-000000000000"] {
        lab.inject(alice, &json!({"type": "ack", "requestId": id}).to_string());
        lab.inject(alice, &json!({"type": "error", "code": "x", "requestId": id}).to_string());
    }
    lab.run_for(SECOND);
    assert_eq!(lab.unanswered(alice), [op]);
    lab.run_for(SECOND * 15);
    assert!(lab.has_seen(alice, "send AckTimeoutError"));
}

#[test]
fn a_remote_that_floods_fills_nothing() {
    let (mut lab, alice, _) = pair(1);
    lab.clear_seen();
    let say = |lab: &mut Lab, data: Value| {
        lab.inject(alice, &json!({"type": "direct", "from": "bob", "data": data}).to_string());
    };
    let quiet = lab.weight(alice);
    for n in 0..5_000 {
        say(&mut lab, json!({"__meteredTrackMeta": {"trackId": format!("t{n}"), "metadata": {"n": n}}}));
        say(
            &mut lab,
            json!({"type": "rtc-ice", "candidate": {"candidate": format!("candidate:{n}"),
            "usernameFragment": "of nobody"}}),
        );
        say(&mut lab, json!({"type": "rtc-ice", "candidate": null}));
        say(&mut lab, json!({"type": "rtc-description", "description": {"type": "answer", "sdp": "v=0"}}));
        say(&mut lab, json!({"type": "rtc-reset", "ends": {"from": format!("{n}"), "to": "x"}}));
    }
    lab.run_for(SECOND * 5);
    assert!(quiet < 20_000, "{quiet}");
    assert!(lab.weight(alice) < MAX_WEIGHT, "{}", lab.weight(alice));
    assert!(lab.is_connected(alice, "bob"), "{:?}", lab.describe(alice, "bob"));
}

#[test]
fn strangers_fill_nothing() {
    let (mut lab, alice, _) = pair(1);
    for n in 0..5_000 {
        let sdp = "x".repeat(1_000);
        let data = json!({"type": "rtc-description", "description": {"type": "offer", "sdp": sdp}});
        lab.inject(alice, &json!({"type": "direct", "from": format!("s{n}"), "data": data}).to_string());
    }
    lab.run_for(SECOND);
    assert!(lab.weight(alice) < MAX_WEIGHT, "{}", lab.weight(alice));
}

#[test]
fn descriptions_that_no_browser_takes_are_errors_and_no_end() {
    let (mut lab, alice, bob) = pair(1);
    let mut rng = fastrand::Rng::with_seed(1);
    for n in 0..300 {
        let good =
            format!("v=0\r\nm=audio 9 X 1\r\na=mid:{n}\r\na=ice-ufrag:u\r\na=fingerprint:sha-256 x\r\n");
        let sdp: String = good.chars().map(|c| if rng.u8(0..20) == 0 { rng.char(..) } else { c }).collect();
        let kind = if rng.bool() { "offer" } else { "answer" };
        let data = json!({"type": "rtc-description", "description": {"type": kind, "sdp": sdp}});
        lab.inject(alice, &json!({"type": "direct", "from": "bob", "data": data}).to_string());
        lab.run_for(Duration::from_millis(100));
    }
    assert!(lab.words(alice).iter().any(|word| word.starts_with("bob negotiation-error")));
    assert!(lab.broken().is_empty(), "{:?}", lab.broken());
    // Bob himself comes back, and all is well.
    lab.run_for(SECOND * 120);
    lab.cut(bob);
    lab.run_for(SECOND * 60);
    assert!(
        lab.is_connected(alice, "bob") && lab.is_connected(bob, "alice"),
        "{:?}",
        lab.describe(bob, "alice")
    );
}
