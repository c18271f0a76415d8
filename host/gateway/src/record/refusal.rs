//! The refusals and failures, as a record takes them.

use stockade_audit::Trouble;
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

/// A place that takes nothing, where the configuration forbids to serve what is not recorded there.
#[derive(Clone, Debug)]
pub(crate) enum Unrecorded {
    /// The gateway's own log.
    Log,
    /// The audit log.
    Audit(Trouble),
}

/// The reason of a refusal, with the binding and policy that refused.
pub(super) struct Reason {
    pub(super) cause: Cause,
    pub(super) message: String,
    pub(super) binding: Option<BindingName>,
    pub(super) policy: Option<PolicyName>,
}
