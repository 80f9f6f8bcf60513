//! Native connections and a bare `RTCPeerConnection` in headless Chromium, which hides its addresses
//! behind mDNS names.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may stop at the first surprise, and looks at the events it is about"
)]

#[path = "rtc_support/browser.rs"]
mod browser;
#[path = "../../peerhall-rtc/tests/rtc/peer.rs"]
#[allow(dead_code, reason = "the peers of the native tests, which use more of them")]
mod peer;

use browser::native_and_page;
use peer::{Manners, Peer, message, open};
use peerhall_rtc::{
    Codec, Config, ConnectionState, DataChannelInit, LocalTrack, MediaKind, Message, RemoteTrack, SenderId,
};
use serde_json::json;

/// Every address of this machine, so that the one behind the browser's name is among them.
fn config() -> Config {
    Config::default()
}

#[tokio::test]
async fn a_channel_of_ours_carries_text_bytes_and_large_messages_both_ways() {
    let (mut native, mut page) = native_and_page(Manners::Impolite, config()).await;
    let channel = native.connection.create_data_channel("chat", DataChannelInit::default()).await;
    let channel = channel.expect("a channel");
    open(&channel).await;
    native.connected().await;
    page.run("await until('channel', () => peer.channels.chat); peer.channels.chat.echo = true").await;
    channel.send("grüße").await.expect("sent");
    assert_eq!(message(&channel).await, "grüße".into());
    for size in [1, 1_000, 65_536, 200_000, 262_144] {
        let payload: Vec<u8> = (0..size).map(|at: usize| (at % 251) as u8).collect();
        channel.send(payload.clone()).await.expect("sent");
        assert!(message(&channel).await == Message::Binary(payload.into()), "{size} bytes changed");
    }
    let received = page.run("return peer.channels.chat.received.length").await;
    assert_eq!(received, json!(6));
    page.run("peer.channels.chat.close()").await;
    assert_eq!(peer::next(&channel).await, Some(peerhall_rtc::ChannelEvent::Close));
}

#[tokio::test]
async fn a_channel_of_the_browser_and_a_negotiated_one_work_and_closing_is_noticed() {
    let (mut native, mut page) = native_and_page(Manners::Polite, config()).await;
    page.run(
        "keep(peer.connection.createDataChannel('theirs', { ordered: false, maxRetransmits: 2, protocol: 'p' }));
         keep(peer.connection.createDataChannel('both', { negotiated: true, id: 9 }));",
    )
    .await;
    let init = DataChannelInit { negotiated: Some(9), ..DataChannelInit::default() };
    let both = native.connection.create_data_channel("both", init).await.expect("a channel");
    let theirs = native.channel().await;
    assert_eq!((theirs.label(), theirs.protocol()), ("theirs", "p"));
    assert_eq!((theirs.ordered(), theirs.init().max_retransmits), (false, Some(2)));
    open(&both).await;
    both.send("hello").await.expect("sent");
    page.run("await until('message', () => peer.channels.both.received.includes('hello'))").await;
    page.run("peer.channels.both.send('back'); peer.channels.theirs.send('too')").await;
    assert_eq!(message(&both).await, "back".into());
    assert_eq!(message(&theirs).await, "too".into());
    page.run("peer.connection.close()").await;
    native.reached(ConnectionState::Closed).await;
}

