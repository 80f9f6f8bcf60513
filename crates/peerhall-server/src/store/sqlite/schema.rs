//! The tables, and how an older store becomes a current one.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction};

use super::super::StoreError;

/// Steps from an empty file to the current tables; each makes the next version, the first makes
/// version 1. Steps that have been released are never changed.
pub(super) const MIGRATIONS: &[&str] = &[include_str!("v1.sql")];

/// How long to wait before asking again for a lock that SQLite does not wait for itself.
const RETRY_EVERY: Duration = Duration::from_millis(10);

/// Sets up a connection. Nothing here changes what is stored.
pub(super) fn prepare(connection: &Connection, patience: Duration) -> Result<(), StoreError> {
    let mode = write_ahead(connection, patience)?;
    if mode != "wal" {
        let detail = format!("its file system allows journal mode {mode} only and not wal");
        return Err(StoreError::Database { detail });
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Only known on macOS, where a plain fsync does not reach the disk.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}

/// Switches to the write-ahead log and returns the mode that is on then. SQLite answers "busy" here
/// without waiting when another process opens the same new file.
fn write_ahead(connection: &Connection, patience: Duration) -> Result<String, StoreError> {
    let give_up = Instant::now() + patience;
    loop {
        let mode = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        match mode {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < give_up =>
            {
                std::thread::sleep(RETRY_EVERY);
            }
            settled => return Ok(settled?),
        }
    }
}

/// Brings the store to the last of `migrations`.
pub(super) fn migrate(transaction: &Transaction<'_>, migrations: &[&str]) -> Result<(), StoreError> {
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_version (
             version INTEGER PRIMARY KEY,
             applied_at INTEGER NOT NULL DEFAULT (unixepoch())
         ) STRICT",
    )?;
    let found: u32 =
        transaction
            .query_row("SELECT coalesce(max(version), 0) FROM schema_version", (), |row| row.get(0))?;
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (version, step) in (1..=known).zip(migrations) {
        if version > found {
            transaction.execute_batch(step)?;
            transaction.execute("INSERT INTO schema_version (version) VALUES (?1)", (version,))?;
        }
    }
    Ok(())
}
