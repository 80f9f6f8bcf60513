//! What must survive a restart: apps, keys, usage, the audit trail and the server's own secrets.
//!
//! [`Store`] is synchronous. The server calls it from one thread of its own, so that no connection ever
//! waits for a disk; the command line calls it directly. [`sqlite::SqliteStore`] keeps a data folder,
//! [`memory::MemoryStore`] serves `peerhall dev` and tests, and one suite of tests runs on both.

#[cfg(test)]
mod contract;
mod error;
pub mod memory;
mod period;
mod seal;
pub mod sqlite;

use std::fmt;

use peerhall_auth::action::Actions;
use peerhall_auth::key::{AppRecord, KeyId, KeyRecord};
use peerhall_auth::origin::AllowedOrigins;
use peerhall_auth::pattern::PatternSet;
use peerhall_proto::ids::AppId;

pub use error::{MasterKeyError, Missing, StoreError};
pub use memory::MemoryStore;
pub use period::Period;
pub use sqlite::SqliteStore;

/// A number that grows with every change of an app or a key, whoever made it. Usage, audit lines and
/// secrets leave it alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

/// All apps and all keys at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The moment.
    pub revision: Revision,
    /// Every app, sorted by id.
    pub apps: Vec<AppRecord>,
    /// Every key, revoked ones included, sorted by time of creation and then by id.
    pub keys: Vec<KeyRecord>,
}

/// Who changes something and when: goes into the audit trail with the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// A person or a part of the system, such as `cli:alice`; no secret.
    pub who: String,
    /// Unix seconds.
    pub at: u64,
}

/// What was done, in the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// `app.create`
    AppCreate,
    /// `app.update`
    AppUpdate,
    /// `key.create`
    KeyCreate,
    /// `key.update`
    KeyUpdate,
    /// `key.revoke`
    KeyRevoke,
    /// `token.mint`
    TokenMint,
    /// `peer.disconnect`
    PeerDisconnect,
}

impl AuditAction {
    /// Every action.
    pub const ALL: [Self; 7] = [
        Self::AppCreate,
        Self::AppUpdate,
        Self::KeyCreate,
        Self::KeyUpdate,
        Self::KeyRevoke,
        Self::TokenMint,
        Self::PeerDisconnect,
    ];

    /// The word that is kept.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AppCreate => "app.create",
            Self::AppUpdate => "app.update",
            Self::KeyCreate => "key.create",
            Self::KeyUpdate => "key.update",
            Self::KeyRevoke => "key.revoke",
            Self::TokenMint => "token.mint",
            Self::PeerDisconnect => "peer.disconnect",
        }
    }
}

/// One line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who and when.
    pub stamp: Stamp,
    /// What was done.
    pub action: AuditAction,
    /// The app it was done to.
    pub app: AppId,
    /// The key or peer it was done to, keys by their [`hint`](KeyId::hint); empty for the app itself.
    pub subject: String,
}

/// What an app used in one period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// `publish` and `send` attempted, dropped ones included.
    pub messages: u64,
    /// Messages beyond the quota while overages were on.
    pub overage_messages: u64,
    /// Connections beyond the quota while overages were on.
    pub overage_connections: u64,
    /// Highest number of simultaneous connections.
    pub peak_concurrent: u64,
}

impl Usage {
    /// Adds what was used since: the counters grow, the peak is the higher one.
    pub fn absorb(&mut self, more: &Self) {
        self.messages = self.messages.saturating_add(more.messages);
        self.overage_messages = self.overage_messages.saturating_add(more.overage_messages);
        self.overage_connections = self.overage_connections.saturating_add(more.overage_connections);
        self.peak_concurrent = self.peak_concurrent.max(more.peak_concurrent);
    }
}

/// What is to change in an app; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppChange {
    /// Suspends or resumes.
    pub suspended: Option<bool>,
    /// Name of the plan.
    pub plan_name: Option<String>,
    /// Quota of simultaneous connections; `Some(None)` removes it.
    pub max_connections: Option<Option<u32>>,
    /// Quota of messages per calendar month; `Some(None)` removes it.
    pub max_messages_per_period: Option<Option<u64>>,
    /// Whether use above a quota is counted instead of refused.
    pub overages: Option<bool>,
}

impl AppChange {
    /// Changes the record.
    pub fn apply(&self, app: &mut AppRecord) {
        replace(&mut app.suspended, self.suspended.as_ref());
        replace(&mut app.plan_name, self.plan_name.as_ref());
        replace(&mut app.max_connections, self.max_connections.as_ref());
        replace(&mut app.max_messages_per_period, self.max_messages_per_period.as_ref());
        replace(&mut app.overages, self.overages.as_ref());
    }
}

