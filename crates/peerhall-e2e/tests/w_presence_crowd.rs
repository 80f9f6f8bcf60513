//! Wire checklist, presence with many clients: 77, 78 and 87.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use peerhall_e2e::frame::MAX_FRAME_BYTES;
use peerhall_e2e::server::Ways;
use peerhall_e2e::{Client, Running, SetOnDrop, all_silent, eventually, on_every_shard_count, start_with};
use serde_json::json;

const CROWD: usize = 20;

fn subscribe() -> serde_json::Value {
    json!({ "type": "subscribe", "channel": "room" })
}

/// Joins and collects whom the snapshot and the deltas after it name, until all the others are known.
fn learn(client: &mut Client, start: &Barrier) -> Vec<String> {
    start.wait();
    let mut known = client.subscribe("room").joined();
    while known.len() < CROWD - 1 {
        let delta = client.expect("presence");
        assert_eq!(delta.left(), Vec::<String>::new());
        known.extend(delta.joined());
    }
    known
}

#[test]
fn w077_of_20_that_join_together_each_learns_all_others_exactly_once() {
    on_every_shard_count(|server| {
        let mut clients: Vec<_> = (0..CROWD).map(|n| server.peer(&format!("peer-{n}"))).collect();
        let begin = Barrier::new(CROWD);
        std::thread::scope(|scope| {
            let learning: Vec<_> =
                clients.iter_mut().map(|client| scope.spawn(|| learn(client, &begin))).collect();
            for thread in learning {
                let known = thread.join().expect("a client that learns");
                let once: BTreeSet<_> = known.iter().collect();
                assert_eq!((known.len(), once.len()), (CROWD - 1, CROWD - 1), "{known:?}");
            }
        });
        all_silent(&mut clients.iter_mut().collect::<Vec<_>>());
    });
}

#[test]
fn w078_no_delta_comes_between_a_subscribe_and_its_snapshot() {
    on_every_shard_count(|server| {
        let mut anchor = server.peer("anchor");
        anchor.subscribe("room");
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Somebody comes or goes all the time.
            scope.spawn(|| {
                let mut client = server.peer("restless");
                while !over.load(Ordering::Relaxed) {
                    client.subscribe("room");
                    client.ack(json!({ "type": "unsubscribe", "channel": "room" }));
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            let _over = SetOnDrop(&over);
            for _ in 0..20 {
                let mut newcomer = server.client();
                newcomer.ack(subscribe());
                let first = newcomer.snapshot("room");
                // Only the whole roster names the one who never moves.
                let is_roster = first.joined().contains(&"anchor".to_owned()) && first.left().is_empty();
                assert!(is_roster, "{}", first.text);
            }
        });
    });
}

#[test]
fn w087_a_snapshot_of_2000_peers_with_1_kb_of_metadata_is_one_frame_with_all_ids() {
    const PEERS: usize = 2_000;
    let server = start_with(|config| {
        // The crowd reads and forgets, pings too.
        config.liveness.ping_every = Duration::from_secs(600);
        // Its thread may have to wait for a processor when other tests run.
        config.limits.outbox_bytes = 16 << 20;
    });
    let filling = "m".repeat(1_024 - r#"{"x":""}"#.len());
    let mut members: Vec<Client> = (0..PEERS).map(|n| connect(&server, n, &filling)).collect();
    // All at once: the server then writes what it says of many in one go.
    members.iter_mut().for_each(|member| member.send(&subscribe()));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| read_and_forget(members, &over));
        let _over = SetOnDrop(&over);
        // What the crowd hears of itself is 4 GB, and a newcomer's snapshot waits its turn among it.
        let patience = Duration::from_secs(240);
        let snapshot = eventually("a snapshot of 2,000", patience, || {
            let snapshot = server.client().with_patience(patience).subscribe("room");
            (snapshot.joined().len() == PEERS).then_some(snapshot)
        });
        assert!(snapshot.text.len() <= MAX_FRAME_BYTES, "{}", snapshot.text.len());
        let ids: BTreeSet<String> = snapshot.joined().into_iter().collect();
        assert!(ids.iter().eq(&(0..PEERS).map(peer).collect::<BTreeSet<_>>()), "{} ids", ids.len());
        let with_metadata = snapshot.text.matches(&filling).count();
        assert!(with_metadata > 800, "only {with_metadata} kept their metadata, though more would fit");
    });
}

fn peer(n: usize) -> String {
    format!("peer-{n:04}")
}

fn connect(server: &Running, n: usize, filling: &str) -> Client {
    server.bearer(&json!({ "sub": peer(n), "peerMetadata": { "x": filling } }))
}

/// Keeps the members from being slow readers.
fn read_and_forget(members: Vec<Client>, over: &AtomicBool) {
    let mut members: Vec<TcpStream> = members.into_iter().map(Client::into_stream).collect();
    members.iter().for_each(|member| member.set_nonblocking(true).expect("a socket"));
    let mut nowhere = vec![0; 1 << 20];
    while !over.load(Ordering::Relaxed) {
        for member in &mut members {
            match member.read(&mut nowhere) {
                Ok(count) => assert!(count > 0, "a member was closed"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
