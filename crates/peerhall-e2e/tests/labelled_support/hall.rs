//! A server with members who know labels.

pub(crate) mod room;

use bytes::Bytes;
use peerhall::labelled::{ChannelOptions, Room, RoomPeer, SendOptions};
use peerhall::{Events, JoinOptions, MeteredPeer, PeerEvent};
use peerhall_e2e::native::{named, soon};
use peerhall_e2e::server::{self, Running};

/// Where everybody meets.
pub(crate) const CHANNEL: &str = "room";

/// What everybody opens.
pub(crate) const LABEL: &str = "files";

/// The server.
pub(crate) struct Hall(Running);

impl Hall {
    pub(crate) fn start() -> Self {
        Self(server::start())
    }

    /// Somebody of this id who has not joined and knows no labels.
    pub(crate) fn plain(&self, id: &str) -> (MeteredPeer, Events<PeerEvent>) {
        named(&self.0, &format!("ws://{}", self.0.addr()), id)
    }

    /// Somebody of this id who has joined and opened the label with everybody.
    pub(crate) async fn member(&self, id: &str) -> Room {
        let (peer, _) = self.plain(id);
        let room = Room::new(peer.clone());
        room.open(LABEL, ChannelOptions::default()).expect("a label");
        soon("joining", peer.join(CHANNEL, JoinOptions::default())).await.expect("joins");
        room
    }

    /// Two members between whom labels work.
    pub(crate) async fn pair(&self) -> (Room, Room) {
        let alice = self.member("alice").await;
        let bob = self.member("bob").await;
        soon("labels", async { tokio::join!(room::ready(&alice, "bob"), room::ready(&bob, "alice")) }).await;
        (alice, bob)
    }
}

/// The remote peer of a room with one.
pub(crate) fn the_only(room: &Room) -> RoomPeer {
    let mut remotes = room.remotes();
    assert_eq!(remotes.len(), 1, "{remotes:?}");
    remotes.remove(0)
}

/// On the label of everybody.
pub(crate) fn files() -> SendOptions {
    SendOptions::default().label(LABEL)
}

/// Bytes without a pattern.
pub(crate) fn noise(seed: u64, count: usize) -> Bytes {
    let mut bytes = vec![0; count];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes.into()
}
