//! What the receiver takes of one sender.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use peerhall::Fingerprints;
use peerhall::labelled::{FileCode, Incoming, Kind, RoomPeer, Speaker, TransferError};
use peerhall_proto::files::{FileInfo, MAX_WORDS_BYTES, OfferedFile, Words};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::code;
use super::show::Show;
use super::store::{Journal, Missed, Store};
use super::{fingerprints, printable, tell};
use crate::failure::{Failure, Outcome};

/// How often a sender may say that it is done while files are missing.
const ATTEMPTS: u32 = 3;

/// How long a sender may take to say that it is done, when everything is here.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What belongs to the receiver, whoever sends.
pub(super) struct Shared {
    pub(super) secret: Option<FileCode>,
    pub(super) store: Store,
    journal: Mutex<Journal>,
    pub(super) show: Show,
}

impl Shared {
    pub(super) fn new(secret: Option<FileCode>, store: Store, journal: Journal, show: Show) -> Self {
        Self { secret, store, journal: Mutex::new(journal), show }
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks somebody for everything of an offer that is not here; where none is named, of what may have been
    /// offered by an earlier run.
    pub(super) async fn ask(&self, peer: &RoomPeer, batch: Option<&str>) {
        let proof = match &self.secret {
            Some(secret) => {
                // Without a connection there is nobody to ask; the next one asks again.
                let Some(connection) = fingerprints(peer).await else { return };
                Some(code::proof(secret, Speaker::Receiver, connection))
            }
            None => None,
        };
        let words = {
            let journal = self.journal();
            let known = journal.of(batch);
            Words::Take {
                batch: batch.or(known.map(|known| known.batch.as_str())).map(str::to_owned),
                receiver: journal.receiver.clone(),
                have: known.map(|known| known.have.clone()).unwrap_or_default(),
                proof,
            }
        };
        if let Err(error) = tell(peer, &words) {
            tracing::debug!(target: "peerhall", "files were not asked for: {error}");
        }
    }
}

/// What was offered, over which connection.
struct Offer {
    batch: String,
    files: Vec<OfferedFile>,
    connection: Option<Fingerprints>,
}

/// One sender, as the receiver sees it.
struct Taking {
    peer: RoomPeer,
    shared: Arc<Shared>,
    offer: Option<Offer>,
    attempts: u32,
    /// All files of the offer are here.
    complete: bool,
}

/// Takes what somebody sends until it has left, and tells `over` when everything is here, of which offer, or that
/// nothing more can come.
pub(super) async fn take_from(
    peer: RoomPeer,
    mut messages: mpsc::UnboundedReceiver<Incoming>,
    shared: Arc<Shared>,
    over: mpsc::Sender<Result<String, Failure>>,
) {
    let mut taking = Taking { peer, shared, offer: None, attempts: 0, complete: false };
    loop {
        let message = if taking.complete {
            tokio::time::timeout(LAST_WORDS, messages.recv()).await.ok().flatten()
        } else {
            messages.recv().await
        };
        let step = match message {
            Some(message) => taking.hear(message).await,
            None if taking.complete => Ok(true),
            None => return,
        };
        match step {
            Ok(false) => {}
            // Whoever waited for it has stopped waiting if this fails.
            Ok(true) => return drop(over.send(Ok(taking.batch())).await),
            Err(failure) => return drop(over.send(Err(failure)).await),
        }
    }
}

impl Taking {
    /// Names the offer.
    fn batch(&self) -> String {
        self.offer.as_ref().map(|offer| offer.batch.clone()).unwrap_or_default()
    }

    /// Tells whether everything is here and the sender knows.
    async fn hear(&mut self, message: Incoming) -> Result<bool, Failure> {
        match message.kind() {
            Kind::Json => self.words(message).await,
            Kind::Blob => {
                self.file(message).await?;
                Ok(false)
            }
            Kind::Text | Kind::Bytes => {
                message.reject("not asked for");
                Ok(false)
            }
        }
    }

    async fn words(&mut self, message: Incoming) -> Result<bool, Failure> {
        let Ok(bytes) = message.bytes_up_to(MAX_WORDS_BYTES).await else { return Ok(false) };
        match serde_json::from_slice(&bytes) {
            Ok(Words::Offer { batch, files, proof }) => {
                self.offered(batch, files, proof.as_deref()).await?;
                Ok(false)
            }
            Ok(Words::Done { batch }) => {
                let known = self.offer.as_ref().filter(|offer| offer.batch == batch);
                match known.map(|offer| offer.missing(&self.shared)) {
                    Some(0) => Ok(true),
                    Some(count) => self.try_again(count).await.map(|()| false),
                    None => Ok(false),
                }
            }
            // A receiver asks nobody for what is not here.
            Ok(Words::Ask { .. } | Words::Take { .. }) | Err(_) => Ok(false),
        }
    }

    /// Asks for what did not come, which may be what the sender cannot read any more.
    async fn try_again(&mut self, missing: usize) -> Outcome {
        self.attempts += 1;
        if self.attempts >= ATTEMPTS {
            return Err(Failure::Incomplete(missing));
        }
        let batch = self.offer.as_ref().map(|offer| offer.batch.as_str());
        self.shared.ask(&self.peer, batch).await;
        Ok(())
    }

