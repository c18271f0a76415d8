//! Patterns for model names, as the configuration writes them.
//!
//! The grammar is that of `ModelPattern` in `policy-sdk`, which shares no code with the
//! host; a test of `stockade-tests` compares the two.

use std::fmt;
use std::str::FromStr;

use crate::ModelName;
use crate::model::{DEFAULT_HOST, DEFAULT_NAMESPACE, DEFAULT_TAG, LONGEST_HOST, LONGEST_PART};

/// Names of models, with `*` for what may vary within one part:
/// `llama3.2:*`, `qwen3:8b`, `library/*`, `hf.co/*`, `*`.
///
/// Parts that are left out are filled in as in a name. A model part with a `*` and no tag after
/// it means every tag; one that is only `*` means everything below what stands before it.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelPattern(Box<str>);

/// The reason why a text is no pattern for model names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModelPattern {
    /// Nothing at all.
    #[error("a model pattern is empty; write * for every model")]
    Empty,
    /// A character that neither a name nor a pattern can have.
    #[error(
        "a model pattern cannot have the character {0:?}; it has letters, digits, _ . : / - and *"
    )]
    Character(char),
    /// `https://…`.
    #[error("a model pattern has no scheme; leave out what stands before ://")]
    Scheme,
    /// `**`.
    #[error("write one * instead of **; it never reaches over a /")]
    DoubleStar,
    /// More than three parts before the tag.
    #[error("a model pattern has at most three parts and a tag: host/namespace/model:tag")]
    TooManyParts,
    /// `:local`, which is refused in every request.
    #[error("the tag local cannot be asked for; leave it out")]
    Local,
    /// A part that no name can have.
    #[error(
        "no model's {0} looks like this: it is empty, too long, or has a character out of place"
    )]
    Part(&'static str),
}

impl ModelPattern {
    /// Tells whether a model is one of those meant.
    pub fn matches(&self, name: &ModelName) -> bool {
        glob(self.0.as_bytes(), name.as_str().as_bytes())
    }

    /// The complete pattern: all four parts, lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelPattern {
    type Err = InvalidModelPattern;
    fn from_str(spelling: &str) -> Result<Self, InvalidModelPattern> {
        check_characters(spelling)?;
        let (path, tag) = match spelling.rsplit_once(':') {
            // A colon left of the last slash belongs to the host's port.
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (spelling, None),
        };
        let (host, namespace, model) = split_path(path)?;
        let tag = tag.unwrap_or(if model.contains('*') { "*" } else { DEFAULT_TAG });
        if tag.eq_ignore_ascii_case("local") {
            return Err(InvalidModelPattern::Local);
        }
        check_part("host", host, LONGEST_HOST, ".:-")?;
        check_part("namespace", namespace, LONGEST_PART, "-")?;
        check_part("model", model, LONGEST_PART, ".-")?;
        check_part("tag", tag, LONGEST_PART, ".-")?;
        let complete = format!("{host}/{namespace}/{model}:{tag}");
        Ok(Self(complete.to_ascii_lowercase().into()))
    }
}

fn check_characters(spelling: &str) -> Result<(), InvalidModelPattern> {
    let strange = |c: &char| !c.is_ascii_alphanumeric() && !"_.:/-*".contains(*c);
    if spelling.is_empty() {
        Err(InvalidModelPattern::Empty)
    } else if let Some(character) = spelling.chars().find(strange) {
        Err(InvalidModelPattern::Character(character))
    } else if spelling.contains("://") {
        Err(InvalidModelPattern::Scheme)
    } else if spelling.contains("**") {
        Err(InvalidModelPattern::DoubleStar)
    } else {
        Ok(())
    }
}

/// Host, namespace and model, with what is left out filled in.
fn split_path(path: &str) -> Result<(&str, &str, &str), InvalidModelPattern> {
    let parts: Vec<&str> = path.split('/').collect();
    match *parts.as_slice() {
        ["*"] => Ok(("*", "*", "*")),
        [host, "*"] if host.contains(['.', ':']) => Ok((host, "*", "*")),
        [model] => Ok((DEFAULT_HOST, DEFAULT_NAMESPACE, model)),
        [namespace, model] => Ok((DEFAULT_HOST, namespace, model)),
        [host, namespace, model] => Ok((host, namespace, model)),
        _ => Err(InvalidModelPattern::TooManyParts),
    }
}

fn check_part(
    kind: &'static str,
    part: &str,
    longest: usize,
    punctuation: &str,
) -> Result<(), InvalidModelPattern> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '*';
    let length = part.chars().filter(|&c| c != '*').count();
    let fits = part.starts_with(word)
        && part.chars().all(|c| word(c) || punctuation.contains(c))
        && length <= longest;
    if fits { Ok(()) } else { Err(InvalidModelPattern::Part(kind)) }
}

/// Tells whether each `*` can be replaced by characters other than `/` so that the pattern
/// becomes the name. Going back to the last `*` only is enough: slashes meet slashes, and
/// between two of them a later `*` can take whatever an earlier one could have left it.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, n));
        } else if p == pattern.len() && n == name.len() {
            return true;
        } else if p < pattern.len() && pattern.get(p) == name.get(n) {
            p += 1;
            n += 1;
        } else {
            match retry {
                Some((after_star, taken)) if name.get(taken).is_some_and(|&b| b != b'/') => {
                    (p, n) = (after_star, taken + 1);
                    retry = Some((after_star, taken + 1));
                }
                _ => return false,
            }
        }
    }
}

impl fmt::Debug for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
