//! The part of a data channel that its users and the connection's task both hold.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{ChannelEvent, DataChannelInit, Message, ReadyState};
use crate::error::SendError;
use crate::wake::{Wake, Work};

/// One data channel.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Distinguishes it from the other channels of the connection.
    pub(crate) key: u64,
    pub(crate) label: String,
    pub(crate) init: DataChannelInit,
    wake: Arc<Wake>,
    unread: Arc<Unread>,
    /// Bytes that may wait to be sent.
    limit: usize,
    state: Mutex<State>,
    /// Rings when something can be read.
    readable: Notify,
    /// Rings when there is room to send, and at the end.
    room: Notify,
    /// Held while waiting for room, so that sends stay in the order in which they were called.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    ready: ReadyState,
    id: Option<u16>,
    /// Largest message that the remote takes.
    max_message: usize,
    outgoing: VecDeque<Outgoing>,
    /// Bytes in `outgoing`, and those that the engine was handed in this turn of the connection.
    buffered: usize,
    low_threshold: usize,
    events: VecDeque<ChannelEvent>,
}

/// What waits to be read on all channels of a connection together.
#[derive(Debug)]
pub(crate) struct Unread {
    bytes: AtomicUsize,
    limit: usize,
}

impl Unread {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), limit })
    }

    /// Whether more than the limit waits.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.limit
    }

    /// Whether so much has been read that it pays to let more come.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) <= self.limit / 2
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes away, and says whether that made room.
    fn remove(&self, bytes: usize) -> bool {
        let before = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        before > self.limit / 2 && before.saturating_sub(bytes) <= self.limit / 2
    }
}

/// A message on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) message: Message,
}

