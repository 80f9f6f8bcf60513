//! What connected remote peers cost a native peer that is idle, and how soon one can be talked to.
//!
//! `cargo run --release -p peerhall-e2e --example remotes -- [REMOTES] [SECONDS]`: a server and the guests in
//! one process, their host in another, over loopback. Prints one line of JSON: memory for each remote peer,
//! CPU of all of them, and the median time from a guest's acknowledged subscribe to its open channel.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "it is a report")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use peerhall::{
    DataChannel, DataChannelInit, DataChannelOptions, Events, JoinOptions, MeteredPeer, PeerEvent,
    PeerOptions, RemotePeer,
};
use peerhall_e2e::native::named;
use peerhall_e2e::server::{self, Ways};
use serde_json::{Value, json};

/// Where everybody meets.
const CHANNEL: &str = "room";

/// The id of the peer that is measured.
const HOST: &str = "host";

/// How long everything that follows from connecting may take, before idling begins.
const CALM: Duration = Duration::from_secs(3);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: u64| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(default);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match &*words {
        [word, url, token, remotes, seconds] if word == HOST => {
            let (remotes, seconds) = (remotes.parse().expect("a number"), seconds.parse().expect("a number"));
            runtime.block_on(host(url, token, remotes, Duration::from_secs(seconds)));
        }
        _ => runtime.block_on(guests(number(0, 50), number(1, 10))),
    }
}

/// Opens a channel to everybody who comes, idles, and tells what that cost.
async fn host(url: &str, token: &str, remotes: usize, idle: Duration) {
    let token = token.to_owned();
    let provider = move || std::future::ready(Ok(token.clone()));
    let peer = MeteredPeer::new(PeerOptions::with_tokens(url, provider).expect("options")).expect("a peer");
    let mut joined = peer.on_peer_joined();
    peer.join(CHANNEL, JoinOptions::default()).await.expect("joins");
    let before = resident();
    println!("joined");
    let mut channels = Vec::new();
    while channels.len() < remotes {
        let remote = joined.next().await.expect("more remote peers");
        let opening =
            remote.open_data_channel("idle", DataChannelInit::default(), DataChannelOptions::default());
        let channel = opening.await.expect("a channel");
        channel.opened().await.expect("opens");
        channels.push(channel);
    }
    tokio::time::sleep(CALM).await;
    let (used, started) = (processor(), Instant::now());
    tokio::time::sleep(idle).await;
    let share = (processor() - used).as_secs_f64() / started.elapsed().as_secs_f64();
    let each = resident().saturating_sub(before) as f64 / remotes as f64;
    println!("{}", json!({"kibEach": each, "percentOfACore": share * 100.0}));
}

/// Comes one after the other, and stays.
async fn guests(count: u64, seconds: u64) {
    let server = server::start();
    let url = format!("ws://{}", server.addr());
    let mut host = Command::new(std::env::current_exe().expect("a program"))
        .args([HOST, &url, &server.token(&json!({ "sub": HOST })), &count.to_string(), &seconds.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let mut said = BufReader::new(host.stdout.take().expect("a pipe")).lines();
    let mut next_line = || said.next().expect("a line").expect("text");
    assert_eq!(next_line(), "joined");
    let (mut stay, mut times) = (Vec::new(), Vec::new());
    for number in 0..count {
        let (peer, mut events) = named(&server, &url, &format!("guest{number}"));
        peer.join(CHANNEL, JoinOptions::default()).await.expect("joins");
        let acknowledged = Instant::now();
        let remote = find_host(&mut events).await;
        let raw = remote.on_data_channel().next().await.expect("a channel");
        let channel = DataChannel::wrap(raw, DataChannelOptions::default());
        channel.opened().await.expect("opens");
        times.push(acknowledged.elapsed());
        stay.push((peer, channel));
    }
    times.sort_unstable();
    // The guests have to go on answering while the host idles.
    let figures = tokio::task::spawn_blocking(move || {
        let line = said.next().expect("figures").expect("text");
        assert!(host.wait().expect("its end").success());
        line
    });
    let mut figures: Value = serde_json::from_str(&figures.await.expect("no panic")).expect("JSON");
    if let (Some(figures), Some(median)) = (figures.as_object_mut(), times.get(times.len() / 2)) {
        figures.insert("remotes".to_owned(), count.into());
        figures.insert("openMillis".to_owned(), (median.as_secs_f64() * 1_000.0).into());
    }
    println!("{figures}");
    std::io::stdout().flush().expect("written");
}

async fn find_host(events: &mut Events<PeerEvent>) -> RemotePeer {
    loop {
        if let PeerEvent::PeerJoined(remote) = events.next().await.expect("more events")
            && remote.id() == HOST
        {
            return remote;
        }
    }
}

/// Memory that this process has for itself, in KiB. Pages of the program itself are not counted: the first connection
/// touches 5 MB of them, and no further one any more.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a figure");
    line.split_whitespace().next().and_then(|figure| figure.parse().ok()).expect("a number")
}

/// Time of this process on the processor so far, in ticks of 10 ms.
fn processor() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, behind_name) = text.rsplit_once(')').expect("a name");
    let ticks =
        behind_name.split_whitespace().skip(11).take(2).map(|tick| tick.parse::<u64>().expect("ticks"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
