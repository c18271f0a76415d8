//! Quotas over replicas: gateways that share limits through Valkey or Redis.
//!
//! [`SharedStore::connect`] returns the store's handle and a task that is to be spawned. From then
//! on the accounts of the quotas count over all replicas, and [`Quotas::admit_shared`] admits:
//!
//! - Each replica is granted an absolute amount of every limit of an account, and spends it without
//!   asking. The sum of the amounts is never more than the limit.
//! - A request that finds too little granted waits for one call of the store. Where a limit has room
//!   for few requests only, every request asks; otherwise more is granted than it needs.
//! - Use is told in the background, as absolute values by replica. What is not spent goes back.
//! - Where the store is away, what was granted is spent, and then [`OnStoreLoss`] decides.
//!
//! [`OnStoreLoss`]: crate::OnStoreLoss
//! [`Quotas::admit_shared`]: crate::Quotas::admit_shared
//!
//! Modules: `settings`, `status`, `key` → `connection` → `calls` → `worker`.

mod calls;
mod connection;
mod key;
mod status;
mod store_settings;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;

use stockade_core::Clock;
use tokio::sync::watch;

use crate::grants::Timeouts;
use crate::quotas::Quotas;
use crate::sharing::Sharing;
use calls::Calls;
use status::Status;
pub use status::{StoreConnection, StoreError, StoreStatus};
pub use store_settings::{
    Address, Credentials, InvalidAddress, Servers, StoreSettings, TcpAddress,
};
use worker::Worker;

/// The accounts share their limits over a store already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the accounts share their limits over a store already")]
pub struct AlreadyShared;

/// The store over which replicas share limits.
#[derive(Debug)]
pub struct SharedStore {
    quotas: watch::Sender<Arc<Quotas>>,
    closing: watch::Sender<bool>,
    status: Arc<Status>,
}

impl SharedStore {
    /// Shares the limits of quotas, and of those that follow them over the same accounts. The
    /// task that is returned does all the work: it connects, again and again where the store is
    /// away, and ends soon after [`SharedStore::close`], or when this handle is dropped.
    ///
    /// # Errors
    /// Where the accounts share their limits already.
    pub fn connect(
        settings: StoreSettings,
        quotas: Arc<Quotas>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, impl Future<Output = ()> + Send + use<>), AlreadyShared> {
        let timeouts = Timeouts { budgets: settings.budgets_kept, running: settings.running_kept };
        let (sharing, queues) = Sharing::new(timeouts, settings.timeout);
        let sharing = Arc::new(sharing);
        if !quotas.accounts().share(Arc::clone(&sharing)) {
            return Err(AlreadyShared);
        }
        let calls = Arc::new(Calls::new(&settings, timeouts));
        let status = Arc::new(Status::new(clock.now()));
        let (quotas, quotas_receiver) = watch::channel(quotas);
        let (closing, closing_receiver) = watch::channel(false);
        let worker = Worker {
            settings,
            calls,
            sharing,
            queues,
            quotas: quotas_receiver,
            closing: closing_receiver,
            clock,
            status: Arc::clone(&status),
            active: HashMap::new(),
            marks: [None; key::BUCKETS as usize],
            last_call: 0,
        };
        Ok((Self { quotas, closing, status }, worker.run()))
    }

    /// Follows an edited configuration. Its quotas have to be over the same accounts.
    pub fn replace_quotas(&self, quotas: Arc<Quotas>) {
        self.quotas.send_replace(quotas);
    }

    /// Returns the state of the store.
    pub fn status(&self) -> StoreStatus {
        self.status.watch().borrow().clone()
    }

    /// Returns the state of the store, for those who wait until it changes.
    pub fn statuses(&self) -> watch::Receiver<StoreStatus> {
        self.status.watch()
    }

    /// Has the task tell what was used, return what was granted besides, and end.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }
}
