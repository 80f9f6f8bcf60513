//! What visitors of a room leave behind. A test of its own process, because it counts what the process has.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise, also in what it stands on")]

use std::time::Duration;

use peerhall::{Events, JoinOptions, PeerEvent};
use peerhall_e2e::foreign::Page;
use peerhall_e2e::native::{Mirror, named, next_remote, soon};
use peerhall_e2e::server::{self, Ways};
use serde_json::json;

const VISITS: usize = 30;

/// Visits before the first count: what is made once is made by then.
const WARM_UP: usize = 3;

#[tokio::test]
async fn thirty_visits_to_a_native_peer_and_a_page_leave_no_task_socket_or_remote_peer_behind() {
    let server = server::start();
    let url = format!("ws://{}", server.addr());
    let page = Page::open(&url, &server.token(&json!({ "sub": "m-page" })), json!({})).await;
    page.run("me.addCanvas({ role: 'canvas' });").await;
    page.join("room").await;
    let (host, mut host_events) = named(&server, &url, "n-host");
    let of_host = Mirror::new("of-host");
    host.add_stream(of_host.stream(), None).expect("added");
    host.join("room", JoinOptions::default()).await.expect("joins");
    next_remote(&mut host_events).await;
    page.wait("stream-added", json!({ "stream": "of-host" }), 1).await;

    let mut before = None;
    for visit in 0..VISITS {
        if visit == WARM_UP {
            before = Some(Footprint::now());
        }
        // Everybody has attached before they meet, so that every pair begins with a collision; half of
        // the visitors give way to both hosts, the others to none.
        let id = format!("{}{visit}", if visit % 2 == 0 { "a-visitor" } else { "z-visitor" });
        let (visitor, mut events) = named(&server, &url, &id);
        let stream = Mirror::new(&id);
        visitor.add_stream(stream.stream(), None).expect("added");
        visitor.join("room", JoinOptions::default()).await.expect("joins");
        for _ in ["the host", "the page"] {
            let remote = next_remote(&mut events).await;
            soon("a stream", remote.on_stream_added().next()).await.expect("more streams");
        }
        let at_host = next_remote(&mut host_events).await;
        let seen = soon("the visitor's stream", at_host.on_stream_added().next()).await.expect("streams");
        assert_eq!(seen.stream.id(), id);
        page.wait("stream-added", json!({ "stream": id }), 1).await;
        visitor.close(None).await;
        page.wait("peer-left", json!({ "of": id }), 1).await;
        left(&mut host_events, &id).await;
    }
    let before = before.expect("more visits than the warm-up has");
    let after = async {
        while !Footprint::now().is_within(before) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(30), after).await.is_err() {
        panic!("{before:?} became {:?}", Footprint::now());
    }
    assert_eq!(host.remote_peers().len(), 1);
    assert_eq!(page.run("return me.peer.remotePeers.length;").await, 1);
    host.close(None).await;
    page.close().await;
}

async fn left(events: &mut Events<PeerEvent>, id: &str) {
    loop {
        if let Some(PeerEvent::PeerLeft(remote)) = soon("who left", events.next()).await {
            assert_eq!(remote.id(), id);
            return;
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
}
