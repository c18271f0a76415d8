//! HTTP Basic (RFC 7617): passwords, stored as Argon2id.
//!
//! A hash takes tens of milliseconds and of megabytes by design, so it is never computed
//! on the way of a request: [`Authenticator::begin`](crate::Authenticator::begin) gives a
//! [`PasswordCheck`] to run elsewhere. Who passed is remembered for a short time, under a
//! keyed digest of name and password; the key is drawn anew by each generation, and with
//! it everything that was remembered ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stockade_core::{ProofKind, Secret, UnixTime, UserId};

use crate::error::AuthnError;
use crate::user::{Directory, Member};
use crate::verified::Verified;

mod cache;
mod hash;

use cache::{Cache, Remembered};
pub use hash::{InvalidPasswordHash, PasswordHash, PasswordMemory, WeakPassword};

/// A user's password as it is stored.
#[derive(Clone, Debug)]
pub struct Password {
    /// The user that it belongs to.
    pub user: UserId,
    /// Its hash.
    pub hash: Arc<PasswordHash>,
}

/// The time for which a password that was right is believed without computing its hash again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// The time for which it is remembered.
    pub remember: Duration,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { remember: Duration::from_mins(5) }
    }
}

/// Name and password as a caller presents them.
pub(crate) struct PresentedBasic {
    user: String,
    pub(crate) password: Secret<String>,
}

impl PresentedBasic {
    /// Reads the part that stands after `Basic`.
    pub(crate) fn read(encoded: &str) -> Result<Self, AuthnError> {
        let malformed = AuthnError::Malformed(
            "the Basic credential must be the base64 of name:password, in UTF-8",
        );
        let bytes = STANDARD.decode(encoded).map_err(|_| malformed.clone())?;
        let text = String::from_utf8(bytes).map_err(|_| malformed.clone())?;
        let (user, password) = text.split_once(':').ok_or(malformed)?;
        if text.chars().any(char::is_control) {
            return Err(AuthnError::Malformed(
                "the name or password has control characters, which RFC 7617 does not allow",
            ));
        }
        Ok(Self { user: user.to_owned(), password: Secret::new(password.to_owned()) })
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }
}

/// A password whose hash has still to be computed.
pub struct PasswordCheck {
    /// `None` for a name that has no password: the work is the same.
    user: Option<UserId>,
    hash: Arc<PasswordHash>,
    password: Secret<String>,
    remembered: Remembered,
}

/// The result of a [`PasswordCheck`].
pub struct PasswordChecked {
    user: Option<UserId>,
    remembered: Remembered,
}

impl PasswordCheck {
    /// Computes the hash, which takes tens of milliseconds and megabytes of memory.
    pub fn run(self, memory: &mut PasswordMemory) -> PasswordChecked {
        let right = self.hash.verify(&self.password, memory);
        PasswordChecked { user: self.user.filter(|_| right), remembered: self.remembered }
    }
}

/// All passwords.
pub(crate) struct Passwords {
    by_user: HashMap<UserId, Arc<PasswordHash>>,
    /// The hash that is computed for names that have no password.
    stand_in: Option<Arc<PasswordHash>>,
    cache: Cache,
}

impl Passwords {
    pub(crate) fn new(passwords: Vec<Password>, rules: PasswordRules) -> Self {
        let stand_in = passwords.first().map(|password| Arc::clone(&password.hash));
        let by_user = passwords.into_iter().map(|password| (password.user, password.hash));
        Self { by_user: by_user.collect(), stand_in, cache: Cache::new(rules.remember) }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_user.len()
    }

    /// Returns the user, if this password was right a short time ago.
    pub(crate) fn remembered(
        &self,
        presented: &PresentedBasic,
        now: UnixTime,
        users: &Directory,
    ) -> Result<Verified<Arc<PasswordHash>>, Option<PasswordCheck>> {
        let remembered = self.cache.name(&presented.user, &presented.password);
        if self.cache.knows(&remembered, now)
            && let Some(member) = users.get(&presented.user)
            && !member.disabled
        {
            return self.verified(member).ok_or(None);
        }
        Err(self.check(presented, remembered))
    }

    /// `None` where nobody has a password, which is no secret.
    fn check(&self, presented: &PresentedBasic, remembered: Remembered) -> Option<PasswordCheck> {
        let stand_in = self.stand_in.as_ref()?;
        let known = self.by_user.get_key_value(presented.user.as_str());
        Some(PasswordCheck {
            user: known.map(|(user, _)| user.clone()),
            hash: Arc::clone(known.map_or(stand_in, |(_, hash)| hash)),
            password: presented.password.clone(),
            remembered,
        })
    }

    pub(crate) fn finish(
        &self,
        checked: PasswordChecked,
        now: UnixTime,
        users: &Directory,
    ) -> Result<Verified<Arc<PasswordHash>>, AuthnError> {
        let user = checked.user.ok_or(AuthnError::Unknown)?;
        let member = users.get(user.as_str()).ok_or(AuthnError::Unknown)?;
        if member.disabled {
            return Err(AuthnError::Unknown);
        }
        self.cache.remember(checked.remembered, now);
        self.verified(member).ok_or(AuthnError::Unknown)
    }

    fn verified(&self, member: &Member) -> Option<Verified<Arc<PasswordHash>>> {
        let hash = self.by_user.get(&member.id)?;
        let principal = member.principal(ProofKind::Basic, None);
        Some(Verified { principal, terms: Arc::default(), proof: Arc::clone(hash) })
    }

    /// Tells whether this is still the hash of a user's password.
    pub(crate) fn has(&self, user: &UserId, hash: &PasswordHash) -> bool {
        self.by_user.get(user).is_some_and(|current| **current == *hash)
    }
}

#[cfg(test)]
mod tests;
