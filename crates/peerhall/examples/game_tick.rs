//! The state of a game, sixty times a second: never sent again, since the next one is better.
//!
//! `cargo run --example game_tick -- ws://127.0.0.1:7788 pk_live_…`

use std::time::Duration;

use peerhall::{
    DataChannel, DataChannelInit, DataChannelOptions, JoinOptions, Message, MeteredPeer, PeerOptions,
    RemotePeer,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let [url, key] = [1, 2].map(|index| std::env::args().nth(index).unwrap_or_default());
    run(&url, &key, 300).await
}

/// Sends `ticks` states and watches them come.
pub(crate) async fn run(url: &str, key: &str, ticks: u32) -> Outcome {
    let (one, other) = (player(url, key).await?, player(url, key).await?);
    let rival = meet(&one).await.ok_or("ended")?;
    let watcher = tokio::spawn(async move { watch(meet(&other).await?).await });
    let init = DataChannelInit { ordered: false, max_retransmits: Some(0), ..DataChannelInit::default() };
    let channel = rival.open_data_channel("game-state", init, DataChannelOptions::default()).await?;
    channel.opened().await?;
    let mut clock = tokio::time::interval(Duration::from_secs(1) / 60);
    for tick in 0..ticks {
        clock.tick().await;
        channel.send(tick.to_be_bytes().to_vec()).await?;
    }
    channel.close();
    println!("the last tick that came is {:?} of {ticks}", watcher.await?.ok_or("nothing came")?);
    Ok(())
}

async fn player(url: &str, key: &str) -> Outcome<MeteredPeer> {
    let peer = MeteredPeer::new(PeerOptions::with_key(url, key)?)?;
    peer.join("game", JoinOptions::default()).await?;
    Ok(peer)
}

async fn meet(player: &MeteredPeer) -> Option<RemotePeer> {
    let mut joined = player.on_peer_joined();
    match player.remote_peers().into_iter().next() {
        Some(rival) => Some(rival),
        None => joined.next().await,
    }
}

async fn watch(rival: RemotePeer) -> Option<u32> {
    let channel = DataChannel::wrap(rival.on_data_channel().next().await?, DataChannelOptions::default());
    let mut latest = None;
    while let Some(Message::Binary(bytes)) = channel.recv().await {
        latest = latest.max(<[u8; 4]>::try_from(&*bytes).map(u32::from_be_bytes).ok());
    }
    latest
}
