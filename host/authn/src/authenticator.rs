use std::collections::HashSet;
use std::sync::Arc;

use stockade_core::{CredentialId, Principal, ProofKind, UnixTime, UserId};

use crate::api_key::{ApiKey, ApiKeys};
use crate::presented::{Kind, Presented};
use crate::token::{TokenRules, TokenSecret, Tokens, repeated_secrets};
use crate::user::{Directory, User};
use crate::{AuthnError, Identity};

/// All users and credentials of one generation of the configuration.
///
/// It never changes; a reload makes another one, and with it every credential that is not
/// configured any more ends.
pub struct Authenticator {
    users: Directory,
    keys: ApiKeys,
    tokens: Tokens,
    anonymous: Option<UserId>,
}

/// Everybody who may come in, and what they prove it with.
#[derive(Debug, Default)]
pub struct Credentials {
    /// Who exists.
    pub users: Vec<User>,
    /// The keys of the users.
    pub api_keys: Vec<ApiKey>,
    /// The secrets that sign tokens; the first one signs new ones.
    pub token_secrets: Vec<TokenSecret>,
    /// What tokens must keep to.
    pub token_rules: TokenRules,
    /// Who callers without a credential are, if they are anybody.
    pub anonymous: Option<UserId>,
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
    /// Callers without a credential would be nobody.
    #[error("the anonymous user {0:?} is not defined")]
    UnknownAnonymous(UserId),
}

impl Authenticator {
    /// Put users and credentials together.
    ///
    /// # Errors
    /// Everything that is contradictory, not only the first.
    pub fn new(credentials: Credentials) -> Result<Self, Vec<ConflictError>> {
        let Credentials { users, api_keys, token_secrets, token_rules, anonymous } = credentials;
        let (users, repeated_users) = Directory::new(users);
        let mut conflicts: Vec<_> =
            repeated_users.into_iter().map(ConflictError::DuplicateUser).collect();
        conflicts.extend(key_conflicts(&api_keys, &users));
        conflicts.extend(secret_conflicts(&token_secrets));
        let unknown = anonymous.clone().filter(|user| users.get(user.as_str()).is_none());
        conflicts.extend(unknown.map(ConflictError::UnknownAnonymous));
        let (keys, shared) = ApiKeys::new(api_keys);
        conflicts
            .extend(shared.into_iter().map(|(one, other)| ConflictError::DuplicateKey(one, other)));
        if conflicts.is_empty() {
            let tokens = Tokens::new(token_secrets, token_rules);
            Ok(Self { users, keys, tokens, anonymous })
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
    ) -> Result<Identity, AuthnError> {
        match &presented.0 {
            Kind::Nothing => self.anonymous(),
            Kind::ApiKey(key) => self.keys.verify(key, now, &self.users),
            Kind::Token(token) => self.tokens.verify(token, now, &self.users),
        }
    }

    fn anonymous(&self) -> Result<Identity, AuthnError> {
        let user = self.anonymous.as_ref().ok_or(AuthnError::Missing)?;
        let member = self.users.get(user.as_str()).ok_or(AuthnError::Missing)?;
        if member.disabled {
            return Err(AuthnError::Missing);
        }
        let principal = member.principal(ProofKind::Anonymous, None);
        Ok(Identity { principal, terms: Arc::default() })
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
            .field("anonymous", &self.anonymous)
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
