//! The refusals and failures, as a record takes them.

use stockade_core::record::{Cause, RequestOutcome};
use stockade_core::{BindingName, PolicyName, QuotaName};

/// The reason why the gateway answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// It refuses.
    Refusal(Cause),
    /// A permitted request failed.
    Failure(RequestOutcome),
}

/// An answer of the gateway's own, as far as the record keeps it.
pub(crate) struct RecordedRefusal {
    pub(crate) ground: Ground,
    /// The text for the operator: nothing that the request holds.
    pub(crate) message: String,
    pub(crate) binding: Option<BindingName>,
    pub(crate) policy: Option<PolicyName>,
    pub(crate) quota: Option<QuotaName>,
}

/// The log takes nothing, and the configuration forbids to serve what it does not tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unrecorded;

/// The reason of a refusal, with the binding and policy that refused.
pub(super) struct Reason {
    pub(super) cause: Cause,
    pub(super) message: String,
    pub(super) binding: Option<BindingName>,
    pub(super) policy: Option<PolicyName>,
}
