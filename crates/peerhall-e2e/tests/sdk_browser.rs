//! Native peers in a room with the vendor's JavaScript SDK in headless Chromium.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise, also in what it stands on")]

#[path = "sdk_support/room.rs"]
mod room;

use std::time::Duration;

use futures_util::FutureExt;
use peerhall::{Codec, Events, LocalTrack, MediaKind, StreamMetadata};
use peerhall_e2e::native::talk::{echoed, echoed_again, nobody_left, open_channel};
use peerhall_e2e::native::{Mirror, Reflection, next_stream, next_track, soon};
use peerhall_e2e::server;
use room::{Cut, Ids, NATIVE_FIRST, NATIVE_LAST, Room};
use serde_json::json;

#[tokio::test]
async fn a_data_channel_of_each_side_echoes_whoever_gives_way() {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(&server, ids).await;
        let remote = room.meet().await;
        open_channel(&remote, "one").await;
        room.page_channel_echoes(&remote).await;
        room.close().await;
    }
}

#[tokio::test]
async fn x12_both_attach_before_joining_and_the_native_peer_knows_the_metadata_of_what_it_receives() {
    let server = server::start();
    let mut room = Room::open(&server, NATIVE_FIRST).await;
    let mut mirror = Mirror::new("mirror");
    room.native.add_stream(mirror.stream(), Some(StreamMetadata::new().with_role("mirror"))).expect("added");
    let camera = room.page.run("return await me.addCamera({ role: 'camera', n: 1 }, { audio: true });").await;
    let remote = room.meet().await;

    let mut tracks = remote.on_track();
    let mut kinds = Vec::new();
    while kinds.len() < 2 {
        let event = next_track(&mut tracks).await;
        assert_eq!(event.metadata, Some(StreamMetadata::new().with_role("camera").with("n", 1)));
        let streams: Vec<_> = event.streams.iter().map(|stream| json!(stream.id())).collect();
        assert_eq!(streams, std::slice::from_ref(&camera));
        kinds.push(event.track.kind());
        mirror.reflect(event.track);
    }
    kinds.sort_by_key(|kind| *kind == MediaKind::Video);
    assert_eq!(kinds, [MediaKind::Audio, MediaKind::Video]);
    let added = next_stream(&remote).await;
    assert_eq!(added.metadata.as_ref().and_then(StreamMetadata::role), Some("camera"));

    let seen = room.page.wait("stream-added", json!({ "of": room.native_id, "stream": "mirror" }), 1).await;
    assert_eq!(seen[0]["kinds"], json!(["audio", "video"]));
    room.sees_pictures().await;
    room.hears_sounds().await;
    room.close().await;
}

#[tokio::test]
async fn streams_come_change_and_go_on_each_side_without_another_connection() {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(&server, ids).await;
        let remote = room.meet().await;
        let channel = open_channel(&remote, "before").await;
        let mut resets = remote.on_connection_reset();
        let (mut added, mut gone) = (remote.on_stream_added(), remote.on_stream_removed());

        let picture = room.page.run("return me.addCanvas({ role: 'canvas' });").await;
        let drawn = soon("the drawing", added.next()).await.expect("more streams");
        assert_eq!(json!(drawn.stream.id()), picture);
        assert_eq!(drawn.metadata, Some(StreamMetadata::new().with_role("canvas")));
        let mirror = Mirror::new("mirror");
        room.native.add_stream(mirror.stream(), None).expect("added");
        let reflection = Reflection::of(drawn.stream.tracks()[0].clone(), mirror.video().clone());
        room.page.wait("stream-added", json!({ "stream": "mirror" }), 1).await;
        room.sees_pictures().await;

        let second = room.page.run("return me.addCanvas({ role: 'second' });").await;
        let drawn_too = soon("the second drawing", added.next()).await.expect("more streams");
        assert_eq!(json!(drawn_too.stream.id()), second);
        let mut other = Mirror::new("other");
        room.native.add_stream(other.stream(), None).expect("added");
        other.reflect(drawn_too.stream.tracks()[0].clone());
        room.page.run(&format!("await me.seesVideoOf({}, 2);", json!(room.native_id))).await;

        // What shows the replacement is that the old sources are silent from here on.
        room.page.run(&format!("await me.replacePicture({picture});")).await;
        drop(reflection);
        room.native.remove_stream(other.stream()).expect("removed");
        room.page.wait("stream-removed", json!({ "stream": "other" }), 1).await;
        let replacement = LocalTrack::new(Codec::Vp8, None);
        room.native.replace_track(mirror.video(), Some(&replacement)).await.expect("replaced");
        let _reflection = Reflection::of(drawn.stream.tracks()[0].clone(), replacement);
        room.page.run(&format!("await me.seesMoreOf({});", json!(room.native_id))).await;

        room.page.run(&format!("me.removeStream({picture});")).await;
        let removed = soon("the removal", gone.next()).await.expect("more removals");
        assert_eq!(json!(removed.id()), picture);
        room.native.remove_stream(mirror.stream()).expect("removed");
        room.page.wait("stream-removed", json!({ "stream": "mirror" }), 1).await;

        echoed(&channel, "after").await;
        room.has_no_resets(&mut resets).await;
        room.close().await;
    }
}

