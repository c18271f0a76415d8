//! Model names, read the way Ollama reads them, but with one spelling only.
//!
//! Source: Ollama `types/model/name.go` (`ParseNameBare`, `IsValid`) and
//! `internal/modelref/modelref.go` (`:cloud` and `:local` suffixes), v0.33.0.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use stockade_names::{
    DEFAULT_HOST, DEFAULT_NAMESPACE, DEFAULT_TAG, HOST, MODEL, NAMESPACE, Part, TAG,
};

use crate::Operation;

/// A complete, valid model name: `host/namespace/model:tag`.
///
/// Ollama's identity of a model is case-insensitive, and defaults fill what a caller
/// leaves out; two names are the same model if and only if they are equal here. Names are
/// compared, judged and recorded in lower case; the spelling is kept beside that for Ollama,
/// some of whose routes find a model by its exact spelling only.
#[derive(Clone)]
pub struct ModelName {
    /// In lower case.
    text: Box<str>,
    /// The same with the capitals that it was written with, if there are any.
    spelled: Option<Box<str>>,
    namespace_at: u16,
    model_at: u16,
    tag_at: u16,
}

/// The reason why a text is not a model name. The message is meant for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModelName {
    /// Nothing at all.
    #[error("model is required")]
    Empty,
    /// A character outside `A-Z a-z 0-9 _ . : / -`.
    #[error("a model name has only letters, digits and the characters _ . : / -")]
    Character,
    /// `https://…`.
    #[error("a model name has no scheme; leave out what stands before ://")]
    Scheme,
    /// More than three slashes.
    #[error("a model name has at most three slashes: host/namespace/model:tag")]
    TooManyParts,
    /// `:local`, which some of Ollama's routes strip and others take literally.
    #[error("the suffix :local is ambiguous; leave it out")]
    Local,
    /// A part that is empty, too long, or begins or continues with a wrong character.
    #[error("the {0} of the model name is empty, too long or has a character out of place")]
    Part(&'static str),
}

impl ModelName {
    /// Reads a name as a caller spells it.
    pub fn parse(spelling: &str) -> Result<Self, InvalidModelName> {
        check_characters(spelling)?;
        let (rest, tag) = split_tag(spelling);
        let mut parts = rest.rsplitn(4, '/');
        let model = parts.next().unwrap_or_default();
        let namespace = parts.next().unwrap_or(DEFAULT_NAMESPACE);
        let host = parts.next().unwrap_or(DEFAULT_HOST);
        if parts.next().is_some() {
            return Err(InvalidModelName::TooManyParts);
        }
        if tag.eq_ignore_ascii_case("local") {
            return Err(InvalidModelName::Local);
        }
        check_part(HOST, host)?;
        check_part(NAMESPACE, namespace)?;
        check_part(MODEL, model)?;
        check_part(TAG, tag)?;
        Ok(Self::join(host, namespace, model, tag))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the parts are at most 350 + 3 × 80 long")]
    fn join(host: &str, namespace: &str, model: &str, tag: &str) -> Self {
        let mut text = String::with_capacity(host.len() + namespace.len() + model.len() + 84);
        text.push_str(host);
        text.push('/');
        let namespace_at = text.len() as u16;
        text.push_str(namespace);
        text.push('/');
        let model_at = text.len() as u16;
        text.push_str(model);
        text.push(':');
        let tag_at = text.len() as u16;
        text.push_str(tag);
        let capitals = text.bytes().any(|byte| byte.is_ascii_uppercase());
        let spelled = capitals.then(|| Box::from(text.as_str()));
        text.make_ascii_lowercase();
        Self { text: text.into(), spelled, namespace_at, model_at, tag_at }
    }

    /// The complete name: `registry.ollama.ai/library/llama3.2:3b`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The registry's host, with its port if there is one.
    pub fn host(&self) -> &str {
        &self.text[..usize::from(self.namespace_at) - 1]
    }

    /// The owner in the registry; `library` for Ollama's own.
    pub fn namespace(&self) -> &str {
        &self.text[usize::from(self.namespace_at)..usize::from(self.model_at) - 1]
    }

    /// The model without namespace and tag.
    pub fn model(&self) -> &str {
        &self.text[usize::from(self.model_at)..usize::from(self.tag_at) - 1]
    }

    /// The tag; `latest` where the caller gave none.
    pub fn tag(&self) -> &str {
        &self.text[usize::from(self.tag_at)..]
    }

    /// The form that Ollama itself prints: defaults left out, the tag always there. In lower
    /// case, as policies and records have it.
    pub fn short(&self) -> &str {
        &self.text[self.short_at()..]
    }

    /// The same with the capitals that the name was written with. This is what is forwarded, on
    /// every route. The names of cloud models are in lower case, so that nothing but the
    /// letters themselves says where such a model runs.
    pub fn spelled(&self) -> &str {
        match &self.spelled {
            Some(spelled) if !self.is_cloud() => &spelled[self.short_at()..],
            _ => self.short(),
        }
    }

    /// The place, in bytes, at which the short form begins.
    fn short_at(&self) -> usize {
        if self.host() != DEFAULT_HOST {
            0
        } else if self.namespace() != DEFAULT_NAMESPACE {
            usize::from(self.namespace_at)
        } else {
            usize::from(self.model_at)
        }
    }

    /// Tells whether the name says that the model runs in Ollama's cloud. A local name can
    /// stand for a cloud model too; only Ollama knows that.
    pub fn is_cloud(&self) -> bool {
        self.tag() == "cloud" || self.tag().ends_with("-cloud")
    }
}

fn check_characters(spelling: &str) -> Result<(), InvalidModelName> {
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'/' | b'-');
    if spelling.is_empty() {
        Err(InvalidModelName::Empty)
    } else if !spelling.bytes().all(allowed) {
        Err(InvalidModelName::Character)
    } else if spelling.contains("://") {
        Err(InvalidModelName::Scheme)
    } else {
        Ok(())
    }
}

/// A colon left of the last slash belongs to the host's port.
fn split_tag(spelling: &str) -> (&str, &str) {
    let after_slash = spelling.rfind('/').map_or(0, |slash| slash + 1);
    match spelling[after_slash..].rfind(':') {
        Some(colon) => (&spelling[..after_slash + colon], &spelling[after_slash + colon + 1..]),
        None => (spelling, DEFAULT_TAG),
    }
}

fn check_part(part: Part, text: &str) -> Result<(), InvalidModelName> {
    if part.fits(text) { Ok(()) } else { Err(InvalidModelName::Part(part.name())) }
}

impl PartialEq for ModelName {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ModelName {}

impl PartialOrd for ModelName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ModelName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for ModelName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl serde::Serialize for ModelName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.short())
    }
}

impl<'de> serde::Deserialize<'de> for ModelName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The role of a model that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelRole {
    /// Runs or reads it.
    Use,
    /// Creates, overwrites, pulls, pushes or deletes it.
    Target,
    /// Copies from it.
    Source,
    /// Builds on it.
    Base,
    /// Copies to it.
    Destination,
}

impl ModelRole {
    /// Returns the role of the one model that an operation names. A copy names two; this is
    /// the first.
    pub const fn of(operation: Operation) -> Self {
        match operation {
            Operation::Pull | Operation::Push | Operation::Create | Operation::Delete => {
                Self::Target
            }
            Operation::Copy => Self::Source,
            _ => Self::Use,
        }
    }
}

/// A model that a request names.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModelRef {
    /// The name of the model.
    pub name: ModelName,
    /// Its role in the request.
    pub role: ModelRole,
}

#[cfg(test)]
mod tests;
