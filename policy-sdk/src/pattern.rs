//! Patterns for model names, as settings hold them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use stockade_names::InvalidPattern;

/// Names of models, with `*` for what may vary.
///
/// A pattern is written like a model's name, `host/namespace/model:tag`, and what is left
/// out is filled in as Ollama fills it in: `registry.ollama.ai`, `library`, `latest`. Upper
/// and lower case are the same. A name without `*` is a pattern that matches that model
/// and no other.
///
/// A `*` stands for any characters, or none, within one of the four parts; it never reaches
/// over a `/` or into the tag. Two rules make the usual patterns short:
///
/// 1. A model part with a `*` and no tag after it means every tag.
/// 2. A model part that is only `*` means everything below what stands before it. A single
///    part before it is a host if it has a `.` or a `:`, which no namespace can have.
///
/// | pattern | stands for | matches |
/// |---|---|---|
/// | `llama3.2` | `registry.ollama.ai/library/llama3.2:latest` | only `:latest`, like Ollama |
/// | `qwen3:8b` | `registry.ollama.ai/library/qwen3:8b` | one model |
/// | `llama3.2:*` | `registry.ollama.ai/library/llama3.2:*` | every tag of one model |
/// | `llama*` | `registry.ollama.ai/library/llama*:*` | a family of models |
/// | `library/*` | `registry.ollama.ai/library/*:*` | everything in a namespace |
/// | `registry.ollama.ai/library/*` | `registry.ollama.ai/library/*:*` | the same |
/// | `hf.co/*` | `hf.co/*/*:*` | everything from a host |
/// | `localhost/*/*` | `localhost/*/*:*` | the same for a host without a dot |
/// | `*:*-cloud` | `*/*/*:*-cloud` | a kind of tag, whatever the model |
/// | `*` | `*/*/*:*` | every model |
///
/// ```
/// use stockade_policy_sdk::ModelPattern;
///
/// let pattern: ModelPattern = "Llama3.2:*".parse()?;
/// assert!(pattern.matches("registry.ollama.ai/library/llama3.2:3b"));
/// assert!(!pattern.matches("registry.ollama.ai/library/llama3.2-vision:11b"));
/// assert!(!pattern.matches("hf.co/library/llama3.2:3b"));
/// # Ok::<(), stockade_policy_sdk::InvalidPattern>(())
/// ```
///
/// In settings a pattern is a string; an invalid one is reported with its place. Use
/// [`ModelPatterns`](crate::ModelPatterns) for a list: it is faster than asking one pattern after the other.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelPattern(stockade_names::ModelPattern);

impl ModelPattern {
    /// Tells whether a complete name, as in [`Model::name`](crate::Model::name), matches.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }

    /// The complete pattern: all four parts, lower case.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn is_one_name(&self) -> bool {
        self.0.is_one_name()
    }
}

impl FromStr for ModelPattern {
    type Err = InvalidPattern;
    fn from_str(spelling: &str) -> Result<Self, InvalidPattern> {
        spelling.parse().map(Self)
    }
}

impl fmt::Debug for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for ModelPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spelling = String::deserialize(deserializer)?;
        spelling.parse().map_err(|error| D::Error::custom(format_args!("{spelling:?}: {error}")))
    }
}

impl JsonSchema for ModelPattern {
    fn schema_name() -> Cow<'static, str> {
        "ModelPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z0-9_.:/*-]+$",
            "description": "A model's name, with * for what may vary: llama3.2:*, qwen3:8b, library/*, hf.co/*, *. Without a tag it means :latest.",
            "examples": ["llama3.2:*", "qwen3:8b", "registry.ollama.ai/library/*"],
        })
    }
}
