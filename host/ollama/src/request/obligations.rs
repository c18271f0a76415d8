//! The changes to a request to which policies oblige the gateway.

use stockade_core::{FieldPath, Limit, LimitedParameter, ModelName, Obligations, Operation};

use super::body::{FieldPlace, JsonBody};
use super::edit::Unfit;
use super::{Body, CanonicalRequest, keep_alive};
use crate::json::{Number, Value};
use crate::shape::Kind;

/// An obligation that cannot be met, so that the request is not forwarded. The texts are
/// for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unmet {
    #[error(transparent)]
    Field(#[from] Unfit),
    #[error("a policy replaces the model by {0}, and nobody was asked about that one")]
    Unjudged(ModelName),
    #[error("a policy changes fields of the request, and nobody was asked about it as it is then")]
    UnjudgedFields,
    #[error("a policy limits {0} to {1}, which no request can meet")]
    Impossible(LimitedParameter, i64),
    #[error("a policy limits {0} to at least {1} and at most {2}, which no request can meet")]
    Empty(LimitedParameter, i64, i64),
    #[error("{0}; no request can meet both")]
    Conflict(String),
    #[error("a policy writes {1} for {0} where nothing is said, which no request can meet")]
    Senseless(LimitedParameter, i64),
    #[error("a policy limits keep_alive to 0, which would unload the model instead of loading it")]
    WouldUnload,
    #[error(
        "a policy limits keep_alive to at least {0} seconds, which would load the model instead \
         of unloading it"
    )]
    WouldLoad(i64),
}

impl CanonicalRequest {
    /// Tells whether obligations put another `keep_alive` in the place of the caller's, by any of
    /// its names. What it does besides is then the policy's wish.
    pub fn keep_alive_is_limited(&self, obligations: &Obligations) -> bool {
        let Body::Json(body) = &self.body else {
            return false;
        };
        let mut limits = obligations.limits.iter();
        limits.any(|limit| {
            Meaning::of(&limit.parameter, body) == Ok(Meaning::KeepAlive)
                && Meaning::KeepAlive.places(body).into_iter().any(|place| {
                    let value = body.value(place);
                    value.is_some_and(|value| Meaning::KeepAlive.moved(limit, value).is_some())
                })
        })
    }
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
    // The fields were changed before, so that the request could be judged without or with them.
    let changes = match &mut request.body {
        Body::Json(body) => body.changed(&obligations.fields)?.is_some(),
        Body::Form(form) => form.change(&obligations.fields)?,
        Body::Empty | Body::Stream => false,
    };
    if changes {
        return Err(Unmet::UnjudgedFields);
    }
    match &mut request.body {
        Body::Json(body) => apply_limits(body, request.operation, &obligations.limits),
        Body::Form(_) | Body::Empty | Body::Stream => Ok(()),
    }
}

fn apply_limits(body: &mut JsonBody, operation: Operation, limits: &[Limit]) -> Result<(), Unmet> {
    // Two parameters can mean one number.
    let mut known = Obligations::default();
    let mut others = Vec::new();
    for limit in limits {
        refuse_empty(limit)?;
        match Meaning::of(&limit.parameter, body) {
            Ok(meaning) => {
                let limit = Limit { parameter: meaning.parameter(), ..limit.clone() };
                known.add_limit(limit).map_err(|conflict| Unmet::Conflict(conflict.to_string()))?;
            }
            Err(path) => others.push((path, limit)),
        }
    }
    body.limit(&others)?;
    for limit in &known.limits {
        if let Ok(meaning) = Meaning::of(&limit.parameter, body) {
            apply_limit(body, operation, meaning, limit)?;
        }
    }
    Ok(())
}

fn refuse_empty(limit: &Limit) -> Result<(), Unmet> {
    match (limit.minimum, limit.maximum) {
        (Some(least), Some(most)) if least > most => {
            Err(Unmet::Empty(limit.parameter.clone(), least, most))
        }
        _ => Ok(()),
    }
}

/// A number that means something to Ollama besides itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Context,
    Output,
    KeepAlive,
}

impl Meaning {
    const ALL: [Self; 3] = [Self::Context, Self::Output, Self::KeepAlive];

