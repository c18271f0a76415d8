//! The thread that makes lines outlive a loss of power.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::health::Step;
use crate::queue::Shared;
use crate::rules::Sync;

/// The time between two attempts while the disk fails.
const AGAIN: Duration = Duration::from_millis(100);

/// Files with lines that are not on the disk yet.
pub(crate) struct Syncer {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    when: Sync,
    dirty: Option<Arc<File>>,
    failed: Option<String>,
    is_closing: bool,
}

impl Syncer {
    pub(crate) const fn new(when: Sync) -> Self {
        let state = State { when, dirty: None, failed: None, is_closing: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn set(&self, when: Sync) {
        self.lock().when = when;
    }

    /// Notes that lines were written to a file.
    pub(super) fn wrote(&self, file: &Arc<File>) {
        let mut state = self.lock();
        if state.when != Sync::Os && state.dirty.is_none() {
            state.dirty = Some(file.clone());
            self.changed.notify_one();
        }
    }

    /// Returns the reason why the last attempt failed.
    pub(super) fn failed(&self) -> Option<String> {
        self.lock().failed.clone()
    }

    pub(super) fn close(&self) {
        self.lock().is_closing = true;
        self.changed.notify_one();
    }

    pub(crate) fn run(&self, shared: &Shared) {
        while let Some(when) = self.wait() {
            if let Sync::Within(time) = when {
                thread::sleep(time);
            }
            let Some(file) = self.lock().dirty.take() else { continue };
            let result = shared.health.timed(Step::Sync, || file.sync_data());
            if result.is_err() {
                thread::sleep(AGAIN);
            }
            self.synced(&file, result);
        }
    }

    fn synced(&self, file: &Arc<File>, result: io::Result<()>) {
        let mut state = self.lock();
        state.failed = result.err().map(|error| error.to_string());
        if state.failed.is_some() {
            // It is tried again.
            state.dirty.get_or_insert_with(|| file.clone());
        }
    }

    /// Waits for a file; `None` where there will be none.
    fn wait(&self) -> Option<Sync> {
        let idle = |state: &mut State| state.dirty.is_none() && !state.is_closing;
        let state = self.changed.wait_while(self.lock(), idle);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        (!state.is_closing).then_some(state.when)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
