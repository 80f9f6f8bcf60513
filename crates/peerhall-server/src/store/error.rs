//! What can go wrong with a store.

use std::path::PathBuf;

use peerhall_auth::key::KeyId;
use peerhall_proto::ids::AppId;

/// What was asked for and does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// No app has this id.
    #[error("there is no app {0}; `peerhall app list` shows the apps, `peerhall app create` adds one")]
    App(AppId),
    /// No key has this id.
    #[error("there is no key {}; `peerhall key list` shows the keys", .0.hint())]
    Key(KeyId),
}

/// What is wrong with the file that unseals the secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// The store holds sealed secrets and the file is gone.
    #[error("is missing, and without it the stored secrets cannot be read; put it back from a backup")]
    Missing,
    /// The file belongs to another store.
    #[error("does not fit the stored secrets; put back the one that was made with this store")]
    Wrong,
    /// The file does not hold 64 hex digits.
    #[error("does not hold 64 hex digits; put it back from a backup")]
    Malformed,
}

/// Why a store did not do what it was asked. The text is one sentence with the next step and holds no
/// secret and no whole key id.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no room on the disk; nothing was written, and what was there can be read.
    #[error("the disk of the data folder is full; free some space and try again")]
    Full,
    /// Another process held the store for longer than 5 s.
    #[error("the store is busy with another process; try again")]
    Busy,
    /// What is stored cannot be understood.
    #[error("the store is damaged ({detail}); restore the data folder from a backup")]
    Corrupt {
        /// Where and how; no secrets.
        detail: String,
    },
    /// The data folder holds no store, and none was to be made.
    #[error(
        "there is no store in {}; check --data, or make one with `peerhall key create`",
        folder.display()
    )]
    NoStore {
        /// The data folder.
        folder: PathBuf,
    },
    /// What was asked for does not exist.
    #[error(transparent)]
    NotFound(#[from] Missing),
    /// An app with this id exists.
    #[error("there is an app {0} already; choose another id or use `peerhall app update`")]
    AppExists(AppId),
    /// A key with this id exists.
    #[error("there is a key {} already; create one with another id", .0.hint())]
    KeyExists(KeyId),
    /// The app has as many keys as an app may have (wire protocol, section 12).
    #[error("app {app} has {limit} keys, which is the limit; revoke one with `peerhall key revoke`")]
    TooManyKeys {
        /// The app.
        app: AppId,
        /// Keys that are not revoked.
        limit: usize,
    },
    /// A newer Peerhall has changed the store.
    #[error("the store has version {found} and this program knows {known}; start a newer peerhall")]
    NewerSchema {
        /// Version of the store.
        found: u32,
        /// Version of this program.
        known: u32,
    },
    /// The secrets cannot be unsealed.
    #[error("the file {} {problem}", path.display())]
    MasterKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: MasterKeyError,
    },
    /// The operating system refused a file or a folder.
    #[error("cannot {doing} {}: {source}; check the path and its permissions", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The database gave an answer that has no case of its own.
    #[error("the store could not be used ({detail}); check the data folder and try again")]
    Database {
        /// What the database says.
        detail: String,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes; try again")]
    NoRandomness,
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing its arguments.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Full | Self::Busy | Self::Io { .. } | Self::Database { .. } | Self::NoRandomness => true,
            Self::Corrupt { .. }
            | Self::NoStore { .. }
            | Self::NotFound(_)
            | Self::AppExists(_)
            | Self::KeyExists(_)
            | Self::TooManyKeys { .. }
            | Self::NewerSchema { .. }
            | Self::MasterKey { .. } => false,
        }
    }

    /// An error of the operating system at a file or folder.
    pub(super) fn io(doing: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::StorageFull {
            Self::Full
        } else {
            Self::Io { doing, path: path.to_owned(), source }
        }
    }
}
