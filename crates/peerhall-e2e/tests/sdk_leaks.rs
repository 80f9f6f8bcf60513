//! What visitors of a room leave behind. A test of its own process, because it counts what the process has.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop at the first surprise, also in what it stands on"
)]

use std::time::Duration;

use peerhall::{Events, JoinOptions, MeteredPeer, PeerEvent};
use peerhall_e2e::foreign::{Browser, Page, Python};
use peerhall_e2e::native::{Mirror, named, next_remote, soon};
use peerhall_e2e::server::{self, Running, Ways};
use serde_json::json;

const VISITS: usize = 30;

/// Visits before the first count: what is made once is made by then.
const WARM_UP: usize = 3;

/// How long what was left behind may take to go.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn thirty_visits_to_a_native_peer_and_a_page_leave_no_task_socket_or_remote_peer_behind() {
    visits_to_a_page(Browser::Chromium).await;
}

#[tokio::test]
async fn thirty_visits_to_a_native_peer_and_firefox_leave_no_task_socket_or_remote_peer_behind() {
    visits_to_a_page(Browser::Firefox).await;
}

#[tokio::test]
async fn thirty_visits_to_a_native_peer_and_python_leave_no_task_socket_or_remote_peer_behind() {
    let server = server::start();
    let url = format!("ws://{}", server.addr());
    let python = Python::start(&url, &server.token(&json!({ "sub": "m-python" }))).await;
    python.call("add_picture", json!(["picture", { "role": "bot" }])).await;
    python.call("join", json!(["room"])).await;
    let mut host = Host::open(&server).await;
    python.call("meets", json!(["n-host"])).await;
    let mut before = None;
    for visit in 0..VISITS {
        if visit == WARM_UP {
            before = Some(Footprint::now());
        }
        let id = visitor_id(visit);
        let visitor = host.is_visited(&id).await;
        python.call("meets", json!([id])).await;
        visitor.close(None).await;
        host.is_left(&id).await;
        python.call("is_left_by", json!([id])).await;
    }
    before.expect("more visits than the warm-up has").comes_back().await;
    assert_eq!(host.peer.remote_peers().len(), 1);
    assert_eq!(python.call("count_of_remotes", json!([])).await, 1);
    host.peer.close(None).await;
    python.close().await;
}

async fn visits_to_a_page(browser: Browser) {
    let server = server::start();
    let url = format!("ws://{}", server.addr());
    let token = server.token(&json!({ "sub": "m-page" }));
    let page = Page::open_in(browser, &url, &token, json!({})).await;
    page.run("me.addCanvas({ role: 'canvas' });").await;
    page.join("room").await;
    let mut host = Host::open(&server).await;
    page.wait("stream-added", json!({ "stream": "of-host" }), 1).await;
    let mut before = None;
    for visit in 0..VISITS {
        if visit == WARM_UP {
            before = Some(Footprint::now());
        }
        let id = visitor_id(visit);
        let visitor = host.is_visited(&id).await;
        page.wait("stream-added", json!({ "stream": id }), 1).await;
        visitor.close(None).await;
        page.wait("peer-left", json!({ "of": id }), 1).await;
        host.is_left(&id).await;
    }
    before.expect("more visits than the warm-up has").comes_back().await;
    assert_eq!(host.peer.remote_peers().len(), 1);
    assert_eq!(page.run("return me.peer.remotePeers.length;").await, 1);
    host.peer.close(None).await;
    page.close().await;
}

/// Half of the visitors give way to both hosts, the others to none.
fn visitor_id(visit: usize) -> String {
    format!("{}{visit}", if visit.is_multiple_of(2) { "a-visitor" } else { "z-visitor" })
}

/// The native peer that is visited, and whom it shares its room with.
struct Host<'a> {
    server: &'a Running,
    peer: MeteredPeer,
    events: Events<PeerEvent>,
    _shown: Mirror,
}

impl<'a> Host<'a> {
    /// Joins a room where somebody is.
    async fn open(server: &'a Running) -> Self {
        let (peer, mut events) = named(server, &format!("ws://{}", server.addr()), "n-host");
        let shown = Mirror::new("of-host");
        peer.add_stream(shown.stream(), None).expect("added");
        peer.join("room", JoinOptions::default()).await.expect("joins");
        next_remote(&mut events).await;
        Self { server, peer, events, _shown: shown }
    }

    /// Somebody comes, and sees streams of both who are here. Everybody has attached before they meet, so
    /// that every pair begins with a collision.
    async fn is_visited(&mut self, id: &str) -> MeteredPeer {
        let (visitor, mut events) = named(self.server, &format!("ws://{}", self.server.addr()), id);
        let stream = Mirror::new(id);
        visitor.add_stream(stream.stream(), None).expect("added");
        visitor.join("room", JoinOptions::default()).await.expect("joins");
        for _ in ["the host", "the other"] {
            let remote = next_remote(&mut events).await;
            soon("a stream", remote.on_stream_added().next()).await.expect("more streams");
        }
        let here = next_remote(&mut self.events).await;
        let seen = soon("the visitor's stream", here.on_stream_added().next()).await.expect("streams");
        assert_eq!(seen.stream.id(), id);
        visitor
    }

    async fn is_left(&mut self, id: &str) {
        loop {
            if let Some(PeerEvent::PeerLeft(remote)) = soon("who left", self.events.next()).await {
                assert_eq!(remote.id(), id);
                return;
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Footprint {
    tasks: usize,
    files: usize,
}

impl Footprint {
    fn now() -> Self {
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let files = std::fs::read_dir("/proc/self/fd").expect("a process that can count its files").count();
        Self { tasks, files }
    }

    fn is_within(self, other: Self) -> bool {
        self.tasks <= other.tasks && self.files <= other.files
    }

    /// Waits until no more is there than this.
    async fn comes_back(self) {
        let back = async {
            while !Self::now().is_within(self) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, back).await.is_err() {
            panic!("{self:?} became {:?}", Self::now());
        }
    }
}
