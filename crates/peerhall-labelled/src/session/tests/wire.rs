//! Two sessions on a pretend network: delays from a seed, order within a channel only, and cuts.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::frame::MAX_MESSAGE_BYTES;
use crate::session::Sending;
use crate::{
    CHUNK, ChannelId, ChannelOptions, Config, DirectError, Event, Have, IncomingId, Kind, Message, Offer,
    OutgoingId, Output, Progress, Receipt, RemoteChannel, Role, SendError, Session, TransferError,
};

pub(super) const A: usize = 0;
pub(super) const B: usize = 1;

/// Stands for the server where pipes have a number.
const MAIL: usize = usize::MAX;

/// Two sessions, their applications and what is between them.
pub(super) struct Wire {
    pub(super) now: Duration,
    pub(super) ends: [End; 2],
    pipes: Vec<Pipe>,
    rng: fastrand::Rng,
    /// Longest delay of a message.
    pub(super) delay: Duration,
    /// Messages that were handed over, for those who count.
    pub(super) delivered: usize,
    /// Nothing moves on the connection, whatever is on its way there.
    pub(super) frozen: bool,
    /// The server between the two.
    pub(super) server: Server,
    /// Bytes of a message on the connection at most.
    chunk: usize,
    /// Those of the largest so far.
    pub(super) largest: usize,
    /// Most bytes that were on their way on one channel.
    pub(super) most_held: usize,
}

/// What hands texts over, apart from connections.
#[derive(Default)]
pub(super) struct Server {
    /// What is on its way to each side.
    to: [VecDeque<(Duration, Letter)>; 2],
    /// Texts that it took.
    pub(super) taken: usize,
    /// Texts that it takes, if that is limited.
    pub(super) quota: Option<usize>,
    /// It loses the next text, and says so.
    pub(super) fails: bool,
    /// It loses the next text without a word.
    pub(super) loses: bool,
    /// All that was given to it.
    pub(super) texts: Vec<String>,
}

enum Letter {
    Text(String),
    Answer(u64, Result<(), DirectError>),
}

/// Letters of a text that the server takes.
pub(super) const ROOM: usize = 20_000;

/// One side.
pub(super) struct End {
    pub(super) session: Session,
    pub(super) reads: Reads,
    pub(super) events: Vec<Event>,
    pub(super) sources: BTreeMap<OutgoingId, Source>,
    pub(super) coming: BTreeMap<IncomingId, Coming>,
    pub(super) sent: BTreeMap<OutgoingId, Result<Receipt, TransferError>>,
    pub(super) progress: BTreeMap<OutgoingId, Vec<Progress>>,
    /// Channels of the application that are not labelled ones.
    pub(super) plain: usize,
    /// How often the connection was asked to negotiate.
    pub(super) probes: usize,
    /// Largest number of bytes that came and were not read, of one message.
    pub(super) most_unread: usize,
}

/// What an application does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    AtOnce,
    Never,
}

/// Where a message's bytes come from.
pub(super) struct Source {
    block: Bytes,
    blocks: usize,
    given: usize,
    rewinds: bool,
}

/// A message that comes.
pub(super) struct Coming {
    pub(super) label: String,
    pub(super) offer: Offer,
    pub(super) bytes: Vec<u8>,
    pub(super) count: usize,
    pub(super) unread: usize,
    pub(super) result: Option<Result<Receipt, TransferError>>,
}

struct Pipe {
    ids: [Option<ChannelId>; 2],
    stream: u16,
    /// What is on its way to each side.
    to: [VecDeque<(Duration, Item)>; 2],
}

enum Item {
    Announce(String, ChannelOptions),
    Opened,
    Message(Bytes),
    Closed,
}

impl Source {
    pub(super) fn of(bytes: impl Into<Bytes>) -> Self {
        Self { block: bytes.into(), blocks: 1, given: 0, rewinds: true }
    }

