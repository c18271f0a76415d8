//! The report of a connection's guard to its service.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use stockade_ollama::BadHead;

/// A head that was refused: why, and what is known of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusedHead {
    pub(crate) bad: Option<BadHead>,
    pub(crate) method: Option<Method>,
    pub(crate) path: Option<String>,
}

/// The report that a connection's guard leaves for its service: why a head was refused, and whether
/// more of a request is to come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict(Arc<Word>);

#[derive(Debug, Default)]
struct Word {
    refused: Mutex<RefusedHead>,
    arriving: AtomicBool,
}

impl Verdict {
    pub(crate) fn set(&self, head: RefusedHead) {
        *self.0.refused.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    /// Takes the refused head, for the request that stands in.
    pub(crate) fn take(&self) -> RefusedHead {
        std::mem::take(&mut *self.0.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn more_to_come(&self, left: u64) {
        self.0.arriving.store(left > 0, Ordering::Relaxed);
    }

    /// Tells whether a part of the request's body was not even given to hyper. Once it is answered,
    /// nobody reads that, and the connection cannot be used again.
    pub(crate) fn is_arriving(&self) -> bool {
        self.0.arriving.load(Ordering::Relaxed)
    }
}
