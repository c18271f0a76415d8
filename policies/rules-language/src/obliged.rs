//! The verdict of a rule.

use stockade_policy_sdk::Denial;
use stockade_policy_sdk::prelude::*;

use crate::settings::{Rule, Then};

const NO_REASON: &str = "this is not allowed here";

impl Rule {
    /// Returns the verdict that the rule gives where it holds.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.then {
            Then::Allow => Verdict::Allow(self.obligations()),
            Then::Restrict => Verdict::restrict(self.obligations()),
            Then::Abstain => {
                self.note.as_ref().map_or_else(Verdict::abstain, Verdict::abstain_because)
            }
            Then::Deny => {
                let denial = Denial::new(self.reason.as_deref().unwrap_or(NO_REASON));
                match &self.note {
                    Some(note) => denial.note(note).into(),
                    None => denial.into(),
                }
            }
        }
    }

    fn obligations(&self) -> Obligations {
        let mut obliged = Obligations::new();
        let keep_alive = self.cap.keep_alive.map(Duration::seconds);
        for (parameter, most) in [
            (LimitedParameter::Context, self.cap.context),
            (LimitedParameter::Output, self.cap.output),
            (LimitedParameter::KeepAlive, keep_alive.and_then(|most| most.try_into().ok())),
        ] {
            if let Some(most) = most {
                obliged = obliged.cap_or_insert(parameter, most);
            }
        }
        obliged = self.strip_fields.iter().fold(obliged, Obligations::strip_field);
        obliged = self.strip_tools.iter().fold(obliged, Obligations::strip_tools);
        obliged = self.forbid_fields.iter().fold(obliged, Obligations::forbid_field);
        obliged = self.labels.iter().fold(obliged, |all, (name, value)| all.label(name, value));
        obliged.replace_model.clone_from(&self.replace_model);
        obliged.priority = self.priority.map(|class| class.as_str().to_owned());
        obliged.host_group.clone_from(&self.host_group);
        obliged
    }

    /// Finds what could never do what the operator means, besides the condition.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |place: &str, message: &str| problems.push(Problem::at(place, message));
        let demands = self.obligations() != Obligations::new();
        match self.then {
            Then::Deny | Then::Abstain if demands => wrong(
                "then",
                "caps, fields, labels and the like need `then: allow` or `then: restrict`",
            ),
            Then::Restrict if !demands => {
                wrong("then", "restricts nothing; write `cap`, `strip_fields` or the like");
            }
            _ => {}
        }
        if self.reason.is_some() && self.then != Then::Deny {
            wrong("reason", "is only shown with `then: deny`");
        }
        if self.note.is_some() && !matches!(self.then, Then::Deny | Then::Abstain) {
            wrong("note", "is only told with `then: deny` or `then: abstain`");
        }
        for (place, most) in [("cap.context", self.cap.context), ("cap.output", self.cap.output)] {
            if most.is_some_and(|most| most < 1) {
                wrong(place, "must be at least 1");
            }
        }
        if self.host_group.as_ref().is_some_and(String::is_empty) {
            wrong("host_group", "is empty; leave it out for every host");
        }
        problems.extend(self.wrong_texts());
        problems
    }

    fn wrong_texts(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let lists = [("strip_fields", &self.strip_fields), ("forbid_fields", &self.forbid_fields)];
        for (field, list) in lists {
            let is_path = |path: &str| path.split('.').all(|part| !part.trim().is_empty());
            let wrong = list.iter().enumerate().filter(|(_, path)| !is_path(path));
            problems.extend(wrong.map(|(index, path)| {
                let message = format!("{path:?} is no field; write `think` or `options.num_gpu`");
                Problem::at(format!("{field}[{index}]"), message)
            }));
        }
        let nameless = self.strip_tools.iter().enumerate().filter(|(_, name)| name.is_empty());
        problems.extend(nameless.map(|(index, _)| {
            Problem::at(format!("strip_tools[{index}]"), "is empty; write the name of a tool")
        }));
        if let Some(name) = &self.replace_model {
            let message = match name.parse::<ModelPattern>() {
                Ok(_) if name.contains('*') => "is one model, so `*` cannot stand for a part of it",
                Ok(_) => return problems,
                Err(error) => {
                    problems.push(Problem::at("replace_model", error.to_string()));
                    return problems;
                }
            };
            problems.push(Problem::at("replace_model", message));
        }
        problems
    }
}
