//! Data channels as their users hold them.

mod shared;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use shared::{Shared, Unread};

use crate::error::SendError;

/// How a data channel is to behave, as in the browser's `RTCDataChannelInit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataChannelInit {
    /// Whether messages arrive in the order of their sending. Default: yes.
    pub ordered: bool,
    /// How often a lost message is sent again; `None`, the default, is without limit.
    pub max_retransmits: Option<u16>,
    /// For how many milliseconds a lost message is sent again; `None`, the default, is without limit.
    pub max_packet_life_time: Option<u16>,
    /// Name of the protocol spoken in the channel. Default: empty.
    pub protocol: String,
    /// An id, 0 to 1,023, that both sides have agreed on outside the connection; both then create the
    /// channel and neither is told of it. `None`, the default, lets the remote be told.
    pub negotiated: Option<u16>,
}

impl Default for DataChannelInit {
    fn default() -> Self {
        Self {
            ordered: true,
            max_retransmits: None,
            max_packet_life_time: None,
            protocol: String::new(),
            negotiated: None,
        }
    }
}

/// State of a data channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// Waiting for the connection or for the remote.
    Connecting,
    /// Messages can be sent.
    Open,
    /// Being closed; what was sent before still goes out.
    Closing,
    /// Closed.
    Closed,
}

/// A message of a data channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// Bytes of the payload.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is no payload.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

/// What happens on a data channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// It can be used now.
    Open,
    /// A message came.
    Message(Message),
    /// The bytes waiting to be sent fell to the threshold or below it.
    BufferedAmountLow,
    /// A message that is not UTF-8 came as text, and was dropped.
    InvalidText,
    /// The channel is closed, by either side or with its connection. Nothing follows.
    Close,
}

/// A data channel. Clones are the same channel. Dropping all of them neither closes the channel
/// nor stops its messages from being received; [`close`](Self::close) does.
#[derive(Clone)]
pub struct Channel {
    shared: Arc<Shared>,
}

impl Channel {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Its label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.shared.label
    }

    /// Name of the protocol spoken in it.
    #[must_use]
    pub fn protocol(&self) -> &str {
        &self.shared.init.protocol
    }

    /// How it was asked to behave.
    #[must_use]
    pub fn init(&self) -> &DataChannelInit {
        &self.shared.init
    }

    /// Whether messages arrive in the order of their sending.
    #[must_use]
    pub fn ordered(&self) -> bool {
        self.shared.init.ordered
    }

    /// Its number on the wire; `None` until the connection has given it one.
    #[must_use]
    pub fn id(&self) -> Option<u16> {
        self.shared.id()
    }

    /// Its state.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.shared.ready_state()
    }

    /// Bytes taken by [`send`](Self::send) that wait to be sent. What is on its way does not count, as in browsers: up to
    /// 1.5 MiB of all channels of a connection. So 0 does not say that all has arrived; [`close`](Self::close) waits
    /// until it has.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.shared.buffered()
    }

    /// Bytes at which [`ChannelEvent::BufferedAmountLow`] is told. Default: 0.
    #[must_use]
    pub fn buffered_amount_low_threshold(&self) -> usize {
        self.shared.low_threshold()
    }

    /// Sets the bytes at which [`ChannelEvent::BufferedAmountLow`] is told. The event comes when the
    /// amount crosses the threshold downwards, not when the threshold is moved over the amount.
    pub fn set_buffered_amount_low_threshold(&self, bytes: usize) {
        self.shared.set_low_threshold(bytes);
    }

    /// Sends a message, behind all that were sent before. Waits while the channel's send buffer
    /// ([`Config::send_buffer`](crate::Config::send_buffer)) is full; a message larger than the
    /// buffer waits until it is empty.
    ///
    /// # Errors
    ///
    /// - [`SendError::NotOpen`] before the channel has opened and once it closes, also while waiting.
    /// - [`SendError::TooLarge`] when the remote does not take messages of that size, or it is larger
    ///   than 1 MiB, and
    ///   [`SendError::Empty`] for one without a payload.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the message is not sent and holds nobody up.
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.send(message.into()).await
    }

    /// Sends a message if there is room at once.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`SendError::Full`] when it would have to wait.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.try_send(message.into())
    }

    /// Closes the channel. What was sent before still goes out; [`ChannelEvent::Close`] follows.
    pub fn close(&self) {
        self.shared.close();
    }

    /// The next thing that happens, or `None` after [`ChannelEvent::Close`]. Clones share one queue,
    /// and each event goes to one of them.
    ///
    /// Messages wait here until they are read. When those of all channels of a connection together
    /// exceed [`Config::receive_buffer`](crate::Config::receive_buffer), the connection takes no
    /// data from the network, but for one datagram every half second, until half of it has been
    /// read: the remotes' sends slow down, on the other channels of this connection too, and nothing
    /// of reliable channels is lost.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next_event(&self) -> Option<ChannelEvent> {
        self.shared.next_event().await
    }

    /// The next event, if there is one already; [`next_event`](Self::next_event) says when there is none any more.
    #[must_use]
    pub fn try_next_event(&self) -> Option<ChannelEvent> {
        self.shared.try_next_event()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({:?}, {:?})", self.shared.label, self.ready_state())
    }
}
