//! The parts of a model's name: `host/namespace/model:tag`.
//!
//! Source: Ollama `types/model/name.go` (`isValidPart`), v0.33.0.

/// The host where a name has none.
pub const DEFAULT_HOST: &str = "registry.ollama.ai";
/// The namespace where a name has none.
pub const DEFAULT_NAMESPACE: &str = "library";
/// The tag where a name has none.
pub const DEFAULT_TAG: &str = "latest";

/// A registry, with its port if it has one.
pub const HOST: Part = Part { name: "host", longest: 350, punctuation: b".:-" };
/// The owner of a model in a registry.
pub const NAMESPACE: Part = Part { name: "namespace", longest: 80, punctuation: b"-" };
/// A model without its tag.
pub const MODEL: Part = Part { name: "model", longest: 80, punctuation: b".-" };
/// A version of a model.
pub const TAG: Part = Part { name: "tag", longest: 80, punctuation: b".-" };

/// The rules for one part.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    name: &'static str,
    /// In bytes.
    longest: usize,
    /// The characters that it can have besides letters, digits and `_`, but not at its beginning.
    punctuation: &'static [u8],
}

impl Part {
    /// Returns the word for it: `host`, `namespace`, `model`, `tag`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Tells whether a name can have this part.
    pub fn fits(&self, text: &str) -> bool {
        self.fits_but_for(text, |_| false)
    }

    /// Tells whether a pattern can have this part: `*` may stand anywhere, and adds no length.
    pub(crate) fn fits_pattern(&self, text: &str) -> bool {
        self.fits_but_for(text, |byte| byte == b'*')
    }

    fn fits_but_for(&self, text: &str, is_star: impl Fn(u8) -> bool) -> bool {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || is_star(byte);
        let length = text.bytes().filter(|byte| !is_star(*byte)).count();
        text.bytes().next().is_some_and(word)
            && text.bytes().all(|byte| word(byte) || self.punctuation.contains(&byte))
            && length <= self.longest
    }
}
