//! The conditions of an allow.

use std::fmt;

use super::field::{FieldPath, FieldRule};
use crate::ModelName;

/// The obligations that must be met before a request is forwarded.
///
/// Written down, what is not demanded is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Obligations {
    /// The model to forward instead of the one asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_model: Option<ModelName>,
    /// Limits of numbers; at most one for each parameter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// Rules for fields of the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldRule>,
    /// Labels for the record of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(String, String)>,
    /// The class of its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// The group of hosts that may answer it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_group: Option<String>,
}

/// The class of a request's turn.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// After everybody else.
    Low,
    /// As usual.
    Normal,
    /// Before everybody else.
    High,
}

impl Priority {
    /// Reads the word of the contract.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Low, Self::Normal, Self::High].into_iter().find(|class| class.as_str() == word)
    }

    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// A number of a request that a policy can limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitedParameter {
    /// Context length in tokens.
    Context,
    /// Tokens to produce.
    Output,
    /// Seconds that the model stays loaded.
    KeepAlive,
    /// Another number of the body.
    #[serde(untagged)]
    Field(FieldPath),
}

/// The name as `explain` and messages have it.
impl fmt::Display for LimitedParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Context => f.write_str("context"),
            Self::Output => f.write_str("output"),
            Self::KeepAlive => f.write_str("keep_alive"),
            Self::Field(path) => path.fmt(f),
        }
    }
}

/// Limits of one number of a request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limit {
    /// The number that is limited.
    pub parameter: LimitedParameter,
    /// The smallest value that may be forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<i64>,
    /// The largest value that may be forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i64>,
    /// The value that is written into a request that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insert: Option<i64>,
}

impl Limit {
    /// Limits a number from above.
    pub const fn at_most(parameter: LimitedParameter, maximum: i64) -> Self {
        Self { parameter, minimum: None, maximum: Some(maximum), insert: None }
    }

    /// Returns the value within the limits that is nearest to this one.
    pub fn nearest(&self, value: i64) -> i64 {
        let raised = self.minimum.map_or(value, |minimum| value.max(minimum));
        self.maximum.map_or(raised, |maximum| raised.min(maximum))
    }

    /// Returns the value that is written where the request does not say.
    pub fn inserted(&self) -> Option<i64> {
        self.insert.map(|value| self.nearest(value))
    }

    /// Holds both, the stricter number of each kind.
    fn meet(&mut self, other: &Self) -> Result<(), Conflict> {
        let strictest =
            |one: Option<i64>, two: Option<i64>, choose: fn(i64, i64) -> i64| match (one, two) {
                (Some(one), Some(two)) => Some(choose(one, two)),
                (one, two) => one.or(two),
            };
        self.minimum = strictest(self.minimum, other.minimum, i64::max);
        self.maximum = strictest(self.maximum, other.maximum, i64::min);
        self.insert = strictest(self.insert, other.insert, i64::min);
        self.can_be_met()
    }

    fn can_be_met(&self) -> Result<(), Conflict> {
        match (self.minimum, self.maximum) {
            (Some(least), Some(most)) if least > most => {
                Err(Conflict::Limits { parameter: self.parameter.clone(), least, most })
            }
            _ => Ok(()),
        }
    }
}

/// Two policies demand what cannot both be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Each wants another model forwarded.
    #[error("one policy replaces the model by {0}, another by {1}")]
    Models(ModelName, ModelName),
    /// No number is within the limits of both.
    #[error("one policy wants {parameter} to be at least {least}, another at most {most}")]
    Limits {
        /// The number.
        parameter: LimitedParameter,
        /// The least of one.
        least: i64,
        /// The most of the other.
        most: i64,
    },
    /// Each inserts another value.
    #[error("one policy writes {1} into {0}, another {2}")]
    Inserts(FieldPath, String, String),
    /// Each sends it to other hosts.
    #[error("one policy sends the request to the hosts {0}, another to {1}")]
    Hosts(String, String),
}

impl Obligations {
    /// Adds others to these, the strictest number of each kind.
    ///
    /// # Errors
    /// Where they cannot all be met.
    pub fn add(&mut self, others: &Self) -> Result<(), Conflict> {
        agree(&mut self.replace_model, others.replace_model.as_ref(), Conflict::Models)?;
        agree(&mut self.host_group, others.host_group.as_ref(), Conflict::Hosts)?;
        for limit in &others.limits {
            self.add_limit(limit.clone())?;
        }
        for rule in &others.fields {
            self.add_field(rule)?;
        }
        self.priority = match (self.priority, others.priority) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.labels.extend_from_slice(&others.labels);
        Ok(())
    }

    /// Adds a limit to those that are there.
    ///
    /// # Errors
    /// Where no number is within all of them.
    pub fn add_limit(&mut self, limit: Limit) -> Result<(), Conflict> {
        let known = self.limits.iter_mut().find(|known| known.parameter == limit.parameter);
        if let Some(known) = known {
            return known.meet(&limit);
        }
        limit.can_be_met()?;
        self.limits.push(limit);
        Ok(())
    }

    fn add_field(&mut self, rule: &FieldRule) -> Result<(), Conflict> {
        if let FieldRule::Insert(path, value) = rule {
            let inserted = self.fields.iter().find_map(|known| match known {
                FieldRule::Insert(known, value) if known == path => Some(value),
                _ => None,
            });
            if let Some(known) = inserted.filter(|known| *known != value) {
                return Err(Conflict::Inserts(path.clone(), known.clone(), value.clone()));
            }
        }
        if !self.fields.contains(rule) {
            self.fields.push(rule.clone());
        }
        Ok(())
    }

    /// Tells whether meeting them may change what the request says, numbers aside.
    pub fn change_fields(&self) -> bool {
        self.fields.iter().any(FieldRule::changes)
    }
}

/// Takes a demand that others must not contradict.
fn agree<T: Clone + PartialEq>(
    known: &mut Option<T>,
    other: Option<&T>,
    conflict: fn(T, T) -> Conflict,
) -> Result<(), Conflict> {
    match (&*known, other) {
        (Some(one), Some(two)) if one != two => return Err(conflict(one.clone(), two.clone())),
        (None, Some(two)) => *known = Some(two.clone()),
        _ => {}
    }
    Ok(())
}
