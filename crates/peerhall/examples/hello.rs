//! Two peers meet in a channel and say hello, through the server and then from peer to peer.
//!
//! `cargo run --example hello -- ws://127.0.0.1:7788 pk_live_…`
#![allow(clippy::wildcard_enum_match_arm, reason = "an application need not care for every event")]

use peerhall::{
    DataChannel, DataChannelInit, DataChannelOptions, JoinOptions, MeteredPeer, PeerEvent, PeerOptions,
};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (url, key) = (arguments.next().ok_or("which URL?")?, arguments.next().ok_or("which key?")?);
    run(&url, &key).await
}

/// Lets two peers meet on a server.
pub(crate) async fn run(url: &str, key: &str) -> Outcome {
    let alice = MeteredPeer::new(PeerOptions::with_key(url, key)?)?;
    let bob = MeteredPeer::new(PeerOptions::with_key(url, key)?)?;
    let (mut seen, mut heard) = (alice.on_peer_joined(), bob.events());
    alice.join("hello", JoinOptions::default()).await?;
    bob.join("hello", JoinOptions::default()).await?;

    // Everybody else in the channel appears by itself, with a connection of its own.
    let remote = seen.next().await.ok_or("alice ended")?;
    let channel = remote
        .open_data_channel("greetings", DataChannelInit::default(), DataChannelOptions::default())
        .await?;
    channel.opened().await?;
    channel.send("hello from peer to peer").await?;
    remote.send("hello through the server").await?;

    let mut greetings = 0;
    while greetings < 2 {
        match heard.next().await.ok_or("bob ended")? {
            PeerEvent::PeerJoined(remote) => {
                let raw = remote.on_data_channel().next().await.ok_or("alice left")?;
                let channel = DataChannel::wrap(raw, DataChannelOptions::default());
                println!("bob got {:?}", channel.recv().await.ok_or("the channel closed")?);
                greetings += 1;
            }
            PeerEvent::Data(message) => {
                println!("bob got {}", message.data);
                greetings += 1;
            }
            _ => {}
        }
    }
    alice.close(None).await;
    bob.close(None).await;
    Ok(())
}
