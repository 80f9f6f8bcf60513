//! Both sides offer at once.

use peerhall_rtc::{Channel, Codec, DataChannelInit, Event, LocalTrack, RemoteTrack};

use super::peer::{Peer, message, open, pair};

/// Fifty times, each with its own interleaving: both sides add tracks and channels at once, and both
/// end up with everything of the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l17_glare_ends_with_everything_of_both_sides() {
    for seed in 0..50_u64 {
        round(seed).await;
    }
}

async fn round(seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (mut alice, mut bob) = pair();
    let connected_before = dice.bool();
    if connected_before {
        let init = DataChannelInit::default();
        alice.connection.create_data_channel("first", init).await.expect("a channel");
        bob.channel().await;
    }
    let codecs = [Codec::Opus, Codec::Vp8];
    let ours = LocalTrack::new(codecs[dice.usize(..2)], Some("alice"));
    let theirs = LocalTrack::new(codecs[dice.usize(..2)], Some("bob"));
    let pause = dice.u8(..4);
    let (first, second) = tokio::join!(alice.connection.add_track(&ours, &["a"]), async {
        for _ in 0..pause {
            tokio::task::yield_now().await;
        }
        bob.connection.add_track(&theirs, &["b"]).await
    });
    first.expect("added");
    second.expect("added");
    let (channel, other) = tokio::join!(
        alice.connection.create_data_channel("from alice", DataChannelInit::default()),
        bob.connection.create_data_channel("from bob", DataChannelInit::default()),
    );
    let (channel, other) = (channel.expect("a channel"), other.expect("a channel"));
    let (at_bob, at_alice) =
        (everything(&mut bob, "from alice").await, everything(&mut alice, "from bob").await);
    assert_eq!((at_bob.0.id(), at_alice.0.id()), ("alice", "bob"), "seed {seed}");
    open(&channel).await;
    open(&other).await;
    channel.send("from alice").await.expect("sent");
    assert_eq!(message(&at_bob.1).await, "from alice".into(), "seed {seed}");
}

/// The track and the channel of the other side, in whatever order they come.
async fn everything(peer: &mut Peer, label: &str) -> (RemoteTrack, Channel) {
    let (mut track, mut channel) = (None, None);
    peer.wait("track and channel", |event| {
        match event {
            Event::Track(seen) => track = Some(seen),
            Event::DataChannel(seen) if seen.label() == label => channel = Some(seen),
            _ => {}
        }
        track.clone().zip(channel.clone())
    })
    .await
}
