//! The reasons why a ledger cannot be opened.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// The number of the tables' form.
pub(super) const SCHEMA: i64 = 1;

/// The reason why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is damaged.
    #[error("the ledger {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The findings.
        reason: String,
    },
    /// A newer version of this program has written it.
    #[error(
        "the ledger {} was written by a newer version (schema {found}, this version knows \
         {SCHEMA}): run that version, or move the file aside", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its number.
        found: i64,
    },
    /// The file belongs to another program.
    #[error("{} is a database of another program", path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// Another gateway writes to it.
    #[error("another process has the ledger {}", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The system refuses it.
    #[error("the ledger {} cannot be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// `SQLite` refuses it.
    #[error("the ledger {} cannot be opened", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// `SQLite`'s reason.
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// Tells damage from what the system refuses.
    pub(super) fn new(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let is_damage = match &source {
            rusqlite::Error::SqliteFailure(error, _) => matches!(
                error.code,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown
            ),
            // A column of another type, a name that cannot be one, a table that is missing.
            rusqlite::Error::SqlInputError { .. }
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::InvalidQuery => true,
            _ => false,
        };
        if is_damage {
            OpenError::Damaged { path, reason: source.to_string() }
        } else {
            OpenError::Sqlite { path, source }
        }
    }
}
