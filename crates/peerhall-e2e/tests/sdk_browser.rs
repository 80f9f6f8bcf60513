//! Native peers in a room with the vendor's JavaScript SDK in headless Chromium.

#[path = "sdk_support/room.rs"]
mod room;

use peerhall::{MediaKind, StreamMetadata};
use peerhall_e2e::native::{Mirror, next_stream, next_track};
use peerhall_e2e::server;
use room::{NATIVE_FIRST, NATIVE_LAST, Room};
use serde_json::json;

#[tokio::test]
async fn a_data_channel_of_each_side_echoes_whoever_gives_way() {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(&server, ids).await;
        let remote = room.meet().await;
        room.native_channel_echoes(&remote, "one").await;
        room.page_channel_echoes(&remote).await;
        room.close().await;
    }
}

#[tokio::test]
async fn x12_both_attach_before_joining_and_the_native_peer_knows_the_metadata_of_what_it_receives() {
    let server = server::start();
    let mut room = Room::open(&server, NATIVE_FIRST).await;
    let mirror = Mirror::new("mirror");
    room.native.add_stream(mirror.stream(), Some(StreamMetadata::new().with_role("mirror"))).expect("added");
    let camera = room.page.run("return await me.addCamera({ role: 'camera', n: 1 }, { audio: true });").await;
    let remote = room.meet().await;

    let mut tracks = remote.on_track();
    let mut kinds = Vec::new();
    while kinds.len() < 2 {
        let event = next_track(&mut tracks).await;
        assert_eq!(event.metadata, Some(StreamMetadata::new().with_role("camera").with("n", 1)));
        let streams: Vec<_> = event.streams.iter().map(|stream| json!(stream.id())).collect();
        assert_eq!(streams, [camera.clone()]);
        kinds.push(event.track.kind());
        let _ = mirror.reflect(event.track);
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
