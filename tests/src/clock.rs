use std::sync::atomic::{AtomicU64, Ordering};

use stockade_core::{Clock, UnixTime};

/// A clock that stands still until a test moves it.
pub struct SetClock(AtomicU64);

impl SetClock {
    /// Lets so many seconds pass.
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// The beginning of 2027.
impl Default for SetClock {
    fn default() -> Self {
        Self(AtomicU64::new(1_798_761_600))
    }
}

impl Clock for SetClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}
