//! The bounds of one instance's memory and tables, enforced with typed errors.

use wasmtime::ResourceLimiter;

use crate::limits::TABLE_ELEMENTS;

/// An instance asked for more memory than its policy may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asked for {wanted} bytes of memory where {allowed} are allowed")]
pub(crate) struct MemoryExceeded {
    pub(crate) wanted: usize,
    pub(crate) allowed: usize,
}

/// An instance asked for a larger table than any policy needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asked for a table of {wanted} entries where {TABLE_ELEMENTS} are allowed")]
pub(crate) struct TableExceeded {
    wanted: usize,
}

/// Refuses growth with an error instead of telling the guest "no": a guest that is
/// told "no" gives up with a trap that looks like any other.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes: usize,
}

impl Limiter {
    pub(crate) const fn new(memory_bytes: usize) -> Self {
        Self { memory_bytes }
    }

    /// Lets the instance grow by this much more than its policy may.
    pub(crate) const fn extend(&mut self, bytes: usize) {
        self.memory_bytes = self.memory_bytes.saturating_add(bytes);
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.memory_bytes {
            return Err(wasmtime::Error::new(MemoryExceeded {
                wanted: desired,
                allowed: self.memory_bytes,
            }));
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            return Err(wasmtime::Error::new(TableExceeded { wanted: desired }));
        }
        Ok(true)
    }
}
