//! A guest's verdict, believed only as far as it makes sense.

use stockade_core::{
    Limit, LimitedParameter, ModelName, Obligations, Outcome, Verdict, is_invisible,
};

use crate::bindings::stockade::policy::types as wit;
use crate::{Failure, text};

/// Bytes of a reason that a caller is shown.
const LONGEST_REASON: usize = 1024;
const MOST_LIMITS: usize = 16;
const MOST_FIELDS: usize = 64;
const MOST_LABELS: usize = 32;
/// Bytes of a field's name, or of a label's name or value.
const LONGEST_NAME: usize = 256;

/// Converts a guest's answer for one binding into its outcome.
pub(crate) fn outcome(verdict: wit::Verdict) -> Outcome {
    let verdict = match verdict {
        wit::Verdict::Abstain => Ok(Verdict::Abstain),
        wit::Verdict::Deny(reason) => Ok(Verdict::Deny(checked_reason(&reason))),
        wit::Verdict::Allow(obligations) => checked_obligations(obligations).map(Verdict::Allow),
    };
    match verdict {
        Ok(verdict) => Outcome::Verdict(verdict),
        Err(nonsense) => Outcome::Failure(Failure::Nonsense(nonsense).to_string()),
    }
}

fn checked_reason(reason: &str) -> String {
    let reason = text::one_line(reason, LONGEST_REASON);
    if reason.is_empty() {
        "the policy refuses this request and gives no reason".to_owned()
    } else {
        reason
    }
}

fn checked_obligations(said: wit::Obligations) -> Result<Obligations, String> {
    few("limits", said.limits.len(), MOST_LIMITS)?;
    few("forbidden fields", said.forbid_fields.len(), MOST_FIELDS)?;
    few("labels", said.labels.len(), MOST_LABELS)?;
    for field in &said.forbid_fields {
        checked_name("forbidden field", field)?;
    }
    for (name, value) in &said.labels {
        checked_name("label", name)?;
        checked_value(name, value)?;
    }
    Ok(Obligations {
        replace_model: said.replace_model.as_deref().map(checked_model).transpose()?,
        limits: checked_limits(&said.limits)?,
        forbid_fields: said.forbid_fields,
        labels: said.labels,
    })
}

fn few(what: &str, count: usize, most: usize) -> Result<(), String> {
    if count <= most { Ok(()) } else { Err(format!("{count} {what}, where {most} are allowed")) }
}

fn checked_name(what: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(is_invisible) {
        let name = text::one_line(name, LONGEST_NAME);
        return Err(format!("a {what} cannot be called {name:?}"));
    }
    Ok(())
}

fn checked_value(name: &str, value: &str) -> Result<(), String> {
    if value.len() > LONGEST_NAME || value.contains(is_invisible) {
        return Err(format!(
            "the value of label {name:?} is longer than {LONGEST_NAME} bytes \
             or has control or invisible characters"
        ));
    }
    Ok(())
}

fn checked_model(name: &str) -> Result<ModelName, String> {
    ModelName::parse(name).map_err(|error| {
        let name = text::one_line(name, LONGEST_NAME);
        format!("it replaces the model by {name:?}: {error}")
    })
}

/// At most one limit for each parameter: the strictest, as between policies.
fn checked_limits(said: &[wit::Limit]) -> Result<Vec<Limit>, String> {
    let mut limits: Vec<Limit> = Vec::with_capacity(said.len());
    for limit in said {
        if limit.maximum < 0 {
            return Err(format!("a maximum of {}", limit.maximum));
        }
        let limit = Limit {
            parameter: parameter(limit.parameter),
            maximum: limit.maximum,
            insert: limit.insert,
        };
        match limits.iter_mut().find(|known| known.parameter == limit.parameter) {
            Some(known) => {
                known.maximum = known.maximum.min(limit.maximum);
                known.insert |= limit.insert;
            }
            None => limits.push(limit),
        }
    }
    Ok(limits)
}

const fn parameter(parameter: wit::LimitedParameter) -> LimitedParameter {
    match parameter {
        wit::LimitedParameter::Context => LimitedParameter::Context,
        wit::LimitedParameter::Output => LimitedParameter::Output,
        wit::LimitedParameter::KeepAlive => LimitedParameter::KeepAlive,
    }
}

#[cfg(test)]
mod tests;
