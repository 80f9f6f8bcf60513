//! What a session wants done, in the order in which it must be done.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::{CutOff, TransferError};
use crate::frame::{ContentId, Kind, Proof};
use crate::options::ChannelOptions;
use crate::progress::Progress;

/// A data channel, as session and driver call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub(crate) u64);

impl ChannelId {
    /// Its number, for a border that only numbers cross.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The channel of a number; one that was never given out is nobody's.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// A message that is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutgoingId(pub(crate) u32);

impl OutgoingId {
    /// Its number, for a border that only numbers cross.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The message of a number; one that was never given out is nobody's.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// A message that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncomingId(pub(crate) u64);

impl IncomingId {
    /// Its number, for a border that only numbers cross.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The message of a number; one that was never given out is nobody's.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// One thing that the driver does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Create an in-band data channel, and report on it under this number.
    Create {
        /// What it is called from now on.
        channel: ChannelId,
        /// Its label.
        label: Arc<str>,
        /// Its behaviour; the protocol is the one to create it with.
        init: ChannelOptions,
    },
    /// Make the connection negotiate if nothing was negotiated on it yet, with something that the remote
    /// application is not told of, such as a negotiated channel: descriptions show who knows labels.
    Negotiate,
    /// Send one binary message.
    Send {
        /// On this channel.
        channel: ChannelId,
        /// The message, of at most [`Config::chunk`](crate::Config::chunk) bytes.
        bytes: Bytes,
    },
    /// Close a channel; what was sent before still goes out. Its end need not be reported.
    Close(ChannelId),
    /// Give the next bytes of a message, about this many, with [`Session::provide`](crate::Session::provide).
    Want {
        /// Of this message.
        transfer: OutgoingId,
        /// As many bytes as there is room for.
        bytes: usize,
    },
    /// Send a text to the remote peer through the server, behind those before it, and tell what came of it with
    /// [`Session::direct_done`](crate::Session::direct_done).
    Direct {
        /// What the answer is about.
        number: u64,
        /// The text, of letters that JSON holds without escapes.
        text: String,
    },
    /// Begin a message's bytes anew with the next [`Output::Want`]; if that is not possible, fail it with
    /// [`Session::cannot_rewind`](crate::Session::cannot_rewind).
    Rewind(OutgoingId),
    /// Something the application may want to know.
    Event(Event),
}

/// One event of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The two sessions talk; from here on labels work.
    Ready,
    /// Labelled data goes another way from here on. Its channels close and come back; messages go on.
    Way(Way),
    /// The server takes no more messages in this period, so that there is no way through it for a while.
    OverQuota,
    /// A labelled channel changed.
    Channel {
        /// Its label.
        label: Arc<str>,
        /// How.
        change: ChannelChange,
    },
    /// A message has moved; at most one in 16 ms, but for the last.
    Progress {
        /// The message.
        transfer: OutgoingId,
        /// How far it is.
        progress: Progress,
    },
    /// A message has arrived as a whole, was read, and is what was sent.
    Sent {
        /// The message.
        transfer: OutgoingId,
        /// What the receiver confirmed.
        receipt: Receipt,
    },
    /// A message did not arrive.
    SendFailed {
        /// The message.
        transfer: OutgoingId,
        /// Why.
        error: TransferError,
    },
    /// A message comes.
    Incoming {
        /// What it is called from now on.
        incoming: IncomingId,
        /// On the channel with this label.
        label: Arc<str>,
        /// What the sender says about it.
        offer: Offer,
    },
    /// Bytes of a message; say how many were read with [`Session::read`](crate::Session::read).
    Data {
        /// The message.
        incoming: IncomingId,
        /// The next bytes.
        bytes: Bytes,
    },
    /// All bytes of a message came, and are what was sent. Until all of them are read, the sender may still give it up, and
    /// [`IncomingFailed`](Self::IncomingFailed) follows: what it has taken back fills its window no more.
    Complete {
        /// The message.
        incoming: IncomingId,
        /// Size and proof.
        receipt: Receipt,
    },
    /// No more of a message comes.
    IncomingFailed {
        /// The message.
        incoming: IncomingId,
        /// Why.
        error: TransferError,
    },
    /// A text came on a framed channel: not from a session, but not harmful.
    Text {
        /// On the channel with this label.
        label: Arc<str>,
        /// The text.
        text: String,
    },
    /// The remote broke a rule. All labelled channels are closed, and the session does nothing any more.
    CutOff(CutOff),
}

/// Which way labelled data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// Over the connection to the remote peer, which may not be there yet.
    Connection,
    /// Through the server, until there is a connection.
    Server,
}

/// How a labelled channel changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelChange {
    /// It is being opened.
    New {
        /// The channel.
        channel: ChannelId,
        /// How it really behaves, which is what the first who asked wanted.
        options: ChannelOptions,
    },
    /// It can be used.
    Open,
    /// It is closed. It comes back by itself when the connection was lost, and not when a side closed it.
    Close,
    /// The other side does not open it.
    Refused,
}

/// What a sender says about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub kind: Kind,
    /// What goes along with it: JSON by agreement of the drivers, at most 8 KiB, and not checked here.
    pub info: Bytes,
    /// Bytes, unless it is a stream of unknown length.
    pub total: Option<u64>,
    /// What it is a copy of, for who wants to go on with what he has.
    pub content: Option<ContentId>,
    /// Whether nothing comes before [`Session::accept`](crate::Session::accept).
    pub waits: bool,
}

/// What the receiver of a message confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Bytes of the whole message.
    pub bytes: u64,
    /// BLAKE3 of the whole message, the same on both sides.
    pub proof: Proof,
}
