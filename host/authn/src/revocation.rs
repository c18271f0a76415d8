//! Checks that a caller who was proven by one generation is still somebody by a later one.
//!
//! An answer may be under way for minutes while the configuration changes. Nobody keeps the
//! secret for so long; what is kept is what the configuration must still have of it.

use std::sync::Arc;

use stockade_core::UnixTime;

use crate::api_key::KeyDigest;
use crate::jwt::JwtProof;
use crate::token::SecretFingerprint;
use crate::{
    Authenticator, Constraints, Identity, OllamaPublicKey, PasswordHash, PresentedCertificate,
};

/// The proof of a caller: enough to find it again, and to see that it was replaced under the same
/// name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CredentialRef {
    /// An API key, also in the place of a password.
    Key(KeyDigest),
    /// A password.
    Password(Arc<PasswordHash>),
    /// A client certificate.
    Certificate(PresentedCertificate),
    /// A signature with an Ollama key.
    OllamaKey(OllamaPublicKey),
    /// A token; what it was made from is the identity's origin.
    Token(SecretFingerprint),
    /// A token that an issuer signed.
    Jwt(Arc<JwtProof>),
    /// Nothing.
    Declared,
}

impl Authenticator {
    /// Tells whether what proved a caller by an earlier generation proves the same user by this
    /// one. Whether its certificate is still accepted as such is for the listener to say.
    ///
    /// Changes that only narrow a credential do not count, and neither does an expiry that was
    /// known when the caller came: a credential must be good when a request begins.
    pub fn is_still_valid(&self, identity: &Identity, now: UnixTime) -> bool {
        if let Some(front_end) = &identity.front_end {
            return self.upholds_representation(identity, front_end, now);
        }
        let user = &identity.principal.user;
        let member = self.users.get(user.as_str());
        if member.is_some_and(|member| member.disabled) {
            return false;
        }
        // An issuer may vouch for users who are not in the configuration; nothing else does.
        if member.is_none() && !matches!(identity.evidence, CredentialRef::Jwt(_)) {
            return false;
        }
        let still = |terms: &Constraints| !was_shortened(&identity.terms, terms, now);
        match &identity.evidence {
            CredentialRef::Key(digest) => self.keys.terms(digest, user).is_some_and(still),
            CredentialRef::Password(hash) => self.passwords.has(user, hash),
            CredentialRef::Certificate(presented) => {
                let certified = self.certified(presented);
                matches!(certified, Ok(Some(found)) if found.principal.user == *user)
            }
            CredentialRef::OllamaKey(key) => self.ollama_keys.has(user, key),
            CredentialRef::Token(mark) => {
                self.tokens.terms(identity, *mark).is_some_and(|terms| still(&terms))
            }
            CredentialRef::Jwt(proof) => self.jwts.uphold(proof, member),
            CredentialRef::Declared => self.anonymous.as_ref() == Some(user),
        }
    }

    /// Tells whether somebody has this name, disabled or not. For the log; a caller must not learn
    /// it.
    pub fn knows(&self, user: &str) -> bool {
        self.users.get(user).is_some()
    }
}

/// Tells whether an earlier end was set, which has come.
fn was_shortened(before: &Constraints, after: &Constraints, now: UnixTime) -> bool {
    after.expires.is_some_and(|end| end <= now && before.expires.is_none_or(|before| end < before))
}

#[cfg(test)]
mod tests;
