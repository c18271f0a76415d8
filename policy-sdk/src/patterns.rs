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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few letters, so that patterns and names meet often.
    fn any_name() -> impl Strategy<Value = String> {
        "([ab.]{1,3}/)?([ab]{1,2}/)?[ab]{1,4}(:[ab]{1,3})?"
            .prop_filter_map("no name", |name| stockade_names::complete_name(&name).ok())
    }

    fn any_pattern() -> impl Strategy<Value = ModelPattern> {
        let complete =
            "([ab.*]{1,3}|registry[.]ollama[.]ai)/([ab*]{1,3}|library)/[ab*]{1,5}(:[ab*]{1,3})?";
        prop_oneof!["[ab*]{1,5}(:[ab*]{1,3})?", complete]
            .prop_filter_map("no pattern", |spelling| spelling.parse().ok())
    }

    proptest! {
        #[test]
        fn a_list_matches_what_any_of_its_patterns_matches(
            patterns in prop::collection::vec(any_pattern(), 0..8),
            exact in prop::collection::vec(any_name(), 0..8),
            name in any_name(),
        ) {
            let exact = exact.iter().map(|name| name.parse().unwrap());
            let all: Vec<ModelPattern> = patterns.into_iter().chain(exact).collect();
            let list: ModelPatterns = all.iter().cloned().collect();
            prop_assert_eq!(list.is_empty(), all.is_empty());
            prop_assert_eq!(list.matches(&name), all.iter().any(|p| p.matches(&name)));
        }
    }
}
