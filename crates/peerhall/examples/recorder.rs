//! Writes what it hears and sees into files that players open: one for each track of each remote peer.
//!
//! `cargo run --example recorder -- ws://127.0.0.1:7788 pk_live_…`, and open the server's page in a browser.

use std::path::{Path, PathBuf};

use peerhall::media::record;
use peerhall::{JoinOptions, MeteredPeer, PeerOptions, RemotePeer};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let [url, key] = [1, 2].map(|index| std::env::args().nth(index).unwrap_or_default());
    loop {
        println!("recorded {:?}", run(&url, &key, "demo", Path::new(".")).await?);
    }
}

/// Records the first remote peer that comes, until it leaves; returns the files.
pub(crate) async fn run(url: &str, key: &str, channel: &str, folder: &Path) -> Outcome<Vec<PathBuf>> {
    let peer = MeteredPeer::new(PeerOptions::with_key(url, key)?)?;
    let mut joined = peer.on_peer_joined();
    peer.join(channel, JoinOptions::default()).await?;
    let remote = joined.next().await.ok_or("the peer ended")?;
    let files = listen(&remote, folder).await;
    peer.close(None).await;
    files
}

async fn listen(remote: &RemotePeer, folder: &Path) -> Outcome<Vec<PathBuf>> {
    let (mut tracks, mut recordings, mut files) = (remote.on_track(), Vec::new(), Vec::new());
    while let Some(event) = tracks.next().await {
        let stem = folder.join(format!("track-{}", recordings.len()));
        recordings.push(tokio::spawn(async move { record(&event.track, &stem).await }));
    }
    for recording in recordings {
        files.extend(recording.await??);
    }
    Ok(files)
}
