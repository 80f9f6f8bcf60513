//! A call of programs: sends a tone, and writes what it hears into files that players open.
//!
//! `cargo run --example call -- ws://127.0.0.1:7788 pk_live_…`, and open the server's page in a browser.

use std::path::{Path, PathBuf};

use peerhall::media::{AudioSource, record};
use peerhall::{JoinOptions, LocalStream, MeteredPeer, PeerOptions, StreamMetadata};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (url, key) = (arguments.next().ok_or("which URL?")?, arguments.next().ok_or("which key?")?);
    loop {
        let files = call(&url, &key, "demo", Path::new(".")).await?;
        println!("recorded {files:?}");
    }
}

/// Takes part in a call until the first remote peer that came has left; returns what was recorded of it.
pub(crate) async fn call(url: &str, key: &str, channel: &str, folder: &Path) -> Outcome<Vec<PathBuf>> {
    let peer = MeteredPeer::new(PeerOptions::with_key(url, key)?)?;
    let source = AudioSource::new();
    source.tone(440.0);
    let voice = LocalStream::new([source.track().clone()]);
    // Tracks that are added before joining are part of the first offer to everybody.
    peer.add_stream(&voice, Some(StreamMetadata::new().with_role("voice").with_label("a tone")))?;
    let mut joined = peer.on_peer_joined();
    peer.join(channel, JoinOptions::default()).await?;

    let remote = joined.next().await.ok_or("the peer ended")?;
    let (mut tracks, mut recordings, mut files) = (remote.on_track(), Vec::new(), Vec::new());
    while let Some(event) = tracks.next().await {
        let label = event.metadata.as_ref().and_then(StreamMetadata::label).unwrap_or("no label");
        println!("{} sends {:?} ({label})", remote.id(), event.track.kind());
        let stem = folder.join(format!("{}-{}", channel, recordings.len()));
        recordings.push(tokio::spawn(async move { record(&event.track, &stem).await }));
    }
    for recording in recordings {
        files.extend(recording.await??);
    }
    peer.close(None).await;
    Ok(files)
}
