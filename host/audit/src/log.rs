//! The log, as those see it who have something to record.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use stockade_core::Clock;

use crate::health::Trouble;
use crate::key::VerifierKey;
use crate::line::Kind;
use crate::note::SignedNote;
use crate::open::{OpenError, open};
use crate::queue::Shared;
use crate::rules::AuditSettings;
use crate::writer::{Syncer, Writer};

/// An audit log that is open for writing; no other process writes to it. Dropping it writes what is
/// still to be written.
pub struct AuditLog {
    shared: Arc<Shared>,
    first_key: VerifierKey,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl AuditLog {
    /// Opens a log, or makes one, and starts the threads that write to it.
    ///
    /// # Errors
    /// Where another process writes to it, or the directory cannot be written.
    pub fn open(settings: AuditSettings, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let opened = open(&settings.directory)?;
        let first_key = opened.key.verifier(&opened.origin);
        let shared = Arc::new(Shared::new(settings.deadline, clock));
        let syncer = Arc::new(Syncer::new(settings.sync));
        let directory = settings.directory.clone();
        let failed = |source| OpenError::Io { path: directory.clone(), source };
        let writer = Writer::new(opened, settings, shared.clone(), syncer.clone());
        let syncing = shared.clone();
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let threads = vec![
            named("audit").spawn(move || writer.run()).map_err(failed)?,
            named("audit-sync").spawn(move || syncer.run(&syncing)).map_err(failed)?,
        ];
        Ok(Self { shared, first_key, threads: Mutex::new(threads) })
    }

    /// Promises a place for one line.
    ///
    /// # Errors
    /// Where none can be written at the moment: what the line would tell of must not be done.
    pub fn reserve(&self) -> Result<Slot, Trouble> {
        match self.shared.health.trouble() {
            None => {
                self.shared.promise();
                Ok(Slot { shared: self.shared.clone() })
            }
            Some(trouble) => Err(trouble),
        }
    }

    /// Counts a request of which there will be no line; the log tells of it as soon as it can.
    pub fn missed(&self, reason: Trouble) {
        self.shared.health.missed(reason, self.shared.clock.now());
    }

    /// Writes a line that nothing depends on. `members` is a JSON object.
    pub fn append(&self, kind: Kind, members: &[u8]) {
        self.shared.push(kind, members);
    }

    /// Returns the reason why nothing can be recorded at the moment.
    pub fn trouble(&self) -> Option<Trouble> {
        self.shared.health.trouble()
    }

    /// Changes the rules. The directory stays.
    pub fn set(&self, settings: AuditSettings) {
        self.shared.set(settings);
    }

    /// Returns the last checkpoint, once there is one since it was opened.
    pub fn checkpoint(&self) -> Option<SignedNote> {
        self.shared.checkpoint()
    }

    /// Returns the key of the segment that was written when it was opened: to be kept elsewhere, it
    /// proves all that is written from then on.
    pub const fn key(&self) -> &VerifierKey {
        &self.first_key
    }

    /// Waits until everything is on the disk, or for as long as this; tells whether it is.
    pub fn flush(&self, patience: Duration) -> bool {
        self.shared.flush(patience, false)
    }

    /// Waits until everything is signed and on the disk, or for as long as this; tells whether it is.
    pub fn sign(&self, patience: Duration) -> bool {
        self.shared.flush(patience, true)
    }

    /// Writes and signs what is still to be written, and ends. Blocks until that is done.
    pub fn close(&self) {
        self.shared.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

/// A promised place for one line. Dropping it gives the place back.
pub struct Slot {
    shared: Arc<Shared>,
}

impl Slot {
    /// Writes the line. `members` is a JSON object without line feeds.
    pub fn write(self, kind: Kind, members: &[u8]) {
        self.shared.push(kind, members);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.release();
    }
}
