//! Who a caller has proven to be, and by what.

use std::sync::Arc;

use stockade_core::{Principal, UnixTime};

use crate::Scope;
use crate::standing::Evidence;
use crate::token::Origin;

/// What a credential says besides whom it proves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What it is good for.
    pub scope: Scope,
    /// What the operator wrote about it, for the log.
    pub labels: Vec<(String, String)>,
    /// When it stops being valid, if ever.
    pub expires: Option<UnixTime>,
}

/// A proven caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub principal: Principal,
    /// The terms of the credential that proved it.
    pub terms: Arc<Terms>,
    /// Who has proven themselves, where they speak for the user.
    pub front_end: Option<Arc<Principal>>,
    /// What a token was made from.
    pub(crate) origin: Option<Arc<Origin>>,
    /// What a later generation must still have.
    pub(crate) evidence: Evidence,
}

impl Identity {
    pub(crate) const fn new(principal: Principal, terms: Arc<Terms>, evidence: Evidence) -> Self {
        Self { principal, terms, front_end: None, origin: None, evidence }
    }
}
