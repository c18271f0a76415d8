//! A model that policies put in the place of the one asked for, judged before it is forwarded.

use super::{BindingVerdict, Denial, DenialCause, Permit, Subject, combine};
use crate::ModelName;

/// A request that is allowed.
#[derive(Debug)]
pub enum Allowed<R> {
    /// As it is.
    AsAsked(Permit<R>),
    /// On another model only, for which nobody has been asked yet.
    WithModel(Replacement<R>),
}

/// A request that is allowed on another model than it asks for.
#[derive(Debug)]
pub struct Replacement<R> {
    pub(super) permit: Permit<R>,
    pub(super) model: ModelName,
}

impl<R> Replacement<R> {
    /// The model that is to be forwarded.
    pub const fn model(&self) -> &ModelName {
        &self.model
    }

    /// Puts the other model into the request, with a function that knows how.
    ///
    /// # Errors
    /// Those of the function.
    pub fn apply<E>(
        mut self,
        replace: impl FnOnce(&mut R, &ModelName) -> Result<(), E>,
    ) -> Result<Replaced<R>, E> {
        replace(&mut self.permit.request, &self.model)?;
        Ok(Replaced(self))
    }
}

/// A request whose model was replaced, to be judged as it is now.
#[derive(Debug)]
pub struct Replaced<R>(Replacement<R>);

impl<R: Subject> Replaced<R> {
    /// The request as it would be forwarded.
    pub const fn request(&self) -> &R {
        &self.0.permit.request
    }

    /// Combines what the bindings say about the request as it is now. Obligations of both
    /// judgements hold.
    ///
    /// # Errors
    /// A denial, also where a policy wants yet another model: which of them it judged would
    /// be anybody's guess.
    pub fn combine(self, verdicts: &[BindingVerdict]) -> Result<Permit<R>, Denial> {
        let Replacement { permit: first, model } = self.0;
        let second = match combine(first.request, verdicts) {
            Ok(Allowed::AsAsked(permit)) => permit,
            Ok(Allowed::WithModel(other)) => return Err(replaced_twice(&model, &other.model)),
            Err(denial) => return Err(denial.about_replacement(&model)),
        };
        let obligations = first
            .obligations
            .merge(second.obligations)
            .map_err(|conflict| Denial::overall(DenialCause::Conflict, &conflict.to_string()))?;
        let mut allowed_by = first.allowed_by;
        let more = second.allowed_by.into_iter().filter(|name| !allowed_by.contains(name));
        let more: Vec<_> = more.collect();
        allowed_by.extend(more);
        Ok(Permit { request: second.request, obligations, allowed_by, replaced_by: Some(model) })
    }
}

fn replaced_twice(first: &ModelName, second: &ModelName) -> Denial {
    let reason = format!(
        "a policy replaces the model by {first}, and for that one by {second}; \
         only one replacement is followed"
    );
    Denial::overall(DenialCause::Conflict, &reason)
}
