//! One room with a native peer, a page of the vendor's SDK and a page of our npm package.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use peerhall::{JoinOptions, StreamMetadata};
use peerhall_e2e::foreign::Page;
use peerhall_e2e::native::talk::{echo_next, open_channel};
use peerhall_e2e::native::{Mirror, named, next_remote, next_track, soon};
use peerhall_e2e::server::{self, Ways};
use serde_json::json;

const NATIVE: &str = "b-native";
const VENDORS: &str = "a-vendors";
const OURS: &str = "c-ours";

/// It gives way to the native peer.
const POLITE: &str = "a-ours";

/// Holds back negotiation that comes to the page, until `release()`.
const HOLD: &str = r#"
    const listen = WebSocket.prototype.addEventListener;
    const gate = new Promise((resolve) => (globalThis.release = resolve));
    WebSocket.prototype.addEventListener = function (type, listener) {
      listen.call(this, type, type !== 'message' ? listener : async (event) => {
        if (event.data.includes('"rtc-')) {
          globalThis.offered = true;
          await gate;
        }
        listener(event);
      });
    };"#;

#[tokio::test]
async fn the_vendors_sdk_ours_and_a_native_peer_talk_and_look_at_each_other_in_one_room() {
    let server = server::start();
    let url = format!("ws://{}", server.addr());
    let token = |id: &str| server.token(&json!({ "sub": id }));
    let (vendors, ours) = tokio::join!(async { Page::open(&url, &token(VENDORS), json!({})).await }, async {
        Page::open_ours(&url, &token(OURS), json!({})).await
    },);
    let (native, mut events) = named(&server, &url, NATIVE);
    let mut mirror = Mirror::new("mirror");
    native.add_stream(mirror.stream(), Some(StreamMetadata::new().with_role("mirror"))).expect("added");
    let picture = ours.run("return me.addCanvas({ role: 'canvas' });").await;

    soon("joining", native.join("room", JoinOptions::default())).await.expect("joins");
    vendors.join("room").await;
    ours.join("room").await;
    let mut remotes = BTreeMap::new();
    while remotes.len() < 2 {
        let remote = next_remote(&mut events).await;
        remotes.insert(remote.id().to_owned(), remote);
    }
    assert_eq!(remotes.keys().map(String::as_str).collect::<Vec<_>>(), [VENDORS, OURS]);

    // The native peer reflects what the page of ours draws, and both pages see the one or both.
    let drawn = next_track(&mut remotes[OURS].on_track()).await;
    assert_eq!(drawn.metadata, Some(StreamMetadata::new().with_role("canvas")));
    mirror.reflect(drawn.track);
    for (page, seen) in [(&vendors, [NATIVE, OURS].as_slice()), (&ours, [NATIVE].as_slice())] {
        for id in seen {
            let added = page.wait("stream-added", json!({ "of": id }), 1).await;
            let (stream, role) =
                if *id == OURS { (picture.clone(), "canvas") } else { (json!("mirror"), "mirror") };
            assert_eq!((&added[0]["stream"], &added[0]["metadata"]), (&stream, &json!({ "role": role })));
            page.run(&format!("await me.seesVideoOf({});", json!(id))).await;
        }
    }

    // Only now: Chromium does not survive that an offer of a channel alone, which it takes back, meets one of pictures.
    for remote in remotes.values() {
        open_channel(remote, "hello").await;
    }
    let to = json!(OURS);
    vendors.run(&format!("me.openChannel({to}); await me.talksTo({to});")).await;
    native.close(None).await;
    for page in [&vendors, &ours] {
        page.wait("peer-left", json!({ "of": NATIVE }), 1).await;
    }
    vendors.close().await;
    ours.close().await;
}

/// Chromium fails for good on its answer when it has taken back an offer that had another place for channels: here one
/// behind a picture, which meets an offer of a channel alone.
#[tokio::test]
async fn a_picture_and_channels_come_through_though_chromium_does_not_get_over_an_offer_that_it_takes_back() {
    let server = server::start();
    let url = format!("ws://{}", server.addr());
    let page = Page::open_ours(&url, &server.token(&json!({ "sub": POLITE })), json!({})).await;
    page.run(HOLD).await;
    page.join("room").await;
    let (native, mut events) = named(&server, &url, NATIVE);
    soon("joining", native.join("room", JoinOptions::default())).await.expect("joins");
    let remote = next_remote(&mut events).await;
    let (mut tracks, mut resets) = (remote.on_track(), remote.on_connection_reset());
    page.wait("peer-joined", json!({ "of": NATIVE }), 1).await;

    let to = json!(NATIVE);
    let collide = format!(
        "await hall.until(() => globalThis.offered, 'an offer of the other side');
         const {{ pc }} = me.remote({to});
         me.addCanvas();
         me.openChannel({to});
         await hall.until(() => pc.signalingState === 'have-local-offer', 'an own offer');
         release();"
    );
    tokio::join!(open_channel(&remote, "hello"), page.run(&collide));
    next_track(&mut tracks).await;
    let talk = format!("me.openChannel({to}); await me.talksTo({to});");
    let echo = tokio::spawn(async move { echo_next(&remote).await });
    page.run(&talk).await;
    echo.abort();
    assert!(resets.next().now_or_never().is_none(), "the native peer noticed");
    native.close(None).await;
    page.close().await;
}
