use std::collections::HashSet;

use stockade_core::{CredentialId, Principal, ProofKind, UnixTime, UserId};

use crate::AuthnError;
use crate::api_key::{ApiKey, ApiKeys};
use crate::presented::{Kind, Presented};
use crate::token::{TokenRules, TokenSecret, Tokens, repeated_secrets};
use crate::user::{Directory, User};

/// All users and credentials of one generation of the configuration.
///
/// It never changes; a reload makes another one, and with it every credential that is not
/// configured any more ends.
pub struct Authenticator {
    users: Directory,
    keys: ApiKeys,
    tokens: Tokens,
}

/// Two things in the configuration that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConflictError {
    /// A user's name is used twice.
    #[error("user {0:?} is defined more than once; user names are unique")]
    DuplicateUser(UserId),
    /// A key's name is used twice.
    #[error("key {0:?} is defined more than once; the names of keys are unique")]
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
}

impl Authenticator {
    /// Put users and credentials together.
    ///
    /// # Errors
    /// Everything that is contradictory, not only the first.
    pub fn new(
        users: Vec<User>,
        keys: Vec<ApiKey>,
        secrets: Vec<TokenSecret>,
        rules: TokenRules,
    ) -> Result<Self, Vec<ConflictError>> {
        let (users, repeated_users) = Directory::new(users);
        let mut conflicts: Vec<_> =
            repeated_users.into_iter().map(ConflictError::DuplicateUser).collect();
        conflicts.extend(key_conflicts(&keys, &users));
        conflicts.extend(secret_conflicts(&secrets));
        let (keys, shared) = ApiKeys::new(keys);
        conflicts
            .extend(shared.into_iter().map(|(one, other)| ConflictError::DuplicateKey(one, other)));
        if conflicts.is_empty() {
            let tokens = Tokens::new(secrets, rules);
            Ok(Self { users, keys, tokens })
        } else {
            Err(conflicts)
        }
    }

    /// Who presented this, at the given time.
    ///
    /// # Errors
    /// Why nobody is identified; [`AuthnError`] keeps what the operator may know apart
    /// from what the caller is told.
    pub fn identify(
        &self,
        presented: &Presented<'_>,
        now: UnixTime,
    ) -> Result<Principal, AuthnError> {
        match &presented.0 {
            Kind::Nothing => Err(AuthnError::Missing),
            Kind::ApiKey(key) => self.keys.verify(key, now, &self.users),
            Kind::Token(token) => self.tokens.verify(token, now, &self.users),
        }
    }

    /// The principal that a user would be after presenting an API key, to ask what the
    /// user may do. `None` for a user who does not exist or is disabled.
    pub fn principal_of(&self, user: &str) -> Option<Principal> {
        let member = self.users.get(user).filter(|member| !member.disabled)?;
        Some(member.principal(ProofKind::ApiKey, None))
    }
}

/// Shows how much there is of everything.
impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator")
            .field("users", &self.users.len())
            .field("keys", &self.keys.len())
            .field("token_secrets", &self.tokens.len())
            .finish()
    }
}

fn key_conflicts(keys: &[ApiKey], users: &Directory) -> Vec<ConflictError> {
    let unknown = keys
        .iter()
        .filter(|key| users.get(key.user.as_str()).is_none())
        .map(|key| ConflictError::UnknownUser { key: key.id.clone(), user: key.user.clone() });
    repeated(keys.iter().map(|key| &key.id))
        .map(ConflictError::DuplicateKeyId)
        .chain(unknown)
        .collect()
}

fn secret_conflicts(secrets: &[TokenSecret]) -> impl Iterator<Item = ConflictError> {
    let same = repeated_secrets(secrets).into_iter().map(ConflictError::DuplicateSecret);
    repeated(secrets.iter().map(TokenSecret::id)).map(ConflictError::DuplicateSecretId).chain(same)
}

fn repeated<'a>(ids: impl Iterator<Item = &'a CredentialId>) -> impl Iterator<Item = CredentialId> {
    let mut seen = HashSet::new();
    ids.filter(move |id| !seen.insert(*id)).cloned()
}

#[cfg(test)]
mod tests;
