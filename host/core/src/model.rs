//! Model names, read the way Ollama reads them, but with one spelling only.
//!
//! Source: Ollama `types/model/name.go` (`ParseNameBare`, `IsValid`) and
//! `internal/modelref/modelref.go` (`:cloud` and `:local` suffixes), v0.33.0.

use std::fmt;

use crate::Operation;

/// A complete, valid, lower-case model name: `host/namespace/model:tag`.
///
/// Ollama's identity of a model is case-insensitive, and defaults fill what a caller
/// leaves out; two names are the same model if and only if they are equal here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelName {
    text: Box<str>,
    namespace_at: u16,
    model_at: u16,
    tag_at: u16,
}

pub(crate) const DEFAULT_HOST: &str = "registry.ollama.ai";
pub(crate) const DEFAULT_NAMESPACE: &str = "library";
pub(crate) const DEFAULT_TAG: &str = "latest";
pub(crate) const LONGEST_HOST: usize = 350;
pub(crate) const LONGEST_PART: usize = 80;

/// Why a text is not a model name. The message is meant for the caller.
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
    /// Read a name as a caller spells it.
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
        check_part("host", host, LONGEST_HOST, |b| matches!(b, b'.' | b':' | b'-'))?;
        check_part("namespace", namespace, LONGEST_PART, |b| b == b'-')?;
        check_part("model", model, LONGEST_PART, |b| matches!(b, b'.' | b'-'))?;
        check_part("tag", tag, LONGEST_PART, |b| matches!(b, b'.' | b'-'))?;
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
        text.make_ascii_lowercase();
        Self { text: text.into(), namespace_at, model_at, tag_at }
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

    /// The spelling that Ollama itself prints: defaults left out, the tag always there.
    /// This is what is forwarded, on every route.
    pub fn short(&self) -> &str {
        if self.host() != DEFAULT_HOST {
            &self.text
        } else if self.namespace() != DEFAULT_NAMESPACE {
            &self.text[usize::from(self.namespace_at)..]
        } else {
            &self.text[usize::from(self.model_at)..]
        }
    }

    /// Whether the name says that the model runs in Ollama's cloud. A local name can
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

fn check_part(
    kind: &'static str,
    part: &str,
    longest: usize,
    punctuation: impl Fn(u8) -> bool,
) -> Result<(), InvalidModelName> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let first = part.bytes().next().is_some_and(word);
    let rest = part.bytes().all(|b| word(b) || punctuation(b));
    if first && rest && part.len() <= longest { Ok(()) } else { Err(InvalidModelName::Part(kind)) }
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

/// What a request does to a model that it names.
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
    /// What an operation does to the one model that it names. A copy names two; this is
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
    /// Which model.
    pub name: ModelName,
    /// What happens to it.
    pub role: ModelRole,
}

#[cfg(test)]
mod tests {
    use super::{InvalidModelName, ModelName};
    use proptest::prelude::*;

    #[test]
    fn one_model_has_one_name() {
        let spellings = [
            "demo",
            "DEMO",
            "demo:latest",
            "library/demo",
            "registry.ollama.ai/library/demo",
            "REGISTRY.OLLAMA.AI/Library/Demo:Latest",
        ];
        for spelling in spellings {
            let name = ModelName::parse(spelling).unwrap();
            assert_eq!(name.as_str(), "registry.ollama.ai/library/demo:latest", "{spelling}");
            assert_eq!(name.short(), "demo:latest");
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let name = ModelName::parse("hf.co:443/Bartowski/Llama-3.2.GGUF:Q4_K_M").unwrap();
        assert_eq!(name.host(), "hf.co:443");
        assert_eq!(name.namespace(), "bartowski");
        assert_eq!(name.model(), "llama-3.2.gguf");
        assert_eq!(name.tag(), "q4_k_m");
        assert_eq!(ModelName::parse("me/mine").unwrap().short(), "me/mine:latest");
    }

    #[test]
    fn what_ollama_refuses_or_reads_twice_is_refused() {
        let invalid = [
            "",
            "https://demo",
            "foo://registry.ollama.ai/library/demo",
            "/demo",
            "demo/",
            "demo:",
            ":latest",
            "demo::latest",
            "demo:a:b",
            "a/b/c/d",
            "../demo",
            "./demo",
            "-demo",
            ".demo",
            "demo?x",
            "demo%20",
            "de mo",
            " demo",
            "d\u{e9}mo",
            "\u{17f}ecret",
            "demo:local",
            "demo:LOCAL",
            "demo@sha256:x",
            "a.b/demo/x/y",
            "na.me/demo",
            "demo\0",
        ];
        for spelling in invalid {
            assert!(ModelName::parse(spelling).is_err(), "{spelling:?}");
        }
        assert_eq!(ModelName::parse(&"x".repeat(81)), Err(InvalidModelName::Part("model")));
        assert!(ModelName::parse(&"x".repeat(80)).is_ok());
        assert!(ModelName::parse("_demo").is_ok());
    }

    #[test]
    fn cloud_suffixes_are_seen() {
        assert!(ModelName::parse("gpt-oss:CLOUD").unwrap().is_cloud());
        assert!(ModelName::parse("gpt-oss:20b-cloud").unwrap().is_cloud());
        assert!(!ModelName::parse("x-cloud").unwrap().is_cloud());
    }

    proptest! {
        #[test]
        fn the_canonical_spelling_means_itself(spelling in "[A-Za-z0-9_.:/-]{1,40}") {
            if let Ok(name) = ModelName::parse(&spelling) {
                prop_assert_eq!(&ModelName::parse(name.as_str()).unwrap(), &name);
                prop_assert_eq!(&ModelName::parse(name.short()).unwrap(), &name);
            }
        }
    }
}
