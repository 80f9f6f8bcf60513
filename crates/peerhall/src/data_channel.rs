//! A data channel that holds senders back instead of filling memory (sdk-behaviour, section 7).

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::Stream;
use peerhall_core::ConfigError;
use peerhall_rtc::{Channel, ChannelEvent, Message, ReadyState};
use tokio::sync::{Notify, mpsc};

use crate::error::DataChannelError;
use crate::events::{Events, Sender};

/// Messages that wait for the application; further ones wait in the connection, which slows its peer
/// down.
const UNREAD: usize = 64;

/// How often a waiting send looks for room, should the connection not tell of it.
const RECHECK: Duration = Duration::from_millis(100);

/// Limits of a data channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataChannelOptions {
    max_buffered_amount: usize,
    buffered_amount_low_threshold: usize,
    max_queued_sends: usize,
}

impl Default for DataChannelOptions {
    /// 1 MiB, half of it, 256 sends (sdk-behaviour, section 7).
    fn default() -> Self {
        let max_buffered_amount = 1_048_576;
        Self {
            max_buffered_amount,
            buffered_amount_low_threshold: max_buffered_amount / 2,
            max_queued_sends: 256,
        }
    }
}

impl DataChannelOptions {
    /// Limits: the most bytes that may wait to be sent, the bytes at which waiting sends go on, and the
    /// sends that may wait.
    ///
    /// # Errors
    ///
    /// [`ConfigError::DataChannelLimits`] for a ceiling of 0, a low mark outside 1 to the ceiling, or no
    /// send at all.
    pub fn new(
        max_buffered_amount: usize,
        buffered_amount_low_threshold: usize,
        max_queued_sends: usize,
    ) -> Result<Self, ConfigError> {
        let low = 1..=max_buffered_amount;
        if max_queued_sends == 0 || !low.contains(&buffered_amount_low_threshold) {
            return Err(ConfigError::DataChannelLimits);
        }
        Ok(Self { max_buffered_amount, buffered_amount_low_threshold, max_queued_sends })
    }
}

/// Something about a channel other than its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataChannelEvent {
    /// It can be used; after a reset of the connection again, if it reopens.
    Open,
    /// The remote side, or the connection, closed it. An own `close` is not told.
    Close,
    /// Something was wrong with a message, in words.
    Error(String),
}

/// A data channel. Clones are the same channel: its messages go to one of them.
///
/// Dropping all handles leaves the channel open, as in a browser; [`close`](Self::close) closes it.
#[derive(Clone)]
pub struct DataChannel {
    inner: Arc<Inner>,
}

struct Inner {
    options: DataChannelOptions,
    channel: Mutex<Channel>,
    /// Held by the send whose turn it is; the lock is fair, so sends go out in order.
    turn: tokio::sync::Mutex<()>,
    queued: AtomicUsize,
    /// Room, or the end.
    room: Notify,
    events: Mutex<Sender<DataChannelEvent>>,
    messages: tokio::sync::Mutex<mpsc::Receiver<Message>>,
    unread: mpsc::Sender<Message>,
    on_close: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl DataChannel {
    /// Takes over a raw channel. Must be called on a tokio runtime.
    #[must_use]
    pub fn wrap(channel: Channel, options: DataChannelOptions) -> Self {
        let (unread, messages) = mpsc::channel(UNREAD);
        let inner = Arc::new(Inner {
            options,
            channel: Mutex::new(channel.clone()),
            turn: tokio::sync::Mutex::new(()),
            queued: AtomicUsize::new(0),
            room: Notify::new(),
            events: Mutex::new(Sender::new()),
            messages: tokio::sync::Mutex::new(messages),
            unread,
            on_close: Mutex::new(None),
        });
        let this = Self { inner };
        this.attach(channel);
        this
    }

    /// What to do when the application closes it.
    pub(crate) fn when_closed(&self, action: impl FnOnce() + Send + 'static) {
        *lock(&self.inner.on_close) = Some(Box::new(action));
    }

    /// Puts another raw channel in the place of one whose connection is gone.
    pub(crate) fn replace(&self, channel: Channel) {
        *lock(&self.inner.channel) = channel.clone();
        self.inner.room.notify_waiters();
        self.attach(channel);
    }

    fn attach(&self, channel: Channel) {
        channel.set_buffered_amount_low_threshold(self.inner.options.buffered_amount_low_threshold);
        tokio::spawn(pump(Arc::downgrade(&self.inner), self.inner.unread.clone(), channel));
    }

    /// The channel's label.
    #[must_use]
    pub fn label(&self) -> String {
        self.raw().label().to_owned()
    }

    /// The channel's state.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.raw().ready_state()
    }

