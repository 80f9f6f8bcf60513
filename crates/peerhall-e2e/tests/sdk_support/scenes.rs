//! What a native peer and a page of the vendor's JavaScript SDK do with each other, in any browser.

use peerhall::{Codec, LocalTrack, MediaKind, StreamMetadata};
use peerhall_e2e::foreign::Browser;
use peerhall_e2e::native::talk::{echoed, echoed_again, nobody_left, open_channel};
use peerhall_e2e::native::{Mirror, Reflection, next_stream, next_track, soon};
use peerhall_e2e::server;
use serde_json::json;

use crate::room::{Cut, NATIVE_FIRST, NATIVE_LAST, Room};

pub(crate) async fn a_data_channel_of_each_side_echoes_whoever_gives_way(browser: Browser) {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(browser, &server, ids).await;
        let remote = room.meet().await;
        open_channel(&remote, "one").await;
        room.page_channel_echoes(&remote).await;
        room.close().await;
    }
}

pub(crate) async fn x12_both_attach_before_joining_and_the_native_peer_knows_the_metadata_of_what_it_receives(
    browser: Browser,
) {
    let server = server::start();
    let mut room = Room::open(browser, &server, NATIVE_FIRST).await;
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

pub(crate) async fn streams_come_change_and_go_on_each_side_without_another_connection(browser: Browser) {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(browser, &server, ids).await;
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

/// Here the first section of pictures is ours, and a Firefox numbers the codecs in its own ones in another
/// way. Each picture comes back in a stream of ours, so that frames go both ways in all of them.
pub(crate) async fn pictures_of_each_side_in_turn_are_all_seen_when_ours_is_the_first(browser: Browser) {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(browser, &server, ids).await;
        let remote = room.meet().await;
        let mut added = remote.on_stream_added();
        let mut mirrors = Vec::new();
        for round in 1..=3 {
            let id = format!("mirror{round}");
            let mut mirror = Mirror::new(&id);
            room.native.add_stream(mirror.stream(), None).expect("added");
            room.page.wait("stream-added", json!({ "stream": id }), 1).await;
            room.page.run("return me.addCanvas();").await;
            let drawn = soon("the drawing", added.next()).await.expect("more streams");
            mirror.reflect(drawn.stream.tracks()[0].clone());
            mirrors.push(mirror);
            room.page.run(&format!("await me.seesVideoOf({}, {round});", json!(room.native_id))).await;
        }
        room.close().await;
    }
}

pub(crate) async fn ice_restarts_of_each_side_keep_the_connection_and_its_channels(browser: Browser) {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(browser, &server, ids).await;
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

pub(crate) async fn a_cut_of_each_side_keeps_the_remote_peers_and_brings_streams_and_channels_back(
    browser: Browser,
) {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(browser, &server, ids).await;
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

pub(crate) async fn x12_a_browser_that_answers_on_a_section_of_ours_is_understood_though_it_signals_another_id(
    browser: Browser,
) {
    let server = server::start();
    let mut room = Room::open(browser, &server, NATIVE_FIRST).await;
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

pub(crate) async fn x12_two_pictures_that_a_browser_adds_at_once_on_sections_of_ours_are_told_apart(
    browser: Browser,
) {
    let server = server::start();
    let mut room = Room::open(browser, &server, NATIVE_FIRST).await;
    let mirrors = ["one", "two"].map(Mirror::new);
    for mirror in &mirrors {
        room.native.add_stream(mirror.stream(), None).expect("added");
    }
    let remote = room.meet().await;
    let mut added = remote.on_stream_added();
    for id in ["one", "two"] {
        room.page.wait("stream-added", json!({ "stream": id }), 1).await;
    }
    let pictures = room.page.run("return [me.addCanvas({ n: 1 }), me.addCanvas({ n: 22 })];").await;
    for _ in ["the first", "the second"] {
        let shown = soon("a drawing", added.next()).await.expect("more streams");
        let number = if json!(shown.stream.id()) == pictures[0] { 1 } else { 22 };
        assert_eq!(shown.metadata, Some(StreamMetadata::new().with("n", number)));
    }
    room.close().await;
}

/// A picture and a sound of one stream, and another stream of each kind alone: each track takes a section of its
/// kind that is ours.
pub(crate) async fn x12_tracks_of_both_kinds_that_a_browser_adds_at_once_on_sections_of_ours_are_told_apart(
    browser: Browser,
) {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(browser, &server, ids).await;
        let mirrors = ["one", "two"].map(Mirror::new);
        for mirror in &mirrors {
            room.native.add_stream(mirror.stream(), None).expect("added");
        }
        let remote = room.meet().await;
        let mut tracks = remote.on_track();
        for id in ["one", "two"] {
            room.page.wait("stream-added", json!({ "stream": id }), 1).await;
        }
        let add = "const camera = await me.addCamera({ role: 'camera' }, { audio: true });
            return { [me.addCanvas({ role: 'canvas' })]: 'canvas', [camera]: 'camera' };";
        let roles = room.page.run(add).await;
        let mut seen = Vec::new();
        for _ in 0..3 {
            let event = next_track(&mut tracks).await;
            let role = event.metadata.as_ref().and_then(StreamMetadata::role).expect("a role").to_owned();
            let of_stream = event.streams.first().and_then(|stream| roles[stream.id()].as_str());
            assert_eq!(of_stream, Some(role.as_str()), "with {ids:?}");
            seen.push((role, event.track.kind() == MediaKind::Audio));
        }
        seen.sort();
        let wanted = [("camera", false), ("camera", true), ("canvas", false)];
        assert_eq!(seen, wanted.map(|(role, is_audio)| (role.to_owned(), is_audio)), "with {ids:?}");
        room.close().await;
    }
}

/// Two pictures of each side, all there before anybody has joined: their first offers collide, and whoever
/// answers sends on sections that the other side opened. What the page knows of ours is not asked: that is
/// what the vendor's SDK loses.
pub(crate) async fn x12_what_both_attach_before_joining_keeps_the_metadata_of_each_stream(browser: Browser) {
    for ids in [NATIVE_FIRST, NATIVE_LAST] {
        let server = server::start();
        let mut room = Room::open(browser, &server, ids).await;
        let mirrors = ["one", "two"].map(Mirror::new);
        for mirror in &mirrors {
            let metadata = StreamMetadata::new().with_label(mirror.stream().id());
            room.native.add_stream(mirror.stream(), Some(metadata)).expect("added");
        }
        let pictures = room.page.run("return [me.addCanvas({ n: 1 }), me.addCanvas({ n: 22 })];").await;
        let remote = room.meet().await;
        let mut added = remote.on_stream_added();
        for _ in ["the first", "the second"] {
            let shown = soon("a drawing", added.next()).await.expect("more streams");
            let place =
                (0..2).find(|place| json!(shown.stream.id()) == pictures[place]).expect("one of them");
            assert_eq!(shown.metadata, Some(StreamMetadata::new().with("n", [1, 22][place])), "with {ids:?}");
        }
        for mirror in &mirrors {
            room.page.wait("stream-added", json!({ "stream": mirror.stream().id() }), 1).await;
        }
        room.close().await;
    }
}
