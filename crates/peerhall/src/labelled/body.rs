//! What handles, channels and timers of one remote peer share: the session, and the loop that carries out
//! what it wants.

mod server;
mod tasks;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use peerhall_labelled::{
    BUFFER_LOW, ChannelId, ChannelOptions, Event, IncomingId, OutgoingId, Output, Progress, Receipt,
    RemoteChannel, Role, Sending, Session, TransferError,
};
use peerhall_rtc::{Channel, DataChannelInit, PeerConnection};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::error::SendError;
use super::feed::{Ask, feed};
use super::incoming::{Arrival, Incoming};
use super::payload::{Payload, Source};
use super::room_event::RoomEvent;
use super::room_peer::RoomPeer;
use super::streams::Sights;
use super::transfer::Transfer;
use crate::events::Sender;
use crate::remote_peer::RemotePeer;

/// Number of a channel that neither side uses, for connections on which nothing was negotiated yet: a
/// negotiated channel is not announced to the other side. The largest that browsers take is 1,023.
const PROBE: u16 = 1_022;

/// Rounds of sending after which others get the lock; each fills a channel's buffer once.
const ROUNDS: usize = 4;

/// Shared by everybody who has to do with the labelled channels to one remote peer.
pub(super) struct PeerShared {
    pub(super) remote: RemotePeer,
    state: Mutex<State>,
    sights: Mutex<Sights>,
    started: Instant,
    /// The deadline has changed, or channels are to be looked after.
    wake: Notify,
    events: Arc<Mutex<Sender<RoomEvent>>>,
    arrivals: mpsc::UnboundedSender<Incoming>,
}

struct State {
    session: Session,
    connection: Option<PeerConnection>,
    channels: HashMap<ChannelId, Channel>,
    /// Channels that are being made.
    making: HashSet<ChannelId>,
    outgoing: HashMap<OutgoingId, Sent>,
    incoming: HashMap<IncomingId, Arc<Arrival>>,
    deadline: Option<Duration>,
    /// Nobody keeps time for it any more.
    over: bool,
}

/// A message that is being sent.
struct Sent {
    source: Supply,
    /// Counts how often the source began.
    beginning: u32,
    total: Option<u64>,
    progress: watch::Sender<Progress>,
    result: Option<oneshot::Sender<Result<Receipt, TransferError>>>,
}

enum Supply {
    Memory(Bytes),
    Reader(mpsc::UnboundedSender<Ask>),
}

impl PeerShared {
    pub(super) fn new(
        remote: RemotePeer,
        connection: Option<PeerConnection>,
        session: Session,
        events: Arc<Mutex<Sender<RoomEvent>>>,
        arrivals: mpsc::UnboundedSender<Incoming>,
    ) -> Arc<Self> {
        let state = State {
            session,
            connection,
            channels: HashMap::new(),
            making: HashSet::new(),
            outgoing: HashMap::new(),
            incoming: HashMap::new(),
            deadline: None,
            over: false,
        };
        let sights = Mutex::new(Sights::new());
        let shared = Arc::new(Self {
            remote,
            sights,
            state: Mutex::new(state),
            started: Instant::now(),
            wake: Notify::new(),
            events,
            arrivals,
        });
        tokio::spawn(tasks::keep_time(Arc::downgrade(&shared)));
        shared
    }

    /// Calls the session, and sees to what follows.
    pub(super) fn call<T>(self: &Arc<Self>, call: impl FnOnce(&mut Session, Duration) -> T) -> T {
        let mut state = self.state();
        let now = self.started.elapsed();
        let result = call(&mut state.session, now);
        self.settle(&mut state, now);
        result
    }

    /// Sends a message.
    pub(super) fn send(
        self: &Arc<Self>,
        payload: Payload,
        label: &str,
        info: Bytes,
    ) -> Result<Transfer, SendError> {
        let mut state = self.state();
        let now = self.started.elapsed();
        let Payload { kind, source, total, content, .. } = payload;
        let id = state.session.send(now, label, Sending { kind, info, total, content })?;
        let (progress, watched) = watch::channel(Progress { total, ..Progress::default() });
        let (result, answer) = oneshot::channel();
        let source = match source {
            Source::Memory(bytes) => Supply::Memory(bytes),
            Source::Reader(reader) => {
                // The session asks again only when it was answered, so there are two asks at most.
                let (asks, asked) = mpsc::unbounded_channel();
                tokio::spawn(feed(Arc::downgrade(self), id, asked, reader));
                Supply::Reader(asks)
            }
        };
        let sent = Sent { source, beginning: 0, total, progress, result: Some(result) };
        state.outgoing.insert(id, sent);
        self.settle(&mut state, now);
        Ok(Transfer::new(Arc::downgrade(self), id, answer, watched))
    }

    /// Bytes of a reader, unless it has begun anew meanwhile.
    pub(super) fn provide(self: &Arc<Self>, id: OutgoingId, beginning: u32, bytes: Bytes, last: bool) {
        let mut state = self.state();
        if state.outgoing.get(&id).is_some_and(|sent| sent.beginning == beginning) {
            let now = self.started.elapsed();
            state.session.provide(now, id, bytes, last);
            self.settle(&mut state, now);
        }
    }

