//! Messages of labels beside the raw data channel of the same connection: bytes of a second, small files,
//! memory, and what the proof costs.
//!
//! `cargo run --release -p peerhall-e2e --example transfers -- [ROUNDS [PART]]`: the sender and a server in one process,
//! the receiver in another, over loopback; PART is `speed`, `files` or `memory`. Prints a line for each statement of the issue, and ends with status 1 when one
//! does not hold. Part of `cargo xtask bench --labelled`.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "it is a report")]

use std::io::{self, BufRead, BufReader, Write};
use std::pin::Pin;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use peerhall::labelled::{ChannelOptions, Hasher, Payload, Room, RoomEvent, RoomPeer, SendOptions};
use peerhall::{DataChannel, DataChannelInit, DataChannelOptions, JoinOptions, MeteredPeer, PeerOptions};
use peerhall_e2e::native::named;
use peerhall_e2e::server::{self, Ways};
use serde_json::json;
use tokio::io::{AsyncRead, ReadBuf};

const CHANNEL: &str = "room";
const LABEL: &str = "files";

/// The id of the second process.
const RECEIVER: &str = "receiver";

/// Bytes that are sent to know a speed.
const BULK: usize = 100_000_000;

/// Messages of the raw channel: as large as ours, and as those of the comparison with other stacks.
const MESSAGES: [usize; 2] = [16_384, 65_536];

/// Files of a kilobyte.
const FILES: usize = 1_000;
const FILE: usize = 1_024;

/// Sizes between which memory is to stay flat.
const SMALL_AND_LARGE: [u64; 2] = [1_000_000, 2_000_000_000];

