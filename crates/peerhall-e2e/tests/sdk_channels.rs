//! The data-channel wrapper of the native SDK over real connections, and what its peers show of
//! themselves.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise, also in what it stands on")]

use peerhall::{DataChannel, DataChannelError, DataChannelInit, DataChannelOptions, Message, MeteredPeer};
use peerhall_e2e::native::{joined, key, next_remote, soon};
use peerhall_e2e::server::{self, Running};
use serde_json::json;
use tokio::task::JoinSet;

/// Two ends of one channel, and what keeps them alive.
struct Pair {
    near: DataChannel,
    far: DataChannel,
    peers: (MeteredPeer, MeteredPeer),
    _server: Running,
}

async fn pair(options: DataChannelOptions) -> Pair {
    let server = server::start();
    let key = key(&server);
    let (alice, mut alice_events) = joined(&server, &key, "room").await;
    let (bob, mut bob_events) = joined(&server, &key, "room").await;
    let bob_seen = next_remote(&mut alice_events).await;
    let alice_seen = next_remote(&mut bob_events).await;
    let mut offered = alice_seen.on_data_channel();
    let near =
        bob_seen.open_data_channel("data", DataChannelInit::default(), options).await.expect("a channel");
    soon("opening", near.opened()).await.expect("opens");
    let raw = soon("the other end", offered.next()).await.expect("a channel");
    let far = DataChannel::wrap(raw, DataChannelOptions::default());
    Pair { near, far, peers: (alice, bob), _server: server }
}

fn small() -> DataChannelOptions {
    DataChannelOptions::new(65_536, 32_768, 256).expect("limits")
}

#[tokio::test]
async fn r76_r77_the_257th_waiting_send_is_refused_and_closing_releases_the_others() {
    let pair = pair(small()).await;
    let mut sends = JoinSet::new();
    for _ in 0..400 {
        let near = pair.near.clone();
        // Each fills the buffer alone, so that all but one wait.
        sends.spawn(async move { near.send(vec![0; 65_536]).await });
    }
    let mut refused = None;
    while refused.is_none() {
        let result = soon("a send", sends.join_next()).await.expect("more sends").expect("no panic");
        refused = result.err();
    }
    assert_eq!(refused, Some(DataChannelError::Overflow { queued: 256, cap: 256 }));
    pair.near.close();
    while let Some(result) = soon("the sends that waited", sends.join_next()).await {
        let result = result.expect("no panic");
        let released =
            matches!(result, Ok(()) | Err(DataChannelError::NotOpen | DataChannelError::Overflow { .. }));
        assert!(released, "{result:?}");
    }
    assert_eq!(pair.near.send("late").await, Err(DataChannelError::NotOpen));
}

#[tokio::test]
async fn r11_x08_a_message_above_the_ceiling_is_refused_at_once_and_fails_no_other() {
    let pair = pair(small()).await;
    let (before, big, after) =
        tokio::join!(pair.near.send("before"), pair.near.send(vec![0; 65_537]), pair.near.send("after"),);
    assert_eq!((before, after), (Ok(()), Ok(())));
    assert_eq!(big, Err(DataChannelError::TooBig { size: 65_537, cap: 65_536 }));
    assert_eq!(soon("the first", pair.far.recv()).await, Some(Message::from("before")));
    assert_eq!(soon("the second", pair.far.recv()).await, Some(Message::from("after")));
}

#[tokio::test]
async fn everything_arrives_in_order_behind_a_small_buffer() {
    let pair = pair(small()).await;
    let near = pair.near.clone();
    let sending = tokio::spawn(async move {
        for n in 0..200_u32 {
            let mut message = n.to_be_bytes().to_vec();
            message.resize(20_000, 7);
            near.send(message).await.expect("sent");
        }
    });
    for n in 0..200_u32 {
        let Some(Message::Binary(bytes)) = soon("a message", pair.far.recv()).await else { panic!("bytes") };
        assert_eq!(bytes.get(..4), Some(&n.to_be_bytes()[..]));
    }
    sending.await.expect("sends all");
}

#[tokio::test]
async fn r81_peers_show_nothing_but_what_is_safe_to_log() {
    let pair = pair(DataChannelOptions::default()).await;
    let (alice, bob) = &pair.peers;
    assert_eq!(alice.to_json(), json!({"state": "joined", "peerId": alice.peer_id(), "channel": "room"}));
    let remote = alice.remote_peers().into_iter().next().expect("bob");
    assert_eq!(remote.to_json(), json!({"id": bob.peer_id(), "state": "connected"}));
}
