//! The crate `webrtc` between two processes: `PROGRAM MEGABYTES MESSAGE_BYTES` starts itself as the receiver,
//! sends, and prints one line of JSON: seconds and seconds of CPU of both for the messages, median round trip
//! of 64 bytes.

use std::error::Error;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
};
use webrtc::runtime::default_runtime;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Bytes that may wait to be sent: what Peerhall takes by default.
const BUFFER: usize = 4 * 1024 * 1024;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells when all candidates are known, and answers on channels that come.
struct Ear(UnboundedSender<()>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Ear {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.0.send(()).ok();
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        // The driver goes on when this returns.
        tokio::spawn(async move {
            while let Some(event) = channel.poll().await {
                if let DataChannelEvent::OnMessage(message) = event
                    && message.data.len() <= 64
                {
                    channel.send(message.data).await.ok();
                }
            }
        });
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [word] if word == "receive" => receive().await,
        [megabytes, size] => send(megabytes.parse()?, size.parse()?).await,
        _ => Err("MEGABYTES MESSAGE_BYTES".into()),
    }
}

async fn open() -> Result<(impl PeerConnection, UnboundedReceiver<()>)> {
    let (gathered, heard) = unbounded_channel();
    let connection = PeerConnectionBuilder::new()
        .with_handler(Arc::new(Ear(gathered)))
        .with_runtime(default_runtime().ok_or("no runtime")?)
        .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
        .with_data_channel_send_buffer_limit(BUFFER)
        .build()
        .await?;
    Ok((connection, heard))
}

async fn described(connection: &impl PeerConnection, heard: &mut UnboundedReceiver<()>) -> Result<String> {
    timeout(PATIENCE, heard.recv()).await?.ok_or("the connection has ended")?;
    Ok(serde_json::to_string(&connection.local_description().await.ok_or("no description")?)?)
}

async fn receive() -> Result<()> {
    let (connection, mut heard) = open().await?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let offer = lines.next_line().await?.ok_or("no offer")?;
    connection.set_remote_description(serde_json::from_str(&offer)?).await?;
    let answer = connection.create_answer(None).await?;
    connection.set_local_description(answer).await?;
    println!("{}", described(&connection, &mut heard).await?);
    // Until the sender goes.
    lines.next_line().await?;
    std::process::exit(0)
}

async fn send(megabytes: usize, size: usize) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("receive")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no pipe")?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
    let (connection, mut heard) = open().await?;
    let channel = connection.create_data_channel("bulk", None).await?;
    let offer = connection.create_offer(None).await?;
    connection.set_local_description(offer).await?;
    let offer = described(&connection, &mut heard).await?;
    input.write_all(format!("{offer}\n").as_bytes()).await?;
    let answer = timeout(PATIENCE, output.next_line()).await??.ok_or("no answer")?;
    connection.set_remote_description(serde_json::from_str(&answer)?).await?;
    until(&channel, |event| matches!(event, DataChannelEvent::OnOpen)).await?;

    let id = child.id().ok_or("it has ended")?.to_string();
    let message = BytesMut::from(vec![0x5a; size].as_slice());
    let used = || Ok::<_, Box<dyn Error>>(processor("self")? + processor(&id)?);
    let (before, started) = (used()?, Instant::now());
    for _ in 0..(megabytes * 1_000_000).div_ceil(size) {
        channel.send(message.clone()).await?;
    }
    channel.send(BytesMut::from(&b"end"[..])).await?;
    back(&channel).await?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = used()? - before;
    let mut trips: Vec<Duration> = Vec::new();
    for _ in 0..1_000 {
        let started = Instant::now();
        channel.send(BytesMut::from(&[0; 64][..])).await?;
        back(&channel).await?;
        trips.push(started.elapsed());
    }
    trips.sort_unstable();
    println!(
        "{{\"seconds\":{seconds},\"cpuSeconds\":{cpu},\"roundTripMicros\":{}}}",
        trips[trips.len() / 2].as_micros()
    );
    drop(input);
    child.wait().await?;
    // Without waiting for the library to take its leave.
    std::process::exit(0)
}

async fn back(channel: &Arc<dyn DataChannel>) -> Result<()> {
    until(channel, |event| matches!(event, DataChannelEvent::OnMessage(_))).await
}

async fn until(channel: &Arc<dyn DataChannel>, wanted: fn(&DataChannelEvent) -> bool) -> Result<()> {
    loop {
        let event = timeout(PATIENCE, channel.poll()).await?.ok_or("the channel has ended")?;
        if wanted(&event) {
            return Ok(());
        }
    }
}

/// Seconds of CPU of a process so far, from ticks of 10 ms.
fn processor(process: &str) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after = text.rsplit_once(')').ok_or("no name")?.1;
    let ticks = after.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<std::result::Result<f64, _>>()? / 100.0)
}
