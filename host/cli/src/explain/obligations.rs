//! The changes to a permitted request before it would be forwarded.

use serde_json::{Value, json};
use stockade_core::{FieldRule, Limit, Obligations};

/// For a person, one line for each.
pub(crate) fn lines(obligations: &Obligations) -> Vec<String> {
    let replaced = obligations.replace_model.iter().map(|name| format!("the model becomes {name}"));
    let limits = obligations.limits.iter().map(limit);
    let fields = obligations.fields.iter().map(field);
    let labels = obligations.labels.iter();
    let labels = labels.map(|(name, value)| format!("labelled {name}={value}"));
    let priority = obligations.priority.map(|class| format!("with {} priority", class.as_str()));
    let hosts = obligations.host_group.iter().map(|group| format!("answered by the hosts {group}"));
    replaced.chain(limits).chain(fields).chain(labels).chain(priority).chain(hosts).collect()
}

fn limit(limit: &Limit) -> String {
    let bounds = match (limit.minimum, limit.maximum) {
        (Some(least), Some(most)) => format!(" at least {least} and at most {most}"),
        (Some(least), None) => format!(" at least {least}"),
        (None, Some(most)) => format!(" at most {most}"),
        (None, None) => String::new(),
    };
    let missing = match limit.inserted() {
        Some(value) if Some(value) == limit.maximum => {
            ", also written where it is missing".to_owned()
        }
        Some(value) => format!(", {value} written where it is missing"),
        None => String::new(),
    };
    format!("{}{bounds}{missing}", limit.parameter)
}

fn field(rule: &FieldRule) -> String {
    match rule {
        FieldRule::Strip(path) => format!("without the field {:?}", path.as_str()),
        FieldRule::Forbid(path) => format!("refused if its body has the field {:?}", path.as_str()),
        FieldRule::Insert(path, json) => {
            format!("with {json} in the field {:?}, where it is missing", path.as_str())
        }
        FieldRule::StripTools(selector) => format!("without {selector}"),
    }
}

/// For a program.
pub(super) fn value(obligations: &Obligations) -> Value {
    let limit = |limit: &Limit| {
        json!({
            "parameter": limit.parameter.to_string(),
            "minimum": limit.minimum, "maximum": limit.maximum, "insert": limit.insert,
        })
    };
    json!({
        "replace_model": obligations.replace_model.as_ref().map(ToString::to_string),
        "limits": obligations.limits.iter().map(limit).collect::<Vec<_>>(),
        "fields": obligations.fields,
        "labels": obligations.labels,
        "priority": obligations.priority,
        "host_group": obligations.host_group,
    })
}
