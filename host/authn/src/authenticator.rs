//! Finds out whose a credential is, and whether it still is.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use stockade_core::{Principal, ProofKind, UnixTime, UserId};

use crate::api_key::{ApiKeys, PresentedKey};
use crate::basic::{PasswordCheck, PasswordChecked, PasswordMemory, Passwords, PresentedBasic};
use crate::certificate::{Certificates, PresentedCertificate};
use crate::constraints::Constraints;
use crate::credentials::{ConflictError, Credentials};
use crate::error::AuthnError;
use crate::identity::{CredentialRef, Identity};
use crate::jwt::Jwts;
use crate::ollama_key::OllamaKeys;
use crate::on_behalf::OnBehalf;
use crate::presented::{Kind, Presented};
use crate::token::{CannotIssue, Issued, Origins, TokenRequest, Tokens};
use crate::user::Directory;
use crate::verified::Verified;

/// All users and credentials of one generation of the configuration.
///
/// It never changes; a reload makes another one, and with it every credential that is not
/// configured any more ends.
pub struct Authenticator {
    pub(crate) users: Directory,
    keys: ApiKeys,
    tokens: Tokens,
    pub(crate) jwts: Jwts,
    passwords: Passwords,
    certificates: Certificates,
    ollama_keys: OllamaKeys,
    anonymous: Option<UserId>,
    on_behalf: Option<OnBehalf>,
}

/// The result of looking at a credential.
pub enum Step {
    /// It is known.
    Proven(Identity),
    /// A hash must be computed first, away from the threads that serve requests; then
    /// [`Authenticator::finish`].
    Check(PasswordCheck),
}

