//! The inputs that a policy declares.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A set of inputs: the groups of facts that a policy is told.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Inputs(u16);

/// A word that names no input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it wants an unknown input {0:?}")]
pub struct UnknownInput(pub String);

impl Inputs {
    /// None.
    pub const NONE: Self = Self(0);
    /// The caller: user, groups, attributes.
    pub const CALLER: Self = Self(1);
    /// The credential by which it came.
    pub const CREDENTIAL: Self = Self(1 << 1);
    /// The facts that Ollama tells about models.
    pub const CATALOGUE: Self = Self(1 << 2);
    /// The parameters in the body.
    pub const PARAMETERS: Self = Self(1 << 3);
    /// The names of the tools.
    pub const TOOLS: Self = Self(1 << 4);
    /// The amount of text.
    pub const PROMPT: Self = Self(1 << 5);
    /// The texts.
    pub const TEXTS: Self = Self(1 << 6);
    /// The blobs.
    pub const BLOBS: Self = Self(1 << 7);
    /// The origin of the call.
    pub const CLIENT: Self = Self(1 << 8);
    /// The time.
    pub const TIME: Self = Self(1 << 9);
    /// The usage so far.
    pub const USAGE: Self = Self(1 << 10);
    /// The body.
    pub const BODY: Self = Self(1 << 11);

    /// Each input with its word, in the order of the contract.
    pub const EACH: [(&'static str, Self); 12] = [
        ("caller", Self::CALLER),
        ("credential", Self::CREDENTIAL),
        ("catalogue", Self::CATALOGUE),
        ("parameters", Self::PARAMETERS),
        ("tools", Self::TOOLS),
        ("prompt", Self::PROMPT),
        ("texts", Self::TEXTS),
        ("blobs", Self::BLOBS),
        ("client", Self::CLIENT),
        ("time", Self::TIME),
        ("usage", Self::USAGE),
        ("body", Self::BODY),
    ];

    /// Reads the words of the contract.
    ///
    /// # Errors
    /// Names the first that is none: a policy that judged less than it believes would be worse
    /// than none.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Self, UnknownInput> {
        words.iter().try_fold(Self::NONE, |all, word| {
            let known = Self::EACH.iter().find(|(name, _)| *name == word.as_ref());
            let (_, input) = known.ok_or_else(|| UnknownInput(word.as_ref().to_owned()))?;
            Ok(all.and(*input))
        })
    }

    /// Returns both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this set without what is in another one.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Tells whether all of another set are in this one.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Tells whether any of another set is in this one.
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the words, in the order of the contract.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::EACH.into_iter().filter(move |(_, input)| self.has(*input)).map(|(word, _)| word)
    }
}

impl TryFrom<Vec<String>> for Inputs {
    type Error = UnknownInput;

    fn try_from(words: Vec<String>) -> Result<Self, UnknownInput> {
        Self::parse(&words)
    }
}

impl From<Inputs> for Vec<String> {
    fn from(inputs: Inputs) -> Self {
        inputs.words().map(str::to_owned).collect()
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.words()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Inputs;

    #[test]
    fn words_are_read_back_and_stand_in_the_contract() {
        let wit = include_str!("../../../policy-sdk/wit/policy.wit");
        for (word, input) in Inputs::EACH {
            assert_eq!(Inputs::parse(&[word]), Ok(input));
            assert_eq!(input.words().collect::<Vec<_>>(), [word]);
            assert!(wit.contains(&format!("`{word}`")), "{word}");
        }
        let all = Inputs::EACH.iter().fold(Inputs::NONE, |all, (_, input)| all.and(*input));
        assert_eq!(all.0.count_ones() as usize, Inputs::EACH.len());
    }

    #[test]
    fn sets_contain_and_meet() {
        let both = Inputs::TIME.and(Inputs::CALLER);
        assert!(both.has(Inputs::TIME) && both.has(both) && both.has(Inputs::NONE));
        assert!(!Inputs::TIME.has(both) && Inputs::TIME.has_any(both));
        assert!(!Inputs::TIME.has_any(Inputs::USAGE));
        assert_eq!(Inputs::parse(&["time", "weather"]).unwrap_err().0, "weather");
    }
}
