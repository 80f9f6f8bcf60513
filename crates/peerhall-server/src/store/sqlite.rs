//! A store in a data folder: SQLite in WAL mode, secrets sealed with the key beside it.
//!
//! | file | content |
//! |---|---|
//! | `peerhall.db`, `-wal`, `-shm` | the database; the two others are SQLite's and belong to it |
//! | `master.key` | what unseals the secrets in the database; back it up, and keep it apart |
//!
//! **Durability.** Apps, keys, secrets and the audit trail are written with `synchronous = FULL`: the
//! log is on the disk before the call returns. Usage is written with `NORMAL`, which saves the wait and
//! can cost the last additions in a power cut, never the rest. Both run on one connection that switches
//! before each transaction. A second connection would wait for the first one's lock, keep a page cache
//! of its own and look like a foreign process to `data_version`; the switch costs a few microseconds.
//! After a crash SQLite rolls the log forward at the next open; nobody has to repair anything.
//!
//! **Several processes.** The command line changes keys while the server runs. Writers take turns
//! (`BEGIN IMMEDIATE`, waiting up to 5 s), readers wait for nobody.

mod fault;
mod rows;
mod schema;

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use peerhall_auth::key::{AppRecord, KeyId, KeyRecord};
use peerhall_proto::ids::AppId;
use peerhall_proto::limits::MAX_KEYS_PER_APP;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::seal::MasterKey;
use super::{
    AppChange, AuditAction, AuditEntry, KeyChange, MasterKeyError, Missing, Revision, ServerSecret, Snapshot,
    Stamp, Store, StoreError, Usage,
};

/// Name of the database in the data folder.
const DATABASE: &str = "peerhall.db";

/// How long a call waits for another process. Its transactions take well under a millisecond.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Name under which the check of the master key is sealed.
const CHECK_NAME: &str = "check";

/// What the check of the master key unseals to.
const CHECK_TEXT: &[u8] = b"peerhall";

/// Whether a transaction waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// The change outlives a power cut.
    Full,
    /// The change outlives a crash of the process; a power cut may undo the last ones.
    Normal,
}

/// A [`Store`] in a data folder. Several may be open on one folder, in one process or in many.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    master_key: MasterKey,
    /// The revision, and the `data_version` at which it was read.
    seen: Option<(i64, Revision)>,
}

impl SqliteStore {
    /// Opens the store of a data folder; makes folder (mode 0700), database and master key (mode 0600)
    /// where they are missing, and brings an older store up to date.
    ///
    /// # Errors
    ///
    /// - [`StoreError::Io`] when the folder or a file cannot be made or read.
    /// - [`StoreError::NewerSchema`] when a newer Peerhall has changed the store.
    /// - [`StoreError::MasterKey`] when the store holds sealed secrets and `master.key` is missing, of
    ///   another store, or no key. It is never replaced.
    /// - [`StoreError::Busy`], [`StoreError::Full`], [`StoreError::Corrupt`], [`StoreError::Database`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        create_folder(folder).map_err(|error| StoreError::io("create the folder", folder, error))?;
        let path = folder.join(DATABASE);
        // SQLite would make the file readable for everybody; its other files take the mode of this one.
        let made = private_file().read(true).write(true).create(true).truncate(false).open(&path);
        made.map_err(|error| StoreError::io("open", &path, error))?;
        Self::open_database(folder, &path)
    }

    /// Opens the store of a data folder that has one, as [`open`](Self::open) does.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoStore`] when there is none, and those of [`open`](Self::open).
    pub fn open_existing(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(DATABASE);
        match path.try_exists() {
            Ok(true) => Self::open_database(folder, &path),
            Ok(false) => Err(StoreError::NoStore { folder: folder.to_owned() }),
            Err(error) => Err(StoreError::io("open", &path, error)),
        }
    }

    fn open_database(folder: &Path, path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        schema::prepare(&connection, BUSY_TIMEOUT)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        schema::migrate(&transaction, schema::MIGRATIONS)?;
        let master_key = check_master_key(&transaction, folder)?;
        transaction.commit()?;
        Ok(Self { connection, master_key, seen: None })
    }

    /// Runs `work` in a transaction that is written or undone as a whole.
    fn write<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>, &MasterKey) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        self.connection.pragma_update(None, "synchronous", synchronous)?;
        // `data_version` does not show changes made on its own connection.
        self.seen = None;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction, &self.master_key)?;
        transaction.commit()?;
        Ok(value)
    }
}

