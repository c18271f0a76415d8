//! The verdict of one policy about one request.

use crate::ModelName;

/// One policy's answer for one binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed, if the obligations are met.
    Allow(Obligations),
    /// Refused, for a reason that the caller is told.
    Deny(String),
    /// Nothing to say.
    Abstain,
}

/// The obligations that must be met before a request is forwarded.
///
/// Written down, what is not demanded is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Obligations {
    /// The model to forward instead of the one asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_model: Option<ModelName>,
    /// Ceilings; at most one for each parameter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// Top-level fields that must not be present.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbid_fields: Vec<String>,
    /// Labels for the record of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(String, String)>,
}

/// A number of a request that a policy can limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitedParameter {
    /// Context length in tokens.
    Context,
    /// Tokens to produce.
    Output,
    /// Seconds that the model stays loaded.
    KeepAlive,
}

/// A ceiling on one number of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limit {
    /// The number that is limited.
    pub parameter: LimitedParameter,
    /// The largest value that may be forwarded.
    pub maximum: i64,
    /// True if the maximum is to be written into a request that does not say.
    pub insert: bool,
}

impl Obligations {
    /// Both sets of obligations at once, the strictest number of each kind.
    ///
    /// # Errors
    /// Two different replacement models cannot both be met.
    pub fn merge(mut self, other: Self) -> Result<Self, ConflictingReplacements> {
        self.replace_model = match (self.replace_model, other.replace_model) {
            (Some(one), Some(two)) if one != two => return Err(ConflictingReplacements(one, two)),
            (one, two) => one.or(two),
        };
        for limit in other.limits {
            self.add_limit(limit);
        }
        for field in other.forbid_fields {
            if !self.forbid_fields.contains(&field) {
                self.forbid_fields.push(field);
            }
        }
        self.labels.extend(other.labels);
        Ok(self)
    }

    fn add_limit(&mut self, limit: Limit) {
        match self.limits.iter_mut().find(|known| known.parameter == limit.parameter) {
            Some(known) => {
                known.maximum = known.maximum.min(limit.maximum);
                known.insert |= limit.insert;
            }
            None => self.limits.push(limit),
        }
    }
}

/// Two policies each want another model forwarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one policy replaces the model by {0}, another by {1}")]
pub struct ConflictingReplacements(ModelName, ModelName);
