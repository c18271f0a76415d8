//! Lists of patterns.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::Deserializer;

use crate::ModelPattern;

/// A list of [`ModelPattern`]s, made for asking whether any of them matches.
///
/// Names without `*` are sorted, so a long list of them costs little more than a short one.
///
/// ```
/// use stockade_policy_sdk::ModelPatterns;
///
/// let patterns: ModelPatterns = serde_json::from_str(r#"["qwen3:8b", "llama3.2:*"]"#)?;
/// assert!(patterns.matches("registry.ollama.ai/library/qwen3:8b"));
/// assert!(!patterns.matches("registry.ollama.ai/library/qwen3:30b"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ModelPatterns {
    /// In the order of `by_length`.
    names: Vec<ModelPattern>,
    globs: Vec<ModelPattern>,
}

impl ModelPatterns {
    /// Tells whether any of the patterns matches a complete name.
    pub fn matches(&self, name: &str) -> bool {
        let named = |pattern: &ModelPattern| by_length(pattern.as_str(), name);
        self.names.binary_search_by(named).is_ok() || self.globs.iter().any(|p| p.matches(name))
    }

    /// Tells whether there is no pattern, so that nothing matches.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.globs.is_empty()
    }
}

/// Comparing lengths first spares most comparisons of the long common beginnings.
fn by_length(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

impl FromIterator<ModelPattern> for ModelPatterns {
    fn from_iter<I: IntoIterator<Item = ModelPattern>>(patterns: I) -> Self {
        let (mut names, globs): (Vec<_>, Vec<_>) =
            patterns.into_iter().partition(ModelPattern::is_one_name);
        names.sort_unstable_by(|one, other| by_length(one.as_str(), other.as_str()));
        Self { names, globs }
    }
}

impl fmt::Debug for ModelPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.names).entries(&self.globs).finish()
    }
}

impl<'de> Deserialize<'de> for ModelPatterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}

impl JsonSchema for ModelPatterns {
    fn schema_name() -> Cow<'static, str> {
        "ModelPatterns".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<ModelPattern>::json_schema(generator)
    }
}