    async fn offered(&mut self, batch: String, files: Vec<OfferedFile>, proof: Option<&str>) -> Outcome {
        if files.is_empty() {
            // There is nothing to wait for, and nothing that would be here.
            return Ok(());
        }
        let connection = fingerprints(&self.peer).await;
        if let Some(secret) = &self.shared.secret {
            let proved = connection.is_some_and(|connection| {
                code::proves(secret, Speaker::Sender, connection, proof.unwrap_or_default())
            });
            if !proved {
                let id = self.peer.id();
                return self.shared.show.say(
                    &format!("{} does not know the code", printable(id)),
                    || json!({"event": "refused", "peer": id}),
                );
            }
        }
        let is_new = self.offer.as_ref().is_none_or(|known| known.batch != batch);
        if is_new {
            self.show_offer(&files)?;
        }
        let offer = Offer { batch, files, connection };
        self.complete = offer.missing(&self.shared) == 0;
        self.offer = Some(offer);
        // Where there is no code the offer comes first.
        if self.shared.secret.is_none() {
            let batch = self.offer.as_ref().map(|offer| offer.batch.as_str());
            self.shared.ask(&self.peer, batch).await;
        }
        Ok(())
    }

    fn show_offer(&self, files: &[OfferedFile]) -> Outcome {
        let bytes: u64 = files.iter().fold(0, |sum, file| sum.saturating_add(file.size));
        let (count, plural) = (files.len(), if files.len() == 1 { "" } else { "s" });
        let line = format!("{count} file{plural}, {}", indicatif::HumanBytes(bytes));
        self.shared.show.say(&line, || {
            let list: Vec<Value> =
                files.iter().map(|file| json!({"name": file.name, "bytes": file.size})).collect();
            json!({"event": "offer", "peer": self.peer.id(), "files": list})
        })
    }

    async fn file(&mut self, message: Incoming) -> Outcome {
        // Before the proof is looked at: a later replacement is then seen.
        let mut resets = self.peer.remote().on_connection_reset();
        let Some((batch, place)) = self.expected(&message).await else {
            message.reject("not asked for");
            return Ok(());
        };
        let name = message.name().unwrap_or_default();
        let mut bar = self.shared.show.bar("", place, &name, message.total());
        let took = tokio::select! {
            biased;
            // What was proved, was proved of the connection that is gone.
            Some(()) = resets.next(), if self.shared.secret.is_some() => {
                Err(Missed::Transfer(TransferError::ConnectionReset))
            }
            took = self.shared.store.take(message, &mut bar) => took,
        };
        match took {
            Ok(_) if !self.is_proved().await => {
                drop(bar);
                self.missed(&name, &TransferError::ConnectionReset)
            }
            Ok(whole) => {
                let path = self.shared.store.place(&whole)?;
                let receipt = whole.receipt;
                bar.arrived(receipt.bytes, &receipt.proof.to_string(), "received", path.to_str())?;
                let mut journal = self.shared.journal();
                journal.note(&batch, place)?;
                self.complete = self.offer.as_ref().is_some_and(|offer| offer.missing_of(&journal) == 0);
                Ok(())
            }
            Err(Missed::Disk(failure)) => Err(failure),
            Err(Missed::Transfer(error)) => {
                drop(bar);
                self.missed(&name, &error)
            }
        }
    }

    fn missed(&self, name: &str, error: &TransferError) -> Outcome {
        let name = printable(name);
        // It is asked for again when the sender has done what it can, or over the next connection.
        self.shared.show.say(
            &format!("{name}: {}; what is here of it is kept", printable(&error.to_string())),
            || json!({"event": "interrupted", "name": name, "reason": error.to_string()}),
        )
    }

    /// The offer has come over the connection of this moment, or there is no code that it would have to know.
    async fn is_proved(&self) -> bool {
        let Some(offer) = &self.offer else { return false };
        self.shared.secret.is_none() || fingerprints(&self.peer).await == offer.connection
    }

    /// The offer that this connection has made, and the place of a file in it that is not here; `None` for
    /// anything else.
    async fn expected(&self, message: &Incoming) -> Option<(String, u32)> {
        let offer = self.offer.as_ref()?;
        let info: FileInfo = serde_json::from_value(Value::Object(message.info().clone())).ok()?;
        if !self.is_proved().await {
            return None;
        }
        let offered = usize::try_from(info.file).ok().and_then(|place| offer.files.get(place))?;
        let wanted = !self.shared.journal().has(&offer.batch, info.file);
        let fits = message.total() == Some(offered.size) && info.batch == offer.batch && wanted;
        fits.then_some((info.batch, info.file))
    }
}

impl Offer {
    fn missing(&self, shared: &Shared) -> usize {
        self.missing_of(&shared.journal())
    }

    /// How many files of the offer are not here.
    fn missing_of(&self, journal: &Journal) -> usize {
        (0..).zip(&self.files).filter(|(place, _)| !journal.has(&self.batch, *place)).count()
    }
}
