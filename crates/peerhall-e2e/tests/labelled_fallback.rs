//! Labelled messages of native peers between whom no connection can be made: through the server, and over the
//! first connection that is there.

#![expect(
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "a test may stop at the first surprise, also in what it stands on, which does more than this needs"
)]

#[path = "labelled_support/hall.rs"]
mod hall;

use std::time::Duration;

use hall::{CHANNEL, LABEL, files, noise, the_only};
use peerhall::labelled::{ChannelOptions, Room, RoomEvent, Way};
use peerhall::{Events, JoinOptions, MeteredPeer, PeerOptions, TransportPolicy};
use peerhall_auth::key::KeyRecord;
use peerhall_e2e::native::soon;
use peerhall_e2e::server::{self, Running, Ways, token_of};
use serde_json::json;

/// How long is waited for a connection: there will be none.
const REACH: Duration = Duration::from_secs(1);

/// Somebody who may use relays only, of which there are none.
async fn apart(server: &Running, key: &KeyRecord, id: &str) -> (Room, Events<RoomEvent>) {
    let token = token_of(key, &json!({ "sub": id }));
    let provider = move || std::future::ready(Ok(token.clone()));
    let url = format!("ws://{}", server.addr());
    let options = PeerOptions::with_tokens(&url, provider).expect("options").reach_timeout(REACH);
    let peer = MeteredPeer::new(options.transport_policy(TransportPolicy::Relay)).expect("a peer");
    let room = Room::new(peer.clone());
    let events = room.events();
    room.open(LABEL, ChannelOptions::default()).expect("a label");
    soon("joining", peer.join(CHANNEL, JoinOptions::default())).await.expect("joins");
    (room, events)
}

async fn goes(events: &mut Events<RoomEvent>, wanted: Way) {
    soon(&format!("{wanted:?}"), async {
        let turns = |event: &RoomEvent| matches!(event, RoomEvent::Way { way, .. } if *way == wanted);
        while !turns(&events.next().await.expect("more events")) {}
    })
    .await;
}

/// Every path may be used from now on.
fn allow(room: &Room) {
    room.peer().set_transport_policy(TransportPolicy::All);
    room.peer().reset_connections();
}

#[tokio::test]
async fn what_finds_no_connection_goes_through_the_server_and_on_over_the_first_one() {
    let server = server::start();
    let key = server.secret();
    let (alice, mut alices) = apart(&server, &key, "alice").await;
    let (bob, mut bobs) = apart(&server, &key, "bob").await;
    tokio::join!(goes(&mut alices, Way::Server), goes(&mut bobs, Way::Server));
    let (to_bob, to_alice) = (the_only(&alice), the_only(&bob));
    assert_eq!((to_bob.way(), to_alice.way()), (Way::Server, Way::Server));

    let (text, bytes) = (to_bob.send("hello", files()), noise(1, 1_000_000));
    let large = to_bob.send(bytes.clone(), files()).expect("taken");
    let back = to_alice.send("hello alice", files()).expect("taken");
    assert_eq!(soon("a text", next(&bob).await.text()).await.expect("arrives"), "hello");
    assert!(soon("1 MB", next(&bob).await.bytes()).await.expect("arrives") == bytes);
    assert_eq!(soon("a text", next(&alice).await.text()).await.expect("arrives"), "hello alice");
    for transfer in [text.expect("taken"), large, back] {
        soon("a receipt", transfer).await.expect("a receipt");
    }

    // In the middle of a message there is a connection.
    let bytes = noise(2, 6_000_000);
    let moving = to_bob.send(bytes.clone(), files()).expect("taken");
    let after = to_bob.send("after it", files()).expect("taken");
    let mut message = next(&bob).await;
    let mut arrived = Vec::new();
    while arrived.len() < 1_000_000 {
        arrived.extend(soon("bytes", message.chunk()).await.expect("more").expect("not the end"));
    }
    assert_eq!(to_bob.way(), Way::Server);
    allow(&alice);
    allow(&bob);
    while let Some(chunk) = soon("bytes", message.chunk()).await.expect("more") {
        arrived.extend(chunk);
    }
    assert!(arrived == bytes, "nothing is lost and nothing comes twice");
    assert_eq!(soon("a text", next(&bob).await.text()).await.expect("arrives"), "after it");
    soon("a receipt", moving).await.expect("a receipt");
    soon("a receipt", after).await.expect("a receipt");
    tokio::join!(goes(&mut alices, Way::Connection), goes(&mut bobs, Way::Connection));
    let direct = to_bob.send("direct", files()).expect("taken");
    assert_eq!(soon("a text", next(&bob).await.text()).await.expect("arrives"), "direct");
    soon("a receipt", direct).await.expect("a receipt");
    assert_eq!((to_bob.way(), to_alice.way()), (Way::Connection, Way::Connection));
}

#[tokio::test]
async fn who_loses_the_server_on_the_way_through_it_goes_on_when_it_is_back() {
    let server = server::start();
    let key = server.secret();
    let (alice, mut alices) = apart(&server, &key, "alice").await;
    let (bob, mut bobs) = apart(&server, &key, "bob").await;
    tokio::join!(goes(&mut alices, Way::Server), goes(&mut bobs, Way::Server));
    for (seed, cuts) in [(1, &alice), (2, &bob)] {
        let bytes = noise(seed, 3_000_000);
        let transfer = the_only(&alice).send(bytes.clone(), files()).expect("taken");
        let mut message = next(&bob).await;
        let mut arrived = Vec::new();
        while arrived.len() < 500_000 {
            arrived.extend(soon("bytes", message.chunk()).await.expect("more").expect("not the end"));
        }
        cuts.peer().drop_connection();
        while let Some(chunk) = soon("bytes", message.chunk()).await.expect("more") {
            arrived.extend(chunk);
        }
        assert!(arrived == bytes, "nothing is lost and nothing comes twice");
        soon("a receipt", transfer).await.expect("a receipt");
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_told_and_the_message_waits_for_a_connection() {
    let server = server::start();
    let key = server.add_tenant("small", |app| app.max_messages_per_period = Some(60));
    let (alice, mut alices) = apart(&server, &key, "alice").await;
    let (bob, mut bobs) = apart(&server, &key, "bob").await;
    tokio::join!(goes(&mut alices, Way::Server), goes(&mut bobs, Way::Server));
    let bytes = noise(3, 6_000_000);
    let mut transfer = the_only(&alice).send(bytes, files()).expect("taken");
    let mut message = next(&bob).await;
    let told =
        async { while !matches!(alices.next().await.expect("more events"), RoomEvent::OverQuota(_)) {} };
    let reading = async { while let Ok(Some(_)) = message.chunk().await {} };
    soon("the quota", async {
        tokio::select! {
            () = told => {}
            () = reading => panic!("all of it came"),
            result = &mut transfer => panic!("it ended: {result:?}"),
        }
    })
    .await;
    assert_eq!(the_only(&alice).way(), Way::Connection, "which may be there one day");
    assert!(alice.peer().state() == peerhall::PeerState::Joined, "the connection to the server stays");
}

async fn next(room: &Room) -> peerhall::labelled::Incoming {
    soon("a message", room.recv()).await.expect("more messages")
}
