//! P6: who reads slowly harms nobody else and costs little.

use std::time::{Duration, Instant};

use peerhall_load::crowd::{Crowd, Dial, Event, Inbox, PeerKey};

use super::Scenario;
use crate::failed::{Doing, Failed};
use crate::plan::Plan;
use crate::server::metrics::Metrics;
use crate::server::{Server, Settings, process};
use crate::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "slow",
    promise: "P6",
    about: "1 and then 100 of 1,000 subscribers stop reading at 1,000 messages/s of 1 KiB: the others feel nothing",
    own_network: None,
    run,
};

const MIB: u64 = 1 << 20;

/// Receive buffer of the readers that stop, in bytes: the less the system holds for them, the sooner
/// they are the server's burden.
const SMALL: usize = 4_096;

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    let shape = plan.pick(
        Shape { rooms: 20, room: 50, rate: 50, bytes: 1_024 },
        Shape { rooms: 3, room: 20, rate: 40, bytes: 8_192 },
    );
    let age = plan.pick(Duration::from_secs(10), Duration::from_secs(2));
    let settings =
        Settings::of(&plan.binary).with("PEERHALL_LIMITS_OUTBOX_AGE", format!("{}ms", age.as_millis()));
    let server = settings.start()?;
    let mut verdict = Verdict::default();
    verdict.note("subscribers", shape.rooms * shape.room);
    verdict.note("messages/s", shape.rooms * shape.rate as usize);
    for stopped in plan.pick([1, 100], [1, 10]) {
        let mut rooms = Rooms::open(&server, shape, stopped)?;
        measure(plan, &server, &mut rooms, age, &mut verdict)?;
    }
    verdict.exactly("panics", server.panics(), 0);
    Ok(verdict)
}

fn measure(
    plan: &Plan,
    server: &Server,
    rooms: &mut Rooms,
    age: Duration,
    verdict: &mut Verdict,
) -> Result<(), Failed> {
    let window = plan.pick(Duration::from_secs(15), Duration::from_secs(2));
    // Until buffers and tables have their size.
    rooms.play(Instant::now() + window, || Ok(false))?;
    rooms.spans.clear();
    rooms.play(Instant::now() + window, || Ok(false))?;
    let before = rooms.p99();
    let memory = process::resident(server.pid())?;
    process::reset_peak(server.pid())?;

    let address = server.address();
    let cut_so_far = Metrics::read(address)?.get("peerhall_slow_consumers_total");
    let stopped = rooms.stop_readers();
    let began = Instant::now();
    let mut looked = began;
    let mut cut_after = Duration::MAX;
    rooms.play(began + age * 4 + window, || {
        if cut_after == Duration::MAX && looked.elapsed() > Duration::from_millis(250) {
            looked = Instant::now();
            let cut = Metrics::read(address)?.get("peerhall_slow_consumers_total") - cut_so_far;
            if cut >= stopped as f64 {
                cut_after = began.elapsed();
            }
        }
        Ok(cut_after != Duration::MAX && began.elapsed() > window)
    })?;
    let during = rooms.p99();
    let more = process::peak(server.pid())?.saturating_sub(memory);

    verdict.note("stopped", stopped);
    verdict.note("p99 of the others before", crate::verdict::millis(before));
    verdict.within(
        "moved by",
        during.saturating_sub(before),
        plan.pick(Duration::from_millis(5), Duration::from_secs(3)),
    );
    // What the system buffers on both sides before the first frame waits in the server comes on top.
    verdict.within("all cut after", cut_after, age * 3 + plan.patience(Duration::from_secs(3)));
    verdict.at_most("MiB more at the peak", more / MIB, 2 * stopped as u64 + plan.pick(2, 16));
    verdict.exactly("others lost", rooms.lost, 0);
    verdict.exactly("messages missing at the others", rooms.missing(), 0);
    Ok(())
}

/// How many talk how much.
#[derive(Debug, Clone, Copy)]
struct Shape {
    rooms: usize,
    /// Subscribers of one room. Every message is delivered to all but its sender.
    room: usize,
    /// Messages that one room hears in a second.
    rate: u32,
    /// Bytes of padding of one message.
    bytes: usize,
}

/// Rooms full of subscribers, one of each speaking.
struct Rooms {
    shape: Shape,
    crowd: Crowd,
    inbox: Inbox,
    keys: Vec<PeerKey>,
    /// The last ones are those that will stop.
    stopping: usize,
    has_stopped: bool,
    seated: usize,
    /// Between two messages in all rooms together.
    pace: Duration,
    start: Instant,
    sent: u64,
    arrived: u64,
    lost: usize,
    spans: Vec<Duration>,
}

