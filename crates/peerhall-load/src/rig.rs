//! A crowd that speaks a protocol and counts what comes back.

use std::ops::Range;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::crowd::{Crowd, Dial, Event, Inbox, PeerKey};
use crate::error::LoadError;
use crate::payload::Payloads;
use crate::protocol::{Message, Peer, Protocol, Spec};
use crate::roster::Roster;
use crate::subject::Target;

/// Connections that are under way at one time.
pub(crate) const AT_ONCE: usize = 64;

/// How long nothing may happen while something is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long what was on its way at the end of a window may take before it counts as lost.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

/// Longest time without a look at the clock.
const TURN: Duration = Duration::from_millis(50);

/// What came back so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) delivered: u64,
    pub(crate) acked: u64,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    pub(crate) ready: usize,
    /// Connections that ended without being asked to.
    pub(crate) lost: usize,
    /// Connections that ended as they were asked to.
    pub(crate) closed: usize,
}

/// Clients of one server.
#[derive(Debug)]
pub(crate) struct Rig {
    target: Target,
    seed: u64,
    crowd: Crowd,
    inbox: Inbox,
    peers: Vec<Peer>,
    /// Index into `peers` is the same as that of the key.
    keys: Vec<PeerKey>,
    /// So many of them have been asked to end.
    gone: usize,
    pub(crate) counts: Counts,
    /// Latencies in nanoseconds, while somebody wants them.
    pub(crate) latencies: Option<Histogram<u64>>,
    /// Who knows whom, while somebody wants to know.
    pub(crate) roster: Option<Roster>,
    payloads: Payloads,
    began: Instant,
    answers: Vec<Message>,
    closing: bool,
    last_complaint: Option<String>,
}

impl Rig {
    /// No clients yet; payloads are of `payload_bytes` bytes.
    pub(crate) fn new(target: &Target, payload_bytes: usize, seed: u64) -> Result<Self, LoadError> {
        Ok(Self {
            target: target.clone(),
            seed,
            crowd: Crowd::new(target.addr).map_err(LoadError::system("make an event queue"))?,
            inbox: Inbox::new(),
            peers: Vec::new(),
            keys: Vec::new(),
            gone: 0,
            counts: Counts::default(),
            latencies: None,
            roster: None,
            payloads: Payloads::new(payload_bytes, &mut fastrand::Rng::with_seed(seed)),
            began: Instant::now(),
            answers: Vec::new(),
            closing: false,
            last_complaint: None,
        })
    }

    /// Opens connections, [`AT_ONCE`] at a time, and waits until all of them are greeted.
    pub(crate) fn connect(&mut self, specs: Vec<Spec>) -> Result<Range<usize>, LoadError> {
        let requests = self.requests(&specs)?;
        self.connect_prepared(specs, requests)
    }

    /// The request of each connection: tokens are made before anything is measured.
    pub(crate) fn requests(&self, specs: &[Spec]) -> Result<Vec<Dial>, LoadError> {
        let dial = |spec: &Spec| {
            let dial = Dial::to(&self.target.request(spec, self.seed)?);
            let subprotocol = self.protocol().subprotocol();
            Ok(subprotocol.map_or(dial.clone(), |name| dial.header("Sec-WebSocket-Protocol", name)))
        };
        specs.iter().map(dial).collect()
    }

    /// The same as [`connect`](Self::connect) with requests made earlier.
    pub(crate) fn connect_prepared(
        &mut self,
        specs: Vec<Spec>,
        requests: Vec<Dial>,
    ) -> Result<Range<usize>, LoadError> {
        let (first, wanted) = (self.peers.len(), specs.len());
        let before = self.counts;
        let mut waiting = specs.into_iter().zip(requests);
        loop {
            let done = self.counts.ready - before.ready + self.counts.lost - before.lost;
            while self.peers.len() - first - done < AT_ONCE {
                let Some((spec, dial)) = waiting.next() else { break };
                let key = self.crowd.open_with(&dial).map_err(LoadError::system("open a connection"))?;
                self.keys.push(key);
                self.peers.push(Peer::new(spec));
            }
            if done == wanted {
                break;
            }
            self.turn_or_stuck("connecting")?;
        }
        match self.counts.lost - before.lost {
            0 => Ok(first..self.peers.len()),
            failed => {
                let last = self.last_complaint.clone().unwrap_or_default();
                Err(LoadError::Connections { failed, wanted, last })
            }
        }
    }

