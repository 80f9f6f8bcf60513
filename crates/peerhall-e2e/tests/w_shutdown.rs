//! Wire checklist, shutdown: 115 and 116, and 117 without an SDK (with the real one: `foreign_js.rs`).

#![expect(clippy::panic, reason = "a test may stop at the first surprise")]

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use peerhall_e2e::client::Event;
use peerhall_e2e::server::Ways;
use peerhall_e2e::{Client, Ending, PATIENCE, start, start_with};
use peerhall_server::Config;
use peerhall_server::testing::TestServer;
use serde_json::json;

/// Reads what a stopping server says: `going_away`, nothing else, and the close. Its code.
fn farewell(client: &mut Client) -> u16 {
    let frame = client.expect("going_away");
    assert!(frame.get("retryAfterMs").as_u64().is_some_and(|ms| ms > 0), "{}", frame.text);
    match client.poll(Instant::now() + PATIENCE) {
        Some(Event::Ended(Ending::Closed { code, .. })) => code,
        other => panic!("wanted the close, got {other:?}"),
    }
}

#[test]
fn w115_a_graceful_stop_says_going_away_and_closes_1001_without_any_left() {
    assert_eq!(Config::default().drain.retry_after, Duration::from_secs(1));
    for shards in [1, 2, 4] {
        let server = start_with(|config| {
            config.shards = NonZeroUsize::new(shards);
            // The closes come one after the other, so that a `left` would have time to show.
            config.drain.per_connection_spread = Duration::from_millis(50);
        });
        let mut clients: Vec<_> = (0..6).map(|n| server.peer(&format!("peer-{n}"))).collect();
        for client in &mut clients {
            client.subscribe("room");
        }
        for (n, client) in clients.iter_mut().enumerate() {
            let mut known = 5 - n;
            while known > 0 {
                known -= client.expect("presence").joined().len();
            }
        }
        std::thread::scope(|scope| {
            let readers: Vec<_> = clients.iter_mut().map(|client| scope.spawn(|| farewell(client))).collect();
            server.stop();
            for reader in readers {
                assert_eq!(reader.join().expect("a polite end"), 1001);
            }
        });
    }
}

#[test]
fn w116_an_upgrade_during_the_drain_is_503() {
    // One shard, so that the second of the two clients holds the drain open: each shard closes its first
    // connection at once.
    let server = start_with(|config| {
        config.shards = std::num::NonZeroUsize::new(1);
        config.drain.per_connection_spread = Duration::from_secs(3);
    });
    let mut clients = [server.client(), server.client()];
    let dial = server.dial().key(server.publishable().id.as_str());
    std::thread::scope(|scope| {
        scope.spawn(|| server.stop());
        for client in &mut clients {
            client.expect("going_away");
        }
        let response = dial.http();
        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
        for client in &mut clients {
            assert_eq!(client.closed(), 1001);
        }
    });
}

#[test]
fn w117_a_peer_returns_to_a_server_restarted_on_the_same_port() {
    let first = start();
    let (address, secret) = (first.addr(), first.secret());
    let token = first.token(&json!({ "sub": "alice" }));
    let mut alice = first.dial().token(&token).open();
    alice.subscribe("room");
    std::thread::scope(|scope| {
        scope.spawn(|| first.stop());
        assert_eq!(farewell(&mut alice), 1001);
    });

    let second = TestServer::with(|config| config.listen = address);
    second.add_key(secret);
    let mut bob = second.peer("bob");
    bob.subscribe("room");
    let mut alice = second.dial().token(&token).open();
    assert_eq!(alice.subscribe("room").joined(), ["bob"]);
    bob.expect_presence("room", &["alice"], &[]);
}
