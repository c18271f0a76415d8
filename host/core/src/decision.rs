//! Cedar's rule: default deny, any deny wins, otherwise one allow is needed.

use crate::{
    AccessClass, BindingName, DenialKind, Deny, ModelName, ModelRef, Obligations, Operation,
    PolicyName, Verdict,
};

mod change;

pub use change::{Allowed, Applied, Change, Changed};

/// Something that can be judged: it knows what it asks for.
pub trait Subject {
    /// The operation asked for.
    fn operation(&self) -> Operation;

    /// The models that it names.
    fn models(&self) -> &[ModelRef];
}

impl<S: Subject> Subject for &S {
    fn operation(&self) -> Operation {
        (*self).operation()
    }

    fn models(&self) -> &[ModelRef] {
        (*self).models()
    }
}

/// The result of asking one policy for one binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Verdict(Verdict),
    /// It trapped, ran out of time or memory, or answered nonsense. The text is for
    /// the operator; callers only learn that the policy failed.
    Failure(String),
}

/// One binding's say in a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingVerdict {
    /// The binding.
    pub binding: BindingName,
    /// The policy that it names.
    pub policy: PolicyName,
    /// True if it counts. A shadow binding is asked and recorded, never obeyed.
    pub enforced: bool,
    /// The result.
    pub outcome: Outcome,
}

/// A request that may be forwarded as it is, once its obligations are met. Only [`combine`],
/// [`Changed::combine`] and [`permit_public`] make one, and forwarding takes nothing else.
///
/// Its obligations never name another model: the models of the request are those that were
/// judged.
#[derive(Debug)]
pub struct Permit<R> {
    request: R,
    obligations: Obligations,
    allowed_by: Vec<BindingName>,
    replaced_by: Option<ModelName>,
}

impl<R> Permit<R> {
    /// Returns the request that was permitted.
    pub const fn request(&self) -> &R {
        &self.request
    }

    /// Returns the obligations that must be met first.
    pub const fn obligations(&self) -> &Obligations {
        &self.obligations
    }

    /// The bindings that allowed it; none for a public operation.
    pub fn allowed_by(&self) -> &[BindingName] {
        &self.allowed_by
    }

    /// The model that the request names because a policy replaced the one asked for.
    pub const fn replaced_by(&self) -> Option<&ModelName> {
        self.replaced_by.as_ref()
    }

    /// Takes it apart, to forward it.
    pub fn into_parts(self) -> (R, Obligations) {
        (self.request, self.obligations)
    }
}

/// The reason why a request is refused, as a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenialCause {
    /// No binding applies to the caller.
    NoBinding,
    /// Bindings apply and none of them allows it.
    NotAllowed,
    /// A policy denies it.
    Denied,
    /// A policy failed.
    PolicyFailure,
    /// Two policies demand what cannot both be done.
    Conflict,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The class of the refusal.
    pub cause: DenialCause,
    /// The reason that the caller is told.
    pub reason: String,
    /// The words of the policy for the operator.
    pub note: Option<String>,
    /// The kind of no.
    pub kind: DenialKind,
    /// The binding that decided, if it was one.
    pub binding: Option<BindingName>,
    /// Its policy.
    pub policy: Option<PolicyName>,
}

impl Denial {
    /// A refusal for which no single binding stands.
    pub fn overall(cause: DenialCause, reason: impl Into<String>) -> Self {
        let (reason, kind) = (reason.into(), DenialKind::Forbidden);
        Self { cause, reason, note: None, kind, binding: None, policy: None }
    }

    fn by(cause: DenialCause, verdict: &BindingVerdict, reason: &str) -> Self {
        Self {
            binding: Some(verdict.binding.clone()),
            policy: Some(verdict.policy.clone()),
            ..Self::overall(cause, reason)
        }
    }

    /// Says that it is about a model which the caller did not ask for.
    fn about_replacement(self, model: &ModelName) -> Self {
        let reason = format!("a policy replaces the model by {model}: {}", self.reason);
        Self { reason, ..self }
    }
}

