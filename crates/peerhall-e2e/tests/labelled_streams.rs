//! Streams under labels: between native peers, and with the browser entry `peerhall/labelled` in Chromium, both
//! ways.

#![expect(
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "a test may stop at the first surprise, also in what it stands on, which does more than this needs"
)]

#[path = "labelled_support/hall.rs"]
mod hall;
#[path = "labelled_support/pictures.rs"]
mod pictures;

use std::collections::{BTreeMap, BTreeSet};

use hall::{CHANNEL, Hall, the_only};
use peerhall::labelled::{ChannelOptions, ConnectionState, Room, RoomEvent, RoomPeer, Share, ShareError};
use peerhall::media::{AudioSource, TestPattern};
use peerhall::{Codec, Events, JoinOptions, LocalStream, LocalTrack, MediaKind, RemoteStream};
use peerhall_e2e::foreign::Page;
use peerhall_e2e::native::talk::drop_and_return;
use peerhall_e2e::native::{named, soon};
use peerhall_e2e::server::{self, Ways};
use pictures::{Pictures, arrives};
use serde_json::json;

#[tokio::test]
async fn l13_l14_l15_streams_come_by_their_labels_change_in_place_and_what_is_managed_is_stopped() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let mut events = bob.events();
    let (front, back, private) = (Pictures::of(1_000), Pictures::of(2_000), Pictures::of(3_000));
    let camera = LocalStream::new([front.track().clone()]);
    let given = alice.share(Share::new("camera", camera.clone()).managed(true)).expect("shared");
    assert_eq!(given.expect("the stream").id(), camera.id());
    the_only(&alice).share(Share::new("for bob", private.stream())).expect("shared");

    let seen = [added(&mut events).await, added(&mut events).await];
    let labels: BTreeSet<_> = seen.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, BTreeSet::from(["camera", "for bob"]));
    let of_alice = the_only(&bob).streams();
    assert_eq!(of_alice.keys().map(String::as_str).collect::<Vec<_>>(), ["camera", "for bob"]);
    arrives(&of_alice["camera"], 1_000).await;
    arrives(&of_alice["for bob"], 3_000).await;

    // Somebody who comes late has what is for everybody.
    let carol = hall.member("carol").await;
    let late = shows(&carol, "alice", &["camera"]).await;
    assert_eq!(late.len(), 1);
    arrives(&late["camera"], 1_000).await;

    // Another picture takes the place of the first for both, who go on with the track that they have.
    alice.share(Share::new("camera", back.stream())).expect("shared");
    arrives(&of_alice["camera"], 2_000).await;
    arrives(&late["camera"], 2_000).await;
    assert!(front.track().is_stopped() && !back.track().is_stopped(), "only what was managed is stopped");
    let sound = AudioSource::new();
    sound.tone(440.0);
    let both = LocalStream::new([back.track().clone(), sound.track().clone()]);
    alice.share(Share::new("camera", both)).expect("shared");
    let heard = track_added(&mut events, "camera").await;
    assert_eq!(heard.kind(), MediaKind::Audio);
    soon("a sound", heard.recv()).await.expect("a frame");
    assert_eq!(alice.to_json()["streams"], json!(["camera"]));
    assert_eq!(of(&alice, "bob").to_json()["streams"], json!(["for bob"]));

    // Left out: the track alone goes, and then the stream with the last one.
    alice.share(Share::new("camera", back.stream()).managed(true)).expect("shared");
    let gone = track_removed(&mut events).await;
    assert_eq!((gone.0.as_str(), gone.1), ("camera", MediaKind::Audio));
    let unshared = alice.unshare("camera").expect("the stream");
    assert_eq!(unshared.id(), back.stream().id());
    assert_eq!(removed(&mut events).await, "camera");
    assert!(back.track().is_stopped() && !sound.track().is_stopped() && !private.track().is_stopped());
    assert!(alice.unshare("camera").is_none() && alice.streams().is_empty());
    assert_eq!(the_only_label(&of(&bob, "alice")), "for bob");
}

