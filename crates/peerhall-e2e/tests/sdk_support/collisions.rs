//! A native peer and a page that offer at once, again and again.

use std::time::Duration;

use futures_util::FutureExt;
use peerhall::{Events, StreamMetadata};
use peerhall_e2e::foreign::Browser;
use peerhall_e2e::native::talk::{echoed, open_channel};
use peerhall_e2e::native::{Mirror, soon};
use peerhall_e2e::server::{start, start_with};
use serde_json::json;

use crate::room::{Ids, NATIVE_FIRST, NATIVE_LAST, Room};

/// Rounds of the tests with collisions.
const COLLISIONS: u32 = 50;

/// What each description may have come to, in bytes: the server carries no more than 65,536.
const SHORT: u64 = 40_000;

pub(crate) async fn fifty_collisions_bring_and_take_every_stream_when_the_native_peer_gives_way(
    browser: Browser,
) {
    let (room, mut resets) = collide(browser, NATIVE_FIRST).await;
    room.has_no_resets(&mut resets).await;
    room.close().await;
}

/// Here the page may report that its own offer came to nothing: the vendor's SDK looks for a collision,
/// creates its offer, and sets it without looking again.
pub(crate) async fn fifty_collisions_bring_and_take_every_stream_when_the_page_gives_way(browser: Browser) {
    let (room, mut resets) = collide(browser, NATIVE_LAST).await;
    assert!(resets.next().now_or_never().is_none(), "a reset");
    assert_eq!(room.page.run("return me.events('connection-reset');").await, json!([]));
    room.close().await;
}

/// Both add a stream at once, and then take it away, again and again.
async fn collide(browser: Browser, ids: Ids) -> (Room, Events<()>) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    // The vendor's SDK sends each candidate at once, and a Firefox gathers eight for each section that it
    // opens: that many in rounds that take no breath are more frames a second than a server allows.
    let server = match browser {
        Browser::Chromium => start(),
        Browser::Firefox => start_with(|config| config.limits.frames_per_second = None),
    };
    let mut room = Room::open(browser, &server, ids).await;
    let remote = room.meet().await;
    let channel = open_channel(&remote, "before").await;
    let resets = remote.on_connection_reset();
    let (mut added, mut gone) = (remote.on_stream_added(), remote.on_stream_removed());
    for round in 0..COLLISIONS {
        let id = format!("mirror{round}");
        let mirror = Mirror::new(&id);
        let pauses = [random.u64(0..20), random.u64(0..20)];
        let native = async {
            tokio::time::sleep(Duration::from_millis(pauses[0])).await;
            room.native.add_stream(mirror.stream(), None).expect("added");
        };
        let page = format!(
            "await new Promise((resolve) => setTimeout(resolve, {})); return me.addCanvas({{ round: {round} }});",
            pauses[1]
        );
        let ((), picture) = tokio::join!(native, room.page.run(&page));
        let came = soon("the drawing", added.next()).await.expect("more streams");
        assert_eq!(json!(came.stream.id()), picture);
        assert_eq!(came.metadata, Some(StreamMetadata::new().with("round", round)));
        room.page.wait("stream-added", json!({ "stream": id }), 1).await;

        room.native.remove_stream(mirror.stream()).expect("removed");
        room.page.run(&format!("me.removeStream({picture});")).await;
        assert_eq!(json!(soon("the removal", gone.next()).await.expect("more removals").id()), picture);
        room.page.wait("stream-removed", json!({ "stream": id }), 1).await;
    }
    echoed(&channel, "after").await;
    let sizes = room.page.run("const { pc } = me.peer.remotePeers[0]; return [pc.localDescription.sdp.length, pc.remoteDescription.sdp.length];").await;
    let short = |size: &serde_json::Value| size.as_u64().is_some_and(|size| size < SHORT);
    assert!(sizes.as_array().is_some_and(|sizes| sizes.iter().all(short)), "{sizes} bytes");
    (room, resets)
}
