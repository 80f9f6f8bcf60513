//! Two native peers, through everything that a pair goes through.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop at the first surprise, also in what it stands on"
)]

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::join_all;
use peerhall::{Codec, Events, LocalStream, LocalTrack, MeteredPeer, PeerEvent, RemotePeer, StreamMetadata};
use peerhall::{JoinOptions, RemoteTrack, Sample};
use peerhall_e2e::native::talk::{
    drop_and_return, echo_next, echoed, echoed_again, nobody_left, open_channel,
};
use peerhall_e2e::native::{named, next_remote, next_stream, soon};
use peerhall_e2e::server::{self, Running};
use tokio::task::JoinHandle;

/// Rounds of the test with collisions.
const COLLISIONS: u32 = 50;

/// What all rounds may take together: more than ten times what they do take.
const COLLISIONS_WITHIN: Duration = Duration::from_secs(90);

#[tokio::test]
async fn media_goes_both_ways_with_metadata_when_both_attach_before_joining() {
    let server = server::start();
    let mut pair = Pair::open(&server);
    let voices = [voice("a-voice"), voice("b-voice")];
    for (end, (voice, _)) in [&pair.a, &pair.b].into_iter().zip(&voices) {
        let metadata = StreamMetadata::new().with_label(voice.id());
        end.peer.add_stream(voice, Some(metadata)).expect("added");
    }
    let _speakers = voices.each_ref().map(|(voice, track)| speak(track, voice.id()));
    let (b_seen, a_seen) = pair.meet().await;
    for (remote, name) in [(&b_seen, "b-voice"), (&a_seen, "a-voice")] {
        let heard = next_stream(remote).await;
        assert_eq!(heard.stream.id(), name);
        assert_eq!(heard.metadata, Some(StreamMetadata::new().with_label(name)));
        hears(&heard.stream.tracks()[0], name).await;
    }
}

#[tokio::test]
async fn streams_come_change_and_go_on_each_side_without_another_connection() {
    let server = server::start();
    let mut pair = Pair::open(&server);
    let (b_seen, a_seen) = pair.meet().await;
    let echo = tokio::spawn(async move { echo_next(&a_seen).await });
    let channel = open_channel(&b_seen, "before").await;
    echo.abort();
    let a_seen = pair.b.peer.remote_peers().remove(0);
    let mut resets = b_seen.on_connection_reset();

    for (sender, seen) in [(&pair.a, &a_seen), (&pair.b, &b_seen)] {
        let (mut added, mut gone) = (seen.on_stream_added(), seen.on_stream_removed());
        let (stream, track) = voice("voice");
        sender.peer.add_stream(&stream, None).expect("added");
        let speaker = speak(&track, "first");
        let heard = soon("the stream", added.next()).await.expect("more streams");
        assert_eq!((heard.stream.id(), heard.metadata), ("voice", None));
        hears(&heard.stream.tracks()[0], "first").await;

        let other = LocalTrack::new(Codec::Opus, None);
        sender.peer.replace_track(&track, Some(&other)).await.expect("replaced");
        let other_speaker = speak(&other, "second");
        hears(&heard.stream.tracks()[0], "second").await;

        sender.peer.remove_track(&other).expect("removed");
        let removed = soon("the removal", gone.next()).await.expect("more removals");
        assert_eq!(removed.id(), "voice");
        drop((speaker, other_speaker));
    }
    drop(channel);
    assert!(resets.next().now_or_never().is_none(), "a reset");
}