    /// Subscribes these clients to their channels and waits until they are.
    pub(crate) fn subscribe(&mut self, which: impl Iterator<Item = usize>) -> Result<(), LoadError> {
        let before = self.counts.acked;
        let sent = which.filter(|index| self.ask_in(*index)).count() as u64;
        self.wait("subscribing", |counts| counts.acked - before >= sent)?;
        self.settle(Duration::from_millis(100))
    }

    /// Subscribes one client, and gives back whether there is an answer to wait for.
    pub(crate) fn ask_in(&mut self, index: usize) -> bool {
        let message = self.peers.get(index).and_then(|peer| self.protocol().subscribe(&peer.spec));
        message.is_some_and(|message| {
            self.say(index, &message);
            true
        })
    }

    /// Publishes into the client's channel, stamped with `nanos`.
    pub(crate) fn publish(&mut self, index: usize, nanos: u64) {
        let payload = self.payloads.make(nanos);
        if let Some(peer) = self.peers.get(index) {
            let message = self.protocol().publish(&peer.spec, &payload);
            self.say(index, &message);
        }
    }

    /// Sends from one client to another.
    pub(crate) fn direct(&mut self, from: usize, to: usize, number: u64) {
        let payload = self.payloads.make(self.now());
        if let (Some(peer), Some(receiver)) = (self.peers.get(from), self.peers.get(to)) {
            let message = self.protocol().direct(&peer.spec, &receiver.id, &payload, number);
            self.say(from, &message);
        }
    }

    /// Ends all connections politely and waits until they have ended.
    pub(crate) fn close_all(&mut self) -> Result<(), LoadError> {
        self.closing = true;
        let leaving = self.keys.get(self.gone..).unwrap_or_default().to_vec();
        self.gone = self.keys.len();
        for chunk in leaving.chunks(AT_ONCE) {
            let wanted = self.counts.closed + chunk.iter().filter(|key| self.crowd.is_there(**key)).count();
            for key in chunk {
                self.crowd.close(*key);
            }
            let until = Instant::now() + Duration::from_secs(2);
            while self.counts.closed < wanted && Instant::now() < until {
                self.turn(Some(TURN))?;
            }
            // Not every server answers a close.
            for key in chunk {
                self.crowd.drop_peer(*key);
            }
        }
        self.closing = false;
        Ok(())
    }

    /// Waits until `done`, or until nothing has happened for a long time.
    pub(crate) fn wait(
        &mut self,
        what: &'static str,
        done: impl Fn(&Counts) -> bool,
    ) -> Result<(), LoadError> {
        while !done(&self.counts) {
            self.turn_or_stuck(what)?;
        }
        Ok(())
    }

    /// Waits for what is on its way until `done`, or until it counts as lost.
    pub(crate) fn drain(&mut self, done: impl Fn(&Counts) -> bool) -> Result<(), LoadError> {
        let until = Instant::now() + DRAIN_PATIENCE;
        while !done(&self.counts) && Instant::now() < until {
            self.turn(Some(Duration::from_millis(20)))?;
        }
        Ok(())
    }

    /// Turns until nothing has come for `quiet`, at most for twenty times as long.
    pub(crate) fn settle(&mut self, quiet: Duration) -> Result<(), LoadError> {
        let (end, mut last, mut since) = (Instant::now() + quiet * 20, self.counts, Instant::now());
        while since.elapsed() < quiet && Instant::now() < end {
            self.turn(Some(quiet))?;
            if self.counts != last {
                (last, since) = (self.counts, Instant::now());
            }
        }
        Ok(())
    }