    /// The meaning of a parameter in a body, or its path where it has none.
    fn of<'a>(parameter: &'a LimitedParameter, body: &JsonBody) -> Result<Self, &'a FieldPath> {
        match parameter {
            LimitedParameter::Context => Ok(Self::Context),
            LimitedParameter::Output => Ok(Self::Output),
            LimitedParameter::KeepAlive => Ok(Self::KeepAlive),
            LimitedParameter::Field(path) => {
                let has =
                    |meaning: &Self| meaning.places(body).iter().any(|place| place.is_at(path));
                Self::ALL.into_iter().find(has).ok_or(path)
            }
        }
    }

    const fn parameter(self) -> LimitedParameter {
        match self {
            Self::Context => LimitedParameter::Context,
            Self::Output => LimitedParameter::Output,
            Self::KeepAlive => LimitedParameter::KeepAlive,
        }
    }

    fn places(self, body: &JsonBody) -> Vec<FieldPlace> {
        body.places(match self {
            Self::Context => |kind| matches!(kind, Kind::Context),
            Self::Output => |kind| matches!(kind, Kind::Output | Kind::OutputAlias),
            Self::KeepAlive => |kind| matches!(kind, Kind::KeepAlive),
        })
    }

    /// The smallest number that is one. Ollama takes less as no limit at all for tokens, and as
    /// for ever for `keep_alive`.
    const fn smallest(self) -> i64 {
        match self {
            Self::Context | Self::Output => 1,
            Self::KeepAlive => 0,
        }
    }

    fn read(self, value: Value<'_>) -> Option<i64> {
        match self {
            Self::Context | Self::Output => value.as_number().and_then(Number::as_i64),
            Self::KeepAlive => keep_alive::of_value(value).ok(),
        }
    }

    /// Returns the number to forward in the place of a value, where it is to be another one.
    fn moved(self, limit: &Limit, value: Value<'_>) -> Option<i64> {
        match self.read(value) {
            Some(number) if number >= self.smallest() => {
                Some(limit.nearest(number)).filter(|nearest| *nearest != number)
            }
            // More than any number.
            Some(_) => limit.maximum,
            // What cannot be read was refused before; it is not let through here either.
            None => limit.maximum.or(limit.minimum),
        }
    }
}

fn apply_limit(
    body: &mut JsonBody,
    operation: Operation,
    meaning: Meaning,
    limit: &Limit,
) -> Result<(), Unmet> {
    let places = meaning.places(body);
    let Some(&first) = places.first() else {
        return Ok(());
    };
    refuse_impossible(operation, meaning, limit)?;
    let mut absent = true;
    for place in places {
        let moved = body.value(place).map(|value| meaning.moved(limit, value));
        absent &= moved.is_none();
        if let Some(number) = moved.flatten() {
            refuse_reversal(operation, meaning, limit, number)?;
            body.set(place, number.to_string());
        }
    }
    if let Some(number) = limit.inserted().filter(|_| absent) {
        refuse_reversal(operation, meaning, limit, number)?;
        body.set(first, number.to_string());
    }
    Ok(())
}

fn refuse_impossible(operation: Operation, meaning: Meaning, limit: &Limit) -> Result<(), Unmet> {
    let senseless = |number: &i64| *number < meaning.smallest();
    let parameter = || limit.parameter.clone();
    if let Some(maximum) = limit.maximum.filter(senseless) {
        return Err(Unmet::Impossible(parameter(), maximum));
    }
    if let Some(insert) = limit.insert.filter(senseless) {
        return Err(Unmet::Senseless(parameter(), insert));
    }
    if meaning == Meaning::KeepAlive && limit.maximum == Some(0) && loads(operation) {
        return Err(Unmet::WouldUnload);
    }
    Ok(())
}

/// A request that loads a model and one that unloads it differ in nothing but `keep_alive`.
fn refuse_reversal(
    operation: Operation,
    meaning: Meaning,
    limit: &Limit,
    number: i64,
) -> Result<(), Unmet> {
    match (meaning, number) {
        (Meaning::KeepAlive, 0) if loads(operation) => Err(Unmet::WouldUnload),
        (Meaning::KeepAlive, 1..) if operation == Operation::Unload => {
            Err(Unmet::WouldLoad(limit.minimum.unwrap_or(number)))
        }
        _ => Ok(()),
    }
}

const fn loads(operation: Operation) -> bool {
    matches!(operation, Operation::Load | Operation::Pin)
}
