//! The settings that an operator may write.

use std::collections::BTreeMap;

use stockade_policy_sdk::prelude::*;

/// Rules, of which the first one that holds decides.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// The rules, in the order in which they are asked.
    pub rules: Vec<Rule>,
    /// The verdict where a rule needs a fact that is not known.
    #[serde(default)]
    pub unknown: Unknown,
}

/// The verdict where a rule needs a fact that is not known.
#[settings]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// The policy says nothing, and the note names the fact.
    #[default]
    Abstain,
    /// The request is refused.
    Deny,
}

/// A condition, and what it leads to.
#[settings]
#[derive(Debug)]
pub struct Rule {
    /// The condition, such as `operation = pull and model.bytes > 20 GB`; a rule without one
    /// always holds.
    pub when: Option<String>,
    /// The verdict.
    pub then: Then,
    /// The text that the caller of a refused request is shown.
    pub reason: Option<String>,
    /// Of a `deny`, what only the operator is told; of an `abstain`, why nothing is allowed.
    pub note: Option<String>,
    /// The most that the request may ask for. Larger numbers are lowered, missing ones written.
    #[serde(default)]
    pub cap: Caps,
    /// Fields of the body that are left out, by path: `think`, `options.num_gpu`.
    #[serde(default)]
    pub strip_fields: Vec<String>,
    /// Tools that are left out of those that the request offers, by name; `web_search` are all
    /// that search the web on the account of the host's owner, too.
    #[serde(default)]
    pub strip_tools: Vec<String>,
    /// Fields of the body with which the request is refused, by path.
    #[serde(default)]
    pub forbid_fields: Vec<String>,
    /// The model that is forwarded instead of the one asked for.
    pub replace_model: Option<String>,
    /// Labels for the record of the request.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The class of the request's turn.
    pub priority: Option<Priority>,
    /// The group of hosts that may answer.
    pub host_group: Option<String>,
}

/// The most that a request may ask for.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Tokens of context.
    pub context: Option<i64>,
    /// Tokens of an answer.
    pub output: Option<i64>,
    /// The time for which the model stays loaded, such as `5m`.
    pub keep_alive: Option<Duration>,
}

/// A verdict.
#[settings]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Permits the request.
    Allow,
    /// Refuses it, whoever allows.
    Deny,
    /// Permits nothing; what the rule demands holds if another policy allows.
    Restrict,
    /// Says nothing, and asks no further rule.
    Abstain,
}

/// The class of a request's turn.
#[settings]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Before the others.
    High,
    /// As usual.
    Normal,
    /// After the others.
    Low,
}

impl Priority {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}