    /// Lets `time` pass; pings are answered meanwhile.
    pub(crate) fn idle(&mut self, time: Duration) -> Result<(), LoadError> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.turn(Some(left))?;
        }
        Ok(())
    }

    /// A turn that has to bring something within [`PATIENCE`].
    pub(crate) fn turn_or_stuck(&mut self, what: &'static str) -> Result<(), LoadError> {
        let (before, end) = (self.counts, Instant::now() + PATIENCE);
        loop {
            self.turn(Some(TURN))?;
            if self.counts != before {
                return Ok(());
            }
            if Instant::now() > end {
                let (seconds, last) = (PATIENCE.as_secs(), self.last_complaint.clone());
                return Err(LoadError::Stuck { what, seconds, last });
            }
        }
    }

    /// One turn of the crowd.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> Result<(), LoadError> {
        let mut inbox = std::mem::take(&mut self.inbox);
        let polled = self.crowd.poll(timeout, &mut inbox);
        for event in &inbox {
            self.handle(&event);
        }
        self.inbox = inbox;
        polled.map_err(LoadError::system("wait for sockets"))
    }

    /// Nanoseconds since the rig was made.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The wire.
    pub(crate) fn protocol(&self) -> Protocol {
        self.target.protocol
    }

    /// Ids of these clients.
    pub(crate) fn ids(&self, which: Range<usize>) -> impl Iterator<Item = (usize, &str)> {
        which.clone().zip(self.peers.get(which).unwrap_or_default().iter().map(|peer| peer.id.as_str()))
    }

    fn say(&mut self, index: usize, message: &Message) {
        let Some(key) = self.keys.get(index).copied() else { return };
        match message {
            Message::Text(text) => self.crowd.send(key, text),
            Message::Binary(payload) => self.crowd.send_binary(key, payload),
        }
    }

    fn handle(&mut self, event: &Event<'_>) {
        match event {
            Event::Open(key) => self.with_peer(*key, |protocol, peer, answers| protocol.greet(peer, answers)),
            Event::Text(key, frame) | Event::Binary(key, frame) => self.take(*key, frame),
            Event::Pong(_) => {}
            Event::Refused(_, status) => self.ended(format!("HTTP status {status}")),
            Event::Closed(_, code) => self.ended(format!("close code {code:?}")),
            Event::Failed(_, error) => self.ended(error.to_string()),
        }
    }

    fn take(&mut self, key: PeerKey, frame: &[u8]) {
        self.counts.frames += 1;
        self.counts.bytes += frame.len() as u64;
        let mut delivered = 0;
        for sent in self.payloads.find(frame) {
            delivered += 1;
            if let Some(latencies) = &mut self.latencies {
                let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                latencies.saturating_record(now.saturating_sub(sent));
            }
        }
        self.counts.delivered += delivered;
        if delivered > 0 {
            return;
        }
        self.with_peer(key, |protocol, peer, answers| protocol.read(frame, peer, answers));
        if let Some(roster) = &mut self.roster {
            roster.learn(key.index(), frame);
        }
    }

    /// Lets the adapter look at a client, and does what follows.
    fn with_peer(&mut self, key: PeerKey, look: impl FnOnce(Protocol, &mut Peer, &mut Vec<Message>)) {
        let protocol = self.target.protocol;
        let Some(peer) = self.peers.get_mut(key.index()) else { return };
        let (was_ready, acks) = (peer.is_ready, peer.acks);
        look(protocol, peer, &mut self.answers);
        self.counts.acked += peer.acks - acks;
        self.counts.ready += usize::from(peer.is_ready && !was_ready);
        if let Some(complaint) = peer.complaint.take() {
            self.last_complaint = Some(complaint);
        }
        for message in std::mem::take(&mut self.answers) {
            self.say(key.index(), &message);
        }
    }

    fn ended(&mut self, how: String) {
        if self.closing {
            self.counts.closed += 1;
        } else {
            self.counts.lost += 1;
            self.last_complaint = Some(how);
        }
    }
}
