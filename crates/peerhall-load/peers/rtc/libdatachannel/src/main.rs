//! libdatachannel between two processes: `PROGRAM MEGABYTES MESSAGE_BYTES` starts itself as the receiver,
//! sends, and prints one line of JSON: seconds and seconds of CPU of both for the messages, median round trip
//! of 64 bytes.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use datachannel::{
    DataChannelHandler, DataChannelInfo, GatheringState, PeerConnectionHandler, RtcConfig, RtcDataChannel,
    RtcPeerConnection,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Slot = Arc<Mutex<Option<Box<RtcDataChannel<Ear>>>>>;

/// Bytes that may wait to be sent: what Peerhall takes by default.
const BUFFER: usize = 4 * 1024 * 1024;

enum Said {
    Open,
    Back,
    Low,
    Gathered,
}

/// Listens to a channel; with a slot it answers too.
struct Ear {
    said: Sender<Said>,
    answers: Option<Slot>,
}

impl DataChannelHandler for Ear {
    fn on_open(&mut self) {
        self.said.send(Said::Open).ok();
    }

    fn on_message(&mut self, message: &[u8]) {
        let Some(slot) = &self.answers else {
            self.said.send(Said::Back).ok();
            return;
        };
        if message.len() <= 64
            && let Some(channel) = slot.lock().unwrap().as_mut()
        {
            channel.send(message).unwrap();
        }
    }

    fn on_buffered_amount_low(&mut self) {
        self.said.send(Said::Low).ok();
    }
}

struct Peer {
    said: Sender<Said>,
    slot: Slot,
}

impl PeerConnectionHandler for Peer {
    type DCH = Ear;

    fn data_channel_handler(&mut self, _: DataChannelInfo) -> Ear {
        Ear { said: self.said.clone(), answers: Some(Arc::clone(&self.slot)) }
    }

    fn on_gathering_state_change(&mut self, state: GatheringState) {
        if matches!(state, GatheringState::Complete) {
            self.said.send(Said::Gathered).ok();
        }
    }

    fn on_data_channel(&mut self, channel: Box<RtcDataChannel<Ear>>) {
        *self.slot.lock().unwrap() = Some(channel);
    }
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [word] if word == "receive" => receive(),
        [megabytes, size] => send(megabytes.parse()?, size.parse()?),
        _ => Err("MEGABYTES MESSAGE_BYTES".into()),
    }
}

fn open() -> Result<(Box<RtcPeerConnection<Peer>>, Sender<Said>, Receiver<Said>)> {
    let (said, heard) = channel();
    let config = RtcConfig::new(&[] as &[&str]).max_message_size(1024 * 1024);
    let peer = Peer { said: said.clone(), slot: Slot::default() };
    Ok((RtcPeerConnection::new(&config, peer)?, said, heard))
}

fn until(heard: &Receiver<Said>, wanted: fn(&Said) -> bool) -> Result<()> {
    while !wanted(&heard.recv_timeout(Duration::from_secs(60))?) {}
    Ok(())
}

fn described(connection: &RtcPeerConnection<Peer>, heard: &Receiver<Said>) -> Result<String> {
    until(heard, |said| matches!(said, Said::Gathered))?;
    Ok(serde_json::to_string(&connection.local_description().ok_or("no description")?)?)
}

fn receive() -> Result<()> {
    let (mut connection, _said, heard) = open()?;
    let mut line = String::new();
    let mut input = std::io::stdin().lock();
    input.read_line(&mut line)?;
    connection.set_remote_description(&serde_json::from_str(&line)?)?;
    println!("{}", described(&connection, &heard)?);
    // Until the sender goes.
    line.clear();
    input.read_line(&mut line)?;
    Ok(())
}

fn send(megabytes: usize, size: usize) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("receive")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no pipe")?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no pipe")?);
    let (mut connection, said, heard) = open()?;
    let mut channel = connection.create_data_channel("bulk", Ear { said, answers: None })?;
    channel.set_buffered_amount_low_threshold(BUFFER / 2)?;
    writeln!(input, "{}", described(&connection, &heard)?)?;
    let mut line = String::new();
    output.read_line(&mut line)?;
    connection.set_remote_description(&serde_json::from_str(&line)?)?;
    until(&heard, |said| matches!(said, Said::Open))?;

    let message = vec![0x5a; size];
    let used = || Ok::<_, Box<dyn Error>>(processor("self")? + processor(&child.id().to_string())?);
    let (before, started) = (used()?, Instant::now());
    for _ in 0..(megabytes * 1_000_000).div_ceil(size) {
        channel.send(&message)?;
        while channel.buffered_amount() > BUFFER {
            // The event may have come before the buffer was full again.
            heard.recv_timeout(Duration::from_millis(20)).ok();
        }
    }
    channel.send(b"end")?;
    until(&heard, |said| matches!(said, Said::Back))?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = used()? - before;
    let mut trips: Vec<Duration> = Vec::new();
    for _ in 0..1_000 {
        let started = Instant::now();
        channel.send(&[0; 64])?;
        until(&heard, |said| matches!(said, Said::Back))?;
        trips.push(started.elapsed());
    }
    trips.sort_unstable();
    drop(input);
    child.wait()?;
    println!(
        "{{\"seconds\":{seconds},\"cpuSeconds\":{cpu},\"roundTripMicros\":{}}}",
        trips[trips.len() / 2].as_micros()
    );
    // Without waiting for the library to take its leave.
    std::process::exit(0)
}

/// Seconds of CPU of a process so far, from ticks of 10 ms.
fn processor(process: &str) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after = text.rsplit_once(')').ok_or("no name")?.1;
    let ticks = after.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<std::result::Result<f64, _>>()? / 100.0)
}