#[tokio::test]
async fn sound_and_pictures_of_the_browser_come_back_to_it_and_are_decoded() {
    let (mut native, mut page) = native_and_page(Manners::Polite, config()).await;
    page.run(
        "for (const stream of [picture(), tone()])
           for (const track of stream.getTracks()) peer.connection.addTrack(track, stream);",
    )
    .await;
    let mut echoes = Vec::new();
    for _ in 0..2 {
        let track = native.track().await;
        echoes.push(echo(&native, track, "echo").await);
    }
    page.run("await until('pictures', async () => (await inbound('video')) > 10)").await;
    page.run("await until('sound', async () => (await inbound('audio')) > 0.001)").await;
    // Figures of tracks are renewed every second.
    let counted = async {
        loop {
            let stats = native.connection.stats().await;
            let (out, inbound) = (&stats.outbound, &stats.inbound);
            let sent = out.len() == 2 && out.iter().all(|o| o.packets > 0 && o.sender.is_some());
            if sent && inbound.len() == 2 && inbound.iter().all(|i| i.packets > 0) {
                return stats;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let stats = tokio::time::timeout(peer::LIMIT, counted).await.expect("figures in time");
    assert!(stats.pair.and_then(|pair| pair.current_rtt).is_some(), "{stats:?}");
}

#[tokio::test]
async fn tracks_come_and_go_from_both_sides() {
    let (mut native, mut page) = native_and_page(Manners::Impolite, config()).await;
    for round in 0..3 {
        page.run(
            "peer.stream = picture();
             peer.sender = peer.connection.addTrack(peer.stream.getTracks()[0], peer.stream);",
        )
        .await;
        let track = native.track().await;
        let stream = format!("native{round}");
        let (sender, _pump) = echo(&native, track.clone(), &stream).await;
        page.run(&format!("await until('track', () => peer.log.includes('track video {stream}'));")).await;
        native.connection.remove_track(sender).await.expect("removed");
        page.run(&format!("await until('removal', () => peer.log.includes('removed {stream}'));")).await;
        page.run("peer.connection.removeTrack(peer.sender)").await;
        assert_eq!(native.removed_track().await, track.id());
        while track.recv().await.is_some() {}
    }
}

#[tokio::test]
async fn ice_is_restarted_by_each_side_and_the_channel_goes_on() {
    let (mut native, mut page) = native_and_page(Manners::Polite, config()).await;
    let channel = native.connection.create_data_channel("x", DataChannelInit::default()).await;
    let channel = channel.expect("a channel");
    open(&channel).await;
    native.connected().await;
    page.run("await until('channel', () => peer.channels.x); peer.channels.x.echo = true").await;
    for round in 0..4 {
        if round % 2 == 0 {
            page.run("peer.before = peer.connection.remoteDescription.sdp; peer.connection.restartIce()")
                .await;
        } else {
            page.run("peer.before = peer.connection.remoteDescription.sdp").await;
            native.restart_ice();
        }
        page.run(
            "const name = (sdp) => sdp.match(/a=ice-ufrag:(\\S+)/)[1];
             await until('restart', () => peer.connection.signalingState === 'stable' &&
               name(peer.connection.remoteDescription.sdp) !== name(peer.before));
             await until('path', () => ['connected', 'completed'].includes(peer.connection.iceConnectionState));",
        )
        .await;
        channel.send(format!("round {round}")).await.expect("sent");
        assert_eq!(message(&channel).await, format!("round {round}").into());
    }
}

/// The page hears nothing of us until it has offered too, so that every round collides.
#[tokio::test]
async fn l17_glare_ends_with_everything_of_both_sides() {
    for manners in [Manners::Polite, Manners::Impolite] {
        let (mut native, mut page) = native_and_page(manners, config()).await;
        for round in 0..10 {
            page.run("hold()").await;
            let ours = LocalTrack::new(Codec::Opus, None);
            let stream = format!("ours{round}");
            native.connection.add_track(&ours, &[&stream]).await.expect("added");
            page.run(
                "const stream = picture();
                 peer.connection.addTrack(stream.getTracks()[0], stream);
                 await until('offer', () => peer.connection.signalingState === 'have-local-offer');
                 release();",
            )
            .await;
            let track = native.track().await;
            assert_eq!(track.kind(), MediaKind::Video, "{manners:?}, round {round}");
            page.run(&format!(
                "await until('track', () => peer.log.includes('track audio {stream}'));
                 await until('calm', () => peer.connection.signalingState === 'stable');"
            ))
            .await;
        }
    }
}

/// The page takes its offer back. Chromium does not forget how the section for channels was called in it.
#[tokio::test]
async fn l17_the_first_channels_of_both_sides_open_though_their_offers_meet() {
    for pictures in [0, 1] {
        let (mut native, mut page) = native_and_page(Manners::Impolite, config()).await;
        page.run("hold()").await;
        for number in 0..pictures {
            let ours = LocalTrack::new(Codec::Vp8, None);
            let stream = format!("ours{number}");
            native.connection.add_track(&ours, &[&stream]).await.expect("added");
        }
        let ours = native.connection.create_data_channel("ours", DataChannelInit::default()).await;
        let ours = ours.expect("a channel");
        page.run(&format!(
            "for (let left = {pictures}; left; left -= 1) {{
               const stream = picture();
               peer.connection.addTrack(stream.getTracks()[0], stream);
             }}
             keep(peer.connection.createDataChannel('theirs'));
             await until('offer', () => peer.connection.signalingState === 'have-local-offer');
             release();"
        ))
        .await;
        assert_eq!(native.channel().await.label(), "theirs");
        open(&ours).await;
        page.run("await until('channel', () => peer.channels.ours)").await;
    }
}

/// Stops when it is dropped.
struct Pump(tokio::task::JoinHandle<()>);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends back what comes, in the codec it comes in.
async fn echo(native: &Peer, track: RemoteTrack, stream: &str) -> (SenderId, Pump) {
    let first = tokio::time::timeout(peer::LIMIT, track.recv()).await.expect("a frame in time");
    let source = LocalTrack::new(first.expect("a frame").codec, None);
    let sender = native.connection.add_track(&source, &[stream]).await.expect("added");
    let pump = tokio::spawn(async move {
        loop {
            tokio::select! {
                sample = track.recv() => match sample {
                    // The browser changes its mind about the codec in mid-call; the echo does not.
                    Some(sample) => drop(source.write(&sample)),
                    None => return,
                },
                () = source.keyframe_requested() => track.request_keyframe(),
            }
        }
    });
    (sender, Pump(pump))
}
