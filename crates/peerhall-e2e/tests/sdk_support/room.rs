//! A room with a native peer and a page.

use peerhall::{
    DataChannel, DataChannelInit, DataChannelOptions, Events, JoinOptions, Message, MeteredPeer, PeerEvent,
    RemotePeer,
};
use peerhall_e2e::foreign::{Page, Proxy};
use peerhall_e2e::native::{named, next_remote, soon};
use peerhall_e2e::server::{Running, Ways};
use serde_json::json;

/// Ids of the native peer and of the page. Who has the smaller one gives way when offers collide.
pub(crate) type Ids = (&'static str, &'static str);

/// The native peer gives way.
pub(crate) const NATIVE_FIRST: Ids = ("a-native", "b-page");

/// The page gives way.
pub(crate) const NATIVE_LAST: Ids = ("b-native", "a-page");

/// Where they meet.
const CHANNEL: &str = "room";

/// Both, each with a way to the server that can be cut.
pub(crate) struct Room {
    pub(crate) native: MeteredPeer,
    pub(crate) events: Events<PeerEvent>,
    pub(crate) page: Page,
    pub(crate) page_way: Proxy,
    pub(crate) page_id: &'static str,
    pub(crate) native_id: &'static str,
}

impl Room {
    /// Both are there, and have not joined.
    pub(crate) async fn open(server: &Running, (native_id, page_id): Ids) -> Self {
        let page_way = Proxy::start(server.addr()).await;
        let token = server.token(&json!({ "sub": page_id }));
        let page = Page::open(&page_way.url(), &token, json!({})).await;
        let (native, events) = named(server, &format!("ws://{}", server.addr()), native_id);
        Self { native, events, page, page_way, page_id, native_id }
    }

    /// Both join at once, and each sees the other.
    pub(crate) async fn meet(&mut self) -> RemotePeer {
        let join = self.native.join(CHANNEL, JoinOptions::default());
        let (joined, ()) = tokio::join!(join, self.page.join(CHANNEL));
        joined.expect("the native peer joins");
        let remote = next_remote(&mut self.events).await;
        assert_eq!(remote.id(), self.page_id);
        self.page.wait("peer-joined", json!({ "of": self.native_id }), 1).await;
        remote
    }

    /// The native side opens a channel that outlives connections, and the page echoes on it.
    pub(crate) async fn native_channel_echoes(&self, remote: &RemotePeer, text: &str) -> DataChannel {
        let opening =
            remote.open_channel("native", DataChannelInit::default(), DataChannelOptions::default());
        let channel = opening.await.expect("a channel");
        soon("the channel opens", channel.opened()).await.expect("opens");
        echoed(&channel, text).await;
        channel
    }

    /// The page opens a channel, and the native side echoes on it.
    pub(crate) async fn page_channel_echoes(&self, remote: &RemotePeer) {
        let mut offered = remote.on_data_channel();
        let talk = format!("me.openChannel({0}); await me.talksTo({0});", json!(self.native_id));
        let echo = async {
            let raw = soon("a channel of the page", offered.next()).await.expect("a channel");
            let channel = DataChannel::wrap(raw, DataChannelOptions::default());
            while let Some(Message::Text(text)) = channel.recv().await {
                channel.send(format!("echo {text}")).await.expect("sent");
            }
        };
        tokio::select! {
            _ = self.page.run(&talk) => {}
            () = echo => panic!("the channel ended before the echo was heard"),
        }
    }

    /// The page decodes pictures of the native peer.
    pub(crate) async fn sees_pictures(&self) {
        self.page.run(&format!("await me.seesVideoOf({});", json!(self.native_id))).await;
    }

    /// The page hears something of the native peer.
    pub(crate) async fn hears_sounds(&self) {
        self.page.run(&format!("await me.hears({});", json!(self.native_id))).await;
    }

    /// Leaves, and ends the browser.
    pub(crate) async fn close(self) {
        self.native.close(None).await;
        self.page.close().await;
    }
}

/// Sends a text over a channel whose other end answers `echo …`.
pub(crate) async fn echoed(channel: &DataChannel, text: &str) {
    channel.send(text).await.expect("sent");
    let answer = soon("an echo", channel.recv()).await;
    assert_eq!(answer, Some(Message::from(format!("echo {text}"))));
}
