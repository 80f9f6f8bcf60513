//! What the commands on a data folder share: the flags, the store behind them, and who changes it.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use peerhall_auth::key::{AppRecord, KeyId};
use peerhall_proto::ids::AppId;
use peerhall_server::store::{SqliteStore, Stamp, Store, StoreError};

use crate::failure::Failure;

/// The app that is there without being asked for.
pub(crate) const DEFAULT_APP: &str = "default";

/// `--data DIR`.
#[derive(Debug, Args)]
pub(crate) struct Data {
    /// Folder of the store; the server may be running on it
    #[arg(long = "data", value_name = "DIR", env = "PEERHALL_DATA_DIR")]
    folder: PathBuf,
}

impl Data {
    /// Opens the store, or makes one.
    pub(crate) fn open_or_create(&self) -> Result<SqliteStore, Failure> {
        Ok(SqliteStore::open(&self.folder)?)
    }

    /// Opens the store that is there.
    pub(crate) fn open(&self) -> Result<SqliteStore, Failure> {
        Ok(SqliteStore::open_existing(&self.folder)?)
    }
}

/// Makes the default app when it is the one that is needed and it is not there yet.
pub(crate) fn ensure_default_app(store: &mut dyn Store, app: &AppId, stamp: &Stamp) -> Result<(), Failure> {
    if app.as_str() != DEFAULT_APP {
        return Ok(());
    }
    match store.create_app(&AppRecord::new(app.clone()), stamp) {
        Ok(()) | Err(StoreError::AppExists(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The present, in Unix seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The user of this process at this moment.
pub(crate) fn stamp() -> Stamp {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    Stamp { who: format!("cli:{}", user.as_deref().unwrap_or("unknown")), at: now() }
}

/// Reads a key id. It is not parsed with the other arguments because a complaint about those repeats
/// them, and this may be a secret that was pasted into the wrong place.
pub(crate) fn key_id(text: &str) -> Result<KeyId, Failure> {
    text.parse().map_err(|why| {
        Failure::Usage(format!("this is no key id: {why}; `peerhall key list` shows the keys"))
    })
}
