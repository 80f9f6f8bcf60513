//! A message on its way out, as its sender holds it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_util::Stream;
use peerhall_labelled::{OutgoingId, Progress, Receipt, TransferError};
use tokio::sync::{oneshot, watch};
use tokio_stream::wrappers::WatchStream;

use super::body::PeerShared;

/// A message on its way out: a future of the receipt. Dropping it does not stop the message;
/// [`abort`](Self::abort) does.
///
/// # Errors
///
/// The future resolves to [`TransferError`] when the message did not arrive.
pub struct Transfer {
    peer: Weak<PeerShared>,
    id: OutgoingId,
    result: oneshot::Receiver<Result<Receipt, TransferError>>,
    progress: watch::Receiver<Progress>,
}

impl Transfer {
    pub(super) fn new(
        peer: Weak<PeerShared>,
        id: OutgoingId,
        result: oneshot::Receiver<Result<Receipt, TransferError>>,
        progress: watch::Receiver<Progress>,
    ) -> Self {
        Self { peer, id, result, progress }
    }

    /// How far it is. A slow reader sees the newest only; the stream ends with the message.
    pub fn progress(&self) -> impl Stream<Item = Progress> + Send + Unpin + use<> {
        WatchStream::new(self.progress.clone())
    }

    /// How far it is at this moment.
    #[must_use]
    pub fn now(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Gives it up; the receiver learns of it at once, with the reason.
    pub fn abort(&self, reason: &str) {
        self.with(|peer, id| peer.call(|session, now| session.abort(now, id, reason)));
    }

    /// Holds it back; the receiver goes on waiting.
    pub fn pause(&self) {
        self.with(|peer, id| peer.call(|session, now| session.pause(now, id, true)));
    }

    /// Goes on with it.
    pub fn resume(&self) {
        self.with(|peer, id| peer.call(|session, now| session.pause(now, id, false)));
    }

    fn with(&self, act: impl FnOnce(&Arc<PeerShared>, OutgoingId)) {
        if let Some(peer) = self.peer.upgrade() {
            act(&peer, self.id);
        }
    }
}

impl Future for Transfer {
    type Output = Result<Receipt, TransferError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Without an answer, what would have given it is gone.
        Pin::new(&mut self.result).poll(context).map(|answer| answer.unwrap_or(Err(TransferError::Closed)))
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transfer({:?}, {:?})", self.id, self.now())
    }
}
