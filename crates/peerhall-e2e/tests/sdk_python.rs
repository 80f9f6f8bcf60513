//! Native peers in a room with the vendor's Python SDK (aiortc).
//!
//! aiortc neither takes an offer back nor restarts ICE: its SDK makes a new connection instead.

use peerhall::{JoinOptions, RemotePeer, StreamMetadata};
use peerhall_e2e::foreign::{Proxy, Python};
use peerhall_e2e::native::talk::{drop_and_return, echo_next, echoed_again, nobody_left, open_channel};
use peerhall_e2e::native::{Mirror, named, next_remote, soon};
use peerhall_e2e::server::{self, Ways};
use serde_json::json;

/// Ids of the native peer and of the Python one. Who has the smaller one gives way.
const ORDERS: [(&str, &str); 2] = [("a-native", "b-python"), ("b-native", "a-python")];

#[tokio::test]
async fn channels_and_pictures_go_both_ways_with_metadata() {
    for (native_id, python_id) in ORDERS {
        let server = server::start();
        let url = format!("ws://{}", server.addr());
        let (native, mut events) = named(&server, &url, native_id);
        let python = Python::start(&url, &server.token(&json!({ "sub": python_id }))).await;
        python.call("join", json!(["room"])).await;
        native.join("room", JoinOptions::default()).await.expect("joins");
        let remote = next_remote(&mut events).await;
        python.call("meets", json!([native_id])).await;

        open_channel(&remote, "from native").await;
        python_channel_echoes(&remote, &python).await;

        let mut added = remote.on_stream_added();
        python.call("add_picture", json!(["picture", { "role": "bot" }])).await;
        let shown = soon("the picture", added.next()).await.expect("more streams");
        assert_eq!(shown.stream.id(), "picture");
        assert_eq!(shown.metadata, Some(StreamMetadata::new().with_role("bot")));

        let mut mirror = Mirror::new("mirror");
        native.add_stream(mirror.stream(), Some(StreamMetadata::new().with_role("mirror"))).expect("added");
        mirror.reflect(shown.stream.tracks()[0].clone());
        let metadata = python.call("is_shown", json!(["mirror", 1])).await;
        assert_eq!(metadata, json!({ "role": "mirror" }));
        python.call("sees", json!([3])).await;
        native.close(None).await;
        python.close().await;
    }
}

async fn python_channel_echoes(remote: &RemotePeer, python: &Python) {
    tokio::select! {
        _ = python.call("channel_echoes", json!(["from Python"])) => {}
        () = echo_next(remote) => panic!("the channel ended before the echo was heard"),
    }
}

#[tokio::test]
async fn a_cut_of_each_side_brings_the_channel_and_the_streams_back() {
    for (native_id, python_id) in ORDERS {
        let server = server::start();
        let url = format!("ws://{}", server.addr());
        let (native, mut events) = named(&server, &url, native_id);
        let way = Proxy::start(server.addr()).await;
        let python = Python::start(&way.url(), &server.token(&json!({ "sub": python_id }))).await;
        python.call("add_picture", json!(["picture", { "role": "bot" }])).await;
        python.call("join", json!(["room"])).await;
        native.join("room", JoinOptions::default()).await.expect("joins");
        let remote = next_remote(&mut events).await;
        let mut added = remote.on_stream_added();
        let channel = open_channel(&remote, "before").await;

        let shown = soon("the picture", added.next()).await.expect("more streams");
        assert_eq!(shown.metadata, Some(StreamMetadata::new().with_role("bot")));
        way.cut();
        python.call("has_returned", json!([2])).await;
        let shown = soon("the picture after Python's cut", added.next()).await.expect("more streams");
        assert_eq!(shown.metadata, Some(StreamMetadata::new().with_role("bot")));
        echoed_again(&channel, "after Python's cut").await;

        drop_and_return(&native).await;
        let shown = soon("the picture after the native cut", added.next()).await.expect("more streams");
        assert_eq!(shown.metadata, Some(StreamMetadata::new().with_role("bot")));
        echoed_again(&channel, "after the native cut").await;

        assert!(native.remote_peers() == [remote]);
        nobody_left(&mut events);
        native.close(None).await;
        python.close().await;
    }
}
