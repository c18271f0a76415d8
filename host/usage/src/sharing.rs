//! The way from accounts to the store that replicas share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use stockade_core::UnixTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::account::Account;
use crate::entry::Entry;
use crate::grants::{StoreState, Timeouts};

/// The way to the store. An account is in the queue at most once, so the queue is bounded by the
/// number of accounts.
#[derive(Debug)]
pub(crate) struct Sharing {
    queue: UnboundedSender<Arc<Entry>>,
    is_connected: AtomicBool,
    replicas: AtomicU32,
    pub(crate) timeouts: Timeouts,
    /// The time for which a request waits for the store.
    pub(crate) patience: Duration,
}

impl Sharing {
    /// The way to a store that is not connected yet, and the end of its queue.
    pub(crate) fn new(
        timeouts: Timeouts,
        patience: Duration,
    ) -> (Self, UnboundedReceiver<Arc<Entry>>) {
        let (queue, receiver) = unbounded_channel();
        let (is_connected, replicas) = (AtomicBool::new(false), AtomicU32::new(1));
        (Self { queue, is_connected, replicas, timeouts, patience }, receiver)
    }

    /// Returns the state of the store, for requests that may wait for it or not.
    pub(crate) fn state(&self, now: UnixTime, may_ask: bool) -> StoreState {
        StoreState {
            now,
            is_connected: self.is_connected.load(Ordering::Acquire),
            may_ask,
            replicas: self.replicas.load(Ordering::Relaxed),
            timeouts: self.timeouts,
        }
    }

    pub(crate) fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Release);
    }

    pub(crate) fn set_replicas(&self, replicas: u32) {
        self.replicas.store(replicas.max(1), Ordering::Relaxed);
    }

    /// Has the store told of an account, soon. Where it cannot be, nothing waits for it.
    pub(crate) fn queue(&self, entry: &Arc<Entry>, account: &mut Account) {
        let grants = account.grants();
        if !self.is_connected.load(Ordering::Acquire) {
            grants.abandon();
        } else if grants.queue() && self.queue.send(Arc::clone(entry)).is_err() {
            // Nobody serves the store any more: limits go on as if it were away.
            self.set_connected(false);
            grants.abandon();
        }
    }
}
