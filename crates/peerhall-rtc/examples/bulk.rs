//! How fast a data channel is, and what an idle connection costs: two processes over loopback.
//!
//! `cargo run --release --example bulk -p peerhall-rtc -- [MEGABYTES] [MESSAGE_BYTES]`, or
//! `… -- idle PAIRS SECONDS` for idle pairs in one process. Prints one line of JSON: seconds and seconds of CPU
//! of both processes for the messages, the median round trip of 64 bytes, and the sender's peak memory.

#![expect(clippy::wildcard_enum_match_arm, reason = "an example looks at the events it is about")]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use peerhall_proto::signal::{Description, DescriptionKind};
use peerhall_rtc::net::{Loopback, NetworkConfig};
use peerhall_rtc::{
    Channel, ChannelEvent, Config, DataChannelInit, Event, Events, Message, OfferOptions, PeerConnection,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: usize| arguments.get(at).map_or(Ok(default), |text| text.parse::<usize>());
    match arguments.first().map(String::as_str) {
        Some("receive") => receive().await,
        Some("idle") => idle(number(1, 50)?, number(2, 10)?).await,
        _ => send(number(0, 100)?, number(1, 65_536)?).await,
    }
}

fn config() -> Config {
    let network = NetworkConfig { loopback: Loopback::Always, ..NetworkConfig::default() };
    Config { network, ..Config::default() }
}

/// Offers to a second process of this program, and sends.
async fn send(megabytes: usize, size: usize) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("receive")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no pipe")?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no pipe")?);
    let (connection, mut events) = PeerConnection::open(config())?;
    let channel = connection.create_data_channel("bulk", DataChannelInit::default()).await?;
    let offer = described(&connection, &mut events, None).await?;
    let started = Instant::now();
    writeln!(input, "{}", serde_json::to_string(&offer)?)?;
    let mut line = String::new();
    output.read_line(&mut line)?;
    connection.set_remote_description(serde_json::from_str(&line)?).await?;
    tokio::spawn(async move { while events.next().await.is_some() {} });
    while channel.next_event().await != Some(ChannelEvent::Open) {}
    let opened = started.elapsed();

    let payload = bytes::Bytes::from(vec![0x5a; size]);
    let count = (megabytes * 1_000_000).div_ceil(size);
    let used = || Ok::<_, Box<dyn Error>>(processor("self")? + processor(&child.id().to_string())?);
    let (before, started) = (used()?, Instant::now());
    for _ in 0..count {
        channel.send(payload.clone()).await?;
    }
    channel.send("end").await?;
    while channel.next_event().await.is_some_and(|event| !matches!(event, ChannelEvent::Message(_))) {}
    let took = started.elapsed().as_secs_f64();
    let figures = serde_json::json!({
        "seconds": took,
        "cpuSeconds": (used()? - before).as_secs_f64(),
        "roundTripMicros": round_trips(&channel).await?.as_micros(),
        "openMillis": opened.as_millis(),
        "peakMib": peak()? / 1024,
    });
    println!("{figures}");
    connection.close().await;
    child.wait()?;
    Ok(())
}

/// The median of a thousand echoes of 64 bytes.
async fn round_trips(channel: &Channel) -> Result<Duration> {
    let mut all = Vec::new();
    for _ in 0..1_000 {
        let started = Instant::now();
        channel.send(vec![0; 64]).await?;
        while channel.next_event().await.is_some_and(|e| !matches!(e, ChannelEvent::Message(_))) {}
        all.push(started.elapsed());
    }
    all.sort_unstable();
    all.get(all.len() / 2).copied().ok_or_else(|| "nothing measured".into())
}

/// Answers, counts, and sends the end and small messages back.
async fn receive() -> Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let (connection, mut events) = PeerConnection::open(config())?;
    let answer = described(&connection, &mut events, Some(serde_json::from_str(&line)?)).await?;
    println!("{}", serde_json::to_string(&answer)?);
    let channel = loop {
        match events.next().await {
            Some(Event::DataChannel(channel)) => break channel,
            Some(_) => {}
            None => return Ok(()),
        }
    };
    tokio::spawn(async move { while events.next().await.is_some() {} });
    while let Some(event) = channel.next_event().await {
        match event {
            ChannelEvent::Message(Message::Text(text)) => channel.send(text).await?,
            ChannelEvent::Message(Message::Binary(small)) if small.len() == 64 => {
                channel.send(small).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A description with all its candidates in it.
async fn described(
    connection: &PeerConnection,
    events: &mut Events,
    offer: Option<Description>,
) -> Result<Description> {
    let mut description = match offer {
        None => connection.create_offer(OfferOptions::default()).await?,
        Some(offer) => {
            connection.set_remote_description(offer).await?;
            connection.create_answer().await?
        }
    };
    connection.set_local_description(description.clone()).await?;
    let mut lines = String::new();
    loop {
        match events.next().await {
            Some(Event::LocalCandidate(Some(candidate))) => {
                lines.push_str(&format!("a={}\r\n", candidate.candidate));
            }
            Some(Event::LocalCandidate(None)) | None => break,
            Some(_) => {}
        }
    }
    description.sdp.push_str(&lines);
    Ok(description)
}

/// Connects pairs in this process and lets them idle.
async fn idle(pairs: usize, seconds: usize) -> Result<()> {
    let base = resident()?;
    let mut all = Vec::new();
    for _ in 0..pairs {
        let (first, mut first_events) = PeerConnection::open(config())?;
        let channel = first.create_data_channel("idle", DataChannelInit::default()).await?;
        let offer = described(&first, &mut first_events, None).await?;
        let (second, mut second_events) = PeerConnection::open(config())?;
        let answer = described(&second, &mut second_events, Some(offer)).await?;
        assert_eq!(answer.kind, DescriptionKind::Answer);
        first.set_remote_description(answer).await?;
        while channel.next_event().await != Some(ChannelEvent::Open) {}
        for mut events in [first_events, second_events] {
            tokio::spawn(async move { while events.next().await.is_some() {} });
        }
        all.push((first, second, channel));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, started) = (processor("self")?, Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
    let share = (processor("self")? - before).as_secs_f64() / started.elapsed().as_secs_f64();
    let each = (resident()? - base) / (2 * pairs);
    let share = share * 100.0 * 50.0 / (2 * pairs) as f64;
    println!(
        "{}",
        serde_json::json!({"connections": 2 * pairs, "kibEach": each, "percentOfACoreFor50": share})
    );
    Ok(())
}

fn status(name: &str) -> Result<usize> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
}

/// Most memory so far, in KiB.
fn peak() -> Result<usize> {
    status("VmHWM")
}

/// Memory now, in KiB.
fn resident() -> Result<usize> {
    status("VmRSS")
}

/// Time of a process on the processor so far, in ticks of 10 ms.
fn processor(process: &str) -> Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, behind_name) = text.rsplit_once(')').ok_or("no name")?;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).ok_or("no figures")?;
    Ok(Duration::from_millis((user + system) * 10))
}
