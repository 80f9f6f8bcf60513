//! Clients that use the server as they should while others attack it, and measure what they get.
//!
//! Pairs, each in a room of its own: one says what time it is, the other compares. They run on a thread
//! of their own, so that the attack's clients do not stand in their way any more than they must.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use peerhall_load::crowd::{Crowd, Event, Inbox, PeerKey};

use crate::failed::{Doing, Failed};

/// Between two messages of one pair.
const EVERY: Duration = Duration::from_millis(50);

/// A reading of what bystanders got since the last one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// Messages that arrived.
    pub(crate) arrived: usize,
    /// 99 of 100 took at most this long.
    pub(crate) p99: Duration,
    /// Connections lost since the start.
    pub(crate) lost: u32,
}

/// Bystanders at work. Dropping them ends them.
#[derive(Debug)]
pub(crate) struct Bystanders {
    commands: mpsc::Sender<mpsc::Sender<Vec<Duration>>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<(), Failed>>>,
}

#[derive(Debug, Default)]
struct Shared {
    ready: AtomicU32,
    lost: AtomicU32,
    sent: AtomicU64,
    arrived: AtomicU64,
}

impl Bystanders {
    /// Connects `pairs` pairs and waits until all are in their rooms.
    ///
    /// # Errors
    ///
    /// When that takes more than 30 s.
    pub(crate) fn start(address: SocketAddr, target: &str, pairs: usize) -> Result<Self, Failed> {
        let (commands, requests) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let mut pairs_of = Pairs::connect(address, target, pairs, shared.clone())?;
        let thread = std::thread::Builder::new()
            .name("bystanders".into())
            .spawn(move || pairs_of.run(&requests))
            .doing("a thread")?;
        let bystanders = Self { commands, shared, thread: Some(thread) };
        let end = Instant::now() + Duration::from_secs(30);
        while bystanders.shared.ready.load(Relaxed) < u32::try_from(pairs * 2).unwrap_or(u32::MAX) {
            if Instant::now() > end {
                return Err(Failed::new("the bystanders did not get into their rooms within 30 s"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bystanders.read()?;
        Ok(bystanders)
    }

    /// What they got since the last reading.
    ///
    /// # Errors
    ///
    /// When their thread has ended.
    pub(crate) fn read(&self) -> Result<Reading, Failed> {
        let (answer, spans) = mpsc::channel();
        let gone = |_| Failed::new("the bystanders' thread has ended");
        self.commands.send(answer).map_err(|_| Failed::new("the bystanders' thread has ended"))?;
        let mut spans: Vec<Duration> = spans.recv_timeout(Duration::from_secs(60)).map_err(gone)?;
        spans.sort_unstable();
        Ok(Reading {
            arrived: spans.len(),
            p99: spans.get(spans.len() * 99 / 100).copied().unwrap_or(Duration::MAX),
            lost: self.shared.lost.load(Relaxed),
        })
    }

    /// Waits for a span, and returns what they got in it.
    ///
    /// # Errors
    ///
    /// When their thread has ended.
    pub(crate) fn watch(&self, span: Duration) -> Result<Reading, Failed> {
        self.read()?;
        std::thread::sleep(span);
        self.read()
    }

    /// Messages sent and not arrived, all told.
    pub(crate) fn missing(&self) -> u64 {
        self.shared.sent.load(Relaxed).saturating_sub(self.shared.arrived.load(Relaxed))
    }
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        // A closed channel is the signal.
        self.commands = mpsc::channel().0;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Pairs {
    crowd: Crowd,
    keys: Vec<PeerKey>,
    start: Instant,
    spans: Vec<Duration>,
    /// Who has got the list of its room.
    seated: Vec<bool>,
    shared: Arc<Shared>,
}

impl Pairs {
    fn connect(address: SocketAddr, target: &str, pairs: usize, shared: Arc<Shared>) -> Result<Self, Failed> {
        let mut crowd = Crowd::new(address).doing("an event queue")?;
        let open = |_| crowd.open(target).doing("a bystander's socket");
        let keys = (0..pairs * 2).map(open).collect::<Result<_, _>>()?;
        let seated = vec![false; pairs * 2];
        Ok(Self { crowd, keys, start: Instant::now(), spans: Vec::new(), seated, shared })
    }

    fn run(&mut self, requests: &mpsc::Receiver<mpsc::Sender<Vec<Duration>>>) -> Result<(), Failed> {
        let mut inbox = Inbox::new();
        let mut speaker = 0;
        let pairs = u32::try_from(self.keys.len() / 2).unwrap_or(1).max(1);
        // The pairs take turns, so that messages are spread evenly over time.
        let pace = EVERY / pairs;
        let mut next = Instant::now();
        loop {
            match requests.try_recv() {
                Ok(answer) => drop(answer.send(std::mem::take(&mut self.spans))),
                Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
                Err(mpsc::TryRecvError::Empty) => {}
            }
            let now = Instant::now();
            if now >= next {
                // A thread that was held up does not make up for it: that would be a burst of its own.
                next = now + pace;
                self.speak(speaker);
                speaker = (speaker + 2) % self.keys.len().max(1);
            }
            let wait = next.saturating_duration_since(Instant::now());
            self.crowd.poll(Some(wait), &mut inbox).doing("waiting for the bystanders' sockets")?;
            for event in &inbox {
                self.event(&event);
            }
        }
    }

    fn speak(&mut self, place: usize) {
        let members = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        if self.shared.ready.load(Relaxed) < members {
            return;
        }
        if let Some(key) = self.keys.get(place).copied() {
            let now = self.start.elapsed().as_nanos();
            let text = format!(r#"{{"type":"publish","channel":"bystanders-{}","data":{now}}}"#, place / 2);
            self.shared.sent.fetch_add(1, Relaxed);
            self.crowd.send(key, &text);
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        match *event {
            Event::Text(_, text) if text.starts_with(br#"{"type":"message""#) => self.arrived(text),
            Event::Text(key, text) if text.starts_with(br#"{"type":"welcome""#) => {
                let place = key.index() / 2;
                let subscribe = format!(r#"{{"type":"subscribe","channel":"bystanders-{place}"}}"#);
                self.crowd.send(key, &subscribe);
            }
            Event::Text(key, text) if text.starts_with(br#"{"type":"presence""#) => {
                // The first of a pair hears of the second too.
                if let Some(seated @ false) = self.seated.get_mut(key.index()) {
                    *seated = true;
                    self.shared.ready.fetch_add(1, Relaxed);
                }
            }
            Event::Closed(..) | Event::Failed(..) | Event::Refused(..) => {
                self.shared.lost.fetch_add(1, Relaxed);
            }
            Event::Text(..) | Event::Open(_) | Event::Binary(..) | Event::Pong(_) => {}
        }
    }

    fn arrived(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let sent = text.split_once(r#""data":"#).and_then(|(_, rest)| {
            let end = rest.find(|character: char| !character.is_ascii_digit())?;
            rest.get(..end)?.parse::<u64>().ok()
        });
        if let Some(sent) = sent {
            self.shared.arrived.fetch_add(1, Relaxed);
            self.spans.push(self.start.elapsed().saturating_sub(Duration::from_nanos(sent)));
        }
    }
}
