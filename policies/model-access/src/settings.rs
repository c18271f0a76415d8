//! The settings that an operator may write.

use stockade_policy_sdk::prelude::*;

use crate::WebSearch;

/// The models that may be used, and how.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// Models that may be used: `llama3.2:*`, `qwen3:8b`, `library/*`, `*`.
    #[serde(default)]
    pub allow: ModelPatterns,
    /// Models that are refused, whatever another binding allows.
    #[serde(default)]
    pub deny: ModelPatterns,
    /// The operations that this binding speaks of; by default all of `classes`.
    pub operations: Option<Vec<Operation>>,
    /// The kinds of operations that this binding speaks of.
    #[serde(default = "all_classes")]
    pub classes: Vec<Class>,
    /// Allows models that run in Ollama's cloud.
    #[serde(default)]
    pub cloud: bool,
    /// Allows a request to offer the model tools that search the web on the account of the host's
    /// owner; with `drop` it is allowed without those tools.
    #[serde(default)]
    pub web_search: WebSearch,
    /// Allows a request to ask for the rendered prompt instead of an answer.
    #[serde(default)]
    pub debug_render: bool,
}

/// The kinds of operations that use or read models.
#[settings]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Running a model.
    Inference,
    /// Reading what is there.
    Read,
}

fn all_classes() -> Vec<Class> {
    vec![Class::Inference, Class::Read]
}

impl Class {
    fn of(access: AccessClass) -> Option<Self> {
        match access {
            AccessClass::Inference => Some(Self::Inference),
            AccessClass::Read => Some(Self::Read),
            AccessClass::Manage | AccessClass::Account | AccessClass::Web => None,
        }
    }
}

impl Settings {
    /// Tells whether this binding has a say about an operation. About one that the policy does not
    /// know it has none: nothing may be allowed that nobody thought of.
    pub(crate) fn governs(&self, operation: &Operation, access: AccessClass) -> bool {
        let known = !matches!(operation, Operation::Other(_));
        let class = Class::of(access).is_some_and(|class| self.classes.contains(&class));
        let listed = self.operations.as_ref().is_none_or(|listed| listed.contains(operation));
        known && class && listed
    }

    /// Refuses settings that could never do what their author means.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let mut problems = Vec::new();
        if self.allow.is_empty() && self.deny.is_empty() {
            let message = "neither `allow` nor `deny` lists a model; write `*` for every model";
            problems.push(Problem::new(message));
        }
        if self.classes.is_empty() {
            let message = "lists no class; leave it out for `inference` and `read`";
            problems.push(Problem::at("classes", message));
        } else {
            problems.extend(self.wrong_operations());
        }
        Problem::all(problems)
    }

    fn wrong_operations(&self) -> Vec<Problem> {
        let Some(operations) = &self.operations else {
            return Vec::new();
        };
        if operations.is_empty() {
            let message = "lists no operation; leave it out for all of `classes`";
            return vec![Problem::at("operations", message)];
        }
        let wrong = |(index, operation): (usize, &Operation)| {
            let problem = match operation.access().and_then(Class::of) {
                Some(class) if self.classes.contains(&class) => return None,
                Some(_) => format!("`{operation}` is not in any of `classes`"),
                None => format!(
                    "`{operation}` neither uses nor reads a model, and this policy never allows it"
                ),
            };
            Some(Problem::at(format!("operations[{index}]"), problem))
        };
        operations.iter().enumerate().filter_map(wrong).collect()
    }
}