impl Shared {
    pub(crate) fn new(
        key: u64,
        label: String,
        init: DataChannelInit,
        limit: usize,
        wake: Arc<Wake>,
        unread: Arc<Unread>,
    ) -> Arc<Self> {
        Arc::new(Self {
            key,
            label,
            wake,
            unread,
            limit,
            state: Mutex::new(State {
                ready: ReadyState::Connecting,
                id: init.negotiated,
                max_message: 0,
                outgoing: VecDeque::new(),
                buffered: 0,
                low_threshold: 0,
                events: VecDeque::new(),
            }),
            init,
            readable: Notify::new(),
            room: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    // What users call.

    pub(crate) fn id(&self) -> Option<u16> {
        self.state().id
    }

    pub(crate) fn ready_state(&self) -> ReadyState {
        self.state().ready
    }

    pub(super) fn buffered(&self) -> usize {
        self.state().buffered
    }

    pub(super) fn low_threshold(&self) -> usize {
        self.state().low_threshold
    }

    pub(super) fn set_low_threshold(&self, bytes: usize) {
        self.state().low_threshold = bytes;
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), SendError> {
        let _turn = self.turn.lock().await;
        loop {
            let room = self.room.notified();
            match self.offer(&message) {
                Ok(()) => {
                    self.push(message);
                    return Ok(());
                }
                Err(SendError::Full) => room.await,
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn try_send(&self, message: Message) -> Result<(), SendError> {
        // Somebody who waits comes first.
        let turn = self.turn.try_lock();
        let checked = self.offer(&message);
        if turn.is_err() && checked.is_ok() {
            return Err(SendError::Full);
        }
        checked?;
        self.push(message);
        Ok(())
    }

    pub(super) fn close(&self) {
        let mut state = self.state();
        if matches!(state.ready, ReadyState::Connecting | ReadyState::Open) {
            state.ready = ReadyState::Closing;
            drop(state);
            self.room.notify_waiters();
            self.wake.ring(Work::Channel(self.key));
        }
    }

    pub(super) async fn next_event(&self) -> Option<ChannelEvent> {
        loop {
            let readable = self.readable.notified();
            match self.take_event() {
                Ok(event) => return Some(event),
                Err(ReadyState::Closed) => {
                    self.readable.notify_one();
                    return None;
                }
                Err(ReadyState::Connecting | ReadyState::Open | ReadyState::Closing) => readable.await,
            }
        }
    }

    pub(super) fn try_next_event(&self) -> Option<ChannelEvent> {
        self.take_event().ok()
    }

    /// The next event; without one, the state in which there is none.
    fn take_event(&self) -> Result<ChannelEvent, ReadyState> {
        let mut state = self.state();
        let Some(event) = state.events.pop_front() else { return Err(state.ready) };
        let more = !state.events.is_empty() || state.ready == ReadyState::Closed;
        drop(state);
        if more {
            // A ring wakes one reader; what is left is for the next.
            self.readable.notify_one();
        }
        self.read(&event);
        Ok(event)
    }

    // What the connection's task calls.

    /// The channel works now.
    pub(crate) fn opened(&self, id: Option<u16>, max_message: usize) {
        let mut state = self.state();
        state.id = id;
        state.max_message = max_message;
        if state.ready == ReadyState::Connecting {
            state.ready = ReadyState::Open;
            state.events.push_back(ChannelEvent::Open);
        }
        drop(state);
        self.readable.notify_one();
    }

    /// A message came.
    pub(crate) fn received(&self, event: ChannelEvent) {
        if let ChannelEvent::Message(message) = &event {
            self.unread.add(weight(message));
        }
        self.state().events.push_back(event);
        self.readable.notify_one();
    }

    /// The next message to hand to the engine, which gives it back to [`put_back`](Self::put_back)
    /// when it cannot take it.
    pub(crate) fn next_outgoing(&self) -> Option<Outgoing> {
        self.state().outgoing.pop_front()
    }

    pub(crate) fn put_back(&self, outgoing: Outgoing) {
        self.state().outgoing.push_front(outgoing);
    }

    /// Whether everything has been handed to the engine.
    pub(crate) fn is_drained(&self) -> bool {
        self.state().outgoing.is_empty()
    }

    /// The engine has `bytes` more of it, which wait no longer.
    pub(crate) fn handed(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut state = self.state();
        let before = state.buffered;
        state.buffered = before.saturating_sub(bytes);
        let crossed = before > state.low_threshold && state.buffered <= state.low_threshold;
        if crossed && state.ready == ReadyState::Open {
            state.events.push_back(ChannelEvent::BufferedAmountLow);
            self.readable.notify_one();
        }
        drop(state);
        self.room.notify_waiters();
    }

    /// The channel is no more.
    pub(crate) fn closed(&self) {
        let mut state = self.state();
        if state.ready == ReadyState::Closed {
            return;
        }
        state.ready = ReadyState::Closed;
        state.outgoing.clear();
        state.buffered = 0;
        state.events.push_back(ChannelEvent::Close);
        drop(state);
        self.readable.notify_one();
        self.room.notify_waiters();
    }

    // What both need.

    /// Whether the message could be taken now.
    fn offer(&self, message: &Message) -> Result<(), SendError> {
        let state = self.state();
        let size = message.len();
        if state.ready != ReadyState::Open {
            Err(SendError::NotOpen)
        } else if message.is_empty() {
            Err(SendError::Empty)
        } else if size > state.max_message {
            Err(SendError::TooLarge { size, limit: state.max_message })
        } else if state.buffered > 0 && state.buffered + weight(message) > self.limit {
            Err(SendError::Full)
        } else {
            Ok(())
        }
    }

    fn push(&self, message: Message) {
        let mut state = self.state();
        state.buffered += message.len();
        state.outgoing.push_back(Outgoing { message });
        drop(state);
        self.wake.ring(Work::Channel(self.key));
    }

    fn read(&self, event: &ChannelEvent) {
        if let ChannelEvent::Message(message) = event
            && self.unread.remove(weight(message))
        {
            self.wake.ring(Work::Room);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Nobody can read the rest; it must not hold the other channels up.
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let rest = state.events.iter().filter_map(|event| match event {
            ChannelEvent::Message(message) => Some(weight(message)),
            ChannelEvent::Open
            | ChannelEvent::BufferedAmountLow
            | ChannelEvent::InvalidText
            | ChannelEvent::Close => None,
        });
        if self.unread.remove(rest.sum()) {
            self.wake.ring(Work::Room);
        }
    }
}

/// What a message costs while it waits: its payload, and its place in a queue, so that a flood of
/// empty messages is bounded too.
fn weight(message: &Message) -> usize {
    message.len() + size_of::<ChannelEvent>()
}