#[tokio::test]
async fn l12_streams_come_back_by_themselves_when_either_side_loses_the_server() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let (camera, private) = (Pictures::of(1_000), Pictures::of(2_000));
    let mut events = bob.events();
    alice.share(Share::new("camera", camera.stream())).expect("shared");
    the_only(&alice).share(Share::new("for bob", private.stream())).expect("shared");
    for _ in 0..2 {
        added(&mut events).await;
    }
    for cuts in [&alice, &bob] {
        drop_and_return(cuts.peer()).await;
        let gone = BTreeSet::from([removed(&mut events).await, removed(&mut events).await]);
        let back = [added(&mut events).await, added(&mut events).await];
        let labels: BTreeSet<_> = back.iter().map(|(label, _)| label.clone()).collect();
        assert_eq!(labels, gone);
        let streams = the_only(&bob).streams();
        arrives(&streams["camera"], 1_000).await;
        arrives(&streams["for bob"], 2_000).await;
    }
}

#[tokio::test]
async fn one_track_goes_under_several_labels_and_without_one() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let mut events = bob.events();
    let picture = Pictures::of(1_500);
    alice.share(Share::new("one", picture.stream())).expect("shared");
    the_only(&alice).share(Share::new("two", picture.stream())).expect("shared");
    alice.peer().add_stream(&picture.stream(), None).expect("added");
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let (label, stream) = added(&mut events).await;
        arrives(&stream, 1_500).await;
        seen.insert(label);
    }
    assert_eq!(seen, BTreeSet::from(["one".to_owned(), "two".to_owned(), picture.stream().id().to_owned()]));
    alice.unshare("one");
    assert_eq!(removed(&mut events).await, "one");
    arrives(&the_only(&bob).streams()["two"], 1_500).await;
}

#[tokio::test]
async fn a_bare_stream_has_its_id_for_label_and_without_tracks_nothing_happens() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let empty = alice.share(LocalStream::new([])).expect("no error");
    assert!(empty.is_none() && alice.streams().is_empty());
    let twice = Pictures::of(1_200);
    let stream = LocalStream::with_id("bare", [twice.track().clone(), twice.track().clone()]);
    let mut events = bob.events();
    alice.share(&stream).expect("shared");
    assert_eq!(added(&mut events).await.0, "bare");
    assert_eq!(the_only(&bob).streams()["bare"].tracks().len(), 1, "a track is sent once");
    alice.unshare(stream.id()).expect("the stream");
    assert_eq!(removed(&mut events).await, "bare");
}

#[tokio::test]
async fn who_is_disposed_of_gets_nothing_more_and_who_has_left_takes_no_share() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let mut events = bob.events();
    let peer = the_only(&alice);
    let private = Pictures::of(1_000);
    peer.open("second", ChannelOptions::default()).expect("opened");
    peer.share(Share::new("for bob", private.stream()).managed(true)).expect("shared");
    added(&mut events).await;
    soon("the connection", connected(&alice, &peer)).await;
    let told = peer.to_json();
    assert_eq!(
        (&told["id"], &told["room"], &told["state"]),
        (&json!("bob"), &json!(CHANNEL), &json!("connected"))
    );
    assert_eq!((&told["streams"], &told["channels"]), (&json!(["for bob"]), &json!(["second"])));
    let whole = alice.to_json();
    assert_eq!(whole["channels"], json!([hall::LABEL]));
    assert_eq!((&whole["active"], &whole["connections"]), (&json!(true), &json!(["bob"])));

    peer.dispose();
    assert_eq!(removed(&mut events).await, "for bob");
    assert!(private.track().is_stopped());
    assert_eq!(peer.state(), ConnectionState::Closed);
    let late = peer.share(Share::new("late", private.stream()));
    assert!(matches!(late, Err(ShareError::RemoteClosed)), "{late:?}");

    let plain = peer.remote().clone();
    let mut of_alice = alice.events();
    soon("bob leaves", bob.peer().close(None)).await;
    left(&mut of_alice).await;
    let late = plain.share(Share::new("late", private.stream()));
    assert!(matches!(late, Err(ShareError::RemoteClosed)), "{late:?}");
    let none: LocalTrack = LocalTrack::new(Codec::Opus, None);
    soon("the end", alice.peer().close(None)).await;
    let late = alice.share(Share::new("late", LocalStream::new([none])));
    assert!(matches!(late, Err(ShareError::State(_))), "{late:?}");
}

