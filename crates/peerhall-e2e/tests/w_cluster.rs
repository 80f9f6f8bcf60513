//! Wire checklist, cluster: 157 to 160. Two nodes of one server, joined by the bus in memory.
#![expect(clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use std::time::{Duration, Instant};

use peerhall_e2e::server::token_of;
use peerhall_e2e::{Client, Dial, PATIENCE, Running, eventually, shortest, start_with};
use peerhall_server::Config;
use peerhall_server::cluster::{MemoryBus, NodeId, Timing};
use serde_json::{Value, json};

/// Two nodes with the same keys.
struct Pair {
    nodes: [Running; 2],
    ids: [NodeId; 2],
    bus: MemoryBus,
}

impl Pair {
    fn start() -> Self {
        Self::start_with(Timing::default(), |_| {})
    }

    fn start_with(timing: Timing, change: impl Fn(&mut Config)) -> Self {
        let bus = MemoryBus::new();
        let mut one = start_with(&change);
        let mut two = start_with(&change);
        two.add_key(one.publishable());
        two.add_key(one.secret());
        let ids = [one.join_cluster(&bus, timing), two.join_cluster(&bus, timing)];
        let pair = Self { nodes: [one, two], ids, bus };
        pair.wait_until_they_know_each_other();
        pair
    }

    /// A client on one of the nodes.
    fn peer(&self, node: usize, id: &str) -> Client {
        let token = token_of(&self.nodes[0].secret(), &json!({ "sub": id }));
        Dial::to(self.nodes[node].addr()).token(&token).open()
    }

    fn wait_until_they_know_each_other(&self) {
        let (mut left, mut right) = (self.peer(0, "probe-left"), self.peer(1, "probe-right"));
        for (client, to) in [(&mut left, "probe-right"), (&mut right, "probe-left")] {
            eventually("the nodes know each other", PATIENCE, || {
                let answer = client.request(json!({ "type": "send", "to": to, "data": 0 }));
                (answer.kind() == "ack").then_some(())
            });
        }
        left.close();
        right.close();
    }

    fn rest(&self, node: usize) -> peerhall_e2e::Rest {
        peerhall_e2e::Rest::with_key(self.nodes[node].addr(), &self.nodes[0].secret())
    }
}

fn publish(channel: &str, data: impl Into<Value>) -> Value {
    json!({ "type": "publish", "channel": channel, "data": data.into() })
}

fn send(to: &str, data: impl Into<Value>) -> Value {
    json!({ "type": "send", "to": to, "data": data.into() })
}

/// The presence of a client that has just subscribed: everybody it has been told of.
fn roster(client: &mut Client, channel: &str) -> Vec<String> {
    let mut names = client.subscribe(channel).joined();
    names.sort();
    names
}

#[test]
fn w157_messages_and_directs_reach_peers_on_the_other_node() {
    let pair = Pair::start();
    let (mut alice, mut bob) = (pair.peer(0, "alice"), pair.peer(1, "bob"));
    alice.subscribe("room");
    bob.subscribe("room");
    alice.expect_presence("room", &["bob"], &[]);
    alice.ack(publish("room", json!({ "t": "hi" })));
    bob.expect_json(&json!({ "type": "message", "channel": "room", "from": "alice", "data": { "t": "hi" } }));
    bob.ack(send("alice", 7));
    alice.expect_json(&json!({ "type": "direct", "from": "bob", "data": 7 }));
    for n in 0..100 {
        let message = if n % 2 == 0 { publish("room", n) } else { send("bob", n) };
        alice.send(&message);
    }
    for n in 0..100 {
        let frame = bob.find("a message or direct", |frame| ["message", "direct"].contains(&&*frame.kind()));
        assert_eq!(frame.get("data"), json!(n), "publishes and directs keep their order");
    }
}

#[test]
fn w157_pattern_subscribers_on_the_other_node_get_the_message() {
    let pair = Pair::start();
    let (mut hose, mut device) = (pair.peer(0, "hose"), pair.peer(1, "device"));
    hose.subscribe("fleet/*/t");
    eventually("the pattern is known on the other node", PATIENCE, || {
        device.ack(publish("fleet/1/t", 1));
        hose.try_next(Duration::from_millis(50)).map(|frame| assert_eq!(frame.get("channel"), "fleet/1/t"))
    });
}

#[test]
fn w157_snapshots_and_announcements_hold_across_nodes() {
    let pair = Pair::start();
    let mut alice = pair.peer(0, "alice");
    assert_eq!(roster(&mut alice, "room"), Vec::<String>::new());
    let mut bob = pair.peer(1, "bob");
    assert_eq!(roster(&mut bob, "room"), ["alice"], "the snapshot lists who is on the other node");
    alice.expect_presence("room", &["bob"], &[]);
    let mut carol = pair.peer(0, "carol");
    assert_eq!(roster(&mut carol, "room"), ["alice", "bob"]);
    alice.expect_presence("room", &["carol"], &[]);
    bob.expect_presence("room", &["carol"], &[]);
}

