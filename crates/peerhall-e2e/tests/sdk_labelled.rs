//! A native peer that knows labels in a room with the vendor's JavaScript SDK, which does not.

#![expect(
    clippy::expect_used,
    dead_code,
    reason = "a test may stop at the first surprise, also in what it stands on, which does more than this needs"
)]

#[path = "sdk_support/room.rs"]
mod room;

use peerhall::StreamMetadata;
use peerhall::labelled::{self, ChannelOptions, RoomEvent, SendOptions};
use peerhall_e2e::foreign::Browser::Chromium;
use peerhall_e2e::native::talk::open_channel;
use peerhall_e2e::native::{Mirror, Reflection, soon};
use peerhall_e2e::server;
use room::{NATIVE_FIRST, NATIVE_LAST, Room};
use serde_json::json;

/// Notes the label of every channel that the page is told of.
const NOTE_CHANNELS: &str = "globalThis.labels = [];
    me.peer.on('peer-joined', ({ peer }) => peer.on('data-channel', ({ channel }) => labels.push(channel.label)));";

#[tokio::test]
async fn l16_the_vendors_sdk_is_told_apart_and_sees_nothing_but_ordinary_streams_data_and_channels() {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(Chromium, &server, ids).await;
        let labels = labelled::Room::new(room.native.clone());
        labels.open("files", ChannelOptions::default()).expect("a label");
        let mut events = labels.events();
        room.page.run(NOTE_CHANNELS).await;
        let mirror = Mirror::new("mirror");
        let metadata = StreamMetadata::new().with_role("mirror");
        room.native.add_stream(mirror.stream(), Some(metadata)).expect("added");
        let remote = room.meet().await;

        // Media both ways, with metadata. The page begins when ours is there: the vendor's SDK loses the
        // metadata of what comes in an answer to an offer of its own (X12).
        let seen = room.page.wait("stream-added", json!({ "of": room.native_id }), 1).await;
        assert_eq!((&seen[0]["stream"], &seen[0]["metadata"]["role"]), (&json!("mirror"), &json!("mirror")));
        let mut added = remote.on_stream_added();
        room.page.run("return me.addCanvas({ role: 'canvas' });").await;
        let drawn = soon("the drawing", added.next()).await.expect("more streams");
        assert_eq!(drawn.metadata, Some(StreamMetadata::new().with_role("canvas")));
        let _reflection = Reflection::of(drawn.stream.tracks()[0].clone(), mirror.video().clone());
        room.sees_pictures().await;

        // Labels are refused, clearly and here.
        let peer = loop {
            let event = soon("the answer without labels", events.next()).await.expect("more events");
            assert!(!matches!(event, RoomEvent::Ready(_)), "labels with the vendor's SDK");
            if let RoomEvent::NotLabelled(peer) = event {
                break peer;
            }
        };
        let refused = peer.send("hello", SendOptions::default().label("files")).expect_err("no labels there");
        assert_eq!(refused, labelled::SendError::NotLabelled);

        // The page heard of the application's channel and message, and of nothing else.
        open_channel(&remote, "raw").await;
        remote.send(json!({ "n": 1 })).await.expect("sent");
        let heard = room.page.wait("data", json!({}), 1).await;
        assert_eq!(heard.as_array().map(Vec::len), Some(1), "{heard}");
        assert_eq!(heard[0]["data"], json!({ "n": 1 }));
        let told = room.page.run("return [labels, me.events('trouble'), me.events('error')];").await;
        assert_eq!(told, json!([["native"], [], []]));
        room.close().await;
    }
}
