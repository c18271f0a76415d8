//! The terms on which a credential is good.

use stockade_core::UnixTime;

use crate::Scope;

/// Facts about a credential besides whom it proves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    /// The requests that it is good for.
    pub scope: Scope,
    /// The operator's words about it, for the log.
    pub labels: Vec<(String, String)>,
    /// The time when it stops being valid, if ever.
    pub expires: Option<UnixTime>,
}
