//! The user that a caller has proven to be, and the credential.

use std::sync::Arc;

use stockade_core::Principal;

use crate::api_key::KeyDigest;
use crate::basic::PasswordHash;
use crate::certificate::PresentedCertificate;
use crate::constraints::Constraints;
use crate::jwt::JwtProof;
use crate::ollama_key::OllamaPublicKey;
use crate::token::TokenProof;
use crate::verified::Verified;

/// A proven caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user, and the credential that proved it.
    pub principal: Principal,
    /// The terms of the credential that proved it.
    pub terms: Arc<Constraints>,
    /// The front end that has proven itself, where it speaks for the user.
    pub front_end: Option<Arc<Principal>>,
    /// The part of the credential that a later generation must still have.
    pub(crate) proof: CredentialRef,
}

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
    /// A token.
    Token(TokenProof),
    /// A token that an issuer signed.
    Jwt(Arc<JwtProof>),
    /// Nothing.
    Declared,
}

impl Identity {
    /// Makes a caller of what was verified. `kind` is the kind of its credential.
    pub(crate) fn new<P>(verified: Verified<P>, kind: impl FnOnce(P) -> CredentialRef) -> Self {
        let Verified { principal, terms, proof } = verified;
        Self { principal, terms, front_end: None, proof: kind(proof) }
    }
}