#[tokio::test]
async fn l13_to_l15_chromium_sees_native_streams_by_their_labels_and_the_other_way_round() {
    for (native, page_id) in [("a-native", "b-page"), ("b-native", "a-page")] {
        let server = server::start();
        let url = format!("ws://{}", server.addr());
        let token = server.token(&json!({ "sub": page_id }));
        let page = Page::open_ours(&url, &token, json!({})).await;
        let (peer, _) = named(&server, &url, native);
        let room = Room::new(peer.clone());
        let mut events = room.events();
        let (first, second) = (TestPattern::start(), TestPattern::start());
        let camera =
            |pattern: &TestPattern| Share::new("camera", LocalStream::new([pattern.track().clone()]));
        room.share(camera(&first).managed(true)).expect("shared");
        soon("joining", peer.join(CHANNEL, JoinOptions::default())).await.expect("joins");
        let enter = json!({ "url": url, "jwt": token, "name": page_id });
        page.run(&format!("globalThis.labels = await import('/labels.js'); await labels.enter({enter});"))
            .await;

        // What is shared before and after the page came, with everybody and with the page alone.
        page.run(SEES).await;
        page.run("await sees('camera', 576);").await;
        let remote = soon("the page", found(&room, page_id)).await;
        remote.share(Share::new("for you", LocalStream::new([second.track().clone()]))).expect("shared");
        page.run("await sees('for you', 576);").await;

        // Another picture in the place of the first: the page goes on with the stream it has.
        let third = TestPattern::start();
        room.share(camera(&third)).expect("shared");
        assert!(first.track().is_stopped() && !second.track().is_stopped());
        page.run("await sees('camera', 576);").await;
        let log = "return labels.log.filter(({ event, label }) => event === 'stream:add' && label === 'camera').length;";
        assert_eq!(page.run(log).await, json!(1));

        // The other way round.
        page.run(DRAWS).await;
        let seen = shows(&room, page_id, &["canvas", "for the native one"]).await;
        assert_eq!(seen.len(), 2, "{seen:?}");
        for (label, stream) in &seen {
            let track = stream.tracks().first().expect("a track");
            soon(label, track.recv()).await.expect("a frame");
        }
        page.run("labels.room.share({ label: 'canvas', stream: draw() });").await;
        let canvas = seen["canvas"].tracks().first().expect("a track");
        soon("the other drawing", canvas.recv()).await.expect("a frame");

        room.unshare("camera").expect("the stream");
        remote.unshare("for you").expect("the stream");
        let native_is = json!(native);
        let none = format!("labels.room.connections.get({native_is}).streams.size === 0");
        page.run(&format!("await labels.until(() => {none}, 'no streams');")).await;
        page.run("labels.room.unshare('canvas');").await;
        assert_eq!(removed(&mut events).await, "canvas");
        assert_eq!(the_only_label(&remote), "for the native one");
        peer.close(None).await;
        page.close().await;
    }
}

/// Defines `sees(label, width)`: waits until the page decodes so wide a picture of a label.
const SEES: &str = "globalThis.sees = async (label, width) => {
    const stream = await labels.until(() => labels.streams.get(label), `the stream ${label}`);
    const video = Object.assign(document.createElement('video'), { srcObject: stream, muted: true });
    await video.play();
    const from = video.getVideoPlaybackQuality().totalVideoFrames;
    await labels.until(() => video.videoWidth === width && video.getVideoPlaybackQuality().totalVideoFrames > from, `pictures of ${label}`);
    video.srcObject = null;
};";