#[tokio::test]
async fn ice_restarts_of_each_side_keep_the_connection_and_its_channels() {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(&server, ids).await;
        let remote = room.meet().await;
        let mut resets = remote.on_connection_reset();
        let channel = open_channel(&remote, "before").await;
        let native = json!(room.native_id);

        let names = room.page.run(&format!("return me.iceNames({native});")).await;
        room.page.run(&format!("me.remote({native}).pc.restartIce();")).await;
        room.page.run(&format!("await me.iceRestarted({native}, {names});")).await;
        echoed(&channel, "after the page's restart").await;

        let names = room.page.run(&format!("return me.iceNames({native});")).await;
        remote.restart_ice();
        room.page.run(&format!("await me.iceRestarted({native}, {names});")).await;
        echoed(&channel, "after the native peer's restart").await;
        room.has_no_resets(&mut resets).await;
        room.close().await;
    }
}

#[tokio::test]
async fn a_cut_of_each_side_keeps_the_remote_peers_and_brings_streams_and_channels_back() {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(&server, ids).await;
        let mut mirror = Mirror::new("mirror");
        room.native.add_stream(mirror.stream(), None).expect("added");
        let picture = room.page.run("return me.addCanvas({ role: 'canvas' });").await;
        let remote = room.meet().await;
        let mut added = remote.on_stream_added();
        let channel = open_channel(&remote, "before").await;

        for cut in [Cut::Native, Cut::Page, Cut::Both] {
            let shown = soon("the drawing", added.next()).await.expect("more streams");
            assert_eq!(json!(shown.stream.id()), picture, "before {cut:?}");
            assert_eq!(shown.metadata, Some(StreamMetadata::new().with_role("canvas")), "before {cut:?}");
            mirror.reflect(shown.stream.tracks()[0].clone());
            room.sees_pictures().await;
            let before = room.page.run("return me.identities();").await;
            room.cut(cut).await;
            // Who stays is told that a peer left and came when it runs the vendor's SDK (wire protocol,
            // section 9.4), because that refuses a second connection of a peer it holds.
            if cut == Cut::Page {
                assert_eq!(room.page.run("return me.identities();").await, before);
            }
            echoed_again(&channel, &format!("after {cut:?}")).await;
        }
        assert!(room.native.remote_peers() == [remote]);
        nobody_left(&mut room.events);
        room.close().await;
    }
}

#[tokio::test]
async fn x12_a_browser_that_answers_on_a_section_of_ours_is_understood_though_it_signals_another_id() {
    let server = server::start();
    let mut room = Room::open(&server, NATIVE_FIRST).await;
    let mirror = Mirror::new("mirror");
    room.native.add_stream(mirror.stream(), None).expect("added");
    let remote = room.meet().await;
    room.page.wait("stream-added", json!({ "stream": "mirror" }), 1).await;
    let picture = room.page.run("return me.addCanvas({ role: 'canvas' });").await;
    let shown = next_stream(&remote).await;
    assert_eq!(json!(shown.stream.id()), picture);
    assert_eq!(shown.metadata, Some(StreamMetadata::new().with_role("canvas")));
    room.close().await;
}

/// Rounds of the tests with collisions.
const COLLISIONS: u32 = 50;

/// What each description may have come to, in bytes: the server carries no more than 65,536.
const SHORT: u64 = 40_000;

#[tokio::test]
async fn fifty_collisions_bring_and_take_every_stream_when_the_native_peer_gives_way() {
    let (room, mut resets) = collide(NATIVE_FIRST).await;
    room.has_no_resets(&mut resets).await;
    room.close().await;
}

/// Here the page may report that its own offer came to nothing: the vendor's SDK looks for a collision,
/// creates its offer, and sets it without looking again.
#[tokio::test]
async fn fifty_collisions_bring_and_take_every_stream_when_the_page_gives_way() {
    let (room, mut resets) = collide(NATIVE_LAST).await;
    assert!(resets.next().now_or_never().is_none(), "a reset");
    assert_eq!(room.page.run("return me.events('connection-reset');").await, json!([]));
    room.close().await;
}

/// Both add a stream at once, and then take it away, again and again.
async fn collide(ids: Ids) -> (Room, Events<()>) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let server = server::start();
    let mut room = Room::open(&server, ids).await;
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