#[test]
fn w157_a_joined_comes_before_any_direct_of_that_peer_in_both_directions() {
    let pair = Pair::start();
    let mut alice = pair.peer(0, "alice");
    alice.subscribe("room");
    for n in 0..30 {
        let name = format!("guest-{n}");
        let mut guest = pair.peer(1, &name);
        guest.subscribe("room");
        // Sent on receipt of the snapshot, so it must not overtake the announcement.
        guest.ack(send("alice", "offer"));
        alice.expect_presence("room", &[&name], &[]);
        assert_eq!(alice.next_frame().string("from"), name);
        alice.ack(send(&name, "answer"));
        assert_eq!(guest.expect("direct").string("from"), "alice");
        guest.close();
        alice.expect_presence("room", &[], &[&name]);
    }
}

#[test]
fn w157_twenty_on_two_nodes_learn_of_each_other_exactly_once() {
    let pair = Pair::start();
    let names: Vec<String> = (0..20).map(|n| format!("p{n}")).collect();
    let mut clients: Vec<Client> = names.iter().enumerate().map(|(n, name)| pair.peer(n % 2, name)).collect();
    for client in &mut clients {
        client.send(&json!({ "type": "subscribe", "channel": "room" }));
    }
    for client in &mut clients {
        let mut known: Vec<String> = Vec::new();
        while known.len() < names.len() - 1 {
            known.extend(client.expect("presence").joined());
        }
        known.sort();
        let mut wanted: Vec<String> = names.iter().filter(|name| *name != client.id()).cloned().collect();
        wanted.sort();
        assert_eq!(known, wanted);
    }
}

#[test]
fn w157_leaving_in_every_way_is_told_on_the_other_node() {
    let pair = Pair::start();
    let mut alice = pair.peer(0, "alice");
    alice.subscribe("room");
    let leave: [fn(Client); 3] = [
        |mut guest| drop(guest.ack(json!({ "type": "unsubscribe", "channel": "room" }))),
        Client::close,
        Client::reset,
    ];
    for (n, leave) in leave.into_iter().enumerate() {
        let name = format!("guest-{n}");
        let limit = Duration::from_secs(1);
        let took = shortest(limit, || {
            let mut guest = pair.peer(1, &name);
            guest.subscribe("room");
            alice.expect_presence("room", &[&name], &[]);
            let since = Instant::now();
            leave(guest);
            alice.expect_presence("room", &[], &[&name]);
            since.elapsed()
        });
        assert!(took < limit, "{took:?}");
    }
}

#[test]
fn w157_a_vanished_client_is_told_on_the_other_node() {
    let pair = Pair::start_with(Timing::default(), |config| {
        config.liveness.ping_every = Duration::from_millis(300);
        config.liveness.pong_within = Duration::from_millis(100);
    });
    let (mut alice, mut ghost) = (pair.peer(0, "alice"), pair.peer(1, "ghost"));
    alice.subscribe("room");
    ghost.subscribe("room");
    alice.expect_presence("room", &["ghost"], &[]);
    // It answers no ping from here on, because nobody reads its socket.
    alice.expect_presence("room", &[], &["ghost"]);
}

#[test]
fn w157_connections_of_one_peer_on_two_nodes_are_one_member() {
    let pair = Pair::start();
    let mut alice = pair.peer(0, "alice");
    alice.subscribe("room");
    let (mut phone, mut laptop) = (pair.peer(0, "bob"), pair.peer(1, "bob"));
    phone.subscribe("room");
    alice.expect_presence("room", &["bob"], &[]);
    assert_eq!(roster(&mut laptop, "room"), ["alice"], "its own id is left out");
    alice.silent();
    alice.ack(send("bob", 1));
    phone.expect("direct");
    laptop.expect("direct");
    phone.close();
    alice.silent();
    laptop.close();
    alice.expect_presence("room", &[], &["bob"]);
}

#[test]
fn w158_a_kick_closes_the_peer_on_every_node_and_counts_all() {
    let pair = Pair::start();
    let mut victims = [pair.peer(0, "x"), pair.peer(1, "x"), pair.peer(1, "x")];
    let mut bystander = pair.peer(1, "y");
    let answer = pair.rest(0).delete("/v1/peers/x");
    assert_eq!(answer.json(), json!({ "peerId": "x", "closed": 3 }));
    for victim in &mut victims {
        assert_eq!(victim.closed(), 4020);
    }
    bystander.sync();
}

#[test]
fn w158_rest_lists_and_publishes_across_nodes() {
    let pair = Pair::start();
    let (mut alice, mut bob) = (pair.peer(0, "alice"), pair.peer(1, "bob"));
    alice.subscribe("room");
    bob.subscribe("room");
    let list = pair.rest(1).get("/v1/channels/room/peers").json();
    assert_eq!(list["peers"], json!([{ "peerId": "alice" }, { "peerId": "bob" }]));
    let answer = pair.rest(0).post("/v1/channels/room/publish", &json!({ "data": 1 }));
    assert_eq!(answer.json()["delivered"], 2);
    bob.expect_json(&json!({ "type": "message", "channel": "room", "from": "system", "data": 1 }));
}

