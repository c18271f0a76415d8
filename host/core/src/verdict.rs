//! The verdict of one policy about one request.

mod field;
mod obligations;

pub use field::{FieldPath, FieldRule, InvalidFieldPath, ToolSelector};
pub use obligations::{Conflict, Limit, LimitedParameter, Obligations, Priority};

use crate::UnixTime;

/// One policy's answer for one binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed, if the obligations are met.
    Allow(Obligations),
    /// Nothing is permitted by it; the obligations hold if another binding allows.
    Restrict(Obligations),
    /// Refused.
    Deny(Deny),
    /// Nothing to say. The note says why it does not allow, where that was close.
    Abstain(Option<String>),
}

/// A policy's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deny {
    /// The reason that the caller is told.
    pub reason: String,
    /// The words for the operator.
    pub note: Option<String>,
    /// The kind of no.
    pub kind: DenialKind,
}

impl Deny {
    /// Makes a no that stays one, for a reason that the caller is told.
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), note: None, kind: DenialKind::Forbidden }
    }
}

/// The kind of a no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DenialKind {
    /// It stays so.
    #[default]
    Forbidden,
    /// It may be asked again, from this time on if there is one.
    Later(Option<UnixTime>),
}