/// What is asked for.
const SPEED: f64 = 0.85;
const TIMES_FASTER: f64 = 10.0;
const FLAT_KIB: u64 = 8 * 1_024;
const PROOF: f64 = 0.1;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let passed = match &*words {
        [word, url, token] if word == RECEIVER => {
            runtime.block_on(receive(url, token));
            true
        }
        words => {
            let rounds = words.first().and_then(|word| word.parse().ok()).unwrap_or(5);
            runtime.block_on(send(rounds, words.get(1).map(String::as_str)))
        }
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Takes whatever comes, and tells its memory when it is asked on standard input.
async fn receive(url: &str, token: &str) {
    let token = token.to_owned();
    let provider = move || std::future::ready(Ok(token.clone()));
    let peer = MeteredPeer::new(PeerOptions::with_tokens(url, provider).expect("options")).expect("a peer");
    let mut joined = peer.on_peer_joined();
    let room = Room::new(peer.clone());
    room.open(LABEL, ChannelOptions::default()).expect("a label");
    peer.join(CHANNEL, JoinOptions::default()).await.expect("joins");
    let remote = joined.next().await.expect("the sender");
    let mut channels = remote.on_data_channel();
    tokio::spawn(async move {
        while let Some(channel) = channels.next().await {
            tokio::spawn(answer(DataChannel::wrap(channel, DataChannelOptions::default())));
        }
    });
    tokio::spawn(async move {
        while let Some(mut message) = room.recv().await {
            tokio::spawn(async move { while message.chunk().await.expect("arrives").is_some() {} });
        }
    });
    let questions = tokio::task::spawn_blocking(|| {
        for question in io::stdin().lock().lines().map_while(Result::ok) {
            match &*question {
                "from here" => forget_peak(),
                _ => println!("{}", peak()),
            }
        }
    });
    questions.await.expect("the sender's end");
}

/// Confirms every file of the raw channel, and the end of a bulk.
async fn answer(channel: DataChannel) {
    while let Some(message) = channel.recv().await {
        let confirmed = match message {
            peerhall::Message::Binary(bytes) => bytes.len() == FILE,
            peerhall::Message::Text(_) => true,
        };
        if confirmed && channel.send("here").await.is_err() {
            return;
        }
    }
}

async fn send(rounds: usize, part: Option<&str>) -> bool {
    let server = server::start();
    let url = format!("ws://{}", server.addr());
    let mut other = Other::start(&url, &server.token(&json!({ "sub": RECEIVER })));
    let (peer, _) = named(&server, &url, "sender");
    let room = Room::new(peer.clone());
    let mut events = room.events();
    room.open(LABEL, ChannelOptions::default()).expect("a label");
    peer.join(CHANNEL, JoinOptions::default()).await.expect("joins");
    let remote = loop {
        if let RoomEvent::Ready(remote) = events.next().await.expect("more events") {
            break remote;
        }
    };
    let opening =
        remote.remote().open_data_channel("raw", DataChannelInit::default(), DataChannelOptions::default());
    let raw = opening.await.expect("a channel");
    raw.opened().await.expect("opens");
    let is_asked = |name: &str| part.is_none_or(|part| part == name);
    let mut passed = true;
    if is_asked("speed") {
        passed &= speed(&remote, &raw, &other, rounds).await;
    }
    if is_asked("files") {
        passed &= files(&remote, &raw, rounds).await;
    }
    if is_asked("memory") {
        passed &= memory(&remote, &mut other).await;
    }
    passed
}

/// Bytes of a second, and what the proof costs of the time on the processor.
async fn speed(remote: &RoomPeer, raw: &DataChannel, other: &Other, rounds: usize) -> bool {
    let payload = Bytes::from(vec![0x5a; BULK]);
    let (mut ours, mut used, mut theirs) = (Vec::new(), Vec::new(), MESSAGES.map(|_| Vec::new()));
    for _ in 0..rounds {
        for (size, speeds) in MESSAGES.into_iter().zip(&mut theirs) {
            let started = Instant::now();
            let mut rest = payload.clone();
            while !rest.is_empty() {
                let message = rest.split_to(size.min(rest.len()));
                raw.send(message).await.expect("is sent");
            }
            raw.send("end").await.expect("is sent");
            raw.recv().await.expect("an answer");
            speeds.push(BULK as f64 / started.elapsed().as_secs_f64());
        }
        let (before, started) = (other.processor() + processor("self"), Instant::now());
        remote.send(payload.clone(), on_label()).expect("is taken").await.expect("arrives");
        ours.push(BULK as f64 / started.elapsed().as_secs_f64());
        used.push((other.processor() + processor("self") - before).as_secs_f64());
    }
    let ours = median(ours);
    let theirs = theirs.map(median);
    let mut passed = true;
    for (size, theirs) in MESSAGES.into_iter().zip(theirs) {
        passed &= verdict(
            ours >= SPEED * theirs,
            &format!(
                "a message of {} MB: {:.1} MB/s, {:.2} x the raw channel's {:.1} with messages of {size} ({SPEED} asked)",
                BULK / 1_000_000,
                ours / 1e6,
                ours / theirs,
                theirs / 1e6
            ),
        );
    }
    let before = processor("self");
    let mut hasher = Hasher::new();
    payload.chunks(16_384).for_each(|piece| {
        hasher.update(piece);
    });
    // Both sides hash.
    let proof = 2.0 * (processor("self") - before).as_secs_f64() / median(used);
    passed
        & verdict(
            proof < PROOF && hasher.finalize() != Hasher::new().finalize(),
            &format!(
                "BLAKE3 of both sides: {:.1} % of the time on the processor (under {} asked)",
                proof * 1e2,
                PROOF * 1e2
            ),
        )
}

/// A thousand small files, beside a round trip for each.
async fn files(remote: &RoomPeer, raw: &DataChannel, rounds: usize) -> bool {
    let file = Bytes::from(vec![0x5a; FILE]);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let started = Instant::now();
        for _ in 0..FILES {
            raw.send(file.clone()).await.expect("is sent");
            raw.recv().await.expect("an answer");
        }
        theirs.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        let sent = (0..FILES).map(|_| remote.send(file.clone(), on_label()).expect("is taken"));
        for receipt in join_all(sent.collect::<Vec<_>>()).await {
            receipt.expect("arrives");
        }
        ours.push(started.elapsed().as_secs_f64());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    verdict(
        theirs >= TIMES_FASTER * ours,
        &format!(
            "{FILES} files of {FILE} bytes: {:.1} ms, {:.1} times faster than a round trip for each, {:.1} ms ({TIMES_FASTER} asked)",
            ours * 1e3,
            theirs / ours,
            theirs * 1e3
        ),
    )
}

/// Memory while messages of very different sizes go through, beyond what both take before.
async fn memory(remote: &RoomPeer, other: &mut Other) -> bool {
    let mut passed = true;
    for bytes in SMALL_AND_LARGE {
        forget_peak();
        other.ask("from here");
        let before = [peak(), other.peak()];
        let payload = Payload::reader(Zeros(bytes));
        let started = Instant::now();
        let receipt = remote.send(payload, on_label()).expect("is taken").await.expect("arrives");
        let took = started.elapsed().as_secs_f64();
        let [sender, receiver] = [peak() - before[0], other.peak() - before[1]];
        passed &= verdict(
            sender.max(receiver) <= FLAT_KIB && receipt.bytes == bytes,
            &format!(
                "a stream of {} MB: {sender} KiB more at the sender, {receiver} at the receiver ({FLAT_KIB} allowed); {took:.1} s",
                bytes / 1_000_000
            ),
        );
    }
    passed
}

fn on_label() -> SendOptions {
    SendOptions::default().label(LABEL)
}

fn verdict(pass: bool, line: &str) -> bool {
    println!("{} {line}", if pass { "PASS" } else { "FAIL" });
    pass
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// So many bytes that come from nowhere.
struct Zeros(u64);

impl AsyncRead for Zeros {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = into.remaining().min(usize::try_from(self.0).unwrap_or(usize::MAX));
        into.initialize_unfilled_to(count);
        into.advance(count);
        self.0 -= count as u64;
        Poll::Ready(Ok(()))
    }
}

/// The receiver's process.
struct Other {
    process: Child,
    questions: ChildStdin,
    answers: io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Other {
    fn start(url: &str, token: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("a program"))
            .args([RECEIVER, url, token])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second process");
        let questions = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { process, questions, answers }
    }

    fn ask(&mut self, question: &str) {
        writeln!(self.questions, "{question}").expect("it is there");
    }

    fn peak(&mut self) -> u64 {
        self.ask("peak");
        let answer = self.answers.next().expect("an answer").expect("text");
        answer.parse().expect("a number")
    }

    fn processor(&self) -> Duration {
        processor(&self.process.id().to_string())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Most memory of this process since it was told to forget the most before, in KiB.
fn peak() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a figure");
    line.split_whitespace().next().and_then(|figure| figure.parse().ok()).expect("a number")
}

fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux");
}

/// Time of a process on the processor so far, in ticks of 10 ms.
fn processor(id: &str) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("Linux");
    let (_, behind_name) = text.rsplit_once(')').expect("a name");
    let ticks =
        behind_name.split_whitespace().skip(11).take(2).map(|tick| tick.parse::<u64>().expect("ticks"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