impl Rooms {
    /// Connects everybody, and so many beside them that will stop.
    fn open(server: &Server, shape: Shape, stopping: usize) -> Result<Self, Failed> {
        let mut crowd = Crowd::new(server.address()).doing("an event queue")?;
        let target = server.keys().anonymous();
        let mut keys = Vec::new();
        for number in 0..shape.rooms * shape.room + stopping {
            let dial = Dial::to(&target);
            let dial = if number < shape.rooms * shape.room { dial } else { dial.receive_buffer(SMALL) };
            keys.push(crowd.open_with(&dial).doing("a subscriber's socket")?);
        }
        let rooms = u32::try_from(shape.rooms).unwrap_or(1).max(1);
        let mut this = Self {
            shape,
            crowd,
            inbox: Inbox::new(),
            keys,
            stopping,
            has_stopped: false,
            seated: 0,
            pace: Duration::from_secs(1) / shape.rate / rooms,
            start: Instant::now(),
            sent: 0,
            arrived: 0,
            lost: 0,
            spans: Vec::new(),
        };
        let end = Instant::now() + Duration::from_secs(60);
        while this.seated < this.keys.len() {
            if Instant::now() > end {
                return Err(Failed::new("the subscribers did not get into their rooms within 60 s"));
            }
            this.turn(Duration::from_millis(50))?;
        }
        Ok(this)
    }

    /// Those that are to stop read nothing more. Returns how many they are.
    fn stop_readers(&mut self) -> usize {
        for key in self.keys.iter().rev().take(self.stopping) {
            self.crowd.pause_reading(*key);
        }
        self.has_stopped = true;
        self.spans.clear();
        self.stopping
    }

    /// Lets the rooms talk until `end`, or until `done`, which is asked after each turn.
    fn play(&mut self, end: Instant, mut done: impl FnMut() -> Result<bool, Failed>) -> Result<(), Failed> {
        let padding = "x".repeat(self.shape.bytes);
        let mut next = Instant::now();
        while Instant::now() < end && !done()? {
            let now = Instant::now();
            // A late turn says what is due; one that is very late does not make up for all of it.
            for _ in 0..20 {
                if now < next {
                    break;
                }
                next = (next + self.pace).max(now.checked_sub(self.pace * 20).unwrap_or(now));
                self.speak(&padding);
            }
            self.turn(next.saturating_duration_since(Instant::now()))?;
        }
        let drained = Instant::now() + Duration::from_secs(10);
        while self.missing() > 0 && Instant::now() < drained {
            self.turn(Duration::from_millis(20))?;
        }
        Ok(())
    }

    fn speak(&mut self, padding: &str) {
        let room = usize::try_from(self.sent).unwrap_or(0) % self.shape.rooms;
        if let Some(key) = self.keys.get(room * self.shape.room).copied() {
            let now = self.start.elapsed().as_nanos();
            let text = format!(
                r#"{{"type":"publish","channel":"slow-{room}","data":{{"t":{now},"x":"{padding}"}}}}"#
            );
            self.sent += 1;
            self.crowd.send(key, &text);
        }
    }

    /// Rooms that each of those hears that will stop: the fewer they are, the more each can hear without
    /// being a load of its own.
    fn heard_by_stopping(&self) -> usize {
        (80 / self.stopping.max(1)).clamp(4, 20).min(self.shape.rooms)
    }

    /// Messages that others than the stopped readers should have had, and have not.
    fn missing(&self) -> u64 {
        (self.sent * (self.shape.room as u64 - 1)).saturating_sub(self.arrived)
    }

    fn p99(&mut self) -> Duration {
        self.spans.sort_unstable();
        self.spans.get(self.spans.len() * 99 / 100).copied().unwrap_or(Duration::MAX)
    }

    fn turn(&mut self, wait: Duration) -> Result<(), Failed> {
        let mut inbox = std::mem::take(&mut self.inbox);
        self.crowd.poll(Some(wait), &mut inbox).doing("waiting for sockets")?;
        for event in &inbox {
            match event {
                Event::Text(key, text) => self.text(key, text),
                Event::Closed(key, _) | Event::Failed(key, _) | Event::Refused(key, _) => {
                    self.lost +=
                        usize::from(key.index() < self.keys.len() - self.stopping || !self.has_stopped);
                }
                Event::Open(_) | Event::Binary(..) | Event::Pong(_) => {}
            }
        }
        self.inbox = inbox;
        Ok(())
    }

    fn text(&mut self, key: PeerKey, text: &[u8]) {
        if text.starts_with(br#"{"type":"message""#) {
            if key.index() < self.keys.len() - self.stopping {
                self.arrived += 1;
                self.spans.extend(span(text, self.start));
            }
        } else if text.starts_with(br#"{"type":"welcome""#) {
            let room = (key.index() / self.shape.room) % self.shape.rooms;
            self.crowd
                .send(key, &format!(r#"{{"type":"subscribe","channel":"slow-{room}","requestId":"s"}}"#));
            if key.index() >= self.keys.len() - self.stopping {
                for more in 1..self.heard_by_stopping() {
                    let room = (room + more) % self.shape.rooms;
                    self.crowd.send(key, &format!(r#"{{"type":"subscribe","channel":"slow-{room}"}}"#));
                }
            }
        } else if text.starts_with(br#"{"type":"ack""#) {
            self.seated += 1;
        }
    }
}

/// How long a message took, by the time that stands in it.
fn span(text: &[u8], start: Instant) -> Option<Duration> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once(r#"{"t":"#)?;
    let nanos: u64 = rest.get(..rest.find(',')?)?.parse().ok()?;
    Some(start.elapsed().saturating_sub(Duration::from_nanos(nanos)))
}
