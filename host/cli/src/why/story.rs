//! The story that a record tells, for people.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use stockade_core::record::{Decision, RequestRecord, Steps};
use stockade_core::{BindingName, GroupName, QuotaName};
use stockade_usage::numbers::grouped;

use crate::explain::obligations;

/// Tells what happened to a request: who asked for what, what was decided and why, what was changed,
/// how long each step took and what it cost.
pub(super) fn of(line: &Value, record: &RequestRecord<'_>, zone: &TimeZone) -> String {
    let mut text = String::new();
    let time = line["time"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    let time = time.map(|time| time.to_zoned(zone.clone()).strftime("%F %T %Z").to_string());
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} of {}", record.request, time.unwrap_or_default());
    let _ = writeln!(text, "  caller:   {}", caller(record));
    let _ = writeln!(text, "  asked:    {}", asked(record));
    decided(&mut text, record);
    changed(&mut text, record);
    let _ = writeln!(text, "  outcome:  {}", outcome(record));
    if let Some(took) = took(record) {
        let _ = writeln!(text, "  took:     {took}");
    }
    if let Some(used) = used(record) {
        let _ = writeln!(text, "  used:     {used}");
    }
    text.truncate(text.trim_end().len());
    text
}

fn caller(record: &RequestRecord<'_>) -> String {
    let caller = &record.caller;
    let address = record.client.unwrap_or_else(|| record.peer.ip());
    let Some(user) = &caller.user else { return format!("not known, from {address}") };
    let mut text = user.to_string();
    let groups: Vec<&str> = caller.groups.iter().map(GroupName::as_str).collect();
    if !groups.is_empty() {
        let _ = write!(text, " of {}", groups.join(", "));
    }
    if let Some(proof) = caller.proof {
        let _ = write!(text, ", by {}", serde_json::json!(proof).as_str().unwrap_or(""));
    }
    if let Some(credential) = &caller.credential {
        let _ = write!(text, " {credential}");
    }
    if let Some(front_end) = &caller.front_end {
        let _ = write!(text, ", for whom {front_end} speaks");
    }
    format!("{text}, from {address}")
}

fn asked(record: &RequestRecord<'_>) -> String {
    let mut text =
        record.operation.map_or("nothing that is known", |asked| asked.as_str()).to_owned();
    let models: Vec<String> = record.models.iter().map(|model| model.name.to_string()).collect();
    if !models.is_empty() {
        let _ = write!(text, " on {}", models.join(", "));
    }
    if let (Some(method), Some(path)) = (&record.method, &record.path) {
        let _ = write!(text, " ({method} {path})");
    }
    text
}

fn decided(text: &mut String, record: &RequestRecord<'_>) {
    let decided = &record.decided;
    let word = match decided.decision {
        Decision::Permit => "permitted",
        Decision::Refuse => "refused",
        Decision::None => "nothing was decided",
    };
    let _ = write!(text, "  decision: {word} by generation {}", record.generation);
    if let Some(cause) = decided.cause {
        let _ = write!(text, ", {}", cause.as_str());
    }
    text.push('\n');
    if let Some(reason) = &decided.reason {
        let _ = writeln!(text, "            {reason}");
    }
    if let (Some(binding), Some(policy)) = (&decided.binding, &decided.policy) {
        let _ = writeln!(text, "            binding {binding}  policy {policy}");
    }
    let allowed: Vec<&str> = decided.allowed_by.iter().map(BindingName::as_str).collect();
    if !allowed.is_empty() {
        let _ = writeln!(text, "            allowed by {}", allowed.join(", "));
    }
    let exceeded: Vec<&str> =
        record.admitted.quotas_exceeded.iter().map(QuotaName::as_str).collect();
    if !exceeded.is_empty() {
        let _ = writeln!(text, "            no room in {}", exceeded.join(", "));
    }
}

fn changed(text: &mut String, record: &RequestRecord<'_>) {
    let decided = &record.decided;
    for demand in decided.obligations.iter().flat_map(|all| obligations::lines(all)) {
        let _ = writeln!(text, "  changed:  {demand}");
    }
    if let Some(model) = &decided.forwarded_model {
        let _ = writeln!(text, "  changed:  {model} was forwarded in place of the model");
    }
    if let Some(field) = &decided.left_out {
        let _ = writeln!(text, "  changed:  {field} was left out");
    }
}

fn outcome(record: &RequestRecord<'_>) -> String {
    let mut text = record.outcome.as_str().to_owned();
    if let Some(status) = record.answered.status {
        let _ = write!(text, ", status {status}");
    }
    let _ = write!(text, ", {} bytes", grouped(record.answered.bytes));
    if let Some(error) = &record.error {
        let _ = write!(text, "; {error}");
    }
    text
}

/// Tells how long each step took, not when it was done.
fn took(record: &RequestRecord<'_>) -> Option<String> {
    let Steps { identified, classified, decided, sent, answered } = record.steps;
    let steps = [
        ("identify", identified),
        ("read and classify", classified),
        ("decide", decided),
        ("admit and send", sent),
        ("first answer", answered),
        ("rest of the answer", Some(record.answered.microseconds)),
    ];
    let mut before = 0;
    let mut parts = Vec::new();
    for (name, at) in steps {
        let Some(at) = at else { continue };
        parts.push(format!("{name} {}", milliseconds(at.saturating_sub(before))));
        before = at;
    }
    if let Some(waited) = record.admitted.waited {
        parts.push(format!("of that in the queue {}", milliseconds(waited)));
    }
    let total = milliseconds(record.answered.microseconds);
    (!record.steps.is_empty()).then(|| format!("{total}: {}", parts.join(", ")))
}

fn milliseconds(microseconds: u64) -> String {
    let (whole, rest) = (microseconds / 1_000, microseconds % 1_000);
    if whole >= 100 { format!("{} ms", grouped(whole)) } else { format!("{whole}.{rest:03} ms") }
}

fn used(record: &RequestRecord<'_>) -> Option<String> {
    let charged = record.admitted.charged?;
    Some(format!(
        "{} tokens of prompt, {} of answer, {} ms of GPU time, {} bytes pulled",
        grouped(charged.input_tokens),
        grouped(charged.output_tokens),
        grouped(charged.gpu_milliseconds),
        grouped(charged.pulled_bytes),
    ))
}