    /// Bytes that wait to be sent, without those on their way: 0 does not say that all has arrived.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.raw().buffered_amount()
    }

    /// The channel below, for what is not offered here. Its events are taken already.
    #[must_use]
    pub fn raw(&self) -> Channel {
        lock(&self.inner.channel).clone()
    }

    /// Sends a message, behind those sent before. Waits while too many bytes wait to be sent. One failed
    /// send does not fail the next.
    ///
    /// # Errors
    ///
    /// - [`DataChannelError::NotOpen`] unless open, and when the channel closes meanwhile.
    /// - [`DataChannelError::Overflow`] when too many sends wait.
    /// - [`DataChannelError::TooBig`] when the message alone exceeds the ceiling, or what the remote peer
    ///   takes.
    ///
    /// # Cancel safety
    ///
    /// A message whose future is dropped while it waits is not sent.
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), DataChannelError> {
        let message = message.into();
        let inner = &*self.inner;
        let channel = self.raw();
        if channel.ready_state() != ReadyState::Open {
            return Err(DataChannelError::NotOpen);
        }
        let (size, cap) = (message.len(), inner.options.max_buffered_amount);
        if size > cap {
            return Err(DataChannelError::TooBig { size, cap });
        }
        let _waiting = Waiting::enter(&inner.queued, inner.options.max_queued_sends)?;
        let _turn = inner.turn.lock().await;
        loop {
            let room = inner.room.notified();
            if channel.ready_state() != ReadyState::Open {
                return Err(DataChannelError::NotOpen);
            }
            if channel.buffered_amount() + size <= cap {
                match channel.try_send(message.clone()) {
                    Ok(()) => return Ok(()),
                    Err(peerhall_rtc::error::SendError::Full) => {}
                    Err(error) => return Err(refused(error)),
                }
            }
            let _ = tokio::time::timeout(RECHECK, room).await;
        }
    }

    /// The next message; `None` once the channel is closed and everything was read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn recv(&self) -> Option<Message> {
        let mut messages = self.inner.messages.lock().await;
        loop {
            let closed = self.inner.room.notified();
            if let Ok(message) = messages.try_recv() {
                return Some(message);
            }
            if self.is_over() {
                return messages.try_recv().ok();
            }
            tokio::select! {
                message = messages.recv() => return message,
                () = closed => {}
            }
        }
    }

    /// The messages as a stream; it shares them with [`recv`](Self::recv).
    pub fn on_message(&self) -> impl Stream<Item = Message> + Send + use<> {
        let channel = self.clone();
        futures_util::stream::unfold(channel, |channel| async move {
            let message = channel.recv().await?;
            Some((message, channel))
        })
    }

    /// Everything but messages.
    #[must_use]
    pub fn events(&self) -> Events<DataChannelEvent> {
        // Whoever comes after the opening learns of it too.
        let open = (self.ready_state() == ReadyState::Open).then_some(DataChannelEvent::Open);
        Events::new(open, lock(&self.inner.events).subscribe(), Some, |_| None)
    }

    /// Resolves when the channel is open.
    ///
    /// # Errors
    ///
    /// [`DataChannelError::NotOpen`] when it closes instead.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn opened(&self) -> Result<(), DataChannelError> {
        let mut events = self.events();
        loop {
            match events.next().await {
                Some(DataChannelEvent::Open) => return Ok(()),
                Some(DataChannelEvent::Error(_)) => {}
                Some(DataChannelEvent::Close) | None => return Err(DataChannelError::NotOpen),
            }
        }
    }

    /// Closes the channel: what was sent goes out, sends that wait fail, and nothing is told any more.
    pub fn close(&self) {
        if let Some(action) = lock(&self.inner.on_close).take() {
            action();
        }
        lock(&self.inner.events).end();
        self.raw().close();
        self.inner.room.notify_waiters();
    }

    fn is_over(&self) -> bool {
        self.ready_state() == ReadyState::Closed && lock(&self.inner.on_close).is_none()
    }
}

impl fmt::Debug for DataChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataChannel({:?}, {:?})", self.label(), self.ready_state())
    }
}

/// A send's place in the queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(queued: &'a AtomicUsize, cap: usize) -> Result<Self, DataChannelError> {
        let before = queued.fetch_add(1, Ordering::AcqRel);
        let place = Self(queued);
        if before >= cap { Err(DataChannelError::Overflow { queued: before, cap }) } else { Ok(place) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Moves what a raw channel tells. The connection holds back its peer while messages wait here.
async fn pump(inner: std::sync::Weak<Inner>, unread: mpsc::Sender<Message>, channel: Channel) {
    while let Some(event) = channel.next_event().await {
        let told = match event {
            ChannelEvent::Message(message) => {
                // Nobody is left to read when all handles are gone.
                if unread.send(message).await.is_err() {
                    return;
                }
                continue;
            }
            ChannelEvent::Open => DataChannelEvent::Open,
            ChannelEvent::InvalidText => {
                DataChannelEvent::Error("a text that is not UTF-8 was dropped".to_owned())
            }
            ChannelEvent::Close => DataChannelEvent::Close,
            ChannelEvent::BufferedAmountLow | _ => {
                wake(&inner);
                continue;
            }
        };
        wake(&inner);
        let Some(inner) = inner.upgrade() else { return };
        lock(&inner.events).send(told);
    }
    wake(&inner);
}

fn wake(inner: &std::sync::Weak<Inner>) {
    if let Some(inner) = inner.upgrade() {
        inner.room.notify_waiters();
    }
}

fn refused(error: peerhall_rtc::error::SendError) -> DataChannelError {
    use peerhall_rtc::error::SendError;
    match error {
        SendError::TooLarge { size, limit } => DataChannelError::TooBig { size, cap: limit },
        SendError::Empty => DataChannelError::Empty,
        SendError::NotOpen | SendError::Full | _ => DataChannelError::NotOpen,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
