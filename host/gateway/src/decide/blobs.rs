//! The memory of who has sent which blob.
//!
//! Ollama takes any blob on its disk for a new model, whoever sent it, and tells anybody whether it
//! is there. The gateway remembers whose content a digest is: a caller has sent a blob if the gateway
//! has read all of it from that caller, and it has that digest.

mod file;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stockade_core::UserId;

use file::{BlobsFile, Line};

/// The most blobs that are remembered, those of several users counted for each.
const MOST: usize = 100_000;

/// A blob, by the digits of its digest, and a user who has sent it.
type Sent = (Box<str>, UserId);

/// Remembers who has sent which blob, over restarts where there is a directory for that.
pub(crate) struct SentBlobs {
    memory: Mutex<Memory>,
    /// `None` where nothing is kept. Locked before the memory, never after.
    file: Option<Mutex<BlobsFile>>,
}

impl SentBlobs {
    /// Reads what is kept in the state directory, if there is one.
    pub(crate) fn open(directory: Option<&Path>) -> Self {
        let Some(directory) = directory else {
            tracing::debug!("who sends which blob is remembered until the gateway stops");
            return Self { memory: Mutex::default(), file: None };
        };
        let (file, lines) = BlobsFile::open(directory);
        let mut memory = Memory::default();
        for Line { digest, user } in lines {
            memory.insert((digest, user), MOST);
        }
        Self { memory: Mutex::new(memory), file: Some(Mutex::new(file)) }
    }

    /// Tells whether a user has sent a blob.
    pub(crate) fn has_sent(&self, user: &UserId, digest: &str) -> bool {
        self.memory().at.contains_key(&(digits(digest).into(), user.clone()))
    }

    /// Remembers that a user has sent a blob, and returns true if that is news. It is known at once,
    /// and kept when this is over.
    pub(crate) async fn remember(self: &Arc<Self>, user: &UserId, digest: &str) -> bool {
        let sent: Sent = (digits(digest).into(), user.clone());
        let news = self.memory().insert(sent.clone(), MOST);
        if self.file.is_some() {
            let this = self.clone();
            // It waits for the disk.
            tokio::task::spawn_blocking(move || this.keep(sent)).await.ok();
        }
        news
    }

    fn keep(&self, (digest, user): Sent) {
        let Some(file) = &self.file else {
            return;
        };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let appended = file.append(&Line { digest, user });
        if !appended || file.lines() > 2 * MOST {
            let lines = self.memory().lines();
            file.replace(&lines);
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Each step leaves it complete.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The blobs that are remembered, by when they were sent last.
#[derive(Default)]
struct Memory {
    at: HashMap<Sent, u64>,
    order: BTreeMap<u64, Sent>,
    next: u64,
}

impl Memory {
    /// Remembers a blob as the newest, and returns true if it was not known. The oldest is
    /// forgotten where there are too many.
    fn insert(&mut self, sent: Sent, most: usize) -> bool {
        let before = self.at.insert(sent.clone(), self.next);
        if let Some(before) = before {
            self.order.remove(&before);
        }
        self.order.insert(self.next, sent);
        self.next += 1;
        if self.at.len() > most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.at.remove(&oldest);
        }
        before.is_none()
    }

    fn lines(&self) -> Vec<Line> {
        let sent = self.order.values().cloned();
        sent.map(|(digest, user)| Line { digest, user }).collect()
    }
}

/// A digest without the name of its algorithm; there is only one.
fn digits(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

#[cfg(test)]
mod tests;
