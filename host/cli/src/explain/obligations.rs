//! The changes to a permitted request before it would be forwarded.

use serde_json::{Value, json};
use stockade_core::{Limit, LimitedParameter, Obligations};

/// For a person, one line for each.
pub(crate) fn lines(obligations: &Obligations) -> Vec<String> {
    let replaced = obligations.replace_model.iter().map(|name| format!("the model becomes {name}"));
    let limits = obligations.limits.iter().map(limit);
    let fields = obligations.forbid_fields.iter();
    let fields = fields.map(|name| format!("refused if its body has the field {name:?}"));
    let labels = obligations.labels.iter();
    let labels = labels.map(|(name, value)| format!("labelled {name}={value}"));
    replaced.chain(limits).chain(fields).chain(labels).collect()
}

fn limit(limit: &Limit) -> String {
    let missing = if limit.insert { ", also written where it is missing" } else { "" };
    format!("{} at most {}{missing}", name(limit.parameter), limit.maximum)
}

const fn name(parameter: LimitedParameter) -> &'static str {
    match parameter {
        LimitedParameter::Context => "context",
        LimitedParameter::Output => "output",
        LimitedParameter::KeepAlive => "keep_alive",
    }
}

/// For a program.
pub(super) fn value(obligations: &Obligations) -> Value {
    let limit = |limit: &Limit| json!({ "parameter": name(limit.parameter), "maximum": limit.maximum, "insert": limit.insert });
    json!({
        "replace_model": obligations.replace_model.as_ref().map(ToString::to_string),
        "limits": obligations.limits.iter().map(limit).collect::<Vec<_>>(),
        "forbid_fields": obligations.forbid_fields,
        "labels": obligations.labels,
    })
}
