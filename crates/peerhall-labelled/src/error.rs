//! What can go wrong, and for whom.

use std::time::Duration;

use crate::frame::{FrameError, MAX_INFO_BYTES};

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No channel with this label was opened by either side.
    #[error("no channel with that label is open; call `open` first")]
    NoChannel,
    /// The channel has a protocol, is unordered or gives messages up: only raw messages go over it.
    #[error("messages are framed on ordered, reliable channels without a protocol only")]
    NotFramed,
    /// What goes along with the message is too large. Both numbers are bytes.
    #[error("info is {size} bytes, the limit is {MAX_INFO_BYTES}")]
    InfoTooLarge {
        /// Its size.
        size: usize,
    },
    /// The label is empty or longer than 256 UTF-16 code units, or reserved.
    #[error("a label has 1 to 256 UTF-16 code units and does not begin with two underscores")]
    BadLabel,
    /// There are as many labels as a peer may have.
    #[error("there are {0} labels already")]
    TooManyLabels(usize),
    /// The remote peer is one that does not know labelled channels; raw ones work.
    #[error("the remote peer does not know labelled channels")]
    NotLabelled,
    /// The remote broke a rule and was given up, or the session is over.
    #[error("the remote peer is gone")]
    Closed,
}

/// Why a message that was taken did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The sender gave it up.
    #[error("given up by the sender: {reason}")]
    Aborted {
        /// The sender's words.
        reason: String,
    },
    /// The receiver does not want it, or no more of it.
    #[error("cancelled by the receiver: {reason}")]
    Cancelled {
        /// The receiver's words.
        reason: String,
    },
    /// Nothing came from the other side for too long.
    #[error("no movement for {waited:?}")]
    Stalled {
        /// The limit.
        waited: Duration,
    },
    /// The other side has lost what it knew of the transfer, and it cannot begin anew.
    #[error("the other side started over")]
    ConnectionReset,
    /// The channel was closed.
    #[error("the channel was closed")]
    ChannelClosed,
    /// The remote peer is gone, or the session is over.
    #[error("the remote peer is gone")]
    Closed,
    /// What arrived is not what was sent.
    #[error("what arrived is not what was sent")]
    ProofMismatch,
    /// The remote peer is one that does not know labelled channels.
    #[error("the remote peer does not know labelled channels")]
    NotLabelled,
}

impl TransferError {
    /// Whether the same message may arrive when it is sent again.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Stalled { .. } | Self::ConnectionReset | Self::ProofMismatch => true,
            Self::Aborted { .. }
            | Self::Cancelled { .. }
            | Self::ChannelClosed
            | Self::Closed
            | Self::NotLabelled => false,
        }
    }
}

/// Why the server did not take a text (see [`Output::Direct`](crate::Output::Direct)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectError {
    /// The messages of this period are used up.
    OverQuota,
    /// Anything else: it may not have arrived.
    Lost,
}

/// Which rule a remote broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CutOff {
    /// A message that cannot be read.
    #[error("a message cannot be read: {0}")]
    Frame(#[from] FrameError),
    /// More bytes than the credit.
    #[error("more was sent than the credit")]
    Credit,
    /// More open transfers on a channel, or more labels, than allowed.
    #[error("too many open transfers or labels")]
    TooMany,
    /// A message at the wrong moment.
    #[error("a message came at the wrong moment")]
    OutOfTurn,
    /// It asks and does not take the answers.
    #[error("answers are not taken")]
    Deaf,
    /// It speaks another version.
    #[error("version {0} is not known")]
    Version(u8),
}
