//! Model names, read as loosely as Ollama reads them.
//!
//! Source: Ollama `types/model/name.go` (`ParseNameBare`, `IsValid`, `DisplayShortest`)
//! and `internal/modelref/modelref.go` (`ParseRef`), v0.33.0.

use std::fmt;

use crate::go_json::equal_fold;

const DEFAULT_HOST: &str = "registry.ollama.ai";
const DEFAULT_NAMESPACE: &str = "library";
const DEFAULT_TAG: &str = "latest";
const MISSING: &str = "!MISSING!";

/// A name with its defaults filled in; not necessarily a valid one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) host: String,
    pub(crate) namespace: String,
    pub(crate) model: String,
    pub(crate) tag: String,
}

impl Name {
    /// `ParseName`: cut from the right, whatever the parts are.
    pub(crate) fn parse(text: &str) -> Self {
        let (rest, tag) = match (text.rfind(':'), text.rfind('/')) {
            (Some(colon), slash) if slash.is_none_or(|slash| colon > slash) => {
                (or_missing(&text[..colon]), or_missing(&text[colon + 1..]))
            }
            _ => (text, DEFAULT_TAG),
        };
        let (rest, model) = cut_last(rest);
        let (rest, namespace) = rest.map_or((None, DEFAULT_NAMESPACE), cut_last);
        let host = rest.map_or(DEFAULT_HOST, |host| {
            host.split_once("://").map_or(host, |(_scheme, host)| host)
        });
        Self {
            host: or_default(host, DEFAULT_HOST),
            namespace: or_default(namespace, DEFAULT_NAMESPACE),
            model: model.to_owned(),
            tag: or_default(tag, DEFAULT_TAG),
        }
    }

    /// `ParseName` followed by `IsValid`.
    pub(crate) fn parse_valid(text: &str) -> Option<Self> {
        Some(Self::parse(text)).filter(Self::is_valid)
    }

    pub(crate) fn is_valid(&self) -> bool {
        let dotted = |byte: u8| byte == b'.';
        is_valid_part(&self.host, 350, |byte| matches!(byte, b'.' | b':'))
            && is_valid_part(&self.namespace, 80, |_| false)
            && is_valid_part(&self.model, 80, dotted)
            && is_valid_part(&self.tag, 80, dotted)
    }
}

/// `DisplayShortest`: defaults left out, the tag always there.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own_host = !equal_fold(&self.host, DEFAULT_HOST);
        if own_host {
            write!(f, "{}/", self.host)?;
        }
        if own_host || !equal_fold(&self.namespace, DEFAULT_NAMESPACE) {
            write!(f, "{}/", self.namespace)?;
        }
        write!(f, "{}:{}", self.model, self.tag)
    }
}

fn cut_last(text: &str) -> (Option<&str>, &str) {
    match text.rsplit_once('/') {
        Some((before, after)) => (Some(or_missing(before)), or_missing(after)),
        None => (None, text),
    }
}

fn or_missing(part: &str) -> &str {
    if part.is_empty() { MISSING } else { part }
}

fn or_default(part: &str, default: &str) -> String {
    if part.is_empty() { default } else { part }.to_owned()
}

fn is_valid_part(part: &str, longest: usize, punctuation: impl Fn(u8) -> bool) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    part.bytes().next().is_some_and(word)
        && part.len() <= longest
        && part.bytes().all(|byte| word(byte) || byte == b'-' || punctuation(byte))
}

/// A name with the suffix that says where the model is to run taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) base: String,
    pub(crate) cloud: bool,
}

/// The reason why a reference is invalid. The texts are Ollama's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidReference {
    Empty,
    TwoSuffixes,
}

impl fmt::Display for InvalidReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "model is required",
            Self::TwoSuffixes => "use either :local or :cloud, not both",
        })
    }
}

impl Reference {
    /// `ParseRef`: surrounding space is cut off, and `:cloud`, `-cloud` or `:local` with it.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidReference> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidReference::Empty);
        }
        let Some((base, cloud)) = without_suffix(text) else {
            return Ok(Self { base: text.to_owned(), cloud: false });
        };
        if without_suffix(&base).is_some() {
            return Err(InvalidReference::TwoSuffixes);
        }
        Ok(Self { base, cloud })
    }

    /// The name of the file that pull and delete work on: there, `:cloud` is a part of
    /// the name (`parseNormalizePullModelRef`).
    pub(crate) fn file_name(&self) -> String {
        match (self.cloud, self.base.rfind(':')) {
            (true, Some(colon)) if !self.base[colon..].contains('/') => {
                format!("{}-cloud", self.base)
            }
            (true, _) => format!("{}:cloud", self.base),
            (false, _) => self.base.clone(),
        }
    }
}

fn without_suffix(text: &str) -> Option<(String, bool)> {
    let (before, after) = text.rsplit_once(':')?;
    let suffix = after.trim().to_lowercase();
    match suffix.as_str() {
        "cloud" => Some((before.to_owned(), true)),
        "local" => Some((before.to_owned(), false)),
        _ if suffix.ends_with("-cloud") && !suffix.contains('/') => {
            let after = after.trim();
            let tag = &after[..after.len() - "-cloud".len()];
            Some((format!("{before}:{tag}"), true))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Observed on Ollama v0.33.0.
    #[test]
    fn spellings_of_one_model() {
        for spelling in [
            "demo",
            "DEMO",
            "library/demo",
            "registry.ollama.ai/library/demo",
            "REGISTRY.OLLAMA.AI/Library/Demo:Latest",
            "https://registry.ollama.ai/library/demo",
            "foo://registry.ollama.ai/library/demo",
            "://registry.ollama.ai/library/demo",
            " demo ",
            "\u{a0}demo\u{2003}",
            "\u{85}demo",
            "demo:local",
            "demo: local",
            "demo:latest:local",
        ] {
            let reference = Reference::parse(spelling).unwrap();
            let name = Name::parse_valid(&reference.base).unwrap();
            assert!(equal_fold(&name.to_string(), "demo:latest"), "{spelling:?}");
            assert!(!reference.cloud);
        }
        assert_eq!(Name::parse("Library/demo").to_string(), "demo:latest");
        assert_eq!(Name::parse("me/x").to_string(), "me/x:latest");
        assert_eq!(Name::parse("h.co/me/x:1").to_string(), "h.co/me/x:1");
    }

    /// Observed on Ollama v0.33.0.
    #[test]
    fn what_is_no_name() {
        for text in [
            "https://demo",
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
            "ſecret",
            "demo@sha256:x",
            &"x".repeat(81),
        ] {
            assert_eq!(Name::parse_valid(text), None, "{text:?}");
        }
        assert!(Name::parse_valid("_demo").is_some());
        assert!(Name::parse_valid(&"x".repeat(80)).is_some());
    }

    #[test]
    fn cloud_is_a_suffix_in_many_spellings() {
        for text in ["x:cloud", "x:CLOUD", "x: cloud", "x:20b-cloud", "x: 20b-Cloud"] {
            assert!(Reference::parse(text).unwrap().cloud, "{text}");
        }
        assert!(!Reference::parse("x-cloud").unwrap().cloud);
        assert_eq!(Reference::parse("x:local:cloud"), Err(InvalidReference::TwoSuffixes));
        assert_eq!(Reference::parse(" "), Err(InvalidReference::Empty));
        let file = |text| Reference::parse(text).unwrap().file_name();
        assert_eq!(file("x:cloud"), "x:cloud");
        assert_eq!(file("x:20b:cloud"), "x:20b-cloud");
        assert_eq!(file("x:local"), "x");
    }
}
