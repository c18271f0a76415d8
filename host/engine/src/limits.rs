//! The limits of guests.

use std::time::Duration;

const KIB: usize = 1 << 10;

/// The stack of a guest's native frames. A guest's own stack, of 16 KiB usually, lies in its
/// memory; this bounds what recursion can use beyond it.
pub(crate) const WASM_STACK_BYTES: usize = 256 * KIB;
/// Entries of one table: the functions whose address a policy takes.
pub(crate) const TABLE_ELEMENTS: usize = 10_000;
/// Wizer reads a memory twice, and each time makes it a page larger to say where it is.
/// That is not the policy's doing, so it comes on top of what a policy may use.
pub(crate) const ACCESSORS_BYTES: usize = 2 * 64 * KIB;

/// The limits of one policy for one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyLimits {
    /// The time that it may compute; in milliseconds, rounded up. Time in which the machine
    /// did something else does not count against it (see [`Failure::Timeout`]).
    ///
    /// [`Failure::Timeout`]: crate::Failure::Timeout
    pub deadline: Duration,
    /// Linear memory, settings and input included.
    pub memory_bytes: usize,
}
