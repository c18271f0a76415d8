//! Memory that a burst needed and the allocator keeps: given back when the burst is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// So much is worth the work, in bytes.
const ENOUGH: u64 = 16 << 20;
/// The time to wait for the burst to end.
const SETTLED: Duration = Duration::from_secs(5);

/// Counts what is freed, in bytes, roughly.
#[derive(Debug, Default)]
pub(crate) struct Surplus {
    freed: AtomicU64,
    enough: Notify,
}

impl Surplus {
    /// So much was in use and is not any more.
    pub(super) fn freed(&self, bytes: u64) {
        let before = self.freed.fetch_add(bytes, Ordering::Relaxed);
        if before < ENOUGH && before.saturating_add(bytes) >= ENOUGH {
            self.enough.notify_one();
        }
    }

    /// Gives it back, whenever it is enough and some time has gone by, until `stop`.
    pub(crate) async fn give_back(self: Arc<Self>, stop: CancellationToken) {
        let rounds = async {
            loop {
                self.enough.notified().await;
                tokio::time::sleep(SETTLED).await;
                self.freed.store(0, Ordering::Relaxed);
                // It goes over all free memory, which takes milliseconds.
                tokio::task::spawn_blocking(stockade_engine::give_memory_back).await.ok();
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = rounds => {}
        }
    }
}
