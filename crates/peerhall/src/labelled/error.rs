//! What can go wrong with a message that comes.

use std::io;

pub use peerhall_labelled::{SendError, TransferError};

/// Why a message could not be read as what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// It did not arrive.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// It is larger than the caller allows.
    #[error("the message has more than {cap} bytes")]
    TooLarge {
        /// Bytes that are allowed.
        cap: usize,
    },
    /// It is no text.
    #[error("the message is not UTF-8")]
    NotText,
    /// It is no JSON, or not of the wanted shape.
    #[error("the message is not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It could not be stored.
    #[error("the message could not be stored: {0}")]
    Io(#[from] io::Error),
}