impl Authenticator {
    /// Puts users and credentials together.
    ///
    /// # Errors
    /// Everything that is contradictory, not only the first.
    pub fn new(mut credentials: Credentials) -> Result<Self, Vec<ConflictError>> {
        let (users, repeated_users) = Directory::new(std::mem::take(&mut credentials.users));
        let mut conflicts: Vec<_> =
            repeated_users.into_iter().map(ConflictError::DuplicateUser).collect();
        conflicts.extend(credentials.conflicts(&users));
        let origins = Origins::new(credentials.origins());
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
        let (keys, shared) = ApiKeys::new(credentials.api_keys);
        conflicts
            .extend(shared.into_iter().map(|(one, other)| ConflictError::DuplicateKey(one, other)));
        if conflicts.is_empty() {
            let (secrets, rules) = (credentials.token_secrets, credentials.token_rules);
            let (passwords, remember) = (credentials.passwords, credentials.password_rules);
            Ok(Self {
                users,
                keys,
                tokens: Tokens::new(secrets, rules, origins),
                jwts,
                passwords: Passwords::new(passwords, remember),
                certificates,
                ollama_keys,
                anonymous: credentials.anonymous,
                on_behalf: credentials.on_behalf,
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
        let users = &self.users;
        let identity = match &presented.0 {
            Kind::Nothing => self.anonymous()?,
            Kind::ApiKey(key) => {
                Identity::new(self.keys.verify(key, now, users)?, CredentialRef::Key)
            }
            Kind::Token(token) => {
                Identity::new(self.tokens.verify(token, now, users)?, CredentialRef::Token)
            }
            Kind::Jwt(jwt) => Identity::new(self.jwts.verify(jwt, now, users)?, CredentialRef::Jwt),
            Kind::OllamaKey(signed) => {
                let verified = self.ollama_keys.verify(signed, now, users)?;
                Identity::new(verified, CredentialRef::OllamaKey)
            }
            Kind::Basic(basic) => return self.begin_basic(basic, now),
        };
        Ok(Step::Proven(identity))
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
        let verified = self.passwords.finish(checked, now, &self.users)?;
        Ok(Identity::new(verified, CredentialRef::Password))
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
        let verified = self.certificates.identify(certificate, &self.users)?;
        Ok(verified.map(|verified| Identity::new(verified, CredentialRef::Certificate)))
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
        if identity.front_end.is_some() {
            return Err(CannotIssue::OnBehalf);
        }
        let renews = match &identity.proof {
            CredentialRef::Token(token) => Some(token),
            _ => None,
        };
        let (principal, terms) = (&identity.principal, &*identity.terms);
        self.tokens.issue(TokenRequest { principal, terms, renews, ttl }, now)
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
            Ok(verified) => Ok(Step::Proven(Identity::new(verified, CredentialRef::Password))),
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
            Ok(mut verified) if verified.principal.user.as_str() == basic.user() => {
                verified.principal.proof = ProofKind::Basic;
                Some(Ok(Identity::new(verified, CredentialRef::Key)))
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
        let verified = Verified { principal, terms: Arc::default(), proof: () };
        Ok(Identity::new(verified, |()| CredentialRef::Declared))
    }

    /// Returns the user for whom a proven caller speaks: the caller itself, unless it may speak for
    /// others and names one.
    ///
    /// # Errors
    /// [`BadName`](AuthnError::BadName) and [`NotRepresented`](AuthnError::NotRepresented), if
    /// somebody is named whom there is not.
    pub fn represented(
        &self,
        identity: Identity,
        headers: &HeaderMap,
    ) -> Result<Identity, AuthnError> {
        match &self.on_behalf {
            Some(rule) => rule.represented(identity, headers, &self.users),
            None => Ok(identity),
        }
    }

    /// Tells whether what proved a caller by an earlier generation proves the same user by this
    /// one. Whether its certificate is still accepted as such is for the listener to say.
    ///
    /// An answer may be under way for minutes while the configuration changes. Nobody keeps the
    /// secret for so long; what is kept is what the configuration must still have of it.
    ///
    /// Changes that only narrow a credential do not count, and neither does an expiry that was
    /// known when the caller came: a credential must be good when a request begins.
    pub fn is_still_valid(&self, identity: &Identity, now: UnixTime) -> bool {
        if let Some(front_end) = &identity.front_end {
            return self.is_still_represented(identity, front_end, now);
        }
        let user = &identity.principal.user;
        let member = self.users.get(user.as_str());
        if member.is_some_and(|member| member.disabled) {
            return false;
        }
        // An issuer may vouch for users who are not in the configuration; nothing else does.
        if member.is_none() && !matches!(identity.proof, CredentialRef::Jwt(_)) {
            return false;
        }
        let still = |terms: &Constraints| !was_shortened(&identity.terms, terms, now);
        match &identity.proof {
            CredentialRef::Key(digest) => self.keys.terms(digest, user).is_some_and(still),
            CredentialRef::Password(hash) => self.passwords.has(user, hash),
            CredentialRef::Certificate(presented) => {
                let certified = self.certified(presented);
                matches!(certified, Ok(Some(found)) if found.principal.user == *user)
            }
            CredentialRef::OllamaKey(key) => self.ollama_keys.has(user, key),
            CredentialRef::Token(token) => {
                self.tokens.terms(user, token).is_some_and(|terms| still(&terms))
            }
            CredentialRef::Jwt(proof) => self.jwts.still_accepts(proof, member),
            CredentialRef::Declared => self.anonymous.as_ref() == Some(user),
        }
    }

    /// Tells whether the front end may still speak for the user, and is still proven itself.
    fn is_still_represented(
        &self,
        identity: &Identity,
        front_end: &Principal,
        now: UnixTime,
    ) -> bool {
        let user = self.users.get(identity.principal.user.as_str());
        let allowed = self.on_behalf.as_ref().is_some_and(|rule| rule.allows(front_end));
        let own = Identity { principal: front_end.clone(), front_end: None, ..identity.clone() };
        allowed && user.is_some_and(|user| !user.disabled) && self.is_still_valid(&own, now)
    }

    /// Tells whether somebody has this name, disabled or not. For the log; a caller must not learn
    /// it.
    pub fn knows(&self, user: &str) -> bool {
        self.users.get(user).is_some()
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

/// Tells whether an earlier end was set, which has come.
fn was_shortened(before: &Constraints, after: &Constraints, now: UnixTime) -> bool {
    after.expires.is_some_and(|end| end <= now && before.expires.is_none_or(|before| end < before))
}

#[cfg(test)]
mod tests;
