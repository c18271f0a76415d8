use std::sync::Arc;

use crate::{CredentialId, GroupName, UserId};

/// The kind of proof by which a caller showed who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofKind {
    /// A long random key.
    ApiKey,
    /// HTTP Basic with a password.
    Basic,
    /// A TLS client certificate.
    Mtls,
    /// An expiring HMAC token.
    Token,
    /// A JSON Web Token.
    Jwt,
    /// A request signed with an Ollama ed25519 key.
    OllamaKey,
    /// Nothing, and the configuration names a user for that.
    Anonymous,
}

/// A caller, as proven by one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The user's groups, sorted and without repetition.
    pub groups: Arc<[GroupName]>,
    /// The kind of credential that proved it.
    pub proof: ProofKind,
    /// The credential that proved it.
    pub credential: Option<CredentialId>,
    /// Attributes of the user, sorted by name.
    pub attributes: Arc<[(String, String)]>,
}
