//! The users and credentials of a configuration, and the contradictions between them.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use stockade_core::{CredentialId, ProofKind, UserId};

use crate::api_key::ApiKey;
use crate::basic::{Password, PasswordRules};
use crate::certificate::ClientCertificate;
use crate::jwt::JwtIssuer;
use crate::ollama_key::OllamaKey;
use crate::on_behalf::OnBehalf;
use crate::token::{Origin, TokenRules, TokenSecret, repeated_secrets};
use crate::user::{Directory, User};

/// Everybody who may come in, and what they prove it with.
#[derive(Debug, Default)]
pub struct Credentials {
    /// The users.
    pub users: Vec<User>,
    /// The keys of the users.
    pub api_keys: Vec<ApiKey>,
    /// The secrets that sign tokens; the first one signs new ones.
    pub token_secrets: Vec<TokenSecret>,
    /// The rules that tokens must keep to.
    pub token_rules: TokenRules,
    /// The issuers of JWTs.
    pub jwt_issuers: Vec<JwtIssuer>,
    /// The passwords of the users.
    pub passwords: Vec<Password>,
    /// The client certificates of the users.
    pub certificates: Vec<ClientCertificate>,
    /// The Ollama keys of the users.
    pub ollama_keys: Vec<OllamaKey>,
    /// The time for which a right password is remembered.
    pub password_rules: PasswordRules,
    /// The user that callers without a credential are, if they are anybody.
    pub anonymous: Option<UserId>,
    /// The front ends that may speak for others.
    pub on_behalf: Option<OnBehalf>,
}

/// Two things in the configuration that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConflictError {
    /// A user's name is used twice.
    #[error("user {0:?} is defined more than once; user names are unique")]
    DuplicateUser(UserId),
    /// A user has two keys of the same name.
    #[error("key {0:?} is defined more than once; the names of a user's keys are unique")]
    DuplicateKeyId(CredentialId),
    /// The name of a token secret is used twice.
    #[error("token secret {0:?} is defined more than once; the names of secrets are unique")]
    DuplicateSecretId(CredentialId),
    /// Two keys have the same digest.
    #[error("keys {0:?} and {1:?} are the same key; give each its own")]
    DuplicateKey(CredentialId, CredentialId),
    /// Two token secrets are the same.
    #[error("token secret {0:?} is the same as an earlier one; give each its own")]
    DuplicateSecret(CredentialId),
    /// A key belongs to nobody.
    #[error("key {key:?} belongs to user {user:?}, who is not defined")]
    UnknownUser {
        /// The key.
        key: CredentialId,
        /// The name that it gives.
        user: UserId,
    },
    /// Two Ollama keys are the same.
    #[error("Ollama keys {0:?} and {1:?} are the same key")]
    DuplicateOllamaKey(CredentialId, CredentialId),
    /// Two issuers of JWTs have the same name, or the same `iss`.
    #[error("the JWT issuer {0:?} is defined more than once")]
    DuplicateJwtIssuer(String),
    /// Two certificates are known by the same name.
    #[error("certificates {0:?} and {1:?} are known by the same name")]
    DuplicateCertificate(CredentialId, CredentialId),
    /// A password belongs to nobody.
    #[error("a password belongs to user {0:?}, who is not defined")]
    UnknownPasswordUser(UserId),
    /// Callers without a credential would be nobody.
    #[error("the anonymous user {0:?} is not defined")]
    UnknownAnonymous(UserId),
}

impl Credentials {
    /// Lists what tokens can be made from, each with its user.
    pub(crate) fn origins(&self) -> Vec<(UserId, Origin)> {
        let keys = self.api_keys.iter().map(|ApiKey { id, user, digest, terms }| {
            let origin = Origin::new(ProofKind::ApiKey, Some(id.clone()), &digest.to_string());
            (user.clone(), origin.on(Arc::clone(terms)))
        });
        let passwords = self.passwords.iter().map(|Password { user, hash }| {
            (user.clone(), Origin::new(ProofKind::Basic, None, &hash.to_string()))
        });
        let certificates = self.certificates.iter().map(|ClientCertificate { id, user, name }| {
            let what = format!("{name:?}");
            (user.clone(), Origin::new(ProofKind::Mtls, Some(id.clone()), &what))
        });
        let ollama_keys = self.ollama_keys.iter().map(|OllamaKey { id, user, key }| {
            let what = format!("{key:?}");
            (user.clone(), Origin::new(ProofKind::OllamaKey, Some(id.clone()), &what))
        });
        keys.chain(passwords).chain(certificates).chain(ollama_keys).collect()
    }

    /// Finds what contradicts the users, and names that are used twice.
    pub(crate) fn conflicts(&self, users: &Directory) -> Vec<ConflictError> {
        let mut conflicts = key_conflicts(&self.api_keys, users);
        conflicts.extend(secret_conflicts(&self.token_secrets));
        let is_unknown = |user: &&UserId| users.get(user.as_str()).is_none();
        let anonymous = self.anonymous.iter().filter(is_unknown).cloned();
        conflicts.extend(anonymous.map(ConflictError::UnknownAnonymous));
        let of_passwords = self.passwords.iter().map(|password| &password.user);
        let unlisted = of_passwords.filter(is_unknown).cloned();
        conflicts.extend(unlisted.map(ConflictError::UnknownPasswordUser));
        conflicts
    }
}

fn key_conflicts(keys: &[ApiKey], users: &Directory) -> Vec<ConflictError> {
    let unknown = keys
        .iter()
        .filter(|key| users.get(key.user.as_str()).is_none())
        .map(|key| ConflictError::UnknownUser { key: key.id.clone(), user: key.user.clone() });
    repeated(keys.iter().map(|key| (&key.user, &key.id)))
        .map(|(_, id)| ConflictError::DuplicateKeyId(id.clone()))
        .chain(unknown)
        .collect()
}

fn secret_conflicts(secrets: &[TokenSecret]) -> impl Iterator<Item = ConflictError> {
    let same = repeated_secrets(secrets).into_iter().map(ConflictError::DuplicateSecret);
    repeated(secrets.iter().map(TokenSecret::id))
        .map(|id| ConflictError::DuplicateSecretId(id.clone()))
        .chain(same)
}

fn repeated<T: Copy + Eq + Hash>(names: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let mut seen = HashSet::new();
    names.filter(move |name| !seen.insert(*name))
}