    pub(super) fn repeated(block: Bytes, blocks: usize) -> Self {
        Self { block, blocks, given: 0, rewinds: true }
    }

    pub(super) fn once(self) -> Self {
        Self { rewinds: false, ..self }
    }
}

impl Wire {
    pub(super) fn new(seed: u64) -> Self {
        Self::with(seed, Config::default())
    }

    pub(super) fn with(seed: u64, config: Config) -> Self {
        println!("seed {seed}, {config:?}");
        let end = |role, tag| End {
            session: Session::new(role, tag, config),
            reads: Reads::AtOnce,
            events: Vec::new(),
            sources: BTreeMap::new(),
            coming: BTreeMap::new(),
            sent: BTreeMap::new(),
            progress: BTreeMap::new(),
            plain: 0,
            probes: 0,
            most_unread: 0,
        };
        Self {
            now: Duration::from_secs(1),
            ends: [end(Role::Creator, 1), end(Role::Asker, 2)],
            pipes: Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
            delay: Duration::from_millis(40),
            delivered: 0,
            frozen: false,
            server: Server::default(),
            chunk: config.chunk.clamp(CHUNK, MAX_MESSAGE_BYTES),
            largest: 0,
            most_held: 0,
        }
    }

    /// Connected, with one label open on both sides.
    pub(super) fn open(seed: u64, label: &str) -> Self {
        Self::open_with(seed, label, Config::default())
    }

    pub(super) fn open_with(seed: u64, label: &str, config: Config) -> Self {
        let mut wire = Self::with(seed, config);
        wire.connect();
        wire.call(A, |session, now| session.open(now, label, ChannelOptions::default())).unwrap();
        wire.settle();
        wire
    }

    pub(super) fn connect(&mut self) {
        for side in [A, B] {
            self.call(side, |session, _| session.capable());
        }
    }

    /// One side finds that there is no connection, or that there is one.
    pub(super) fn detour(&mut self, side: usize, wanted: bool) {
        self.call(side, |session, now| session.detour(now, wanted.then_some(ROOM)));
    }

    /// The connection works again, and what was on its way comes first.
    pub(super) fn thaw(&mut self) {
        self.frozen = false;
        let now = self.now;
        let late = self.pipes.iter_mut().flat_map(|pipe| pipe.to.iter_mut().flatten());
        late.for_each(|(at, _)| *at = now.min(*at));
    }

    /// A text comes to one side, whoever wrote it.
    pub(super) fn inject_text(&mut self, side: usize, text: &str) {
        self.call(side, |session, now| session.direct(now, text, ROOM));
    }

    /// The connection is gone, with all that was on its way.
    pub(super) fn cut(&mut self) {
        self.pipes.clear();
        for (side, role) in [(A, Role::Creator), (B, Role::Asker)] {
            self.call(side, |session, now| session.reset(now, role));
        }
    }

    /// One side starts over, as a page that is loaded again; the other side sees a new connection.
    pub(super) fn restart(&mut self, side: usize, role: Role, tag: u64) {
        self.ends[side].session = Session::new(role, tag, Config::default());
        self.cut();
    }

    pub(super) fn call<T>(&mut self, side: usize, call: impl FnOnce(&mut Session, Duration) -> T) -> T {
        let result = call(&mut self.ends[side].session, self.now);
        self.carry_out(side);
        result
    }

    pub(super) fn send(&mut self, side: usize, label: &str, kind: Kind, source: Source) -> OutgoingId {
        let total = u64::try_from(source.block.len() * source.blocks).unwrap();
        let sending = Sending { kind, info: Bytes::new(), total: Some(total), content: None };
        self.try_send(side, label, sending, source).unwrap()
    }

    pub(super) fn try_send(
        &mut self,
        side: usize,
        label: &str,
        sending: Sending,
        source: Source,
    ) -> Result<OutgoingId, SendError> {
        let id = self.ends[side].session.send(self.now, label, sending)?;
        self.ends[side].sources.insert(id, source);
        self.carry_out(side);
        Ok(id)
    }