/// Options for a file that its owner alone may read.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the folder for its owner alone. One that exists keeps its mode: it may be anybody's.
fn create_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Reads the master key and proves that it fits, or makes one for a store that has sealed nothing yet.
fn check_master_key(transaction: &Transaction<'_>, folder: &Path) -> Result<MasterKey, StoreError> {
    let problem = |problem| StoreError::MasterKey { path: MasterKey::path(folder), problem };
    let check = rows::seal_check(transaction)?;
    match (MasterKey::read(folder)?, check) {
        (Some(key), Some(check)) => match key.open(CHECK_NAME, &check) {
            Ok(text) if text == CHECK_TEXT => Ok(key),
            Ok(_) | Err(_) => Err(problem(MasterKeyError::Wrong)),
        },
        (None, Some(_)) => Err(problem(MasterKeyError::Missing)),
        // A crash between the file and its check leaves a key that has sealed nothing, or a folder was
        // prepared with a key of its own.
        (existing, None) => {
            let key = existing.map_or_else(|| MasterKey::create(folder), Ok)?;
            rows::insert_seal_check(transaction, &key.seal(CHECK_NAME, CHECK_TEXT)?)?;
            Ok(key)
        }
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        let transaction = self.connection.transaction()?;
        let snapshot = Snapshot {
            revision: rows::revision(&transaction)?,
            apps: rows::apps(&transaction)?,
            keys: rows::keys(&transaction, &self.master_key)?,
        };
        transaction.commit()?;
        Ok(snapshot)
    }

    fn revision(&mut self) -> Result<Revision, StoreError> {
        // Read first: a change between the two reads is then seen at the next call at the latest.
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if let Some((at, revision)) = self.seen
            && at == version
        {
            return Ok(revision);
        }
        let revision = rows::revision(&self.connection)?;
        self.seen = Some((version, revision));
        Ok(revision)
    }

    fn create_app(&mut self, app: &AppRecord, stamp: &Stamp) -> Result<(), StoreError> {
        self.write(Durability::Full, |transaction, _| {
            if rows::app(transaction, &app.id)?.is_some() {
                return Err(StoreError::AppExists(app.id.clone()));
            }
            rows::put_app(transaction, app)?;
            rows::insert_audit(transaction, &app_line(stamp, AuditAction::AppCreate, &app.id))
        })
    }

    fn update_app(&mut self, id: &AppId, change: &AppChange, stamp: &Stamp) -> Result<AppRecord, StoreError> {
        self.write(Durability::Full, |transaction, _| {
            let mut app = rows::app(transaction, id)?.ok_or_else(|| Missing::App(id.clone()))?;
            change.apply(&mut app);
            rows::put_app(transaction, &app)?;
            rows::insert_audit(transaction, &app_line(stamp, AuditAction::AppUpdate, id))?;
            Ok(app)
        })
    }

    fn create_key(&mut self, key: &KeyRecord, stamp: &Stamp) -> Result<(), StoreError> {
        self.write(Durability::Full, |transaction, master_key| {
            if rows::app(transaction, &key.app)?.is_none() {
                return Err(Missing::App(key.app.clone()).into());
            }
            if rows::key(transaction, &key.id, master_key)?.is_some() {
                return Err(StoreError::KeyExists(key.id.clone()));
            }
            if rows::live_keys(transaction, &key.app)? >= MAX_KEYS_PER_APP {
                return Err(StoreError::TooManyKeys { app: key.app.clone(), limit: MAX_KEYS_PER_APP });
            }
            rows::put_key(transaction, key, master_key)?;
            rows::insert_audit(transaction, &key_line(stamp, AuditAction::KeyCreate, key))
        })
    }

    fn update_key(&mut self, id: &KeyId, change: &KeyChange, stamp: &Stamp) -> Result<KeyRecord, StoreError> {
        self.write(Durability::Full, |transaction, master_key| {
            let found = rows::key(transaction, id, master_key)?;
            let mut key = found.ok_or_else(|| Missing::Key(id.clone()))?;
            change.apply(&mut key);
            rows::put_key(transaction, &key, master_key)?;
            rows::insert_audit(transaction, &key_line(stamp, AuditAction::KeyUpdate, &key))?;
            Ok(key)
        })
    }

    fn revoke_key(&mut self, id: &KeyId, stamp: &Stamp) -> Result<KeyRecord, StoreError> {
        self.write(Durability::Full, |transaction, master_key| {
            let found = rows::key(transaction, id, master_key)?;
            let mut key = found.ok_or_else(|| Missing::Key(id.clone()))?;
            if !key.is_revoked() {
                key.revoked_at = Some(stamp.at);
                rows::put_key(transaction, &key, master_key)?;
                rows::insert_audit(transaction, &key_line(stamp, AuditAction::KeyRevoke, &key))?;
            }
            Ok(key)
        })
    }

    fn add_usage(&mut self, period_start: u64, used: &[(AppId, Usage)]) -> Result<(), StoreError> {
        self.write(Durability::Normal, |transaction, _| {
            for (app, more) in used {
                let mut usage = rows::usage(transaction, app, period_start)?;
                usage.absorb(more);
                rows::put_usage(transaction, app, period_start, &usage)?;
            }
            Ok(())
        })
    }

    fn usage(&mut self, app: &AppId, period_start: u64) -> Result<Usage, StoreError> {
        rows::usage(&self.connection, app, period_start)
    }

    fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.write(Durability::Full, |transaction, _| rows::insert_audit(transaction, entry))
    }

    fn audit_trail(&mut self, newest: u32) -> Result<Vec<AuditEntry>, StoreError> {
        rows::audit_trail(&self.connection, newest)
    }

    fn secret(&mut self, name: &str) -> Result<ServerSecret, StoreError> {
        if let Some(secret) = rows::secret(&self.connection, name, &self.master_key)? {
            return Ok(secret);
        }
        self.write(Durability::Full, |transaction, master_key| {
            // Another process may have been faster.
            if let Some(secret) = rows::secret(transaction, name, master_key)? {
                return Ok(secret);
            }
            let secret = ServerSecret::generate()?;
            rows::insert_secret(transaction, name, &secret, master_key)?;
            Ok(secret)
        })
    }
}

fn app_line(stamp: &Stamp, action: AuditAction, app: &AppId) -> AuditEntry {
    AuditEntry { stamp: stamp.clone(), action, app: app.clone(), subject: String::new() }
}

fn key_line(stamp: &Stamp, action: AuditAction, key: &KeyRecord) -> AuditEntry {
    AuditEntry { stamp: stamp.clone(), action, app: key.app.clone(), subject: key.id.hint() }
}

#[cfg(test)]
mod tests;
