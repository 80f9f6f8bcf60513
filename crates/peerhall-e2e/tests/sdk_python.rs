//! Native peers in a room with the vendor's Python SDK (aiortc).
//!
//! aiortc neither takes an offer back nor restarts ICE: its SDK makes a new connection instead.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise, also in what it stands on")]

use std::time::Duration;

use futures_util::FutureExt;
use peerhall::event::StreamEvent;
use peerhall::{
    Codec, DataChannel, Events, JoinOptions, LocalTrack, MeteredPeer, PeerEvent, RemotePeer, StreamMetadata,
};
use peerhall_e2e::foreign::{Proxy, Python};
use peerhall_e2e::native::talk::{
    drop_and_return, echo_next, echoed, echoed_again, nobody_left, open_channel,
};
use peerhall_e2e::native::{Mirror, Reflection, named, next_remote, soon};
use peerhall_e2e::server::{self, Running, Ways};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// More pictures than wait to be decoded anywhere on the way.
const MORE: u32 = 60;

/// Ids of the native peer and of the Python one. Who has the smaller one gives way.
const ORDERS: [(&str, &str); 2] = [("a-native", "b-python"), ("b-native", "a-python")];

#[tokio::test]
async fn channels_and_pictures_go_both_ways_with_metadata() {
    for ids in ORDERS {
        let mut pair = Pair::start(ids).await;
        let remote = pair.join().await;
        let Pair { native, python, .. } = &pair;
        python.call("meets", json!([ids.0])).await;

        open_channel(&remote, "from native").await;
        python_channel_echoes(&remote, python).await;

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
        pair.close().await;
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

/// A native peer and a Python one, which have begun and not yet joined.
struct Pair {
    native: MeteredPeer,
    events: Events<PeerEvent>,
    python: Python,
    /// For as long as they need it.
    _server: Running,
}

impl Pair {
    async fn start((native_id, python_id): (&str, &str)) -> Self {
        let server = server::start();
        let url = format!("ws://{}", server.addr());
        let (native, events) = named(&server, &url, native_id);
        let python = Python::start(&url, &server.token(&json!({ "sub": python_id }))).await;
        Self { native, events, python, _server: server }
    }

    /// Both join a room, the native peer last, which gives whom it meets there.
    async fn join(&mut self) -> RemotePeer {
        self.python.call("join", json!(["room"])).await;
        self.native.join("room", JoinOptions::default()).await.expect("joins");
        next_remote(&mut self.events).await
    }

    async fn close(self) {
        self.native.close(None).await;
        self.python.close().await;
    }
}

/// A pair in a room. Python shows a picture, and sees it in the native peer's mirror, so that what it sees has gone
/// both ways.
struct Call {
    pair: Pair,
    remote: RemotePeer,
    /// What Python sees itself in.
    _mirror: Mirror,
    channel: DataChannel,
    /// How often the mirror has come to Python.
    shown: Value,
    reflecting: JoinHandle<()>,
}

impl Call {
    async fn begin(ids: (&str, &str)) -> Self {
        let mut pair = Pair::start(ids).await;
        let mirror = Mirror::new("mirror");
        pair.native.add_stream(mirror.stream(), None).expect("added");
        pair.python.call("add_picture", json!(["picture", { "role": "bot" }])).await;
        let remote = pair.join().await;
        let reflecting = tokio::spawn(reflect_all(remote.on_stream_added(), mirror.video().clone()));
        let channel = open_channel(&remote, "before").await;
        let shown = pair.python.call("sees_anew", json!(["mirror", 0, 3])).await;
        Self { pair, remote, _mirror: mirror, channel, shown, reflecting }
    }

    /// Both streams come anew on another connection, and the channel is open again.
    async fn comes_back(&mut self, after: &str) {
        self.shown = self.pair.python.call("sees_anew", json!(["mirror", self.shown, 3])).await;
        echoed_again(&self.channel, after).await;
    }

    async fn end(mut self) {
        assert!(self.pair.native.remote_peers() == [self.remote], "the remote peer of before");
        nobody_left(&mut self.pair.events);
        self.reflecting.abort();
        self.pair.close().await;
    }
}

/// Shows every picture that comes, the newest one.
async fn reflect_all(mut added: Events<StreamEvent>, to: LocalTrack) {
    let mut reflection = None;
    while let Some(StreamEvent { stream, metadata, .. }) = added.next().await {
        assert_eq!(metadata, Some(StreamMetadata::new().with_role("bot")), "of {}", stream.id());
        let picture = stream.tracks().first().cloned();
        drop(reflection.replace(picture.map(|picture| Reflection::of(picture, to.clone()))));
    }
}

#[tokio::test]
async fn a_restart_of_each_side_brings_streams_and_channel_back() {
    for ids in ORDERS {
        let mut call = Call::begin(ids).await;
        call.pair.python.call("restart", json!([])).await;
        call.comes_back("after Python's restart").await;
        call.remote.restart_ice();
        call.comes_back("after the native restart").await;
        call.end().await;
    }
}

/// What shows a replacement is that its source is the only one that still moves. That ours has gone is asked of
/// what was agreed on: aiortc's track hears of it from an RTCP BYE only, which the engine does not send.
#[tokio::test]
async fn pictures_are_replaced_and_go_on_each_side_without_another_connection() {
    for ids in ORDERS {
        let mut pair = Pair::start(ids).await;
        let remote = pair.join().await;
        let Pair { native, python, .. } = &pair;
        let channel = open_channel(&remote, "before").await;
        let mut resets = remote.on_connection_reset();
        let (mut added, mut gone) = (remote.on_stream_added(), remote.on_stream_removed());

        python.call("add_picture", json!(["picture", { "role": "bot" }])).await;
        let shown = soon("the picture", added.next()).await.expect("more streams");
        let picture = shown.stream.tracks().first().expect("a track").clone();
        let mirror = Mirror::new("mirror");
        native.add_stream(mirror.stream(), None).expect("added");
        let reflection = Reflection::of(picture.clone(), mirror.video().clone());
        python.call("is_shown", json!(["mirror", 1])).await;
        python.call("sees", json!([3])).await;

        python.call("replace_picture", json!(["picture"])).await;
        python.call("sees", json!([MORE])).await;
        drop(reflection);
        let replacement = LocalTrack::new(Codec::Vp8, None);
        native.replace_track(mirror.video(), Some(&replacement)).await.expect("replaced");
        let _reflection = Reflection::of(picture, replacement);
        python.call("sees", json!([MORE])).await;

        python.call("remove_stream", json!(["picture"])).await;
        let removed = soon("the removal", gone.next()).await.expect("more removals");
        assert_eq!(removed.id(), "picture");
        native.remove_stream(mirror.stream()).expect("removed");
        python.call("receives_nothing", json!([])).await;
        echoed(&channel, "after").await;
        assert!(resets.next().now_or_never().is_none(), "a reset");
        pair.close().await;
    }
}

/// aiortc has one track in a section for as long as there is a connection, so that a call has room for so many only.
const COLLISIONS_OF_A_CALL: u32 = 10;
const CALLS: u32 = 5;

/// Python ignores what meets its own offer, and the native peer takes its own back, again and again. The other way
/// round Python's SDK begins a new connection each time (docs/interop.md).
#[tokio::test]
async fn fifty_collisions_bring_every_stream_when_the_native_peer_gives_way() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..CALLS {
        let mut pair = Pair::start(ORDERS[0]).await;
        let remote = pair.join().await;
        let Pair { native, python, .. } = &pair;
        let channel = open_channel(&remote, "before").await;
        let (mut added, mut resets) = (remote.on_stream_added(), remote.on_connection_reset());
        let mut mirrors = Vec::new();
        for round in 0..COLLISIONS_OF_A_CALL {
            let (ours, theirs) = (format!("ours{round}"), format!("theirs{round}"));
            let mirror = Mirror::new(&ours);
            let pause = Duration::from_millis(random.u64(0..5));
            let metadata = json!({ "role": theirs });
            let adding = python.call("add_picture", json!([theirs, metadata]));
            let native_adds = async {
                tokio::time::sleep(pause).await;
                native
                    .add_stream(mirror.stream(), Some(StreamMetadata::new().with_role(&ours)))
                    .expect("added");
            };
            tokio::join!(adding, native_adds);
            let came = soon("the picture", added.next()).await.expect("more streams");
            assert_eq!(came.stream.id(), theirs);
            assert_eq!(came.metadata, Some(StreamMetadata::new().with_role(&theirs)));
            assert_eq!(python.call("is_shown", json!([ours, 1])).await, json!({ "role": ours }));
            mirrors.push(mirror);
        }
        echoed(&channel, "after").await;
        assert!(resets.next().now_or_never().is_none(), "a reset");
        pair.close().await;
    }
}
