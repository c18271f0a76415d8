//! The changes to a request to which policies oblige the gateway.

use std::borrow::Cow;
use std::collections::HashSet;

use stockade_core::{FieldRule, Limit, LimitedParameter, ModelName, Obligations, Operation};

use super::body::JsonBody;
use super::{Body, CanonicalRequest, keep_alive};
use crate::json::{Number, Value};
use crate::shape::Kind;
use crate::shape::fold::fold;

/// An obligation that cannot be met, so that the request is not forwarded. The texts are
/// for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unmet {
    #[error("the field {0:?} is not allowed for you; leave it out")]
    ForbiddenField(String),
    #[error("a policy replaces the model by {0}, and nobody was asked about that one")]
    Unjudged(ModelName),
    #[error("a policy limits {0} to {1}, which no request can meet")]
    Impossible(&'static str, i64),
    #[error("a policy limits keep_alive to 0, which would unload the model instead of loading it")]
    WouldUnload,
}

/// Changes the request so that the obligations are met.
///
/// A limit on a number that the route does not have is met already.
pub(super) fn apply(
    request: &mut CanonicalRequest,
    obligations: &Obligations,
) -> Result<(), Unmet> {
    // A permit has none: it names the model that was judged.
    if let Some(model) = &obligations.replace_model {
        return Err(Unmet::Unjudged(model.clone()));
    }
    let operation = request.operation;
    if let Body::Json(body) = &mut request.body {
        refuse_fields(body.field_names(), &obligations.fields)?;
        for limit in &obligations.limits {
            apply_limit(body, operation, limit)?;
        }
    }
    if let Body::Form(form) = &request.body {
        refuse_fields(form.field_names().map(Cow::Borrowed), &obligations.fields)?;
    }
    Ok(())
}

/// Names are compared as Ollama compares them: a field that is not known here may be
/// known there.
fn refuse_fields<'a>(
    mut names: impl Iterator<Item = Cow<'a, str>>,
    rules: &[FieldRule],
) -> Result<(), Unmet> {
    if rules.is_empty() {
        return Ok(());
    }
    let forbidden = rules.iter().filter(|rule| matches!(rule, FieldRule::Forbid(_)));
    let forbidden: HashSet<Cow<'_, str>> =
        forbidden.map(|rule| fold(rule.path().as_str())).collect();
    match names.find(|name| forbidden.contains(&fold(name))) {
        Some(name) => Err(Unmet::ForbiddenField(name.into_owned())),
        None => Ok(()),
    }
}

fn apply_limit(body: &mut JsonBody, operation: Operation, limit: &Limit) -> Result<(), Unmet> {
    let slots = body.slots(match limit.parameter {
        LimitedParameter::Context => |kind| matches!(kind, Kind::Context),
        LimitedParameter::Output => |kind| matches!(kind, Kind::Output | Kind::OutputAlias),
        LimitedParameter::KeepAlive => |kind| matches!(kind, Kind::KeepAlive),
        LimitedParameter::Field(_) => |_| false,
    });
    let Some(&first) = slots.first() else {
        return Ok(());
    };
    refuse_impossible(operation, limit)?;
    let mut present = false;
    for slot in slots {
        let exceeds = body.value(slot).map(|value| exceeds(limit, value));
        present |= exceeds.is_some();
        if exceeds == Some(true) {
            body.set(slot, limit.maximum.unwrap_or_default().to_string());
        }
    }
    if let Some(value) = limit.inserted().filter(|_| !present) {
        body.set(first, value.to_string());
    }
    Ok(())
}

fn refuse_impossible(operation: Operation, limit: &Limit) -> Result<(), Unmet> {
    let loads = matches!(operation, Operation::Load | Operation::Pin);
    match (&limit.parameter, limit.maximum.unwrap_or(1)) {
        (LimitedParameter::KeepAlive, 0) if loads => Err(Unmet::WouldUnload),
        (LimitedParameter::KeepAlive, 0..) | (_, 1..) => Ok(()),
        (parameter, maximum) => Err(Unmet::Impossible(name_of(parameter), maximum)),
    }
}

const fn name_of(parameter: &LimitedParameter) -> &'static str {
    match parameter {
        LimitedParameter::Context => "the context",
        LimitedParameter::Output => "the output",
        LimitedParameter::KeepAlive => "keep_alive",
        LimitedParameter::Field(_) => "a field",
    }
}

/// Tells whether a value is over a limit. Ollama takes zero and less as no limit at all for tokens,
/// and less than zero as for ever for `keep_alive`.
fn exceeds(limit: &Limit, value: Value<'_>) -> bool {
    let (read, smallest) = match &limit.parameter {
        LimitedParameter::KeepAlive => (keep_alive::of_value(value).ok(), 0),
        LimitedParameter::Context | LimitedParameter::Output | LimitedParameter::Field(_) => {
            (value.as_number().and_then(Number::as_i64), 1)
        }
    };
    // What cannot be read was refused before; it is not let through here either.
    read.is_none_or(|number| number < smallest || limit.maximum.is_some_and(|most| number > most))
}