#[tokio::test]
async fn ice_restarts_of_each_side_and_cuts_of_each_side_keep_the_channel_and_the_remote_peers() {
    let server = server::start();
    let mut pair = Pair::open(&server);
    let (b_seen, a_seen) = pair.meet().await;
    let answering = a_seen.clone();
    let echo = tokio::spawn(async move {
        loop {
            echo_next(&answering).await;
        }
    });
    let channel = open_channel(&b_seen, "before").await;
    let mut resets = b_seen.on_connection_reset();
    for remote in [&b_seen, &a_seen] {
        remote.restart_ice();
        echoed(&channel, "after a restart").await;
    }
    assert!(resets.next().now_or_never().is_none(), "a reset");
    drop_and_return(&pair.a.peer).await;
    echoed_again(&channel, "after a cut of the one").await;
    drop_and_return(&pair.b.peer).await;
    echoed_again(&channel, "after a cut of the other").await;
    tokio::join!(drop_and_return(&pair.a.peer), drop_and_return(&pair.b.peer));
    echoed_again(&channel, "after a cut of both").await;

    assert!(pair.a.peer.remote_peers() == [b_seen]);
    assert!(pair.b.peer.remote_peers() == [a_seen]);
    nobody_left(&mut pair.a.events);
    nobody_left(&mut pair.b.events);
    echo.abort();
}

#[tokio::test]
async fn offers_that_collide_fifty_times_bring_every_stream() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let server = server::start();
    let mut pair = Pair::open(&server);
    let (b_seen, a_seen) = pair.meet().await;
    let started = Instant::now();
    for round in 0..COLLISIONS {
        let ends = [(&pair.a, &a_seen, format!("a{round}")), (&pair.b, &b_seen, format!("b{round}"))];
        let rounds = ends.map(|(sender, seen, id)| {
            let pause = Duration::from_micros(random.u64(0..5_000));
            let (mut added, mut gone) = (seen.on_stream_added(), seen.on_stream_removed());
            async move {
                let (stream, _) = voice(&id);
                tokio::time::sleep(pause).await;
                sender.peer.add_stream(&stream, Some(StreamMetadata::new().with_label(&id))).expect("added");
                let came = soon("the stream", added.next()).await.expect("more streams");
                assert_eq!(
                    (came.stream.id(), came.metadata.as_ref().and_then(StreamMetadata::label)),
                    (&*id, Some(&*id))
                );
                sender.peer.remove_stream(&stream).expect("removed");
                assert_eq!(soon("the removal", gone.next()).await.expect("more removals").id(), id);
            }
        });
        join_all(rounds).await;
    }
    assert!(started.elapsed() < COLLISIONS_WITHIN, "{:?} with seed {seed}", started.elapsed());
}

/// One of the two.
struct End {
    peer: MeteredPeer,
    events: Events<PeerEvent>,
}

struct Pair {
    a: End,
    b: End,
}

impl Pair {
    fn open(server: &Running) -> Self {
        let url = format!("ws://{}", server.addr());
        let end = |id| {
            let (peer, events) = named(server, &url, id);
            End { peer, events }
        };
        Self { a: end("a"), b: end("b") }
    }

    /// Both join at once; what each sees of the other, the first one's view first.
    async fn meet(&mut self) -> (RemotePeer, RemotePeer) {
        let joins = [&self.a, &self.b].map(|end| end.peer.join("room", JoinOptions::default()));
        for joined in join_all(joins).await {
            joined.expect("joins");
        }
        (next_remote(&mut self.a.events).await, next_remote(&mut self.b.events).await)
    }
}

fn voice(id: &str) -> (LocalStream, LocalTrack) {
    let track = LocalTrack::new(Codec::Opus, None);
    (LocalStream::with_id(id, [track.clone()]), track)
}

/// Says one thing fifty times a second.
fn speak(track: &LocalTrack, what: &str) -> Speaker {
    let (track, payload) = (track.clone(), what.to_owned().into_bytes());
    Speaker(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let begin = ticks.tick().await;
        loop {
            let time = ticks.tick().await - begin;
            track.write(&Sample::new(Codec::Opus, time, payload.clone())).expect("a frame of the codec");
        }
    }))
}

/// Silent once dropped.
struct Speaker(JoinHandle<()>);

impl Drop for Speaker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits until a track says this.
async fn hears(track: &RemoteTrack, what: &str) {
    let heard = async {
        while let Some(frame) = track.recv().await {
            if *frame.payload == *what.as_bytes() {
                return;
            }
        }
        panic!("the track ended before {what:?} was heard");
    };
    soon(what, heard).await;
}
