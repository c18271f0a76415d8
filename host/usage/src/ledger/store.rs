//! The file: its tables, how it is opened, and how a batch is written.

mod files;
mod open_error;
mod replicas;
mod rows;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use stockade_core::UnixTime;

use super::counts::{Counts, UsageKey};
use crate::accounts::AccountUsage;
use crate::replica::ReplicaId;
use files::lock;
pub(super) use files::set_aside;
pub use open_error::OpenError;
use open_error::SCHEMA;
use rows::{account, find_one, put_account, put_usage, unreadable};
pub(super) use rows::{counts, signed, unsigned};

/// The application id that says that a file of `SQLite`'s is a ledger: "STKU".
const APPLICATION: i64 = 0x5354_4b55;
/// Files of up to so many bytes are read through when they are opened.
const CHECKED: u64 = 64 << 20;
/// The time that a writer waits for a reader who is just cleaning up.
const BUSY: Duration = Duration::from_secs(5);

/// Keys begin with the user: a report on one user reads that user's rows only.
const TABLES: &str = "
    CREATE TABLE usage (
        user TEXT NOT NULL, credential TEXT NOT NULL, model TEXT NOT NULL,
        operation TEXT NOT NULL, hour INTEGER NOT NULL,
        requests INTEGER NOT NULL, refused INTEGER NOT NULL,
        input INTEGER NOT NULL, output INTEGER NOT NULL,
        gpu_ms INTEGER NOT NULL, load_ms INTEGER NOT NULL, pulled INTEGER NOT NULL,
        PRIMARY KEY (user, credential, model, operation, hour)
    ) WITHOUT ROWID;
    CREATE TABLE account (
        quota TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, period TEXT NOT NULL,
        start INTEGER NOT NULL, end INTEGER NOT NULL,
        requests INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL,
        gpu_ms INTEGER NOT NULL, pulled INTEGER NOT NULL,
        PRIMARY KEY (quota, kind, subject, period)
    ) WITHOUT ROWID;";

const FIND_USAGE: &str = "SELECT requests, refused, input, output, gpu_ms, load_ms, pulled
    FROM usage WHERE user = ?1 AND credential = ?2 AND model = ?3 AND operation = ?4
    AND hour = ?5";
const PUT_USAGE: &str =
    "INSERT OR REPLACE INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const PUT_ACCOUNT: &str =
    "INSERT OR REPLACE INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const FIND_ACCOUNTS: &str = "SELECT quota, kind, subject, period, start, end, requests, input,
    output, gpu_ms, pulled FROM account WHERE end > ?1";

/// The content of one batch.
#[derive(Debug, Default)]
pub(super) struct Batch<'b> {
    pub(super) usage: Vec<(&'b UsageKey, &'b Counts)>,
    pub(super) accounts: Vec<&'b AccountUsage>,
    /// Hours before this one are removed.
    pub(super) forget_before: Option<UnixTime>,
}

/// The open file, for the one thread that writes.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    path: PathBuf,
    /// Says to other gateways that this one has the file.
    _lock: File,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let (lock, is_new) = lock(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|source| OpenError::new(path, source))?;
        let store = Self { connection, path: path.to_owned(), _lock: lock };
        store.prepare(is_new)?;
        Ok(store)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells what went wrong in opening the file.
    pub(super) fn failed_to_open(&self, error: rusqlite::Error) -> OpenError {
        OpenError::new(&self.path, error)
    }

    fn prepare(&self, is_new: bool) -> Result<(), OpenError> {
        let failed = |error| self.failed_to_open(error);
        let pragma = |name| self.connection.pragma_query_value(None, name, |row| row.get(0));
        self.connection.busy_timeout(BUSY).map_err(failed)?;
        let application: i64 = pragma("application_id").map_err(failed)?;
        let schema: i64 = pragma("user_version").map_err(failed)?;
        let pages: i64 = pragma("page_count").map_err(failed)?;
        if pages == 0 && !is_new {
            let (path, reason) = (self.path.clone(), "it is empty".to_owned());
            return Err(OpenError::Damaged { path, reason });
        }
        let tables = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 =
            self.connection.query_row(tables, [], |row| row.get(0)).map_err(failed)?;
        match (application, schema) {
            // A process that was killed as it made the file has left it without tables.
            (0, 0) if tables == 0 => self.create().map_err(failed)?,
            (APPLICATION, SCHEMA) => {}
            (APPLICATION, found) if found > SCHEMA => {
                return Err(OpenError::Newer { path: self.path.clone(), found });
            }
            _ => return Err(OpenError::NotALedger { path: self.path.clone() }),
        }
        self.check()?;
        // A kill loses nothing that was committed; a power cut may lose the last seconds.
        let rest = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                    PRAGMA journal_size_limit = 4194304;";
        self.connection.execute_batch(rest).map_err(failed)
    }

    fn create(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; BEGIN; {TABLES} {} PRAGMA application_id = {APPLICATION}; \
             PRAGMA user_version = {SCHEMA}; COMMIT;",
            replicas::TABLE
        ))
    }

    fn check(&self) -> Result<(), OpenError> {
        let failed = |error| self.failed_to_open(error);
        let size = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if size <= CHECKED {
            let check = "PRAGMA quick_check(1)";
            let found: String =
                self.connection.query_row(check, [], |row| row.get(0)).map_err(failed)?;
            if found != "ok" {
                let path = self.path.clone();
                return Err(OpenError::Damaged { path, reason: found });
            }
        }
        // The tables are there and have their columns.
        self.connection.prepare(FIND_USAGE).map_err(failed)?;
        self.connection.prepare(replicas::FIND).map_err(failed)?;
        self.connection.prepare(FIND_ACCOUNTS).map(drop).map_err(failed)
    }

    /// Notes a new identity, and returns those under which the file was opened before.
    pub(super) fn begin(&self, me: ReplicaId, now: UnixTime) -> rusqlite::Result<Vec<ReplicaId>> {
        replicas::begin(&self.connection, me, now)
    }

    /// Reads what was counted under keys before.
    pub(super) fn find<'k>(
        &self,
        keys: impl Iterator<Item = &'k UsageKey>,
    ) -> rusqlite::Result<HashMap<UsageKey, Counts>> {
        let mut find = self.connection.prepare(FIND_USAGE)?;
        keys.map(|key| Ok((key.clone(), find_one(&mut find, key)?))).collect()
    }

    /// Writes a batch: all of it, or nothing.
    pub(super) fn write(&mut self, batch: &Batch<'_>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let mut put = transaction.prepare(PUT_USAGE)?;
        for (key, counts) in &batch.usage {
            put_usage(&mut put, key, counts)?;
        }
        let mut put_one = transaction.prepare(PUT_ACCOUNT)?;
        for account in &batch.accounts {
            put_account(&mut put_one, account)?;
        }
        if let Some(time) = batch.forget_before {
            let time = signed(time.as_secs());
            transaction.execute("DELETE FROM usage WHERE hour < ?1", [time])?;
            transaction.execute("DELETE FROM account WHERE end < ?1", [time])?;
        }
        drop((put, put_one));
        transaction.commit()
    }

    /// Reads the accounts whose windows are not over.
    pub(super) fn accounts(&self, now: UnixTime) -> rusqlite::Result<Vec<AccountUsage>> {
        let mut find = self.connection.prepare(FIND_ACCOUNTS)?;
        let accounts = find.query_map([signed(now.as_secs())], account)?;
        accounts.collect()
    }

    /// Lets the file grow to so many pages only, as a full disk does.
    #[cfg(test)]
    pub(super) fn set_most_pages(&self, pages: u32) {
        self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    }
}
