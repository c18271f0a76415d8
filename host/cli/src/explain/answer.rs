//! A decision as `explain` shows it.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use stockade_core::{BindingVerdict, Denial, Obligations};

use super::obligations;
use super::question::Question;
use stockade_control::generation::{Decision, Hypothetical, Reconsidered};
use stockade_core::record::VerdictKind;

/// A decision, taken apart to be shown.
pub(crate) struct Answer {
    verdicts: Arc<[BindingVerdict]>,
    reconsidered: Option<Reconsidered>,
    /// All obligations, a replaced model among them.
    pub(crate) result: Result<Obligations, Denial>,
}

impl From<Decision<Hypothetical>> for Answer {
    fn from(decision: Decision<Hypothetical>) -> Self {
        let Decision { verdicts, reconsidered, result, .. } = decision;
        let result = result.map_err(Denial::from).map(|permit| {
            let replace_model = permit.replaced_by().cloned();
            Obligations { replace_model, ..permit.into_parts().1 }
        });
        Self { verdicts, reconsidered, result }
    }
}

impl Answer {
    /// For a person.
    pub(crate) fn text(&self, question: &Question) -> String {
        let mut text = String::new();
        let word = if self.result.is_ok() { "ALLOW" } else { "DENY" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{word}: {question}");
        if let Err(denial) = &self.result {
            let _ = writeln!(text, "  {}", denial.reason);
            if let Some(note) = &denial.note {
                let _ = writeln!(text, "  note: {note}");
            }
        }
        for obligation in self.result.iter().flat_map(obligations::lines) {
            let _ = writeln!(text, "  {obligation}");
        }
        write_verdicts(&mut text, &self.verdicts);
        if let Some(second) = &self.reconsidered {
            let _ = match &second.model {
                Some(model) => {
                    writeln!(text, "  asked again about {model}, which replaces the model:")
                }
                None => writeln!(text, "  asked again about the request as it is changed:"),
            };
            write_verdicts(&mut text, &second.verdicts);
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// For a program.
    pub(crate) fn value(&self) -> Value {
        let denial = self.result.as_ref().err();
        let second = self.reconsidered.as_ref().map(|second| {
            json!({ "model": second.model.as_ref().map(ToString::to_string), "bindings": verdicts(&second.verdicts) })
        });
        json!({
            "allowed": denial.is_none(),
            "cause": denial.map(|denial| denial.cause),
            "reason": denial.map(|denial| &denial.reason),
            "note": denial.and_then(|denial| denial.note.as_deref()),
            "obligations": self.result.as_ref().ok().map(obligations::value),
            "bindings": verdicts(&self.verdicts),
            "reconsidered": second,
        })
    }
}

fn write_verdicts(text: &mut String, verdicts: &[BindingVerdict]) {
    for verdict in verdicts {
        let mode = if verdict.enforced { "" } else { " (shadow)" };
        let (kind, reason) = VerdictKind::of(&verdict.outcome);
        let (kind, binding, policy) = (kind.as_str(), &verdict.binding, &verdict.policy);
        let _ = write!(text, "  {kind}{mode}  binding {binding}  policy {policy}");
        let _ = writeln!(text, "{}", reason.map(|r| format!(": {r}")).unwrap_or_default());
    }
}

fn verdicts(verdicts: &[BindingVerdict]) -> Vec<Value> {
    let one = |verdict: &BindingVerdict| {
        let (kind, reason) = VerdictKind::of(&verdict.outcome);
        json!({
            "binding": verdict.binding, "policy": verdict.policy,
            "mode": if verdict.enforced { "enforce" } else { "shadow" },
            "verdict": kind, "reason": reason,
        })
    };
    verdicts.iter().map(one).collect()
}
