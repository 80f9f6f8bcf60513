//! From what SQLite says to what a caller can act on.

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHMSIZE};

use super::super::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};

        // The text of the database never holds bound values, so it holds no secret.
        let detail = error.to_string();
        let unreadable = matches!(
            error,
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..)
        );
        let Some(fault) = error.sqlite_error() else {
            return if unreadable { Self::Corrupt { detail } } else { Self::Database { detail } };
        };
        // A full disk shows itself in the shared index as a failure to make it larger.
        let no_room = matches!(fault.extended_code, SQLITE_IOERR_SHMSIZE | SQLITE_IOERR_SHMMAP);
        if no_room || fault.code == ErrorCode::DiskFull {
            Self::Full
        } else if matches!(fault.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) {
            Self::Busy
        } else if matches!(fault.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) {
            Self::Corrupt { detail }
        } else {
            Self::Database { detail }
        }
    }
}
