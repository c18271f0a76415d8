use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use stockade_core::{CredentialId, Principal, ProofKind, UnixTime, UserId};

use crate::api_key::{ApiKey, ApiKeys, PresentedKey};
use crate::basic::{
    Password, PasswordCheck, PasswordChecked, PasswordMemory, PasswordRules, Passwords,
    PresentedBasic,
};
use crate::certificate::{Certificates, ClientCertificate, PresentedCertificate};
use crate::jwt::{JwtIssuer, Jwts};
use crate::ollama_key::{OllamaKey, OllamaKeys};
use crate::on_behalf::OnBehalf;
use crate::presented::{Kind, Presented};
use crate::revocation::CredentialRef;
use crate::token::{
    CannotIssue, Issued, Origins, TokenRules, TokenSecret, Tokens, repeated_secrets,
};
use crate::user::{Directory, User};
use crate::{AuthnError, Identity};

/// All users and credentials of one generation of the configuration.
///
/// It never changes; a reload makes another one, and with it every credential that is not
/// configured any more ends.
pub struct Authenticator {
    pub(crate) users: Directory,
    pub(crate) keys: ApiKeys,
    pub(crate) tokens: Tokens,
    pub(crate) jwts: Jwts,
    pub(crate) passwords: Passwords,
    certificates: Certificates,
    pub(crate) ollama_keys: OllamaKeys,
    pub(crate) anonymous: Option<UserId>,
    pub(crate) on_behalf: Option<OnBehalf>,
}

/// The result of looking at a credential.
pub enum Step {
    /// It is known.
    Proven(Identity),
    /// A hash must be computed first, away from the threads that serve requests; then
    /// [`Authenticator::finish`].
    Check(PasswordCheck),
}

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

impl Authenticator {
    /// Puts users and credentials together.
    ///
    /// # Errors
    /// Everything that is contradictory, not only the first.
    pub fn new(credentials: Credentials) -> Result<Self, Vec<ConflictError>> {
        let Credentials { users, api_keys, token_secrets, anonymous, passwords, on_behalf, .. } =
            credentials;
        let (token_rules, password_rules) = (credentials.token_rules, credentials.password_rules);
        let (users, repeated_users) = Directory::new(users);
        let mut conflicts: Vec<_> =
            repeated_users.into_iter().map(ConflictError::DuplicateUser).collect();
        conflicts.extend(key_conflicts(&api_keys, &users));
        conflicts.extend(secret_conflicts(&token_secrets));
        let unknown = anonymous.clone().filter(|user| users.get(user.as_str()).is_none());
        conflicts.extend(unknown.map(ConflictError::UnknownAnonymous));
        let nobodys =
            passwords.iter().filter(|password| users.get(password.user.as_str()).is_none());
        conflicts.extend(nobodys.map(|p| ConflictError::UnknownPasswordUser(p.user.clone())));
        let origins = Origins::new(
            &api_keys,
            &passwords,
            &credentials.certificates,
            &credentials.ollama_keys,
        );
        let (ollama_keys, same) = OllamaKeys::new(credentials.ollama_keys);
        conflicts.extend(
            same.into_iter().map(|(one, other)| ConflictError::DuplicateOllamaKey(one, other)),
        );
        let (jwts, same) = Jwts::new(credentials.jwt_issuers);
        conflicts.extend(same.into_iter().map(ConflictError::DuplicateJwtIssuer));
        let (certificates, same) = Certificates::new(credentials.certificates);
        conflicts.extend(
            same.into_iter().map(|(one, other)| ConflictError::DuplicateCertificate(one, other)),
        );
        let (keys, shared) = ApiKeys::new(api_keys);
        conflicts
            .extend(shared.into_iter().map(|(one, other)| ConflictError::DuplicateKey(one, other)));
        if conflicts.is_empty() {
            let tokens = Tokens::new(token_secrets, token_rules, origins);
            let passwords = Passwords::new(passwords, password_rules);
            Ok(Self {
                users,
                keys,
                tokens,
                jwts,
                passwords,
                certificates,
                ollama_keys,
                anonymous,
                on_behalf,
            })
        } else {
            Err(conflicts)
        }
    }

    /// Identifies who presented this, at the given time. It takes tens of milliseconds where a
    /// password has to be checked; [`begin`](Self::begin) does not.
    ///
    /// # Errors
    /// Why nobody is identified; [`AuthnError`] keeps what the operator may know apart
    /// from what the caller is told.
    pub fn identify(
        &self,
        presented: &Presented<'_>,
        now: UnixTime,
    ) -> Result<Identity, AuthnError> {
        match self.begin(presented, now)? {
            Step::Proven(identity) => Ok(identity),
            Step::Check(check) => self.finish(check.run(&mut PasswordMemory::default()), now),
        }
    }