    /// The connection was replaced.
    pub(super) fn reset(self: &Arc<Self>, connection: Option<PeerConnection>, role: Role) {
        let mut state = self.state();
        state.connection = connection;
        state.channels.clear();
        state.making.clear();
        let now = self.started.elapsed();
        state.session.reset(now, role);
        self.settle(&mut state, now);
    }

    /// The remote peer has left, or the layer ends: everything that is on its way fails.
    pub(super) fn finish(self: &Arc<Self>) {
        let mut state = self.state();
        state.session.end();
        state.over = true;
        self.settle(&mut state, self.started.elapsed());
        self.wake.notify_one();
    }

    /// The remote opened a labelled channel.
    pub(super) fn remote_channel(self: &Arc<Self>, channel: Channel) {
        let mut state = self.state();
        let init = channel.init();
        let init = ChannelOptions {
            ordered: init.ordered,
            max_retransmits: init.max_retransmits,
            max_packet_life_time: init.max_packet_life_time,
            protocol: init.protocol.clone(),
        };
        let label = channel.label().to_owned();
        if let Some(id) = state.session.remote_channel(RemoteChannel { label, init }) {
            self.attach(&mut state, id, channel);
        }
        self.settle(&mut state, self.started.elapsed());
    }

    /// The raw channel of a label that is open, for what is not framed.
    pub(super) fn raw(&self, label: &str) -> Option<Channel> {
        self.state().channels.values().find(|channel| channel.label() == label).cloned()
    }

    /// The labels that are open or being opened.
    pub(super) fn labels(&self) -> Vec<String> {
        self.state().session.labels().map(|(label, _)| label.to_string()).collect()
    }

    /// The application has let go of a message that comes.
    pub(super) fn forget(self: &Arc<Self>, id: IncomingId, reason: Option<&str>) {
        let mut state = self.state();
        state.incoming.remove(&id);
        if let Some(reason) = reason {
            let now = self.started.elapsed();
            state.session.cancel(now, id, reason);
            self.settle(&mut state, now);
        }
    }

    /// What is seen of it besides channels and messages.
    pub(super) fn sights(&self) -> MutexGuard<'_, Sights> {
        self.sights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out what the session wants, and tells it what the channels hold back.
    fn settle(self: &Arc<Self>, state: &mut State, now: Duration) {
        for _ in 0..ROUNDS {
            let mut filled = HashSet::new();
            while let Some(output) = state.session.poll_output() {
                self.carry_out(state, now, output, &mut filled);
            }
            if filled.is_empty() {
                break;
            }
            for id in filled {
                if let Some(channel) = state.channels.get(&id) {
                    state.session.buffered(now, id, channel.buffered_amount());
                }
            }
        }
        let mut more = HashSet::new();
        while let Some(output) = state.session.poll_output() {
            self.carry_out(state, now, output, &mut more);
        }
        let deadline = state.session.deadline();
        let earlier = deadline.is_some_and(|at| state.deadline.is_none_or(|known| at < known));
        if earlier || !more.is_empty() {
            state.deadline = deadline;
            self.wake.notify_one();
        }
    }

    fn carry_out(
        self: &Arc<Self>,
        state: &mut State,
        now: Duration,
        output: Output,
        filled: &mut HashSet<ChannelId>,
    ) {
        match output {
            Output::Create { channel, label, init } => self.create(state, channel, &label, init),
            Output::Negotiate => self.negotiate(state),
            Output::Send { channel, bytes } => {
                if let Some(open) = state.channels.get(&channel) {
                    // One that is closed says so itself, and none takes more than fits.
                    let _ = open.try_send(bytes);
                    filled.insert(channel);
                }
            }
            Output::Close(channel) => {
                state.making.remove(&channel);
                if let Some(open) = state.channels.remove(&channel) {
                    open.close();
                }
            }
            Output::Direct { number, text } => self.post(state, now, number, text),
            Output::Want { transfer, bytes } => supply(state, now, transfer, bytes),
            Output::Rewind(transfer) => {
                if let Some(sent) = state.outgoing.get_mut(&transfer) {
                    sent.beginning = sent.beginning.wrapping_add(1);
                    if let Supply::Reader(asks) = &sent.source {
                        // A reader that has failed has ended the message.
                        let _ = asks.send(Ask::Rewind { total: sent.total });
                    }
                }
            }
            Output::Event(event) => self.happens(state, event),
        }
    }

    fn create(self: &Arc<Self>, state: &mut State, id: ChannelId, label: &str, init: ChannelOptions) {
        let Some(connection) = state.connection.clone() else { return };
        state.making.insert(id);
        let init = DataChannelInit {
            ordered: init.ordered,
            max_retransmits: init.max_retransmits,
            max_packet_life_time: init.max_packet_life_time,
            protocol: init.protocol,
            negotiated: None,
        };
        let (shared, label) = (Arc::downgrade(self), label.to_owned());
        tokio::spawn(async move {
            let made = connection.create_data_channel(&label, init).await;
            let Some(shared) = shared.upgrade() else { return };
            let mut state = shared.state();
            let wanted = state.making.remove(&id);
            match made {
                Ok(channel) if wanted => shared.attach(&mut state, id, channel),
                // It was closed before it was there.
                Ok(channel) => channel.close(),
                // The connection has ended, and is replaced.
                Err(error) => {
                    tracing::debug!(target: "peerhall", "a labelled channel was not opened: {error}")
                }
            }
        });
    }

