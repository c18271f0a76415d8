//! The source of monotonic time, and of waiting for it.

use std::time::Instant;

/// A clock that is never set, and that wakes tasks.
pub trait Monotonic: Send + Sync + 'static {
    /// Returns the time now.
    fn now(&self) -> Instant;

    /// Waits until a time.
    fn sleep_until(&self, until: Instant) -> impl Future<Output = ()> + Send;
}

/// The clock of tokio's runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock;

impl Monotonic for TokioClock {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep_until(&self, until: Instant) -> impl Future<Output = ()> + Send {
        tokio::time::sleep_until(until.into())
    }
}