    /// Identifies who presented this, as far as it can be told at once.
    ///
    /// # Errors
    /// As for [`identify`](Self::identify).
    pub fn begin(&self, presented: &Presented<'_>, now: UnixTime) -> Result<Step, AuthnError> {
        match &presented.0 {
            Kind::Nothing => self.anonymous(),
            Kind::ApiKey(key) => self.keys.verify(key, now, &self.users),
            Kind::Token(token) => self.tokens.verify(token, now, &self.users),
            Kind::Jwt(jwt) => self.jwts.verify(jwt, now, &self.users),
            Kind::OllamaKey(signed) => self.ollama_keys.verify(signed, now, &self.users),
            Kind::Basic(basic) => return self.begin_basic(basic, now),
        }
        .map(Step::Proven)
    }

    /// [`begin`](Self::begin) for callers who must wait before they may try another password:
    /// no password is looked at, and a right one proves as little as a wrong one. What
    /// cannot be guessed is as good as ever, also a key in the place of a password.
    ///
    /// # Errors
    /// As for [`identify`](Self::identify).
    pub fn begin_while_locked(
        &self,
        presented: &Presented<'_>,
        now: UnixTime,
    ) -> Result<Step, AuthnError> {
        let Kind::Basic(basic) = &presented.0 else {
            return self.begin(presented, now);
        };
        self.key_as_password(basic, now).unwrap_or(Err(AuthnError::Unknown)).map(Step::Proven)
    }

    /// Identifies the caller, now that the password has been checked.
    ///
    /// # Errors
    /// [`Unknown`](AuthnError::Unknown), whatever was wrong.
    pub fn finish(&self, checked: PasswordChecked, now: UnixTime) -> Result<Identity, AuthnError> {
        self.passwords.finish(checked, now, &self.users)
    }

    /// Identifies the user for whom a certificate stands that the handshake has verified. A caller
    /// may use it alone, or together with a credential of the same user.
    ///
    /// # Errors
    /// It stands for several users, or for one who is disabled.
    pub fn certified(
        &self,
        certificate: &PresentedCertificate,
    ) -> Result<Option<Identity>, AuthnError> {
        self.certificates.identify(certificate, &self.users)
    }

    /// Gives a proven caller a token. Of a token, this makes a newer one.
    ///
    /// It lives for `ttl` at most, for `max_ttl` at most, and not beyond the expiry, the
    /// removal or a change of the credential that proved the caller.
    ///
    /// # Errors
    /// Nobody has proven anything, or there is no secret to sign with.
    pub fn issue(
        &self,
        identity: &Identity,
        ttl: Option<Duration>,
        now: UnixTime,
    ) -> Result<Issued, CannotIssue> {
        self.tokens.issue(identity, ttl, now)
    }

    /// The headers in which issuers send tokens besides `Authorization`.
    pub fn token_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.jwts.headers()
    }

    /// Tells whether anybody has a password.
    pub fn has_passwords(&self) -> bool {
        self.passwords.len() > 0
    }

    fn begin_basic(&self, basic: &PresentedBasic, now: UnixTime) -> Result<Step, AuthnError> {
        if let Some(proven) = self.key_as_password(basic, now) {
            return proven.map(Step::Proven);
        }
        match self.passwords.remembered(basic, now, &self.users) {
            Ok(identity) => Ok(Step::Proven(identity)),
            Err(Some(check)) => Ok(Step::Check(check)),
            Err(None) => Err(AuthnError::Unknown),
        }
    }

    /// An API key of the user is taken for a password too: `curl -u "alice:$KEY"`.
    fn key_as_password(
        &self,
        basic: &PresentedBasic,
        now: UnixTime,
    ) -> Option<Result<Identity, AuthnError>> {
        let key = PresentedKey::read(basic.password.expose());
        match key.and_then(|key| self.keys.verify(&key, now, &self.users)) {
            Ok(mut identity) if identity.principal.user.as_str() == basic.user() => {
                identity.principal.proof = ProofKind::Basic;
                Some(Ok(identity))
            }
            Err(AuthnError::Expired(holder)) if holder.user.as_str() == basic.user() => {
                Some(Err(AuthnError::Expired(holder)))
            }
            _ => None,
        }
    }

    fn anonymous(&self) -> Result<Identity, AuthnError> {
        let user = self.anonymous.as_ref().ok_or(AuthnError::Missing)?;
        let member = self.users.get(user.as_str()).ok_or(AuthnError::Missing)?;
        if member.disabled {
            return Err(AuthnError::Missing);
        }
        let principal = member.principal(ProofKind::Anonymous, None);
        Ok(Identity::new(principal, Arc::default(), CredentialRef::Declared))
    }

    /// The principal that a user would be after presenting an API key, to ask what the
    /// user may do. `None` for a user who is not listed or is disabled.
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
            .field("jwt_issuers", &self.jwts.len())
            .field("passwords", &self.passwords.len())
            .field("certificates", &self.certificates.len())
            .field("ollama_keys", &self.ollama_keys.len())
            .field("anonymous", &self.anonymous)
            .field("on_behalf", &self.on_behalf)
            .finish()
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

#[cfg(test)]
mod tests;
