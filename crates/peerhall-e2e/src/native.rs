//! Native peers against a server of this process.

use std::future::Future;
use std::time::Duration;

use peerhall::{Events, JoinOptions, MeteredPeer, PeerEvent, PeerOptions, RemotePeer, SignallingOptions};
use peerhall_auth::key::KeyRecord;

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

/// The next remote peer that joins.
pub async fn next_remote(events: &mut Events<PeerEvent>) -> RemotePeer {
    loop {
        let event = soon("a remote peer", events.next()).await.expect("more events");
        if let PeerEvent::PeerJoined(remote) = event {
            return remote;
        }
    }
}
