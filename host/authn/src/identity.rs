//! The user that a caller has proven to be, and the credential.

use std::sync::Arc;

use stockade_core::{Principal, UnixTime};

use crate::Scope;
use crate::revocation::CredentialRef;
use crate::token::Origin;

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

/// A proven caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user, and the credential that proved it.
    pub principal: Principal,
    /// The terms of the credential that proved it.
    pub terms: Arc<Constraints>,
    /// The front end that has proven itself, where it speaks for the user.
    pub front_end: Option<Arc<Principal>>,
    /// The credential that a token was made from.
    pub(crate) origin: Option<Arc<Origin>>,
    /// The part of the credential that a later generation must still have.
    pub(crate) evidence: CredentialRef,
}

impl Identity {
    pub(crate) const fn new(
        principal: Principal,
        terms: Arc<Constraints>,
        evidence: CredentialRef,
    ) -> Self {
        Self { principal, terms, front_end: None, origin: None, evidence }
    }
}
