//! Patterns for model names.

use std::fmt;
use std::str::FromStr;

use crate::part::{
    DEFAULT_HOST, DEFAULT_NAMESPACE, DEFAULT_TAG, HOST, MODEL, NAMESPACE, Part, TAG,
};

/// Names of models, with `*` for what may vary within one part:
/// `llama3.2:*`, `qwen3:8b`, `library/*`, `hf.co/*`, `*`.
///
/// Parts that are left out are filled in as in a name. A model part with a `*` and no tag after
/// it means every tag; one that is only `*` means everything below what stands before it.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelPattern {
    /// All four parts, lower case.
    text: Box<str>,
    /// The number of bytes before the first `*`.
    literal: usize,
    /// True if everything after those bytes may vary.
    open: bool,
}

impl ModelPattern {
    /// Tells whether a complete name, in lower case, is one of those meant.
    #[inline]
    pub fn matches(&self, name: &str) -> bool {
        let (literal, rest) = self.text.as_bytes().split_at(self.literal);
        name.as_bytes().strip_prefix(literal).is_some_and(|tail| self.open || glob(rest, tail))
    }

    /// The complete pattern: all four parts, lower case.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether it has no `*`, so that it means one name.
    #[inline]
    pub fn is_one_name(&self) -> bool {
        self.literal == self.text.len()
    }
}

/// The reason why a text is no pattern for model names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPattern {
    /// Nothing at all.
    Empty,
    /// A character that neither a name nor a pattern can have.
    Character(char),
    /// `https://…`.
    Scheme,
    /// `**`.
    DoubleStar,
    /// More than three parts before the tag.
    TooManyParts,
    /// `:local`, which the host refuses in every request.
    Local,
    /// A part that no name can have, by the name of the part.
    Part(&'static str),
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a model pattern is empty; write * for every model"),
            Self::Character(character) => write!(
                f,
                "a model pattern cannot have the character {character:?}; \
                 it has letters, digits, _ . : / - and *"
            ),
            Self::Scheme => {
                f.write_str("a model pattern has no scheme; leave out what stands before ://")
            }
            Self::DoubleStar => f.write_str("write one * instead of **; it never reaches over a /"),
            Self::TooManyParts => {
                f.write_str("a model pattern has at most three parts and a tag: host/namespace/model:tag")
            }
            Self::Local => f.write_str("the tag local cannot be asked for; leave it out"),
            Self::Part("namespace") => f.write_str(
                "no model's namespace looks like this; if a host is meant, write host/namespace/model",
            ),
            Self::Part(part) => write!(
                f,
                "no model's {part} looks like this: it is empty, too long, \
                 or has a character out of place"
            ),
        }
    }
}

impl std::error::Error for InvalidPattern {}

impl FromStr for ModelPattern {
    type Err = InvalidPattern;
    fn from_str(spelling: &str) -> Result<Self, InvalidPattern> {
        let text = complete(spelling)?.into_boxed_str();
        let literal = text.find('*').unwrap_or(text.len());
        let open = matches!(&text[literal..], "*" | "*:*" | "*/*:*" | "*/*/*:*");
        Ok(Self { text, literal, open })
    }
}

/// Completes a name without `*`: all four parts, lower case.
///
/// # Errors
/// It is no name.
pub fn complete_name(spelling: &str) -> Result<String, InvalidPattern> {
    if spelling.contains('*') {
        return Err(InvalidPattern::Character('*'));
    }
    complete(spelling)
}

fn complete(spelling: &str) -> Result<String, InvalidPattern> {
    check_characters(spelling)?;
    let (path, tag) = split_tag(spelling);
    let (host, namespace, model) = split_path(path)?;
    let tag = tag.unwrap_or(if model.contains('*') { "*" } else { DEFAULT_TAG });
    if tag.eq_ignore_ascii_case("local") {
        return Err(InvalidPattern::Local);
    }
    check_part(HOST, host)?;
    check_part(NAMESPACE, namespace)?;
    check_part(MODEL, model)?;
    check_part(TAG, tag)?;
    Ok(format!("{host}/{namespace}/{model}:{tag}").to_ascii_lowercase())
}

fn check_characters(spelling: &str) -> Result<(), InvalidPattern> {
    let strange = |c: &char| !c.is_ascii_alphanumeric() && !"_.:/-*".contains(*c);
    if spelling.is_empty() {
        Err(InvalidPattern::Empty)
    } else if let Some(character) = spelling.chars().find(strange) {
        Err(InvalidPattern::Character(character))
    } else if spelling.contains("://") {
        Err(InvalidPattern::Scheme)
    } else if spelling.contains("**") {
        Err(InvalidPattern::DoubleStar)
    } else {
        Ok(())
    }
}

/// A colon left of the last slash belongs to the host's port.
fn split_tag(spelling: &str) -> (&str, Option<&str>) {
    match spelling.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (spelling, None),
    }
}

/// Host, namespace and model, with what is left out filled in.
fn split_path(path: &str) -> Result<(&str, &str, &str), InvalidPattern> {
    let parts: Vec<&str> = path.split('/').collect();
    match *parts.as_slice() {
        ["*"] => Ok(("*", "*", "*")),
        [host, "*"] if host.contains(['.', ':']) => Ok((host, "*", "*")),
        [model] => Ok((DEFAULT_HOST, DEFAULT_NAMESPACE, model)),
        [namespace, model] => Ok((DEFAULT_HOST, namespace, model)),
        [host, namespace, model] => Ok((host, namespace, model)),
        _ => Err(InvalidPattern::TooManyParts),
    }
}

fn check_part(part: Part, text: &str) -> Result<(), InvalidPattern> {
    if part.fits_pattern(text) { Ok(()) } else { Err(InvalidPattern::Part(part.name())) }
}

/// Tells whether `*` can be replaced by characters other than `/` to make the pattern the name. The
/// tag needs no care of its own: a `*` that took its colon would leave none for the pattern's.
///
/// Going back to the last `*` only is enough: slashes meet slashes, and between two of them
/// a later `*` can take whatever an earlier one could have left it.
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
        fmt::Debug::fmt(&self.text, f)
    }
}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
