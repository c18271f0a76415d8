//! The effect of a decision on its caller, as far as two decisions about one request are compared.

use stockade_core::record::Cause;
use stockade_core::{
    BindingName, BindingVerdict, DenialCause, Obligations, Outcome, Permit, Verdict,
};

use super::line::{Line, read};
use super::report::{ChangeKind, EffectTold};
use crate::generation::{Decision, Hypothetical, Refusal};

/// The effect of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The request may be forwarded.
    Permit {
        /// The bindings that allow it.
        by: Vec<BindingName>,
        /// The first binding that demands something, where that is known.
        demanding: Option<BindingName>,
        /// The obligations in one order, a replaced model among them, and as they are written.
        obligations: Obligations,
        written: String,
    },
    /// It is refused.
    Refuse {
        /// The class of the refusal.
        cause: Cause,
        /// The reason, for the operator.
        reason: String,
        /// The binding that refuses, if it is one.
        binding: Option<BindingName>,
    },
}

impl From<Decision<Hypothetical>> for Effect {
    fn from(decision: Decision<Hypothetical>) -> Self {
        let demanding = demanding(&decision);
        match decision.result {
            Ok(permit) => Self::permit(permit, demanding),
            Err(refusal) => Self::refuse(refusal),
        }
    }
}

impl Effect {
    fn permit(permit: Permit<Hypothetical>, demanding: Option<BindingName>) -> Self {
        let (by, replace_model) = (permit.allowed_by().to_vec(), permit.replaced_by().cloned());
        let obligations = ordered(Obligations { replace_model, ..permit.into_parts().1 });
        let written = written(&obligations);
        Self::Permit { by, demanding, obligations, written }
    }

    fn refuse(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied(denial) => {
                let reason = match denial.note {
                    Some(note) => format!("{}: {note}", denial.reason),
                    None => denial.reason,
                };
                Self::Refuse { cause: Cause::Policy(denial.cause), reason, binding: denial.binding }
            }
            Refusal::Unchangeable(reason) => {
                Self::Refuse { cause: Cause::ObligationUnmet, reason, binding: None }
            }
            other => Self::refused(Cause::OutOfScope, other.to_string()),
        }
    }

    /// A refusal for which no binding stands.
    pub(super) const fn refused(cause: Cause, reason: String) -> Self {
        Self::Refuse { cause, reason, binding: None }
    }

    /// Returns the effect that a line tells of; `None` where nobody decided.
    pub(super) fn recorded(line: &Line<'_>) -> Option<Self> {
        if line.was_permitted() {
            let by = read(line.allowed_by).ok()?.unwrap_or_default();
            let obligations = recorded_obligations(line)?;
            let written = written(&obligations);
            return Some(Self::Permit { by, demanding: None, obligations, written });
        }
        if !line.was_decided() {
            return None;
        }
        let cause = line.cause.unwrap_or(Cause::Policy(DenialCause::NotAllowed));
        let reason = line.reason.as_deref().unwrap_or_default().to_owned();
        let binding = line.binding.as_deref().and_then(|name| BindingName::new(name).ok());
        Some(Self::Refuse { cause, reason, binding })
    }

    /// Tells whether it demands of a request what a line says, as far as the texts tell: where they
    /// differ, the obligations have to be read.
    pub(super) fn demands_as(&self, line: &Line<'_>) -> bool {
        let Self::Permit { written, .. } = self else { return false };
        let recorded = line.obligations.map_or("{}", serde_json::value::RawValue::get);
        line.forwarded_model.is_none() && written == recorded
    }

    /// Tells whether two effects demand the same; `with_model` where both tell of a replaced model.
    pub(super) fn demands_the_same(&self, other: &Self, with_model: bool) -> bool {
        match (self, other) {
            (Self::Permit { obligations: one, .. }, Self::Permit { obligations: two, .. }) => {
                let model = if with_model { &two.replace_model } else { &one.replace_model };
                *one == Obligations { replace_model: model.clone(), ..two.clone() }
            }
            _ => false,
        }
    }

    /// Returns it as it is told.
    pub(super) fn told(&self) -> EffectTold {
        match self.clone() {
            Self::Permit { by, obligations, .. } => {
                EffectTold::Permit { allowed_by: by, obligations }
            }
            Self::Refuse { cause, reason, binding } => {
                EffectTold::Refuse { cause, reason, binding }
            }
        }
    }

    pub(super) const fn is_permit(&self) -> bool {
        matches!(self, Self::Permit { .. })
    }

    /// Returns the binding that makes a change: the one that refuses, the first that allows, or the
    /// first that demands something.
    pub(super) fn binding(&self, change: ChangeKind) -> Option<&BindingName> {
        match self {
            Self::Permit { demanding, .. } if change == ChangeKind::Obligations => {
                demanding.as_ref()
            }
            Self::Permit { by, .. } => by.first(),
            Self::Refuse { binding, .. } => binding.as_ref(),
        }
    }
}

/// Finds the first binding that demands something of a request.
fn demanding(decision: &Decision<Hypothetical>) -> Option<BindingName> {
    let second = decision.reconsidered.iter().flat_map(|second| second.verdicts.iter());
    let demands = |verdict: &&BindingVerdict| match &verdict.outcome {
        Outcome::Verdict(Verdict::Allow(more) | Verdict::Restrict(more)) => {
            verdict.enforced && *more != Obligations::default()
        }
        _ => false,
    };
    let found = decision.verdicts.iter().chain(second).find(demands);
    found.map(|verdict| verdict.binding.clone())
}

/// Returns the obligations of a line in one order; `None` where they cannot be read.
fn recorded_obligations(line: &Line<'_>) -> Option<Obligations> {
    let obligations: Obligations = read(line.obligations).ok()?.unwrap_or_default();
    let replace_model = match &line.forwarded_model {
        Some(name) => Some(stockade_core::ModelName::parse(name).ok()?),
        None => None,
    };
    Some(ordered(Obligations { replace_model, ..obligations }))
}

/// Puts obligations into an order that does not depend on that of the bindings.
fn ordered(mut obligations: Obligations) -> Obligations {
    obligations.limits.sort_by_cached_key(|limit| limit.parameter.to_string());
    obligations.fields.sort_by_cached_key(written);
    obligations.labels.sort_unstable();
    obligations
}

fn written(value: &impl serde::Serialize) -> String {
    // Nothing in it has keys that are no text.
    serde_json::to_string(value).unwrap_or_default()
}