    fn negotiate(&self, state: &State) {
        let Some(connection) = state.connection.clone() else { return };
        tokio::spawn(async move {
            let init = DataChannelInit { negotiated: Some(PROBE), ..DataChannelInit::default() };
            if let Err(error) = connection.create_data_channel("", init).await {
                tracing::debug!(target: "peerhall", "labels were not asked for: {error}");
            }
        });
    }

    fn attach(self: &Arc<Self>, state: &mut State, id: ChannelId, channel: Channel) {
        channel.set_buffered_amount_low_threshold(BUFFER_LOW);
        state.channels.insert(id, channel.clone());
        if peerhall_labelled::labelled_protocol(channel.protocol()).is_some_and(str::is_empty)
            && channel.ordered()
        {
            tokio::spawn(tasks::pump(Arc::downgrade(self), id, channel));
        } else {
            tokio::spawn(tasks::watch_raw(Arc::downgrade(self), id, channel));
        }
    }

    fn happens(self: &Arc<Self>, state: &mut State, event: Event) {
        match event {
            Event::Progress { transfer, progress } => {
                if let Some(sent) = state.outgoing.get(&transfer) {
                    sent.progress.send_replace(progress);
                }
            }
            Event::Sent { transfer, receipt } => end(state, transfer, Ok(receipt)),
            Event::SendFailed { transfer, error } => end(state, transfer, Err(error)),
            Event::Incoming { incoming, label, offer } => {
                let arrival = Arc::new(Arrival::default());
                state.incoming.insert(incoming, Arc::clone(&arrival));
                let message = Incoming::new(Arc::clone(self), incoming, &label, offer, arrival);
                // A room that is gone takes no messages, and the message is cancelled by being dropped,
                // which needs the lock.
                if let Err(unwanted) = self.arrivals.send(message) {
                    tokio::spawn(async move { drop(unwanted) });
                }
            }
            Event::Data { incoming, bytes } => {
                if let Some(arrival) = state.incoming.get(&incoming) {
                    arrival.push(bytes);
                }
            }
            Event::Complete { incoming, receipt } => {
                if let Some(arrival) = state.incoming.get(&incoming) {
                    arrival.end(Ok(receipt));
                }
            }
            Event::IncomingFailed { incoming, error } => {
                if let Some(arrival) = state.incoming.remove(&incoming) {
                    arrival.end(Err(error));
                }
            }
            Event::Ready => self.tell(RoomEvent::Ready(self.handle())),
            Event::Way(way) => self.tell(RoomEvent::Way { peer: self.handle(), way }),
            Event::OverQuota => self.tell(RoomEvent::OverQuota(self.handle())),
            Event::Channel { label, change } => {
                let event = RoomEvent::Channel { peer: self.handle(), label: label.to_string(), change };
                self.tell(event);
            }
            Event::CutOff(reason) => self.tell(RoomEvent::CutOff { peer: self.handle(), reason }),
            Event::Text { .. } => {}
        }
    }

    /// Tells the session what channels hold back, and that time has passed unless `woken`; returns whether it
    /// goes on.
    fn look(self: &Arc<Self>, woken: bool) -> bool {
        let mut state = self.state();
        if state.over {
            return false;
        }
        let now = self.started.elapsed();
        let held: Vec<_> =
            state.channels.iter().map(|(id, channel)| (*id, channel.buffered_amount())).collect();
        held.into_iter().for_each(|(id, bytes)| state.session.buffered(now, id, bytes));
        if !woken {
            state.session.handle_timeout(now);
        }
        // What is known here already needs nobody to be woken for it.
        state.deadline = state.session.deadline();
        self.settle(&mut state, now);
        state.deadline = state.session.deadline();
        true
    }

    fn handle(self: &Arc<Self>) -> RoomPeer {
        RoomPeer { shared: Arc::clone(self) }
    }

    pub(super) fn tell(&self, event: RoomEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).send(event);
    }
}

fn supply(state: &mut State, now: Duration, transfer: OutgoingId, bytes: usize) {
    let Some(sent) = state.outgoing.get(&transfer) else { return };
    match &sent.source {
        Supply::Memory(all) => {
            let all = all.clone();
            state.session.provide(now, transfer, all, true);
        }
        Supply::Reader(asks) => {
            // A reader that has failed has ended the message.
            let _ = asks.send(Ask::More { bytes, beginning: sent.beginning });
        }
    }
}

fn end(state: &mut State, transfer: OutgoingId, how: Result<Receipt, TransferError>) {
    if let Some(result) = state.outgoing.remove(&transfer).and_then(|mut sent| sent.result.take()) {
        // Who has dropped the transfer does not want to know.
        let _ = result.send(how);
    }
}
