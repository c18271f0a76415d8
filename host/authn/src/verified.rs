//! The result of verifying one credential.

use std::sync::Arc;

use stockade_core::Principal;

use crate::constraints::Constraints;

/// A user who is proven by a credential of one kind. `P` is the part of the credential that a later
/// generation must still have.
#[derive(Clone, Debug)]
pub(crate) struct Verified<P> {
    /// The user, and the credential that proved it.
    pub(crate) principal: Principal,
    /// The terms of the credential.
    pub(crate) terms: Arc<Constraints>,
    /// Enough of the credential to find it again.
    pub(crate) proof: P,
}
