//! A message on its way in, as its receiver holds it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use peerhall_labelled::{ContentId, Have, IncomingId, Kind, Offer, Receipt, TransferError, safe_file_name};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::body::PeerShared;
use super::error::ReceiveError;
use super::payload::RESERVED;
use super::room_peer::RoomPeer;

/// Bytes that [`Incoming::bytes`] takes at most.
const DEFAULT_CAP: usize = 64 * 1024 * 1024;

/// A message that comes. Its bytes wait with the sender until they are read here, but for a window of 1 MiB
/// for each label. Dropping it before its end tells the sender that no more is wanted.
pub struct Incoming {
    peer: Arc<PeerShared>,
    id: IncomingId,
    label: String,
    offer: Offer,
    info: Map<String, Value>,
    name: Option<String>,
    mime: Option<String>,
    arrival: Arc<Arrival>,
    accepted: bool,
    over: bool,
}

/// What has come of a message and was not read.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    state: Mutex<Arrived>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Arrived {
    chunks: VecDeque<Bytes>,
    end: Option<Result<Receipt, TransferError>>,
}

impl Arrival {
    pub(super) fn push(&self, bytes: Bytes) {
        self.state().chunks.push_back(bytes);
        self.news.notify_one();
    }

    pub(super) fn end(&self, how: Result<Receipt, TransferError>) {
        self.state().end.get_or_insert(how);
        self.news.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, Arrived> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Incoming {
    pub(super) fn new(
        peer: Arc<PeerShared>,
        id: IncomingId,
        label: &str,
        offer: Offer,
        arrival: Arc<Arrival>,
    ) -> Self {
        // What another client wrote into it is its own affair, and no reason to lose the message.
        let says_something = !offer.info.is_empty();
        let info = says_something.then(|| serde_json::from_slice(&offer.info).ok()).flatten();
        let mut info: Map<String, Value> = info.unwrap_or_default();
        let reserved = info.remove(RESERVED).unwrap_or_default();
        let text = |member: &str| reserved.get(member).and_then(Value::as_str).map(str::to_owned);
        let (name, mime) = (text("name"), text("mime"));
        let accepted = !offer.waits;
        Self { peer, id, label: label.to_owned(), offer, info, name, mime, arrival, accepted, over: false }
    }

    /// Who sends it.
    #[must_use]
    pub fn from(&self) -> RoomPeer {
        RoomPeer { shared: Arc::clone(&self.peer) }
    }

    /// The label of its channel.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it was before it became bytes.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.offer.kind
    }

    /// What goes along with it.
    #[must_use]
    pub fn info(&self) -> &Map<String, Value> {
        &self.info
    }

    /// Its bytes, unless it is a stream of unknown length.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.offer.total
    }

    /// Its name, if it has one, made safe: one part of a path, on every system.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.name.as_deref().map(safe_file_name)
    }

    /// Its MIME type, if the sender gave one.
    #[must_use]
    pub fn mime(&self) -> Option<&str> {
        self.mime.as_deref()
    }

    /// What it is a copy of, by the word of the sender: a later attempt has the same.
    #[must_use]
    pub fn content(&self) -> Option<ContentId> {
        self.offer.content
    }

    /// Whether its sender waits to be told what is here already; reading tells it that nothing is.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.accepted
    }

    /// Goes on after `bytes` bytes that an earlier attempt has left here, which `hasher` has seen. Does
    /// nothing unless it [`waits`](Self::waits).
    pub fn go_on(&mut self, bytes: u64, hasher: blake3::Hasher) {
        if !std::mem::replace(&mut self.accepted, true) {
            let (id, have) = (self.id, Have { bytes, hasher });
            self.peer.call(|session, now| session.accept(now, id, have));
        }
    }

    /// The next bytes; `None` at the end, when all of them are proved to be what was sent.
    ///
    /// # Errors
    ///
    /// [`TransferError`] when no more comes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransferError> {
        self.go_on(0, blake3::Hasher::new());
        loop {
            let news = self.arrival.news.notified();
            let (chunk, end) = {
                let mut state = self.arrival.state();
                (state.chunks.pop_front(), state.end.clone())
            };
            if let Some(chunk) = chunk {
                let (id, count) = (self.id, chunk.len());
                self.peer.call(|session, now| session.read(now, id, count));
                return Ok(Some(chunk));
            }
            if let Some(end) = end {
                self.over = true;
                return end.map(|_| None);
            }
            news.await;
        }
    }

    /// Size and proof of the whole message, once all of it is here.
    #[must_use]
    pub fn receipt(&self) -> Option<Receipt> {
        self.arrival.state().end.as_ref().and_then(|end| end.as_ref().ok().copied())
    }

    /// All bytes, up to 64 MiB; see [`bytes_up_to`](Self::bytes_up_to).
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the message.
    pub async fn bytes(self) -> Result<Bytes, ReceiveError> {
        self.bytes_up_to(DEFAULT_CAP).await
    }

    /// All bytes, if there are no more than `cap`; otherwise the message is cancelled.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the message.
    pub async fn bytes_up_to(mut self, cap: usize) -> Result<Bytes, ReceiveError> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > cap {
                self.reject("larger than the receiver takes");
                return Err(ReceiveError::TooLarge { cap });
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// All bytes as text, up to 64 MiB.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the message.
    pub async fn text(self) -> Result<String, ReceiveError> {
        let bytes = self.bytes().await?;
        String::from_utf8(bytes.into()).map_err(|_| ReceiveError::NotText)
    }

    /// The value of a JSON text, up to 64 MiB.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the message.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, ReceiveError> {
        Ok(serde_json::from_slice(&self.bytes().await?)?)
    }

    /// Does not want it, or no more of it; the sender learns of it at once, with the reason.
    pub fn reject(mut self, reason: &str) {
        self.over = true;
        self.peer.forget(self.id, Some(reason));
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let ended = self.over || self.arrival.state().end.is_some();
        self.peer.forget(self.id, (!ended).then_some("not wanted any more"));
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming({:?}, {:?}, {:?} bytes)", self.label, self.offer.kind, self.offer.total)
    }
}
