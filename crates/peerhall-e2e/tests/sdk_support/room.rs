//! A room with a native peer and a page.

use futures_util::FutureExt;
use peerhall::{Events, JoinOptions, MeteredPeer, PeerEvent, RemotePeer};
use peerhall_e2e::foreign::{Browser, Page, Proxy};
use peerhall_e2e::native::talk::{drop_and_return, echo_next};
use peerhall_e2e::native::{named, next_remote};
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

/// Whose connection to the server is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Native,
    Page,
    Both,
}

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
    pub(crate) async fn open(browser: Browser, server: &Running, (native_id, page_id): Ids) -> Self {
        let page_way = Proxy::start(server.addr()).await;
        let token = server.token(&json!({ "sub": page_id }));
        let page = Page::open_in(browser, &page_way.url(), &token, json!({})).await;
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

    /// The page opens a channel, and the native side echoes on it.
    pub(crate) async fn page_channel_echoes(&self, remote: &RemotePeer) {
        let talk = format!("me.openChannel({0}); await me.talksTo({0});", json!(self.native_id));
        tokio::select! {
            _ = self.page.run(&talk) => {}
            () = echo_next(remote) => panic!("the channel ended before the echo was heard"),
        }
    }

    /// Cuts connections to the server, and waits until those whose it was are back.
    pub(crate) async fn cut(&self, cut: Cut) {
        let of_native = async {
            if cut != Cut::Page {
                drop_and_return(&self.native).await;
            }
        };
        let of_page = async {
            if cut != Cut::Native {
                let joined = "me.events('state', { to: 'joined' }).length";
                let count = self.page.run(&format!("return {joined};")).await;
                self.page_way.cut();
                self.page.run(&format!("await hall.until(() => {joined} > {count}, 'joined again');")).await;
            }
        };
        tokio::join!(of_native, of_page);
    }

    /// The connection is the first one, on both sides.
    pub(crate) async fn has_no_resets(&self, resets: &mut Events<()>) {
        assert!(resets.next().now_or_never().is_none(), "a reset");
        let seen = self.page.run("return [me.events('connection-reset'), me.events('trouble')];").await;
        assert_eq!(seen, json!([[], []]));
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
