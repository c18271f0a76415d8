//! The thread that writes, and what it is told.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use stockade_core::UnixTime;

use super::counts::{Counts, UsageKey};
use super::store::{Batch, OpenError, Store};
use crate::accounts::{AccountUsage, Accounts};

/// The hours of which the totals stay in memory once they are written: nearly all that is settled
/// belongs to this one or the one before.
const HOURS_KEPT: u64 = 2;

/// A batch that could not be written. What was counted is kept and tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger cannot be written: {reason}")]
pub struct NotSaved {
    reason: Arc<str>,
}

/// The state of writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerHealth {
    /// The reason why the last batch was not written.
    pub failing: Option<NotSaved>,
    /// Rows that wait to be written.
    pub unsaved: usize,
}

/// The thread, as those see it who give it work. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is something to do at once.
    wanted: Condvar,
    /// A batch was tried.
    tried: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The counts since the last batch.
    counted: HashMap<UsageKey, Counts>,
    forget_before: Option<UnixTime>,
    /// The number of flushes that were asked for, and of those that the last batch has served.
    asked: u64,
    served: u64,
    /// The reason why the last batch was not written.
    failing: Option<NotSaved>,
    /// Rows that the thread has and could not write.
    kept: usize,
    is_closing: bool,
}

impl Writer {
    pub(super) fn start(
        store: Store,
        accounts: Arc<Accounts>,
        interval: Duration,
    ) -> Result<Self, OpenError> {
        let state = Mutex::default();
        let (wanted, tried) = (Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { state, wanted, tried });
        let path = store.path().to_owned();
        let work = Work {
            store,
            accounts,
            shared: Arc::clone(&shared),
            totals: HashMap::new(),
            unsaved: HashSet::new(),
            unsaved_accounts: HashMap::new(),
            forget_before: None,
        };
        let thread = thread::Builder::new().name("ledger".to_owned());
        let thread = thread
            .spawn(move || work.run(interval))
            .map_err(|source| OpenError::Io { path, source })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn record(&self, key: UsageKey, counts: Counts) {
        *self.shared.lock().counted.entry(key).or_default() += counts;
    }

    pub(super) fn forget_before(&self, time: UnixTime) {
        self.shared.lock().forget_before = Some(time);
    }

    pub(super) fn flush(&self) -> Result<(), NotSaved> {
        let mut state = self.shared.lock();
        state.asked += 1;
        let asked = state.asked;
        self.shared.wanted.notify_one();
        while state.served < asked {
            state = self.shared.tried.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failing.clone().map_or(Ok(()), Err)
    }

    pub(super) fn health(&self) -> LedgerHealth {
        let state = self.shared.lock();
        let unsaved = state.counted.len() + state.kept;
        LedgerHealth { failing: state.failing.clone(), unsaved }
    }
}

/// The last batch is written before the thread ends.
impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.wanted.notify_one();
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked, and there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state that the thread has to itself.
struct Work {
    store: Store,
    accounts: Arc<Accounts>,
    shared: Arc<Shared>,
    /// The state of recent hours in the file, or as it will be there.
    totals: HashMap<UsageKey, Counts>,
    unsaved: HashSet<UsageKey>,
    unsaved_accounts: HashMap<AccountKey, AccountUsage>,
    forget_before: Option<UnixTime>,
}

type AccountKey = (stockade_core::QuotaName, crate::quota::Subject, crate::quota::Period);

impl Work {
    fn run(mut self, interval: Duration) {
        loop {
            let (asked, is_closing) = self.wait(interval);
            let result = self.batch();
            let mut state = self.shared.lock();
            state.failing = result.err();
            state.served = asked;
            state.kept = self.unsaved.len() + self.unsaved_accounts.len();
            drop(state);
            self.shared.tried.notify_all();
            if is_closing {
                return;
            }
        }
    }

    /// Waits for the next batch's time, or until somebody asks for it.
    fn wait(&self, interval: Duration) -> (u64, bool) {
        let state = self.shared.lock();
        let is_quiet = |state: &mut State| state.asked == state.served && !state.is_closing;
        let waited = self.shared.wanted.wait_timeout_while(state, interval, is_quiet);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        (state.asked, state.is_closing)
    }

    /// Writes everything that has changed, or keeps it for the next time.
    fn batch(&mut self) -> Result<(), NotSaved> {
        self.take()
            .and_then(|()| self.write())
            .map_err(|error| NotSaved { reason: error.to_string().into() })
    }

    /// Adds what was counted to what is in the file. Where that cannot be read, it stays counted.
    fn take(&mut self) -> rusqlite::Result<()> {
        for account in self.accounts.take_changed() {
            let key = (account.quota.clone(), account.subject.clone(), account.period);
            self.unsaved_accounts.insert(key, account);
        }
        let mut state = self.shared.lock();
        let counted = std::mem::take(&mut state.counted);
        self.forget_before = state.forget_before.take().or(self.forget_before);
        drop(state);
        let unknown = counted.keys().filter(|key| !self.totals.contains_key(*key));
        match self.store.find(unknown) {
            Ok(found) => self.totals.extend(found),
            Err(error) => {
                let mut state = self.shared.lock();
                for (key, counts) in counted {
                    *state.counted.entry(key).or_default() += counts;
                }
                return Err(error);
            }
        }
        for (key, counts) in counted {
            *self.totals.entry(key.clone()).or_default() += counts;
            self.unsaved.insert(key);
        }
        Ok(())
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        let usage = self.unsaved.iter();
        let batch = Batch {
            usage: usage.filter_map(|key| self.totals.get_key_value(key)).collect(),
            accounts: self.unsaved_accounts.values().collect(),
            forget_before: self.forget_before,
        };
        if batch.usage.is_empty() && batch.accounts.is_empty() && batch.forget_before.is_none() {
            return Ok(());
        }
        self.store.write(&batch)?;
        self.unsaved.clear();
        self.unsaved_accounts.clear();
        self.forget_before = None;
        self.forget_totals();
        Ok(())
    }

    /// Totals of former hours are in the file, from which they are read where they are needed.
    fn forget_totals(&mut self) {
        let latest = self.totals.keys().map(|key| key.hour.as_secs()).max().unwrap_or_default();
        self.totals.retain(|key, _| key.hour.as_secs() + HOURS_KEPT * 3_600 > latest);
    }
}

#[cfg(test)]
mod tests;