#[test]
fn w159_a_node_that_dies_without_notice_takes_its_peers_along_within_15_s() {
    let pair = Pair::start();
    let (mut alice, mut bob) = (pair.peer(0, "alice"), pair.peer(1, "bob"));
    alice.subscribe("room");
    bob.subscribe("room");
    alice.expect_presence("room", &["bob"], &[]);
    let died = Instant::now();
    pair.bus.silence(pair.ids[1]);
    alice.expect_presence("room", &[], &["bob"]);
    assert!(died.elapsed() < Duration::from_secs(15));
}

#[test]
fn w159_a_node_that_stops_politely_is_told_at_once() {
    let limit = Duration::from_secs(2);
    let took = shortest(limit, || {
        let pair = Pair::start();
        let (mut alice, mut bob) = (pair.peer(0, "alice"), pair.peer(1, "bob"));
        alice.subscribe("room");
        bob.subscribe("room");
        alice.expect_presence("room", &["bob"], &[]);
        let Pair { nodes: [_one, two], .. } = pair;
        let stopped = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| two.stop());
            alice.expect_presence("room", &[], &["bob"]);
            let took = stopped.elapsed();
            assert_eq!(bob.closed(), 1001);
            took
        })
    });
    assert!(took < limit, "{took:?}");
}

#[test]
fn w160_a_broken_link_loses_no_answer_and_local_members_still_hear_each_other() {
    let timing = Timing { down_after: Duration::from_secs(2), ..Timing::default() };
    let pair = Pair::start_with(timing, |_| {});
    let (mut alice, mut here, mut there) =
        (pair.peer(0, "alice"), pair.peer(0, "here"), pair.peer(1, "there"));
    for client in [&mut alice, &mut here, &mut there] {
        client.subscribe("room");
    }
    alice.find("both", |frame| frame.joined().contains(&"there".to_owned()));
    pair.bus.cut(pair.ids[0], pair.ids[1]);
    for n in 0..50 {
        let answer = alice.request(publish("room", n));
        assert!(["ack", "error"].contains(&&*answer.kind()), "{answer:?}");
        assert_eq!(here.find("a message", |frame| frame.kind() == "message").get("data"), json!(n));
    }
    let mut late = pair.peer(0, "late");
    late.ack(json!({ "type": "subscribe", "channel": "fresh" }));
    late.snapshot("fresh");
    alice.find("the other node's peer is given up", |frame| frame.left() == ["there"]);
    pair.bus.mend();
    alice.find("the nodes meet again", |frame| frame.joined() == ["there"]);
    eventually("messages cross again", PATIENCE, || {
        alice.ack(publish("room", "again"));
        let frame = there.try_next(Duration::from_millis(100)).filter(|frame| frame.kind() == "message");
        frame.filter(|frame| frame.get("data") == "again")
    });
}

#[test]
fn w160_a_gap_in_the_stream_between_nodes_heals() {
    let timing = Timing { down_after: Duration::from_secs(600), ..Timing::default() };
    let pair = Pair::start_with(timing, |_| {});
    let (mut alice, mut bob) = (pair.peer(0, "alice"), pair.peer(1, "bob"));
    alice.subscribe("room");
    bob.subscribe("room");
    alice.expect_presence("room", &["bob"], &[]);
    pair.bus.cut(pair.ids[0], pair.ids[1]);
    let mut carol = pair.peer(1, "carol");
    carol.ack(json!({ "type": "subscribe", "channel": "room" }));
    // Long enough for everything about carol to be lost, and far from enough to give a node up. Whether
    // bob hears of carol now depends on whether one shard serves them both.
    bob.drain();
    pair.bus.mend();
    // Without any further message the nodes notice what is missing.
    let list = carol.snapshot("room");
    assert!(list.joined().contains(&"bob".to_owned()));
    // Each shard of that node tells everything anew in its own time, so the list may be right before the
    // last of them has: what counts is where it comes to rest.
    let mut known = vec!["bob".to_owned()];
    eventually("the list is right and stays so", PATIENCE, || {
        while let Some(change) = alice.try_next(Duration::from_secs(1)) {
            assert_eq!(change.kind(), "presence");
            known.retain(|peer| !change.left().contains(peer));
            known.extend(change.joined());
        }
        known.sort();
        (known == ["bob", "carol"]).then_some(())
    });
}

#[test]
fn w158_a_node_that_does_not_answer_is_waited_for_as_long_as_the_timing_says() {
    let timing = Timing { answer_within: Duration::from_secs(4), ..Timing::default() };
    let pair = Pair::start_with(timing, |_| {});
    let _x = pair.peer(0, "x");
    pair.bus.cut(pair.ids[0], pair.ids[1]);
    let asked = Instant::now();
    let answer = pair.rest(0).delete("/v1/peers/x");
    assert_eq!(answer.json(), json!({ "peerId": "x", "closed": 1 }), "what this node did is told");
    assert!(asked.elapsed() >= Duration::from_secs(3), "{:?}", asked.elapsed());
}