/// What is to change in a key; `None` leaves a field as it is. Kind, app and secret never change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// The channels the key reaches.
    pub patterns: Option<PatternSet>,
    /// What the key may do.
    pub actions: Option<Actions>,
    /// Web sites that may use the key.
    pub allowed_origins: Option<AllowedOrigins>,
    /// Whether a missing `Origin` header passes.
    pub allow_missing_origin: Option<bool>,
    /// Whether the server injects its TURN service.
    pub inject_turn: Option<bool>,
    /// For people.
    pub name: Option<String>,
}

impl KeyChange {
    /// Changes the record.
    pub fn apply(&self, key: &mut KeyRecord) {
        replace(&mut key.patterns, self.patterns.as_ref());
        replace(&mut key.actions, self.actions.as_ref());
        replace(&mut key.allowed_origins, self.allowed_origins.as_ref());
        replace(&mut key.allow_missing_origin, self.allow_missing_origin.as_ref());
        replace(&mut key.inject_turn, self.inject_turn.as_ref());
        replace(&mut key.name, self.name.as_ref());
    }
}

fn replace<T: Clone>(field: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        field.clone_from(new);
    }
}

/// 32 random bytes that the server made for itself. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerSecret([u8; 32]);

impl ServerSecret {
    fn generate() -> Result<Self, StoreError> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| StoreError::NoRandomness)?;
        Ok(Self(random))
    }

    /// The bytes themselves.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Where apps, keys, usage, the audit trail and the server's secrets are kept.
///
/// A method that changes apps, keys, secrets or the audit trail returns `Ok` only once the change
/// outlives a crash and a power cut, as far as the store outlives the process at all. It writes the
/// change and its audit line together or not at all. Usage may lose its last additions to a power cut.
///
/// Every method blocks; none may be called on a thread that carries connections. All of them may
/// answer [`StoreError::Busy`], [`StoreError::Full`] (those that write), [`StoreError::Corrupt`],
/// [`StoreError::Io`] and [`StoreError::Database`]; the sections below name what comes on top.
pub trait Store: Send + 'static {
    /// Reads all apps and keys as they were at one moment.
    ///
    /// # Errors
    ///
    /// Those of every method.
    fn load(&mut self) -> Result<Snapshot, StoreError>;

    /// Says whether [`load`](Self::load) would bring something new: compare with
    /// [`Snapshot::revision`]. Cheap enough to be asked several times a second; sees the changes of
    /// other processes too.
    ///
    /// # Errors
    ///
    /// Those of every method.
    fn revision(&mut self) -> Result<Revision, StoreError>;

    /// Adds an app.
    ///
    /// # Errors
    ///
    /// [`StoreError::AppExists`] when there is one with this id.
    fn create_app(&mut self, app: &AppRecord, stamp: &Stamp) -> Result<(), StoreError>;

    /// Changes an app and returns it as it is now.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no app with this id.
    fn update_app(&mut self, id: &AppId, change: &AppChange, stamp: &Stamp) -> Result<AppRecord, StoreError>;

    /// Adds a key to an app that exists.
    ///
    /// # Errors
    ///
    /// - [`StoreError::NotFound`] when the app does not exist.
    /// - [`StoreError::KeyExists`] when there is a key with this id, in whichever app.
    /// - [`StoreError::TooManyKeys`] when the app has 50 keys that are not revoked (wire protocol,
    ///   section 12).
    fn create_key(&mut self, key: &KeyRecord, stamp: &Stamp) -> Result<(), StoreError>;

    /// Changes a key and returns it as it is now.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no key with this id.
    fn update_key(&mut self, id: &KeyId, change: &KeyChange, stamp: &Stamp) -> Result<KeyRecord, StoreError>;

    /// Revokes a key at the time of the stamp and returns it as it is now. A key that was revoked
    /// before keeps its time, and nothing is written.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no key with this id.
    fn revoke_key(&mut self, id: &KeyId, stamp: &Stamp) -> Result<KeyRecord, StoreError>;

    /// Adds what apps used in the period that began at `period_start` (Unix seconds, see [`Period`]),
    /// all of it or nothing.
    ///
    /// # Errors
    ///
    /// Those of every method.
    fn add_usage(&mut self, period_start: u64, used: &[(AppId, Usage)]) -> Result<(), StoreError>;

    /// What an app used in the period that began at `period_start`; nothing for an unknown app.
    ///
    /// # Errors
    ///
    /// Those of every method.
    fn usage(&mut self, app: &AppId, period_start: u64) -> Result<Usage, StoreError>;

    /// Adds a line to the audit trail, for what changes no app and no key.
    ///
    /// # Errors
    ///
    /// Those of every method.
    fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// The last `newest` lines of the audit trail, newest first.
    ///
    /// # Errors
    ///
    /// Those of every method.
    fn audit_trail(&mut self, newest: u32) -> Result<Vec<AuditEntry>, StoreError>;

    /// The secret of this name, such as `resume` or `turn`; made at the first call. Every process that
    /// shares the store gets the same one.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRandomness`] when the operating system has none.
    fn secret(&mut self, name: &str) -> Result<ServerSecret, StoreError>;
}