/// Shares two drawings: with everybody, and with the one who is there alone.
const DRAWS: &str = "globalThis.draw = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 });
    const context = canvas.getContext('2d');
    setInterval(() => {
      context.fillStyle = `hsl(${Math.floor(Math.random() * 360)} 80% 50%)`;
      context.fillRect(0, 0, 64, 48);
    }, 50);
    return canvas.captureStream(20);
  };
  labels.room.share({ label: 'canvas', stream: draw(), managed: true });
  [...labels.room.connections.values()][0].share({ label: 'for the native one', stream: draw() });";

/// The next event that `pick` takes.
async fn next<T>(
    events: &mut Events<RoomEvent>,
    what: &str,
    mut pick: impl FnMut(RoomEvent) -> Option<T>,
) -> T {
    let found = async {
        loop {
            let Some(event) = events.next().await else { panic!("the room ended") };
            if let Some(found) = pick(event) {
                return found;
            }
        }
    };
    soon(what, found).await
}

/// The next stream that is shared.
async fn added(events: &mut Events<RoomEvent>) -> (String, RemoteStream) {
    let pick = |event| {
        if let RoomEvent::StreamAdded { label, stream, .. } = event { Some((label, stream)) } else { None }
    };
    next(events, "a stream", pick).await
}

/// Waits until somebody shares streams under these labels, and gives all of that one by label.
async fn shows(room: &Room, id: &str, labels: &[&str]) -> BTreeMap<String, RemoteStream> {
    let mut events = room.events();
    let found = async {
        loop {
            let peer = room.remotes().into_iter().find(|peer| peer.id() == id);
            let streams = peer.map(|peer| peer.streams()).unwrap_or_default();
            if labels.iter().all(|label| streams.contains_key(*label)) {
                return streams;
            }
            assert!(events.next().await.is_some(), "the room ended");
        }
    };
    soon("streams", found).await
}

async fn removed(events: &mut Events<RoomEvent>) -> String {
    let pick = |event| if let RoomEvent::StreamRemoved { label, .. } = event { Some(label) } else { None };
    next(events, "a stream that goes", pick).await
}

async fn track_added(events: &mut Events<RoomEvent>, of: &str) -> peerhall::RemoteTrack {
    let pick = |event| {
        let RoomEvent::TrackAdded { label, track, .. } = event else { return None };
        (label == of && track.kind() == MediaKind::Audio).then_some(track)
    };
    next(events, "a track", pick).await
}

async fn track_removed(events: &mut Events<RoomEvent>) -> (String, MediaKind) {
    let pick = |event| {
        if let RoomEvent::TrackRemoved { label, track, .. } = event {
            Some((label, track.kind()))
        } else {
            None
        }
    };
    next(events, "a track that goes", pick).await
}

async fn left(events: &mut Events<RoomEvent>) {
    let pick = |event| matches!(event, RoomEvent::PeerLeft(_)).then_some(());
    next(events, "the leaving", pick).await;
}

/// Somebody in a room.
fn of(room: &Room, id: &str) -> RoomPeer {
    let found = room.remotes().into_iter().find(|peer| peer.id() == id);
    found.unwrap_or_else(|| panic!("{id} is not here"))
}

/// Waits for somebody.
async fn found(room: &Room, id: &str) -> RoomPeer {
    let mut events = room.events();
    loop {
        if let Some(peer) = room.remotes().into_iter().find(|peer| peer.id() == id) {
            return peer;
        }
        assert!(events.next().await.is_some(), "the room ended");
    }
}

/// Waits until data flows.
async fn connected(room: &Room, peer: &RoomPeer) {
    let mut events = room.events();
    while peer.state() != ConnectionState::Connected {
        assert!(events.next().await.is_some(), "the room ended");
    }
}

/// The label of the only stream of somebody.
fn the_only_label(peer: &RoomPeer) -> String {
    let labels: Vec<_> = peer.streams().into_keys().collect();
    assert_eq!(labels.len(), 1, "{labels:?}");
    labels.concat()
}
