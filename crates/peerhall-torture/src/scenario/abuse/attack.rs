//! What attackers do: one entry for each kind of abuse, with the answers that it must get.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fastrand::Rng;
use peerhall_load::crowd::{Crowd, Dial, PeerKey, Sources};

use crate::keys::Keys;

/// One kind of abuse.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Attack {
    pub(super) name: &'static str,
    /// Connections kept open; one that ends is replaced.
    pub(super) connections: usize,
    /// Most that are opened in one turn.
    pub(super) per_turn: usize,
    pub(super) sources: Sources,
    pub(super) dial: fn(&Keys, &mut Rng) -> Dial,
    /// What each connection does each time; the number says how often it has spoken.
    pub(super) speak: fn(&mut Crowd, PeerKey, u64, &mut Rng),
    /// Between two times.
    pub(super) every: Duration,
    /// Speaks as soon as there is a socket: it asks for no upgrade.
    pub(super) at_once: bool,
    /// Answers no ping.
    pub(super) is_deaf: bool,
    /// Ends its connections itself.
    pub(super) hangs_up: bool,
    /// How long it has to last in the short form, where what takes long is set to a second or so.
    pub(super) takes: Duration,
    /// How long it has to last at full size, however short the others are made: until the server's
    /// defaults have had their time.
    pub(super) needs: Duration,
    /// Each must be seen at least once.
    pub(super) answers: &'static [&'static str],
}

const MILLI: Duration = Duration::from_millis(1);

/// Twenty ordinary connections that speak every 10 ms, which is as often as they may.
const USUAL: Attack = Attack {
    name: "",
    connections: 20,
    per_turn: 100,
    sources: Sources::Spread,
    dial: authenticated,
    speak: say_nothing,
    every: Duration::from_millis(10),
    at_once: false,
    is_deaf: false,
    hangs_up: false,
    takes: Duration::from_millis(500),
    needs: Duration::ZERO,
    answers: &[],
};

/// Every kind.
pub(super) static ALL: [Attack; 20] = [
    Attack { name: "malformed", speak: say_malformed, answers: &["error malformed_message"], ..USUAL },
    Attack { name: "deep", speak: say_deep, answers: &["error malformed_message"], ..USUAL },
    Attack { name: "binary", speak: say_binary, answers: &["error malformed_message"], ..USUAL },
    Attack { name: "not UTF-8", speak: say_no_utf8, answers: &["closed 1007"], ..USUAL },
    Attack { name: "oversized", speak: say_oversized, answers: &["closed 1009"], ..USUAL },
    Attack { name: "broken frames", speak: say_broken, answers: &["closed 1002"], ..USUAL },
    Attack { name: "flood", speak: say_much, answers: &["closed 4011"], ..USUAL },
    Attack { name: "pings", speak: ping_much, answers: &["pong", "closed 4011"], ..USUAL },
    Attack { name: "subscribes", speak: subscribe_much, answers: &["error channel_limit_exceeded"], ..USUAL },
    Attack { name: "scan", speak: scan, answers: &["error peer_not_found"], ..USUAL },
    Attack {
        name: "fragments",
        connections: 200,
        speak: fragment,
        every: MILLI,
        answers: &["closed 1009"],
        ..USUAL
    },
    Attack {
        name: "amplification",
        connections: 1_000,
        speak: amplify,
        every: Duration::from_millis(100),
        answers: &["welcomed"],
        ..USUAL
    },
    Attack {
        name: "comings and goings",
        connections: 200,
        speak: come_and_go,
        every: Duration::from_millis(25),
        ..USUAL
    },
    Attack {
        name: "slow heads",
        connections: 1_000,
        dial: silent,
        speak: drip_head,
        every: Duration::from_millis(100),
        at_once: true,
        takes: Duration::from_secs(2),
        needs: Duration::from_secs(12),
        answers: &["ended"],
        ..USUAL
    },
    Attack {
        name: "slow bodies",
        connections: 1_000,
        dial: slow_body,
        speak: drip_body,
        every: Duration::from_millis(100),
        at_once: true,
        takes: Duration::from_secs(2),
        needs: Duration::from_secs(12),
        answers: &["http 400"],
        ..USUAL
    },
    Attack {
        name: "half-open",
        connections: 1_000,
        is_deaf: true,
        takes: Duration::from_millis(3_500),
        needs: Duration::from_secs(45),
        answers: &["closed 1001"],
        ..USUAL
    },
    Attack {
        name: "rush from one address",
        connections: 1_000,
        per_turn: 1_000,
        sources: Sources::One(IpAddr::V4(Ipv4Addr::new(127, 8, 0, 1))),
        speak: hang_up,
        every: Duration::from_millis(100),
        hangs_up: true,
        answers: &["welcomed"],
        ..USUAL
    },
    Attack { name: "huge URLs", dial: huge_url, answers: &["http 414"], ..USUAL },
    Attack { name: "wrong keys", dial: wrong_key, per_turn: 5, answers: &["closed 4001"], ..USUAL },
    Attack {
        name: "endless URLs",
        dial: silent,
        speak: endless_url,
        at_once: true,
        answers: &["ended"],
        ..USUAL
    },
];

