//! A bot that sends back whatever media and data it gets. Open the server's page in a browser, and
//! `cargo run --example echo_bot -- ws://127.0.0.1:7788 pk_live_…`

use peerhall::{
    DataChannel, DataChannelOptions, JoinOptions, LocalTrack, MeteredPeer, PeerOptions, RemotePeer,
    RemoteTrack, StreamMetadata,
};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let [url, key] = [1, 2].map(|index| std::env::args().nth(index).unwrap_or_default());
    run(&url, &key, "demo", std::future::pending()).await
}

/// Sends everything back until it is told to stop.
pub(crate) async fn run(url: &str, key: &str, channel: &str, stop: impl Future<Output = ()>) -> Outcome {
    let peer = MeteredPeer::new(PeerOptions::with_key(url, key)?)?;
    let mut joined = peer.on_peer_joined();
    peer.join(channel, JoinOptions::default()).await?;
    tokio::pin!(stop);
    while let Some(remote) = tokio::select! { remote = joined.next() => remote, () = &mut stop => None } {
        tokio::spawn(echo_data(remote.clone()));
        let (peer, mut tracks) = (peer.clone(), remote.on_track());
        tokio::spawn(async move {
            while let Some(event) = tracks.next().await {
                tokio::spawn(echo_track(peer.clone(), event.track));
            }
        });
    }
    peer.close(None).await;
    Ok(())
}

async fn echo_data(remote: RemotePeer) {
    let mut channels = remote.on_data_channel();
    while let Some(raw) = channels.next().await {
        let channel = DataChannel::wrap(raw, DataChannelOptions::default());
        tokio::spawn(async move {
            while let Some(message) = channel.recv().await {
                let _ = channel.send(message).await;
            }
        });
    }
}

async fn echo_track(peer: MeteredPeer, source: RemoteTrack) {
    let Some(first) = source.recv().await else { return };
    let echo = LocalTrack::new(first.codec, None);
    let mut added = peer.add_track(&echo, None, Some(StreamMetadata::new().with_role("echo"))).is_ok();
    while added {
        tokio::select! {
            () = echo.keyframe_requested() => source.request_keyframe(),
            sample = source.recv() => added = sample.is_some_and(|sample| echo.write(&sample).is_ok()),
        }
    }
    let _ = peer.remove_track(&echo);
}
