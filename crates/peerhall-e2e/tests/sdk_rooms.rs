//! Native peers in one channel, over a real server and real connections.

use peerhall::{
    DataChannelInit, DataChannelOptions, JoinOptions, Message, PeerEvent, PeerState, RemoteEvent, RemoteState,
};
use peerhall_e2e::native::{joined, key, next_remote, peer, soon};
use peerhall_e2e::server;
use serde_json::json;

#[tokio::test]
async fn two_peers_meet_and_a_data_channel_opens_without_media() {
    let server = server::start();
    let key = key(&server);
    let (_alice, mut alice_events) = joined(&server, &key, "room").await;
    let (_bob, mut bob_events) = joined(&server, &key, "room").await;
    let bob_seen = next_remote(&mut alice_events).await;
    let alice_seen = next_remote(&mut bob_events).await;

    let mut offered = alice_seen.on_data_channel();
    let channel = bob_seen
        .open_data_channel("game", DataChannelInit::default(), DataChannelOptions::default())
        .await
        .expect("a channel");
    soon("the channel opens", channel.opened()).await.expect("opens");
    let raw = soon("the other end", offered.next()).await.expect("a channel");
    let other = peerhall::DataChannel::wrap(raw, DataChannelOptions::default());
    channel.send("ping").await.expect("sent");
    assert_eq!(soon("a message", other.recv()).await, Some(Message::from("ping")));
    other.send(vec![1, 2, 3]).await.expect("sent");
    assert_eq!(soon("an answer", channel.recv()).await, Some(Message::from(vec![1, 2, 3])));
    assert_eq!(bob_seen.state(), RemoteState::Connected);
}

#[tokio::test]
async fn messages_go_to_all_and_to_one_through_the_server() {
    let server = server::start();
    let key = key(&server);
    let (alice, mut alice_events) = joined(&server, &key, "room").await;
    let (bob, mut bob_events) = joined(&server, &key, "room").await;
    let bob_seen = next_remote(&mut alice_events).await;
    let _ = next_remote(&mut bob_events).await;

    alice.send(json!({"text": "all"})).await.expect("sent");
    bob_seen.send(json!({"text": "you"})).await.expect("sent");
    let mut heard = Vec::new();
    while heard.len() < 2 {
        if let Some(PeerEvent::Data(data)) = soon("data", bob_events.next()).await {
            assert_eq!(Some(data.sender), alice.peer_id());
            heard.push((data.kind.as_str(), data.data));
        }
    }
    assert_eq!(heard, [("broadcast", json!({"text": "all"})), ("direct", json!({"text": "you"}))]);
    let own = bob.peer_id().expect("an id");
    assert!(matches!(
        bob.send_to(&own, 1).await,
        Err(peerhall::PeerSendError::Send(peerhall::SendError::SelfSend))
    ));
}

#[tokio::test]
async fn leaving_is_seen_and_ends_the_streams_of_events() {
    let server = server::start();
    let key = key(&server);
    let (_alice, mut alice_events) = joined(&server, &key, "room").await;
    let (bob, mut bob_events) = joined(&server, &key, "room").await;
    let bob_seen = next_remote(&mut alice_events).await;
    let mut bob_happens = bob_seen.events();

    soon("bob leaves", bob.close(Some("enough"))).await;
    assert_eq!(bob.state(), PeerState::Closed);
    drop(bob);
    let left = loop {
        match soon("bob's events", bob_events.next()).await {
            Some(PeerEvent::Left(left)) => break left,
            Some(_) => {}
            None => panic!("the end before `left`"),
        }
    };
    assert_eq!(left.reason.as_deref(), Some("enough"));
    assert!(soon("the end", bob_events.next()).await.is_none());
    loop {
        if let Some(PeerEvent::PeerLeft(gone)) = soon("alice's events", alice_events.next()).await {
            assert!(gone == bob_seen);
            break;
        }
    }
    while let Some(event) = soon("the remote's end", bob_happens.next()).await {
        assert!(matches!(event, RemoteEvent::StateChange(_)), "{event:?}");
    }
    assert_eq!(bob_seen.state(), RemoteState::Closed);
    assert!(matches!(
        bob_seen.send(1).await,
        Err(peerhall::PeerSendError::Send(peerhall::SendError::RemoteClosed))
    ));
}

#[tokio::test]
async fn a_join_that_fails_may_be_tried_again() {
    let server = server::start();
    let narrow = {
        use peerhall_e2e::server::Ways;
        server.add_publishable(&["room-*"], |_| {})
    };
    let (peer, _) = peer(&server, &narrow);
    let refused = soon("refusal", peer.join("other", JoinOptions::default())).await.expect_err("refused");
    assert_eq!(refused.name(), "channel_not_authorized");
    assert_eq!(peer.state(), PeerState::Idle);
    soon("joining", peer.join("room-1", JoinOptions::default())).await.expect("joins");
    assert_eq!(peer.channel().as_deref(), Some("room-1"));
}