fn authenticated(keys: &Keys, _: &mut Rng) -> Dial {
    Dial::to(&keys.anonymous())
}

fn silent(_: &Keys, _: &mut Rng) -> Dial {
    Dial::silent()
}

fn huge_url(keys: &Keys, random: &mut Rng) -> Dial {
    // A little over what a head may have, so that all of it arrives before the answer.
    Dial::to(&format!("{}&x={}", keys.anonymous(), "x".repeat(65_536 + random.usize(..4_096))))
}

fn slow_body(keys: &Keys, _: &mut Rng) -> Dial {
    let credential = format!("Bearer {}", keys.rest());
    Dial::post("/v1/channels/slow/publish", 30_000).header("Authorization", &credential)
}

fn wrong_key(_: &Keys, random: &mut Rng) -> Dial {
    Dial::to(&format!("/v1?key=pk_live_{:032x}", random.u128(..)))
}

fn say_nothing(_: &mut Crowd, _: PeerKey, _: u64, _: &mut Rng) {}

fn say_malformed(crowd: &mut Crowd, key: PeerKey, _: u64, random: &mut Rng) {
    let texts = ["{nope", "[]", "7", "null", "{}", r#"{"type":5}"#, r#"{"type":"publish"}"#, "\u{0}", ""];
    let length = random.usize(..200);
    let junk: String = std::iter::repeat_with(|| random.char(..)).take(length).collect();
    let known = texts.get(random.usize(..texts.len() + 1)).copied().unwrap_or(&junk);
    crowd.send(key, known);
}

fn say_deep(crowd: &mut Crowd, key: PeerKey, spoken: u64, _: &mut Rng) {
    let depth = match spoken % 3 {
        0 => 64,
        1 => 65,
        _ => 30_000,
    };
    let data = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    crowd.send(key, &format!(r#"{{"type":"publish","channel":"deep","data":{data}}}"#));
}

fn say_binary(crowd: &mut Crowd, key: PeerKey, _: u64, random: &mut Rng) {
    let length = random.usize(..4_096);
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
    crowd.send_binary(key, &bytes);
}

fn say_no_utf8(crowd: &mut Crowd, key: PeerKey, _: u64, random: &mut Rng) {
    let bad: [&[u8]; 4] = [b"\xff", b"{\"type\":\"\xc3\x28\"}", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"];
    crowd.send_raw(key, &frame(0x81, random.choice(bad).unwrap_or(b"\xff")));
}

/// `data` of exactly the limit, of one byte more, a frame over the limit, and the head of a gigabyte.
fn say_oversized(crowd: &mut Crowd, key: PeerKey, spoken: u64, _: &mut Rng) {
    let publish =
        |bytes: usize| format!(r#"{{"type":"publish","channel":"big","data":"{}"}}"#, "x".repeat(bytes - 2));
    match spoken % 40 {
        0 => crowd.send(key, &publish(65_535)),
        5 => crowd.send(key, &publish(65_536)),
        10 => crowd.send(key, &publish(65_537)),
        20 => crowd.send(key, &publish(1 << 20)),
        30 => crowd.send_raw(key, &[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]),
        _ => {}
    }
}

fn say_broken(crowd: &mut Crowd, key: PeerKey, _: u64, random: &mut Rng) {
    let broken: [&[u8]; 5] = [
        // Unmasked, reserved bits, a reserved opcode, a long ping, nothing to continue.
        b"\x81\x02hi",
        b"\xf1\x80\x00\x00\x00\x00",
        b"\x83\x80\x00\x00\x00\x00",
        b"\x89\xfe\x00\x80\x00\x00\x00\x00",
        b"\x80\x80\x00\x00\x00\x00",
    ];
    crowd.send_raw(key, random.choice(broken).unwrap_or(b"\x81\x02hi"));
}

fn say_much(crowd: &mut Crowd, key: PeerKey, _: u64, _: &mut Rng) {
    for _ in 0..50 {
        crowd.send(key, r#"{"type":"publish","channel":"flood","data":"x"}"#);
    }
}

fn ping_much(crowd: &mut Crowd, key: PeerKey, _: u64, _: &mut Rng) {
    for _ in 0..50 {
        crowd.ping(key, &[7; 125]);
    }
}

fn subscribe_much(crowd: &mut Crowd, key: PeerKey, spoken: u64, random: &mut Rng) {
    // All channels that fit within the burst, then one more at a time.
    for _ in 0..if spoken == 0 { 120 } else { 1 } {
        let channel = format!("{:x}", random.u64(..));
        crowd.send(key, &format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#));
    }
}

fn scan(crowd: &mut Crowd, key: PeerKey, _: u64, random: &mut Rng) {
    crowd.send(key, &format!(r#"{{"type":"send","to":"{:x}","data":1}}"#, random.u64(..)));
}

/// A message that never ends, in fragments of one byte and of none.
fn fragment(crowd: &mut Crowd, key: PeerKey, spoken: u64, _: &mut Rng) {
    let mut bytes = Vec::new();
    if spoken == 0 {
        bytes.extend(frame(0x01, b"{"));
        // Most of what it may have comes at once, so that its end is seen within the time.
        bytes.extend(frame(0x00, &[b' '; 69_600]));
    }
    for _ in 0..10 {
        bytes.extend(frame(0x00, b" "));
        bytes.extend(frame(0x00, b""));
    }
    crowd.send_raw(key, &bytes);
}

fn come_and_go(crowd: &mut Crowd, key: PeerKey, spoken: u64, _: &mut Rng) {
    let what = if spoken.is_multiple_of(2) { "subscribe" } else { "unsubscribe" };
    crowd.send(key, &format!(r#"{{"type":"{what}","channel":"revolving"}}"#));
}

fn drip_head(crowd: &mut Crowd, key: PeerKey, spoken: u64, _: &mut Rng) {
    let head = b"GET /v1?key=pk_live_x HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    let byte = head.get(spoken as usize).copied().unwrap_or(b'x');
    crowd.send_raw(key, &[byte]);
}

fn drip_body(crowd: &mut Crowd, key: PeerKey, _: u64, _: &mut Rng) {
    crowd.send_raw(key, b" ");
}

/// All listen to one channel; a twentieth of them says something to all each time.
fn amplify(crowd: &mut Crowd, key: PeerKey, spoken: u64, random: &mut Rng) {
    if spoken == 0 {
        crowd.send(key, r#"{"type":"subscribe","channel":"loud"}"#);
    } else if random.u8(..20) == 0 {
        crowd.send(key, r#"{"type":"publish","channel":"loud","data":"loud"}"#);
    }
}

fn endless_url(crowd: &mut Crowd, key: PeerKey, spoken: u64, _: &mut Rng) {
    if spoken == 0 {
        crowd.send_raw(key, b"GET /v1?key=");
    }
    crowd.send_raw(key, &[b'x'; 65_536]);
}

fn hang_up(crowd: &mut Crowd, key: PeerKey, spoken: u64, random: &mut Rng) {
    if spoken == 0 {
        crowd.send(key, r#"{"type":"subscribe","channel":"rush"}"#);
    } else if random.bool() {
        crowd.reset(key);
    } else {
        crowd.drop_peer(key);
    }
}

/// A masked frame with a mask of zeros.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![head];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => bytes.push(0x80 | short),
        (_, Ok(medium)) => {
            bytes.push(0x80 | 126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}
