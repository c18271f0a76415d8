//! The ledger: who used what, hour by hour, kept over restarts, kills and full disks.
//!
//! Counts are gathered in memory; one thread owns the file and writes, once in an interval, the
//! absolute values of what has changed, in one transaction. So a batch that failed, or of which
//! nobody knows whether it was written, is simply written again.

mod counts;
mod report;
mod store;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stockade_core::UnixTime;

use crate::accounts::{AccountUsage, Accounts};
use crate::replica::ReplicaId;
pub use counts::{Counts, UsageKey};
pub use report::{Dimension, LedgerReader, ReadError, ReportQuery, ReportRow};
pub use store::OpenError;
use store::Store;
use writer::Writer;
pub use writer::{LedgerHealth, NotSaved};

/// The rule for a file that is damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDamage {
    /// The gateway does not start: nobody gets a new share by damaging a file.
    #[default]
    Refuse,
    /// The file is set aside, and counting begins at zero.
    StartAtZero,
}

/// The place of the ledger, and how it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// The file; others are kept beside it.
    pub path: PathBuf,
    /// The time between two batches: what a kill can lose.
    pub interval: Duration,
    /// The rule for a file that is damaged.
    pub on_damage: OnDamage,
}

/// A ledger, with what is to be told of its opening.
pub struct Opened {
    /// The ledger.
    pub ledger: Ledger,
    /// The usage in windows that may still be in force, for [`crate::Quotas::restore`].
    pub accounts: Vec<AccountUsage>,
    /// The identity of this gateway among its replicas, until it ends.
    pub replica: ReplicaId,
    /// The identities that it had before, the last one first: what they have used is in `accounts`.
    pub replicas_before: Vec<ReplicaId>,
    /// The new name of a damaged file.
    pub set_aside: Option<PathBuf>,
}

/// The ledger of a gateway. Dropping it saves what is not saved yet.
#[derive(Debug)]
pub struct Ledger {
    writer: Writer,
    path: PathBuf,
}

impl Ledger {
    /// Opens a file, or makes one, and starts the thread that writes to it. What `accounts` count
    /// is saved with each batch.
    ///
    /// # Errors
    /// Where the file is damaged and that is to be refused, where another gateway has it, or where
    /// a newer version has written it.
    pub fn open(
        settings: &LedgerSettings,
        accounts: Arc<Accounts>,
        now: UnixTime,
    ) -> Result<Opened, OpenError> {
        let (store, set_aside) = match Store::open(&settings.path) {
            Err(OpenError::Damaged { .. }) if settings.on_damage == OnDamage::StartAtZero => {
                let aside = store::set_aside(&settings.path, now)?;
                (Store::open(&settings.path)?, Some(aside))
            }
            opened => (opened?, None),
        };
        let restored = store.accounts(now).map_err(|error| store.failed_to_open(error))?;
        let replica = ReplicaId::random();
        let replicas_before =
            store.begin(replica, now).map_err(|error| store.failed_to_open(error))?;
        let writer = Writer::start(store, accounts, settings.interval)?;
        let ledger = Self { writer, path: settings.path.clone() };
        Ok(Opened { ledger, accounts: restored, replica, replicas_before, set_aside })
    }

    /// Counts. It is in the file with the next batch.
    pub fn record(&self, key: UsageKey, counts: Counts) {
        self.writer.record(key, counts);
    }

    /// Writes what was counted before, and waits for it: what is acknowledged survives a kill.
    ///
    /// # Errors
    /// Where it could not be written. It is tried again with the next batch.
    pub fn flush(&self) -> Result<(), NotSaved> {
        self.writer.flush()
    }

    /// Removes what was used in hours before a time, with the next batch.
    pub fn forget_before(&self, time: UnixTime) {
        self.writer.forget_before(time);
    }

    /// Tells whether writing works, and how much waits for it.
    pub fn health(&self) -> LedgerHealth {
        self.writer.health()
    }

    /// Opens the file for reports.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn reader(&self) -> Result<LedgerReader, ReadError> {
        LedgerReader::open(&self.path)
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests;
