//! What a connection's guard tells its service.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use stockade_ollama::BadHead;

/// Where a connection's guard leaves word for its service: why a head was refused, and
/// whether more of a request is to come.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct Verdict(Arc<Word>);

#[derive(Debug, Default)]
struct Word {
    bad: Mutex<Option<BadHead>>,
    arriving: AtomicBool,
}

impl Verdict {
    pub(super) fn set(&self, bad: BadHead) {
        *self.0.bad.lock().unwrap_or_else(PoisonError::into_inner) = Some(bad);
    }

    /// Why, asked for the request that stands in.
    pub(in crate::proxy) fn take(&self) -> Option<BadHead> {
        self.0.bad.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn more_to_come(&self, left: u64) {
        self.0.arriving.store(left > 0, Ordering::Relaxed);
    }

    /// Whether a part of the request's body was not even given to hyper. Once it is answered,
    /// nobody reads that, and the connection cannot be used again.
    pub(in crate::proxy) fn is_arriving(&self) -> bool {
        self.0.arriving.load(Ordering::Relaxed)
    }
}
