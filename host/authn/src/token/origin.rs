//! The credentials that tokens are made from, and end with.
//!
//! A token that is given for a key, a password or a certificate is signed together with
//! a digest of that credential. When the credential is removed or changed, there is
//! nothing left that the signature fits, though nothing is stored of any token. Tokens
//! that a program signs with the secret alone have no origin.
//!
//! The last eight bytes of such a signature say which of the user's credentials it was,
//! so that not all must be tried, and when the credential ends if the configuration does
//! not know; the 24 before them prove it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use stockade_core::{CredentialId, Principal, ProofKind, UnixTime, UserId};

use super::Signature;
use crate::constraints::Constraints;

/// The bytes of a signature that prove something: 192 bits.
const PROVES: usize = 24;

/// The beginning of a credential's tag.
type Hint = [u8; 4];

/// The part of a signature of the gateway's that tells a credential and its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenBinding {
    hint: Hint,
    /// The first second in which the credential is not valid any more; `u32::MAX` for
    /// whatever the configuration says about it.
    ends: u32,
}

impl TokenBinding {
    /// The binding that a signature claims to have.
    pub(super) fn claimed(signature: &Signature) -> Self {
        let (mut hint, mut ends) = (Hint::default(), [0; 4]);
        let (first, last) = signature[PROVES..].split_at(4);
        hint.copy_from_slice(first);
        ends.copy_from_slice(last);
        Self { hint, ends: u32::from_be_bytes(ends) }
    }

    const fn ends(self) -> Option<UnixTime> {
        match self.ends {
            u32::MAX => None,
            seconds => Some(UnixTime::from_secs(seconds as u64)),
        }
    }
}

/// A credential that a token was made from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    proof: ProofKind,
    pub(super) id: Option<CredentialId>,
    pub(super) terms: Arc<Constraints>,
    tag: [u8; 32],
}

impl Origin {
    /// Makes one of a credential, which `what` tells apart from all others of its kind.
    pub(crate) fn new(proof: ProofKind, id: Option<CredentialId>, what: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(format!("stockade token origin\0{proof:?}\0{what}"));
        Self { proof, id, terms: Arc::default(), tag: hasher.finalize().into() }
    }

    /// Returns the same with the terms of its credential.
    pub(crate) fn on(self, terms: Arc<Constraints>) -> Self {
        Self { terms, ..self }
    }

    fn hint(&self) -> Hint {
        let [a, b, c, d, ..] = self.tag;
        [a, b, c, d]
    }

    /// The binding of a token that is made from this credential on those terms.
    pub(super) fn binding(&self, terms: &Constraints) -> TokenBinding {
        let seconds = |end: UnixTime| u32::try_from(end.as_secs()).unwrap_or(u32::MAX);
        let told = terms.expires.filter(|_| terms.expires != self.terms.expires);
        TokenBinding { hint: self.hint(), ends: told.map_or(u32::MAX, seconds) }
    }

    /// Signs a payload together with what it comes from. No user name has a NUL in it, so this is
    /// never the signature of a token without an origin.
    pub(super) fn sign(
        &self,
        payload: Hmac<Sha256>,
        TokenBinding { hint, ends }: TokenBinding,
    ) -> Signature {
        let mut mac = payload;
        mac.update(&[0]);
        mac.update(&ends.to_be_bytes());
        mac.update(&self.tag);
        let mut signature: Signature = mac.finalize().into_bytes().into();
        let rest = &mut signature[PROVES..];
        rest[..4].copy_from_slice(&hint);
        rest[4..].copy_from_slice(&ends.to_be_bytes());
        signature
    }

    /// The terms of a token with this binding: those of the credential, or less.
    pub(super) fn terms(&self, binding: TokenBinding) -> Arc<Constraints> {
        match (binding.ends(), self.terms.expires) {
            (None, _) => Arc::clone(&self.terms),
            (Some(told), Some(known)) if known <= told => Arc::clone(&self.terms),
            (told, _) => Arc::new(Constraints { expires: told, ..Constraints::clone(&self.terms) }),
        }
    }

    fn proves(&self, principal: &Principal) -> bool {
        // An API key may come as a password.
        let kind = match (principal.proof, &principal.credential) {
            (ProofKind::Basic, Some(_)) => ProofKind::ApiKey,
            (proof, _) => proof,
        };
        self.proof == kind && self.id == principal.credential
    }
}

/// Shows the credential that a token was made from by its name only.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("proof", &self.proof)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// All credentials that tokens can be made from, by user.
#[derive(Debug)]
pub(crate) struct Origins {
    by_user: HashMap<UserId, Vec<Arc<Origin>>>,
    /// The credential that is tried where there is no such one: the same work.
    stand_in: Arc<Origin>,
}

impl Default for Origins {
    fn default() -> Self {
        Self::new([])
    }
}

impl Origins {
    pub(crate) fn new(credentials: impl IntoIterator<Item = (UserId, Origin)>) -> Self {
        let mut by_user: HashMap<UserId, Vec<Arc<Origin>>> = HashMap::new();
        for (user, origin) in credentials {
            by_user.entry(user).or_default().push(Arc::new(origin));
        }
        let stand_in = Arc::new(Origin::new(ProofKind::Anonymous, None, ""));
        Self { by_user, stand_in }
    }

    /// Returns the credentials that a token of a user with this binding can be made from: one, but for
    /// one time in four billion.
    pub(super) fn of(
        &self,
        user: &str,
        binding: TokenBinding,
    ) -> impl Iterator<Item = &Arc<Origin>> {
        let all = self.by_user.get(user).map_or(&[][..], Vec::as_slice);
        let meant = move |origin: &&Arc<Origin>| origin.hint() == binding.hint;
        let stand_in = (!all.iter().any(|origin| meant(&origin))).then_some(&self.stand_in);
        all.iter().filter(meant).chain(stand_in)
    }

    /// The credential that an earlier generation knew, if it is still there unchanged.
    pub(super) fn same(&self, user: &str, earlier: &Origin) -> Option<&Arc<Origin>> {
        let mut origins = self.by_user.get(user)?.iter();
        origins.find(|origin| origin.tag == earlier.tag)
    }

    /// The credential that proved a caller.
    pub(super) fn find(&self, principal: &Principal) -> Option<&Arc<Origin>> {
        let origins = self.by_user.get(&principal.user)?;
        origins.iter().find(|origin| origin.proves(principal))
    }
}
