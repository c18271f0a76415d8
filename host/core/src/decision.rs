//! Cedar's rule: default deny, any deny wins, otherwise one allow is needed.

use crate::{AccessClass, BindingName, ModelRef, Obligations, Operation, PolicyName, Verdict};

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

/// What came of asking one policy for one binding.
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
pub struct Opinion {
    /// The binding.
    pub binding: BindingName,
    /// The policy that it names.
    pub policy: PolicyName,
    /// Whether it counts. A shadow binding is asked and recorded, never obeyed.
    pub enforced: bool,
    /// What came of it.
    pub outcome: Outcome,
}

/// A request that may be forwarded. Only [`combine`] and [`permit_public`] make one,
/// and forwarding takes nothing else.
#[derive(Debug)]
pub struct Permit<R> {
    request: R,
    obligations: Obligations,
    allowed_by: Vec<BindingName>,
}

impl<R> Permit<R> {
    /// What was permitted.
    pub const fn request(&self) -> &R {
        &self.request
    }

    /// What must be done to it first.
    pub const fn obligations(&self) -> &Obligations {
        &self.obligations
    }

    /// The bindings that allowed it; none for a public operation.
    pub fn allowed_by(&self) -> &[BindingName] {
        &self.allowed_by
    }

    /// Take it apart, to forward it.
    pub fn into_parts(self) -> (R, Obligations) {
        (self.request, self.obligations)
    }
}

/// Why a request is refused, as a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
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
    /// What the caller is told.
    pub reason: String,
    /// The binding that decided, if it was one.
    pub binding: Option<BindingName>,
    /// Its policy.
    pub policy: Option<PolicyName>,
}

impl Denial {
    fn by(cause: DenialCause, opinion: &Opinion, reason: &str) -> Self {
        Self {
            cause,
            reason: reason.to_owned(),
            binding: Some(opinion.binding.clone()),
            policy: Some(opinion.policy.clone()),
        }
    }

    fn overall(cause: DenialCause, reason: &str) -> Self {
        Self { cause, reason: reason.to_owned(), binding: None, policy: None }
    }
}

/// Combine what the bindings of a caller say about its request.
///
/// A failure weighs as much as a deny: whether the failed policy would have denied
/// is unknown. A deny is reported before a failure, because it is the caller's to mend.
pub fn combine<R: Subject>(request: R, opinions: &[Opinion]) -> Result<Permit<R>, Denial> {
    let enforced = || opinions.iter().filter(|opinion| opinion.enforced);
    if let Some(denial) = enforced().find_map(denied).or_else(|| enforced().find_map(failed)) {
        return Err(denial);
    }
    let mut obligations = Obligations::default();
    let mut allowed_by = Vec::new();
    for opinion in enforced() {
        if let Outcome::Verdict(Verdict::Allow(more)) = &opinion.outcome {
            obligations = obligations.merge(more.clone()).map_err(|conflict| {
                Denial::by(DenialCause::Conflict, opinion, &conflict.to_string())
            })?;
            allowed_by.push(opinion.binding.clone());
        }
    }
    if allowed_by.is_empty() {
        return Err(nobody_allowed(&request, enforced().next().is_some()));
    }
    Ok(Permit { request, obligations, allowed_by })
}

fn denied(opinion: &Opinion) -> Option<Denial> {
    match &opinion.outcome {
        Outcome::Verdict(Verdict::Deny(reason)) => {
            Some(Denial::by(DenialCause::Denied, opinion, reason))
        }
        _ => None,
    }
}

fn failed(opinion: &Opinion) -> Option<Denial> {
    match &opinion.outcome {
        Outcome::Failure(_) => Some(Denial::by(
            DenialCause::PolicyFailure,
            opinion,
            "the policy that decides about this request failed; it is refused",
        )),
        Outcome::Verdict(_) => None,
    }
}

fn nobody_allowed(request: &impl Subject, any: bool) -> Denial {
    if !any {
        return Denial::overall(DenialCause::NoBinding, "no policy is bound to you");
    }
    let names: Vec<String> = request.models().iter().map(|model| model.name.to_string()).collect();
    let what = if names.is_empty() { "that".to_owned() } else { names.join(" and ") };
    let reason = format!("no policy allows you the operation {} on {what}", request.operation());
    Denial::overall(DenialCause::NotAllowed, &reason)
}

/// A permit for what is answered without a credential, and for nothing else.
///
/// # Errors
/// The request itself, where its operation is not public.
pub fn permit_public<R: Subject>(request: R) -> Result<Permit<R>, R> {
    if request.operation().access() == AccessClass::Public {
        Ok(Permit { request, obligations: Obligations::default(), allowed_by: Vec::new() })
    } else {
        Err(request)
    }
}

#[cfg(test)]
mod tests;
