//! What the REST plane can ask of the running shards: one question to all of them, their answers
//! put together.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use peerhall_auth::key::{AppRecord, KeyRecord};
use peerhall_auth::keyring::Keyring;
use peerhall_hub::{AppUsage, Metadata};
use peerhall_proto::ids::{AppId, ChannelName, PeerId};
use peerhall_proto::limits::MAX_LISTED_PEERS;
use peerhall_proto::rest::list_peers::{ListPeersResponse, ListedPeer};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::clock::unix_ms;
use crate::cluster::{RemoteAnswer, RemoteAsk, ToBridge};
use crate::exchange::{Exchange, Mail, OutsideMessage};
use crate::store::{AuditAction, AuditEntry, Stamp};
use crate::usage::UsageBook;

pub(crate) use self::look::ConnRef;

mod look;

/// A shard did not answer: the server is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is stopping")]
pub(crate) struct Stopping;

/// A publish that came over REST, checked.
#[derive(Debug)]
pub(crate) struct RestMessage {
    pub(crate) app: Arc<AppRecord>,
    pub(crate) channel: ChannelName,
    pub(crate) from: PeerId,
    pub(crate) data: Box<RawValue>,
    pub(crate) metadata: Option<Box<RawValue>>,
}

/// Why a publish over REST did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PublishError {
    /// The app has used up its messages of this period.
    #[error("the app has used up its messages of this period")]
    OverQuota,
    /// See [`Stopping`].
    #[error(transparent)]
    Stopping(#[from] Stopping),
}

/// Handle on the running shards. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    exchange: Exchange,
    usage: Arc<UsageBook>,
    keyring: Arc<RwLock<Arc<Keyring>>>,
    audit: Option<std::sync::mpsc::SyncSender<AuditEntry>>,
}

impl Control {
    pub(crate) fn new(exchange: Exchange, usage: Arc<UsageBook>, keyring: Arc<Keyring>) -> Self {
        Self { exchange, usage, keyring: Arc::new(RwLock::new(keyring)), audit: None }
    }

    /// Writes the audit trail through `trail` from now on.
    pub(crate) fn audited(self, trail: std::sync::mpsc::SyncSender<AuditEntry>) -> Self {
        Self { audit: Some(trail), ..self }
    }

    /// Notes what a key did over REST. A trail that cannot keep up loses the line and says so.
    pub(crate) fn audit(&self, key: &KeyRecord, action: AuditAction, subject: &PeerId) {
        self.audit_as(key.id.hint(), &key.app, action, subject);
    }

    /// The same for somebody else than a key.
    pub(crate) fn audit_as(&self, who: String, app: &AppId, action: AuditAction, subject: &PeerId) {
        let at = u64::try_from(unix_ms() / 1000).unwrap_or(0);
        let stamp = Stamp { who, at };
        let entry = AuditEntry { stamp, action, app: app.clone(), subject: subject.as_str().to_owned() };
        if self.audit.as_ref().is_some_and(|trail| trail.try_send(entry).is_err()) {
            tracing::warn!(action = action.as_str(), "the audit trail cannot keep up; a line is lost");
        }
    }

    /// All apps and keys as they are now.
    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        self.keyring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over changed apps and keys, here and in every shard.
    pub(crate) fn set_keyring(&self, keyring: Arc<Keyring>) {
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = keyring.clone();
        self.exchange.put_all(|| Mail::Keyring(keyring.clone()));
    }

    /// Counters of an app.
    pub(crate) fn usage(&self, app: &AppId) -> Arc<AppUsage> {
        self.usage.of(app)
    }

    /// Who is in a channel: each peer once, sorted by id (REST API, section 3).
    pub(crate) async fn list_peers(
        &self,
        app: AppId,
        channel: ChannelName,
    ) -> Result<ListPeersResponse, Stopping> {
        let answers =
            self.ask(|reply| Mail::List { app: app.clone(), channel: channel.clone(), reply }).await?;
        let elsewhere = self.ask_others(RemoteAsk::List(app, channel.clone())).await;
        let elsewhere = elsewhere.into_iter().filter_map(RemoteAnswer::members);
        let found: BTreeMap<PeerId, Option<Metadata>> =
            answers.into_iter().chain(elsewhere).flatten().collect();
        let truncated = found.len() > MAX_LISTED_PEERS;
        let peers = found
            .into_iter()
            .take(MAX_LISTED_PEERS)
            .map(|(peer_id, metadata)| ListedPeer {
                peer_id,
                metadata: metadata.map(|metadata| (*metadata).clone()),
            })
            .collect();
        Ok(ListPeersResponse { channel, peers, truncated })
    }

    /// Publishes to every member of a channel. Returns the connections it was handed to.
    pub(crate) async fn publish(&self, message: RestMessage) -> Result<usize, PublishError> {
        if !self.usage.of(&message.app.id).message(&message.app) {
            return Err(PublishError::OverQuota);
        }
        let message = Arc::new(OutsideMessage {
            app: message.app.id.clone(),
            channel: message.channel,
            from: message.from,
            data: message.data,
            metadata: message.metadata,
        });
        let answers = self.ask(|reply| Mail::Publish { message: message.clone(), reply }).await?;
        let elsewhere = self.ask_others(RemoteAsk::Publish(message)).await;
        Ok(total(answers, elsewhere))
    }

    /// Closes every connection of a peer with 4020. Returns how many there were.
    pub(crate) async fn disconnect_peer(&self, app: AppId, peer: PeerId) -> Result<usize, Stopping> {
        let answers = self.ask(|reply| Mail::Kick { app: app.clone(), peer: peer.clone(), reply }).await?;
        let elsewhere = self.ask_others(RemoteAsk::Kick(app, peer)).await;
        Ok(total(answers, elsewhere))
    }

    /// Asks the other nodes. One that does not answer in time is left out: it may be gone.
    async fn ask_others(&self, ask: RemoteAsk) -> Vec<RemoteAnswer> {
        let mut answers = Vec::new();
        let Some(way) = self.exchange.bridge() else { return answers };
        let (sender, mut receiver) = mpsc::unbounded_channel();
        if way.sender.send(ToBridge::Ask(ask, sender)).is_ok() {
            let gather = async {
                while let Some(answer) = receiver.recv().await {
                    answers.push(answer);
                }
            };
            let _ = tokio::time::timeout(way.answer_within, gather).await;
        }
        answers
    }

    /// Asks every shard of this node and waits for all answers.
    async fn ask<T>(&self, mut mail: impl FnMut(oneshot::Sender<T>) -> Mail) -> Result<Vec<T>, Stopping> {
        let mut waiting = Vec::with_capacity(self.exchange.shards());
        self.exchange.put_all(|| {
            let (reply, answer) = oneshot::channel();
            waiting.push(answer);
            mail(reply)
        });
        let mut answers = Vec::with_capacity(waiting.len());
        for answer in waiting {
            answers.push(answer.await.map_err(|_| Stopping)?);
        }
        Ok(answers)
    }
}

fn total(here: Vec<usize>, elsewhere: Vec<RemoteAnswer>) -> usize {
    here.into_iter().chain(elsewhere.iter().map(RemoteAnswer::count)).sum()
}
