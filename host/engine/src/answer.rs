//! A guest's verdict, believed only as far as it makes sense.

use stockade_core::{
    DenialKind, Deny, FieldPath, FieldRule, Limit, LimitedParameter, ModelName, Obligations,
    Outcome, Priority, ToolSelector, UnixTime, Verdict, is_invisible,
};

use crate::bindings::stockade::policy::types as wit;
use crate::{Failure, guest_text};

/// Bytes of a reason that a caller is shown.
const LONGEST_REASON: usize = 1024;
const MOST_LIMITS: usize = 16;
const MOST_FIELDS: usize = 64;
const MOST_LABELS: usize = 32;
/// Bytes of a field's name, or of a label's name or value.
const LONGEST_NAME: usize = 256;

/// Converts a guest's verdict for one binding into its outcome.
pub(crate) fn outcome(verdict: wit::Verdict) -> Outcome {
    let verdict = match verdict {
        wit::Verdict::Allow(said) => checked_obligations(said).map(Verdict::Allow),
        wit::Verdict::Restrict(said) => checked_obligations(said).map(Verdict::Restrict),
        wit::Verdict::Deny(said) => Ok(Verdict::Deny(checked_denial(said))),
        wit::Verdict::Abstain(note) => {
            Ok(Verdict::Abstain(note.and_then(|note| checked_note(&note))))
        }
    };
    match verdict {
        Ok(verdict) => Outcome::Verdict(verdict),
        Err(nonsense) => Outcome::Failure(Failure::Nonsense(nonsense).to_string()),
    }
}

fn checked_denial(said: wit::Denial) -> Deny {
    let reason = guest_text::one_line(&said.reason, LONGEST_REASON);
    Deny {
        reason: if reason.is_empty() {
            "the policy refuses this request and gives no reason".to_owned()
        } else {
            reason
        },
        note: said.note.and_then(|note| checked_note(&note)),
        kind: match said.kind {
            wit::DenialKind::Forbidden => DenialKind::Forbidden,
            wit::DenialKind::Later(from) => DenialKind::Later(from.map(UnixTime::from_secs)),
        },
    }
}

/// `None` for one that says nothing.
fn checked_note(note: &str) -> Option<String> {
    Some(guest_text::one_line(note, LONGEST_REASON)).filter(|note| !note.is_empty())
}

fn checked_obligations(said: wit::Obligations) -> Result<Obligations, String> {
    few("limits", said.limits.len(), MOST_LIMITS)?;
    few("rules for fields", said.fields.len(), MOST_FIELDS)?;
    few("labels", said.labels.len(), MOST_LABELS)?;
    for (name, value) in &said.labels {
        checked_name("label", name)?;
        checked_value(name, value)?;
    }
    if let Some(group) = &said.host_group {
        checked_name("group of hosts", group)?;
    }
    let fields = said.fields.into_iter().map(checked_field);
    Ok(Obligations {
        replace_model: said.replace_model.as_deref().map(checked_model).transpose()?,
        limits: checked_limits(said.limits)?,
        fields: fields.collect::<Result<_, _>>()?,
        labels: said.labels,
        priority: said.priority.as_deref().map(checked_priority).transpose()?,
        host_group: said.host_group,
    })
}

fn checked_priority(word: &str) -> Result<Priority, String> {
    Priority::parse(word).ok_or_else(|| {
        let word = guest_text::one_line(word, LONGEST_NAME);
        format!("a priority of {word:?}, where there are high, normal and low")
    })
}

/// A rule about a field that is never found would be believed and do nothing.
fn checked_path(path: &str) -> Result<FieldPath, String> {
    let wrong = |why: &dyn std::fmt::Display| {
        let path = guest_text::one_line(path, LONGEST_NAME);
        format!("a field called {path:?}: {why}")
    };
    let found = FieldPath::new(path).map_err(|error| wrong(&error))?;
    let goes_into_list = |path: &str| path.starts_with("tools.") || path.starts_with("messages.");
    if goes_into_list(found.as_str()) {
        return Err(wrong(&"a path does not go into lists; name the list itself"));
    }
    Ok(found)
}

fn checked_field(said: wit::FieldRule) -> Result<FieldRule, String> {
    Ok(match said {
        wit::FieldRule::Strip(path) => FieldRule::Strip(checked_path(&path)?),
        wit::FieldRule::Forbid(path) => FieldRule::Forbid(checked_path(&path)?),
        wit::FieldRule::Insert((path, json)) => {
            FieldRule::Insert(checked_path(&path)?, checked_scalar(&json)?)
        }
        wit::FieldRule::StripTools(said) => FieldRule::StripTools(checked_selector(said)?),
    })
}

fn checked_selector(said: wit::ToolSelector) -> Result<ToolSelector, String> {
    Ok(match said {
        wit::ToolSelector::WebSearch => ToolSelector::WebSearch,
        wit::ToolSelector::Named(name) => {
            checked_name("tool", &name)?;
            ToolSelector::Named(name.into())
        }
    })
}

/// A JSON value that is no object and no list, written as short as it can be.
fn checked_scalar(json: &str) -> Result<String, String> {
    let value = (json.len() <= LONGEST_REASON).then(|| serde_json::from_str(json).ok()).flatten();
    match value {
        Some(serde_json::Value::Object(_) | serde_json::Value::Array(_)) | None => {
            let json = guest_text::one_line(json, LONGEST_NAME);
            Err(format!("it writes {json:?}, which is no string, number, true, false or null"))
        }
        Some(scalar) => Ok(scalar.to_string()),
    }
}

fn few(what: &str, count: usize, most: usize) -> Result<(), String> {
    if count <= most { Ok(()) } else { Err(format!("{count} {what}, where {most} are allowed")) }
}

fn checked_name(what: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(is_invisible) {
        let name = guest_text::one_line(name, LONGEST_NAME);
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
        let name = guest_text::one_line(name, LONGEST_NAME);
        format!("it replaces the model by {name:?}: {error}")
    })
}

/// At most one limit for each parameter: the strictest, as between policies.
fn checked_limits(said: Vec<wit::Limit>) -> Result<Vec<Limit>, String> {
    let mut all = Obligations::default();
    for limit in said {
        let wit::Limit { parameter, minimum, maximum, insert } = limit;
        for (what, number) in [("minimum", minimum), ("maximum", maximum), ("value", insert)] {
            if let Some(number) = number.filter(|number| *number < 0) {
                return Err(format!("a {what} of {number}"));
            }
        }
        let limit = Limit { parameter: checked_parameter(&parameter)?, minimum, maximum, insert };
        all.add_limit(limit).map_err(|conflict| conflict.to_string())?;
    }
    Ok(all.limits)
}

fn checked_parameter(parameter: &wit::LimitedParameter) -> Result<LimitedParameter, String> {
    Ok(match parameter {
        wit::LimitedParameter::Context => LimitedParameter::Context,
        wit::LimitedParameter::Output => LimitedParameter::Output,
        wit::LimitedParameter::KeepAlive => LimitedParameter::KeepAlive,
        wit::LimitedParameter::Other(path) => LimitedParameter::Field(checked_path(path)?),
    })
}

#[cfg(test)]
mod tests;
