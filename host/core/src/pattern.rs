//! Patterns for model names, as the configuration writes them.

use std::fmt;
use std::str::FromStr;

use stockade_names::InvalidPattern;

use crate::ModelName;

/// Names of models, with `*` for what may vary within one part:
/// `llama3.2:*`, `qwen3:8b`, `library/*`, `hf.co/*`, `*`.
///
/// Parts that are left out are filled in as in a name. A model part with a `*` and no tag after
/// it means every tag; one that is only `*` means everything below what stands before it.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelPattern(stockade_names::ModelPattern);

impl ModelPattern {
    /// Tells whether a model is one of those meant.
    pub fn matches(&self, name: &ModelName) -> bool {
        self.0.matches(name.as_str())
    }

    /// The complete pattern: all four parts, lower case.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_its_part() {
        for (pattern, name, expected) in [
            ("llama3.2:*", "llama3.2:3b", true),
            ("llama3.2:*", "llama3.2-vision:11b", false),
            ("llama3.2", "llama3.2:3b", false),
            ("llama*", "llama3.2:3b", true),
            ("llama*", "me/llama3.2", false),
            ("*:*b", "hf.co/b/b:latest", false),
            ("hf.co/*", "hf.co/bartowski/x:q4", true),
            ("hf.co/*", "hf.co.evil.example/a/x", false),
            ("*", "hf.co/a/b:c", true),
        ] {
            let name = ModelName::parse(name).unwrap();
            assert_eq!(pattern.parse::<ModelPattern>().unwrap().matches(&name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["", "ö", "https://x", "**", "a/b/c/d", "x:local", "-x", "a/", "x:"] {
            assert!(bad.parse::<ModelPattern>().is_err(), "{bad}");
        }
    }
}