/// Combines what the bindings of a caller say about its request.
///
/// A failure weighs as much as a deny: whether the failed policy would have denied
/// is unknown. A deny is reported before a failure, because it is the caller's to mend.
///
/// # Errors
/// A denial, where the request is not allowed.
pub fn combine<R: Subject>(request: R, verdicts: &[BindingVerdict]) -> Result<Allowed<R>, Denial> {
    let Some((mut obligations, allowed_by)) = weigh(verdicts)? else {
        return Err(nobody_allowed(&request, verdicts));
    };
    let model = obligations.replace_model.take().filter(|model| !is_about(&request, model));
    let changes = model.is_some() || obligations.change_fields();
    let permit = Permit { request, obligations, allowed_by, replaced_by: None };
    Ok(if changes { Allowed::Changed(Change { permit, model }) } else { Allowed::AsAsked(permit) })
}

/// Tells whether these verdicts allow a request, on the model asked for or on another.
pub fn allows(verdicts: &[BindingVerdict]) -> bool {
    matches!(weigh(verdicts), Ok(Some(_)))
}

/// Returns the obligations of all allows and restricts, and the bindings that allow; nothing where
/// none does.
fn weigh(verdicts: &[BindingVerdict]) -> Result<Option<(Obligations, Vec<BindingName>)>, Denial> {
    let enforced = || verdicts.iter().filter(|verdict| verdict.enforced);
    if let Some(denial) = enforced().find_map(denied).or_else(|| enforced().find_map(failed)) {
        return Err(denial);
    }
    let mut obligations = Obligations::default();
    let mut allowed_by = Vec::new();
    for verdict in enforced() {
        let more = match &verdict.outcome {
            Outcome::Verdict(Verdict::Allow(more)) => {
                allowed_by.push(verdict.binding.clone());
                more
            }
            Outcome::Verdict(Verdict::Restrict(more)) => more,
            _ => continue,
        };
        obligations.add(more).map_err(|conflict| {
            Denial::by(DenialCause::Conflict, verdict, &conflict.to_string())
        })?;
    }
    Ok((!allowed_by.is_empty()).then_some((obligations, allowed_by)))
}

/// Tells whether a request names one model, and this one.
fn is_about(request: &impl Subject, model: &ModelName) -> bool {
    matches!(request.models(), [asked] if asked.name == *model)
}

fn denied(verdict: &BindingVerdict) -> Option<Denial> {
    match &verdict.outcome {
        Outcome::Verdict(Verdict::Deny(Deny { reason, note, kind })) => {
            let denial = Denial::by(DenialCause::Denied, verdict, reason);
            Some(Denial { note: note.clone(), kind: *kind, ..denial })
        }
        _ => None,
    }
}

fn failed(verdict: &BindingVerdict) -> Option<Denial> {
    match &verdict.outcome {
        Outcome::Failure(_) => Some(Denial::by(
            DenialCause::PolicyFailure,
            verdict,
            "the policy that decides about this request failed; it is refused",
        )),
        Outcome::Verdict(_) => None,
    }
}

fn nobody_allowed(request: &impl Subject, verdicts: &[BindingVerdict]) -> Denial {
    let enforced = || verdicts.iter().filter(|verdict| verdict.enforced);
    if enforced().next().is_none() {
        return Denial::overall(DenialCause::NoBinding, "no policy is bound to you");
    }
    let names: Vec<String> = request.models().iter().map(|model| model.name.to_string()).collect();
    let on = if names.is_empty() { String::new() } else { format!(" on {}", names.join(" and ")) };
    let mut reason = format!("no policy allows you the operation {}{on}", request.operation());
    let mut close = Vec::new();
    for verdict in enforced() {
        match &verdict.outcome {
            Outcome::Verdict(Verdict::Abstain(Some(note))) if !close.contains(&note) => {
                reason.push_str(if close.is_empty() { ": " } else { "; " });
                reason.push_str(note);
                close.push(note);
            }
            _ => {}
        }
    }
    Denial::overall(DenialCause::NotAllowed, reason)
}

/// A permit for what is answered without a credential, and for nothing else.
///
/// # Errors
/// The request itself, where its operation is not public.
pub fn permit_public<R: Subject>(request: R) -> Result<Permit<R>, R> {
    if request.operation().access() == AccessClass::Public {
        Ok(Permit {
            request,
            obligations: Obligations::default(),
            allowed_by: Vec::new(),
            replaced_by: None,
        })
    } else {
        Err(request)
    }
}

#[cfg(test)]
mod tests;
