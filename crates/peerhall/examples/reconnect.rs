//! What an application sees when the connection to the server is lost and comes back.
//!
//! `cargo run --example reconnect -- ws://127.0.0.1:7788 pk_live_…`
#![allow(clippy::wildcard_enum_match_arm, reason = "an application need not care for every event")]

use peerhall::{
    DataChannelInit, DataChannelOptions, JoinOptions, MeteredPeer, PeerEvent, PeerOptions, PeerState,
};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (url, key) = (arguments.next().ok_or("which URL?")?, arguments.next().ok_or("which key?")?);
    run(&url, &key).await
}

/// Loses the server and comes back.
pub(crate) async fn run(url: &str, key: &str) -> Outcome {
    let alice = MeteredPeer::new(PeerOptions::with_key(url, key)?)?;
    let bob = MeteredPeer::new(PeerOptions::with_key(url, key)?)?;
    let (mut seen, mut events) = (alice.on_peer_joined(), alice.events());
    alice.join("reconnect", JoinOptions::default()).await?;
    bob.join("reconnect", JoinOptions::default()).await?;
    let remote = seen.next().await.ok_or("alice ended")?;
    let channel =
        remote.open_data_channel("data", DataChannelInit::default(), DataChannelOptions::default()).await?;
    channel.opened().await?;

    let mut resets = remote.on_connection_reset();
    alice.drop_connection();
    loop {
        match events.next().await.ok_or("alice ended")? {
            PeerEvent::StateChange(change) => {
                println!("alice: {} → {}", change.from, change.to);
                if change.from == PeerState::Reconnecting && change.to == PeerState::Joined {
                    break;
                }
            }
            PeerEvent::PeerLeft(gone) => return Err(format!("{} was never gone", gone.id()).into()),
            _ => {}
        }
    }
    // Bob is the same object as before; only the connection to him is new, and the channel is opened again.
    resets.next().await.ok_or("bob left")?;
    assert!(alice.remote_peers().contains(&remote));
    channel.opened().await?;
    channel.send("still here").await?;
    println!("and data flows again");
    alice.close(None).await;
    bob.close(None).await;
    Ok(())
}
