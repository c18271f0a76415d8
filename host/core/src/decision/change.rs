//! A request that policies allow only after a change, judged again as it is then.

use super::{BindingVerdict, Denial, DenialCause, Permit, Subject, combine};
use crate::{FieldRule, ModelName};

/// A request that is allowed.
#[derive(Debug)]
pub enum Allowed<R> {
    /// As it is.
    AsAsked(Permit<R>),
    /// With another model, or with other fields. About that nobody has been asked yet.
    Changed(Change<R>),
}

/// The change without which a request is not allowed.
#[derive(Debug)]
pub struct Change<R> {
    pub(super) permit: Permit<R>,
    pub(super) model: Option<ModelName>,
}

/// A request after a change was made to it.
#[derive(Debug)]
pub enum Applied<R> {
    /// It was like that already.
    AsItWas(Permit<R>),
    /// It is another one now.
    Changed(Changed<R>),
}

impl<R> Change<R> {
    /// The model that is to be forwarded, where that is another one.
    pub const fn model(&self) -> Option<&ModelName> {
        self.model.as_ref()
    }

    /// Makes the change, with a function that knows how and tells whether the request is another
    /// one now. It is given the model, if that is replaced, and the rules for fields.
    ///
    /// # Errors
    /// Those of the function.
    pub fn apply<E>(
        mut self,
        change: impl FnOnce(&mut R, Option<&ModelName>, &[FieldRule]) -> Result<bool, E>,
    ) -> Result<Applied<R>, E> {
        let Permit { request, obligations, .. } = &mut self.permit;
        let changed = change(request, self.model.as_ref(), &obligations.fields)?;
        let another = changed || self.model.is_some();
        Ok(if another { Applied::Changed(Changed(self)) } else { Applied::AsItWas(self.permit) })
    }
}

/// A request that was changed, to be judged as it is now.
#[derive(Debug)]
pub struct Changed<R>(Change<R>);

impl<R: Subject> Changed<R> {
    /// The request as it would be forwarded.
    pub const fn request(&self) -> &R {
        &self.0.permit.request
    }

    /// Combines what the bindings say about the request as it is now. Obligations of both
    /// judgements hold.
    ///
    /// # Errors
    /// A denial, also where a policy wants yet another change: which request it judged would be
    /// anybody's guess.
    pub fn combine(self, verdicts: &[BindingVerdict]) -> Result<Permit<R>, Denial> {
        let Change { permit: first, model } = self.0;
        let about = |denial: Denial| match &model {
            Some(model) => denial.about_replacement(model),
            None => denial,
        };
        let second = match combine(first.request, verdicts).map_err(about)? {
            Allowed::AsAsked(permit) => permit,
            Allowed::Changed(Change { model: Some(other), .. }) => {
                return Err(replaced_twice(model.as_ref(), &other));
            }
            Allowed::Changed(Change { permit, model: None }) => {
                let known = &first.obligations.fields;
                if let Some(rule) = permit
                    .obligations
                    .fields
                    .iter()
                    .find(|rule| rule.changes() && !known.contains(rule))
                {
                    return Err(changed_twice(rule));
                }
                permit
            }
        };
        let mut obligations = first.obligations;
        obligations
            .add(&second.obligations)
            .map_err(|conflict| Denial::overall(DenialCause::Conflict, conflict.to_string()))?;
        let mut allowed_by = first.allowed_by;
        let more = second.allowed_by.into_iter().filter(|name| !allowed_by.contains(name));
        let more: Vec<_> = more.collect();
        allowed_by.extend(more);
        Ok(Permit { request: second.request, obligations, allowed_by, replaced_by: model })
    }
}

fn replaced_twice(first: Option<&ModelName>, second: &ModelName) -> Denial {
    let reason = match first {
        Some(first) => format!(
            "a policy replaces the model by {first}, and for that one by {second}; \
             only one replacement is followed"
        ),
        None => format!(
            "a policy changes the request, and then replaces the model by {second}; \
             only one change is followed"
        ),
    };
    Denial::overall(DenialCause::Conflict, reason)
}

fn changed_twice(rule: &FieldRule) -> Denial {
    let field = rule.path();
    let reason = format!(
        "a policy changes the request, and then its field {field}; only one change is followed"
    );
    Denial::overall(DenialCause::Conflict, reason)
}
