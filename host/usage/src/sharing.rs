//! The way from accounts to the store that replicas share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use stockade_core::UnixTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::account::Account;
use crate::entry::Entry;
use crate::grants::{Purpose, StoreState, Timeouts};

/// The way to the store. An account is in each queue once, or twice where the store was away
/// meanwhile, so that the queues are bounded by the number of accounts.
#[derive(Debug)]
pub(crate) struct Sharing {
    asks: UnboundedSender<Arc<Entry>>,
    tells: UnboundedSender<Arc<Entry>>,
    is_connected: AtomicBool,
    replicas: AtomicU32,
    pub(crate) timeouts: Timeouts,
    /// The time for which a request waits for the store.
    pub(crate) timeout: Duration,
}

/// Accounts of which the store is to be told. Those for which a request waits go before others.
#[derive(Debug)]
pub(crate) struct Queues {
    pub(crate) asks: UnboundedReceiver<Arc<Entry>>,
    pub(crate) tells: UnboundedReceiver<Arc<Entry>>,
}

impl Sharing {
    /// The way to a store that is not connected yet, and the ends of its queues.
    pub(crate) fn new(timeouts: Timeouts, timeout: Duration) -> (Self, Queues) {
        let ((asks, asked), (tells, told)) = (unbounded_channel(), unbounded_channel());
        let (is_connected, replicas) = (AtomicBool::new(false), AtomicU32::new(1));
        let sharing = Self { asks, tells, is_connected, replicas, timeouts, timeout };
        (sharing, Queues { asks: asked, tells: told })
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

    /// Has the store called about an account. Where it cannot be, nothing waits for it.
    pub(crate) fn queue(&self, entry: &Arc<Entry>, account: &mut Account, purpose: Purpose) {
        let grants = account.grants();
        let queue = match purpose {
            Purpose::Ask => &self.asks,
            Purpose::Tell => &self.tells,
        };
        if !self.is_connected.load(Ordering::Acquire) {
            grants.abandon();
        } else if grants.queued.add(purpose) && queue.send(Arc::clone(entry)).is_err() {
            // Nobody serves the store any more: limits go on as if it were away.
            self.set_connected(false);
            grants.abandon();
        }
    }
}
