//! Native peers against a server of this process.

mod mirror;
pub mod talk;

use std::future::Future;
use std::time::Duration;

use peerhall::event::{StreamEvent, TrackEvent};
use peerhall::{Events, JoinOptions, MeteredPeer, PeerEvent, PeerOptions, RemotePeer, SignallingOptions};
use peerhall_auth::key::KeyRecord;
use serde_json::json;

pub use mirror::{Mirror, Reflection};

use crate::server::{Running, Ways};

/// Longer than anything here takes on a machine with eight tests at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits, but not for ever.
///
/// # Panics
///
/// When it takes longer than a minute.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// A key with all actions on all channels.
#[must_use]
pub fn key(server: &Running) -> KeyRecord {
    server.add_publishable(&["**"], |_| {})
}

/// Options for a key of a server.
#[must_use]
pub fn options(server: &Running, key: &KeyRecord) -> SignallingOptions {
    SignallingOptions::with_key(&format!("ws://{}", server.addr()), key.id.as_str()).expect("options")
}

/// A peer of a server, and its events.
#[must_use]
pub fn peer(server: &Running, key: &KeyRecord) -> (MeteredPeer, Events<PeerEvent>) {
    let options: PeerOptions = options(server, key).into();
    let peer = MeteredPeer::new(options).expect("a peer");
    let events = peer.events();
    (peer, events)
}

/// A peer that has joined a channel, and its events.
pub async fn joined(server: &Running, key: &KeyRecord, channel: &str) -> (MeteredPeer, Events<PeerEvent>) {
    let (peer, events) = peer(server, key);
    soon("joining", peer.join(channel, JoinOptions::default())).await.expect("joins");
    (peer, events)
}

/// A peer that the server will know by this id, and its events. `url` leads to the server.
#[must_use]
pub fn named(server: &Running, url: &str, id: &str) -> (MeteredPeer, Events<PeerEvent>) {
    let token = server.token(&json!({ "sub": id }));
    let provider = move || std::future::ready(Ok(token.clone()));
    let peer = MeteredPeer::new(PeerOptions::with_tokens(url, provider).expect("options")).expect("a peer");
    let events = peer.events();
    (peer, events)
}

/// The next remote peer that joins.
pub async fn next_remote(events: &mut Events<PeerEvent>) -> RemotePeer {
    loop {
        let event = soon("a remote peer", events.next()).await.expect("more events");
        if let PeerEvent::PeerJoined(remote) = event {
            return remote;
        }
    }
}

/// The next track.
pub async fn next_track(tracks: &mut Events<TrackEvent>) -> TrackEvent {
    soon("a track", tracks.next()).await.expect("more tracks")
}

/// The oldest stream that is here, or the next one that comes.
pub async fn next_stream(remote: &RemotePeer) -> StreamEvent {
    soon("a stream", remote.on_stream_added().next()).await.expect("more streams")
}