    /// The application of a side reads all of the message in this place.
    pub(super) fn read(&mut self, side: usize, place: usize) {
        let (id, unread) = self.ends[side]
            .coming
            .iter_mut()
            .nth(place)
            .map(|(id, coming)| (*id, std::mem::take(&mut coming.unread)))
            .unwrap();
        self.call(side, |session, now| session.read(now, id, unread));
    }

    /// Lets everything arrive that is on its way. Time that nothing happens in is not waited for.
    pub(super) fn settle(&mut self) {
        while self.step(None) {}
    }

    /// Lets time pass, with what happens in it.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(Some(until)) {}
        self.now = until;
    }

    /// Lets the next thing happen; `until` makes deadlines count too.
    pub(super) fn step(&mut self, until: Option<Duration>) -> bool {
        let live = self.pipes.iter().enumerate().filter(|_| !self.frozen);
        let next = live.flat_map(|(index, pipe)| {
            [A, B].into_iter().filter_map(move |side| Some((pipe.to[side].front()?.0, index, side)))
        });
        let letters =
            [A, B].into_iter().filter_map(|side| Some((self.server.to[side].front()?.0, MAIL, side)));
        let next = next.chain(letters).min();
        let deadline = |side: usize| self.ends[side].session.deadline();
        let timer = [A, B].into_iter().filter_map(|side| Some((deadline(side)?, side))).min();
        let timer = timer.filter(|(at, _)| until.is_some_and(|until| *at <= until));
        if let Some((at, side)) = timer.filter(|(at, _)| next.is_none_or(|(item, ..)| *at < item)) {
            self.now = self.now.max(at);
            self.call(side, |session, now| session.handle_timeout(now));
            return true;
        }
        let Some((at, index, side)) = next.filter(|(at, ..)| until.is_none_or(|until| *at <= until)) else {
            return false;
        };
        self.now = self.now.max(at);
        if index == MAIL {
            match self.server.to[side].pop_front().unwrap().1 {
                Letter::Text(text) => self.inject_text(side, &text),
                Letter::Answer(number, result) => {
                    self.call(side, |session, now| session.direct_done(now, number, result));
                }
            }
            return true;
        }
        let (_, item) = self.pipes[index].to[side].pop_front().unwrap();
        self.deliver(index, side, item);
        true
    }

    /// The server takes a text, or not.
    fn post(&mut self, side: usize, number: u64, text: String) {
        assert!(text.len() <= ROOM, "{} letters", text.len());
        assert!(text.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/')));
        self.server.texts.push(text.clone());
        let over_quota = self.server.quota.is_some_and(|quota| self.server.taken >= quota);
        let fails = std::mem::take(&mut self.server.fails);
        let loses = std::mem::take(&mut self.server.loses);
        let result = if over_quota {
            Err(DirectError::OverQuota)
        } else if fails {
            Err(DirectError::Lost)
        } else {
            self.server.taken += 1;
            Ok(())
        };
        if result.is_ok() && !loses {
            self.mail(1 - side, Letter::Text(text));
        }
        self.mail(side, Letter::Answer(number, result));
    }

    fn mail(&mut self, to: usize, letter: Letter) {
        let most = u64::try_from(self.delay.as_micros()).unwrap();
        let at = self.now + Duration::from_micros(self.rng.u64(most / 4..=most));
        let queue = &mut self.server.to[to];
        let at = queue.back().map_or(at, |(before, _)| at.max(*before));
        queue.push_back((at, letter));
    }

    pub(super) fn inject(&mut self, side: usize, channel: ChannelId, bytes: Bytes) {
        self.call(side, |session, now| session.message(now, channel, 0, Message::Binary(bytes)));
    }

    /// The open channel with a label, as a side calls it.
    pub(super) fn channel(&self, side: usize, label: &str) -> ChannelId {
        let session = &self.ends[side].session;
        let index = session.lane_named(label).unwrap();
        session.lanes[index].open_channel().unwrap()
    }

    /// Pipes that both sides hold.
    pub(super) fn pipes(&self) -> usize {
        self.pipes.iter().filter(|pipe| pipe.ids.iter().all(Option::is_some)).count()
    }

    fn deliver(&mut self, index: usize, side: usize, item: Item) {
        let stream = self.pipes[index].stream;
        match item {
            Item::Announce(label, init) => {
                let id = self.ends[side].session.remote_channel(RemoteChannel { label, init });
                self.pipes[index].ids[side] = id;
                match id {
                    Some(id) => {
                        self.push(index, 1 - side, Item::Opened);
                        self.carry_out(side);
                        if self.pipes[index].ids[side].is_some() {
                            self.call(side, |session, now| session.opened(now, id, Some(stream)));
                        }
                    }
                    None => self.ends[side].plain += 1,
                }
            }
            Item::Opened => {
                if let Some(id) = self.pipes[index].ids[side] {
                    self.call(side, |session, now| session.opened(now, id, Some(stream)));
                }
            }
            Item::Message(bytes) => {
                self.delivered += 1;
                let mine = self.pipes[index].ids[side];
                if let Some(id) = mine {
                    let held = self.held(index, 1 - side);
                    let message = Message::Binary(bytes);
                    self.call(side, |session, now| session.message(now, id, held, message));
                }
                // The other side's buffer is emptier now.
                if let Some(id) = self.pipes.get(index).and_then(|pipe| pipe.ids[1 - side]) {
                    let held = self.held(index, side);
                    self.call(1 - side, |session, now| session.buffered(now, id, held));
                }
            }
            Item::Closed => {
                if let Some(id) = self.pipes[index].ids[side].take() {
                    self.call(side, |session, now| session.closed(now, id));
                }
            }
        }
    }

    /// Bytes on their way to a side.
    fn held(&self, index: usize, to: usize) -> usize {
        let bytes = |item: &(Duration, Item)| match &item.1 {
            Item::Message(bytes) => bytes.len(),
            Item::Announce(..) | Item::Opened | Item::Closed => 0,
        };
        self.pipes[index].to[to].iter().map(bytes).sum()
    }

    fn push(&mut self, index: usize, to: usize, item: Item) {
        let most = u64::try_from(self.delay.as_micros()).unwrap();
        let at = self.now + Duration::from_micros(self.rng.u64(most / 4..=most));
        let pipe = &mut self.pipes[index].to[to];
        let at = pipe.back().map_or(at, |(before, _)| at.max(*before));
        pipe.push_back((at, item));
    }

    fn carry_out(&mut self, side: usize) {
        while let Some(output) = self.ends[side].session.poll_output() {
            match output {
                Output::Create { channel, label, init } => {
                    let mut ids = [None; 2];
                    ids[side] = Some(channel);
                    let stream = u16::try_from(self.pipes.len()).unwrap();
                    self.pipes.push(Pipe { ids, stream, to: [VecDeque::new(), VecDeque::new()] });
                    let index = self.pipes.len() - 1;
                    self.push(index, 1 - side, Item::Announce(label.to_string(), init));
                }
                Output::Send { channel, bytes } => {
                    assert!(bytes.len() <= self.chunk, "{} bytes", bytes.len());
                    self.largest = self.largest.max(bytes.len());
                    if let Some(index) = self.pipe_of(side, channel) {
                        self.push(index, 1 - side, Item::Message(bytes));
                        self.most_held = self.most_held.max(self.held(index, 1 - side));
                    }
                }
                Output::Close(channel) => {
                    if let Some(index) = self.pipe_of(side, channel) {
                        self.pipes[index].ids[side] = None;
                        self.push(index, 1 - side, Item::Closed);
                    }
                }
                Output::Want { transfer, .. } => {
                    let source = self.ends[side].sources.get_mut(&transfer);
                    let Some(source) = source.filter(|source| source.given < source.blocks) else { continue };
                    source.given += 1;
                    let (block, last) = (source.block.clone(), source.given == source.blocks);
                    self.ends[side].session.provide(self.now, transfer, block, last);
                }
                Output::Rewind(transfer) => {
                    let source = self.ends[side].sources.get_mut(&transfer).unwrap();
                    source.given = 0;
                    if !source.rewinds {
                        self.ends[side].session.cannot_rewind(self.now, transfer);
                    }
                }
                Output::Negotiate => self.ends[side].probes += 1,
                Output::Direct { number, text } => self.post(side, number, text),
                Output::Event(event) => self.happens(side, event),
            }
        }
    }

    fn pipe_of(&self, side: usize, channel: ChannelId) -> Option<usize> {
        self.pipes.iter().position(|pipe| pipe.ids[side] == Some(channel))
    }

    fn happens(&mut self, side: usize, event: Event) {
        let end = &mut self.ends[side];
        match &event {
            Event::Incoming { incoming, label, offer } => {
                let coming = Coming {
                    label: label.to_string(),
                    offer: offer.clone(),
                    bytes: Vec::new(),
                    count: 0,
                    unread: 0,
                    result: None,
                };
                end.coming.insert(*incoming, coming);
            }
            Event::Data { incoming, bytes } => {
                let coming = end.coming.get_mut(incoming).unwrap();
                assert!(coming.result.is_none(), "bytes after the end");
                coming.count += bytes.len();
                if coming.bytes.len() < 8 << 20 {
                    coming.bytes.extend_from_slice(bytes);
                }
                coming.unread += bytes.len();
                end.most_unread = end.most_unread.max(coming.unread);
                if end.reads == Reads::AtOnce {
                    coming.unread = 0;
                    end.session.read(self.now, *incoming, bytes.len());
                }
            }
            Event::Complete { incoming, receipt } => {
                let before = end.coming.get_mut(incoming).unwrap().result.replace(Ok(*receipt));
                assert!(before.is_none(), "ended twice");
            }
            Event::IncomingFailed { incoming, error } => {
                let before = end.coming.get_mut(incoming).unwrap().result.replace(Err(error.clone()));
                assert!(before.is_none(), "ended twice");
            }
            Event::Sent { transfer, receipt } => {
                assert!(end.sent.insert(*transfer, Ok(*receipt)).is_none(), "answered twice");
            }
            Event::SendFailed { transfer, error } => {
                assert!(end.sent.insert(*transfer, Err(error.clone())).is_none(), "answered twice");
            }
            Event::Progress { transfer, progress } => {
                end.progress.entry(*transfer).or_default().push(*progress);
            }
            Event::Ready
            | Event::Way(_)
            | Event::OverQuota
            | Event::Channel { .. }
            | Event::Text { .. }
            | Event::CutOff(_) => {}
        }
        end.events.push(event);
    }
}

impl End {
    /// Messages in the order in which they were announced.
    pub(super) fn messages(&self) -> Vec<&Coming> {
        self.coming.values().collect()
    }

    /// The same, when it takes everything that waits, from the beginning.
    pub(super) fn waiting(&self) -> Vec<IncomingId> {
        let waits =
            |coming: &&IncomingId| self.coming[*coming].offer.waits && self.coming[*coming].result.is_none();
        self.coming.keys().filter(waits).copied().collect()
    }
}

/// What a receiver has after so many bytes of a message.
pub(super) fn have(bytes: &[u8]) -> Have {
    let mut hasher = blake3::Hasher::new();
    hasher.update(bytes);
    Have { bytes: u64::try_from(bytes.len()).unwrap(), hasher }
}

pub(super) fn noise(seed: u64, count: usize) -> Bytes {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; count];
    rng.fill(&mut bytes);
    bytes.into()
}
