//! Keys in the clear, for the one moment between making and hashing them.

use std::collections::HashSet;

use stockade_core::{Secret, random};

use super::KeyDigest;
use crate::jwt::PresentedJwt;
use crate::token::PresentedToken;

/// The text of an API key that is good enough to be given out.
///
/// It has no `Debug` or `Display`: it is shown to its owner once, by
/// [`expose`](Self::expose).
pub struct KeyText(Secret<String>);

/// The reason why a supplied key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakKey {
    /// White space, control characters or anything beyond ASCII.
    #[error("an API key has no spaces and only printable ASCII characters")]
    Characters,
    /// It would be taken for a token.
    #[error("this has the form of a token (name:expiry:signature), not of an API key")]
    Token,
    /// It would be taken for a JWT.
    #[error("this has the form of a JWT, not of an API key; configure its issuer instead")]
    Jwt,
    /// Short, or always the same characters.
    #[error(
        "this key could be guessed: it needs 128 random bits, such as 32 random hex digits \
         or 22 random letters and digits; `stockade key new` makes one"
    )]
    Guessable,
}

const PREFIX: &str = "sk-local-";
const FEWEST_BITS: usize = 128;
const FEWEST_DIFFERENT: usize = 8;

/// Tells whether a text has too few bits for a credential of this gateway, whichever its kind.
pub(crate) fn is_guessable(text: &str) -> bool {
    matches!(KeyText::parse(text), Err(WeakKey::Guessable))
}

impl KeyText {
    /// A new key: `sk-local-` and 256 random bits in hex.
    pub fn generate() -> Self {
        let random = hex::encode(random::bytes::<32>());
        Self(Secret::new(format!("{PREFIX}{random}")))
    }

    /// Accepts a key that was made elsewhere.
    ///
    /// # Errors
    /// Where callers could not present it, or could guess it. Length and alphabet are
    /// all that can be seen of a key's randomness, so this catches accidents only.
    pub fn parse(text: &str) -> Result<Self, WeakKey> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WeakKey::Characters);
        }
        if PresentedToken::read(text).is_some() {
            return Err(WeakKey::Token);
        }
        if PresentedJwt::read(text).is_some() {
            return Err(WeakKey::Jwt);
        }
        let random = without_prefix(text);
        let different = random.bytes().collect::<HashSet<_>>().len();
        let bits = random.len() * bits_per_character(random);
        if different < FEWEST_DIFFERENT || bits < FEWEST_BITS {
            return Err(WeakKey::Guessable);
        }
        Ok(Self(Secret::new(text.to_owned())))
    }

    /// Returns the digest, which is stored of it.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(self.0.expose())
    }

    /// The key itself, to show it to its owner.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Leaves out words that say what the key is for: `sk-local-`, `sk-proj-`.
fn without_prefix(text: &str) -> &str {
    let mut rest = text;
    while let Some((word, after)) = rest.split_once(['-', '_']) {
        if word.len() > 8 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            break;
        }
        rest = after;
    }
    rest
}

/// A lower bound of the bits in a random character of the alphabet that was used.
fn bits_per_character(text: &str) -> usize {
    let all = |class: fn(&u8) -> bool| text.as_bytes().iter().all(class);
    if all(u8::is_ascii_digit) {
        3
    } else if all(u8::is_ascii_hexdigit) {
        4
    } else if all(|byte| !byte.is_ascii_uppercase()) || all(|byte| !byte.is_ascii_lowercase()) {
        5
    } else {
        // 62 letters and digits are 5.95 bits each; 22 of them reach 128.
        6
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_generated_key_is_accepted_and_never_the_same() {
        let key = KeyText::generate();
        assert_eq!(key.expose().len(), PREFIX.len() + 64);
        assert!(key.expose().starts_with(PREFIX));
        assert!(KeyText::parse(key.expose()).is_ok());
        assert_ne!(key.expose(), KeyText::generate().expose());
    }

    fn refusal(text: &str) -> Option<WeakKey> {
        KeyText::parse(text).err()
    }

    #[test]
    fn a_key_that_could_be_guessed_is_refused() {
        let hex32 = "0123456789abcdef0123456789abcdef";
        assert_eq!(refusal(hex32), None);
        assert_eq!(refusal(&hex32[1..]), Some(WeakKey::Guessable));
        assert_eq!(refusal("q3Jx8LwPzR5tVbN2mK7sDf"), None);
        assert_eq!(refusal("q3Jx8LwPzR5tVbN2mK7sD"), Some(WeakKey::Guessable));
        for bad in ["", "secret", &"a".repeat(64), &"ab".repeat(40)] {
            assert_eq!(refusal(bad), Some(WeakKey::Guessable), "{bad}");
        }
    }

    #[test]
    fn a_prefix_adds_no_strength() {
        let random = "0123456789abcdef0123456789abcde";
        for prefix in ["sk-local-", "sk_live_", "a-b-c-d-e-f-g-h-"] {
            let key = format!("{prefix}{random}");
            assert_eq!(refusal(&key), Some(WeakKey::Guessable), "{key}");
            assert_eq!(refusal(&format!("{key}f")), None, "{key}f");
        }
    }

    #[test]
    fn a_key_that_cannot_be_presented_is_refused() {
        let good = KeyText::generate();
        for bad in [
            format!("{} ", good.expose()),
            format!("{}\n", good.expose()),
            format!("ö{}", good.expose()),
        ] {
            assert_eq!(refusal(&bad), Some(WeakKey::Characters), "{bad:?}");
        }
        let token = format!("alice:1:{}", "0123456789abcdef".repeat(4));
        assert_eq!(refusal(&token), Some(WeakKey::Token));
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.q3Jx8LwPzR5tVbN2mK7sDf";
        assert_eq!(refusal(jwt), Some(WeakKey::Jwt));
        assert_eq!(refusal(jwt.rsplit_once('.').unwrap().0), None);
    }

    proptest! {
        #[test]
        fn random_base64url_keys_are_accepted(key in "[A-Z][A-Za-z0-9_-]{42}") {
            prop_assume!(key.bytes().collect::<HashSet<_>>().len() >= 8);
            prop_assert!(KeyText::parse(&key).is_ok());
        }
    }
}
