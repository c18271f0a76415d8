//! The keys of an issuer: from a file, or fetched again and again.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use stockade_core::Secret;

use super::invalid_key::InvalidJwtKey;
use super::key::{Algorithm, VerifyingKey};
use super::named_key::NamedKey;
use super::proof::KeyFingerprint;
use super::{jwk, public_key};

/// All keys of an issuer at one time; at least one.
pub struct KeySet {
    keys: Vec<NamedKey>,
    /// Counted by [`JwtKeys`].
    version: u64,
}

impl KeySet {
    /// The one secret of an issuer that signs with HS256.
    ///
    /// # Errors
    /// Fewer than 32 bytes, or a key in PEM.
    pub fn from_secret(secret: &Secret<Vec<u8>>) -> Result<Self, InvalidJwtKey> {
        VerifyingKey::secret(secret).map(Self::of)
    }

    /// The one public key of an issuer, in PEM.
    ///
    /// # Errors
    /// A text that is no single RSA, P-256 or Ed25519 key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidJwtKey> {
        public_key::from_pem(pem).map(Self::of)
    }

    /// A JWKS, or one JWK. Keys for other purposes and of other kinds are left out.
    ///
    /// # Errors
    /// A set that cannot be read in one way only, that holds a secret, or in which nothing
    /// is left.
    pub fn from_jwks(json: &[u8]) -> Result<Self, InvalidJwtKey> {
        let mut keys = jwk::read(json)?;
        // Some sets list the same key twice, which is no doubt about which one is meant.
        let mut seen = HashSet::new();
        keys.retain(|one| seen.insert((one.kid.clone(), one.fingerprint)));
        for (index, one) in keys.iter().enumerate() {
            let same = |other: &NamedKey| {
                other.kid == one.kid && other.key.algorithm() == one.key.algorithm()
            };
            if let Some(kid) = &one.kid
                && keys[..index].iter().any(same)
            {
                return Err(InvalidJwtKey::RepeatedKid(kid.clone()));
            }
        }
        if keys.is_empty() { Err(InvalidJwtKey::NoKeys) } else { Ok(Self { keys, version: 0 }) }
    }

    fn of(key: VerifyingKey) -> Self {
        Self { keys: vec![NamedKey::new(None, key)], version: 0 }
    }

    /// Returns the number of keys.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Never: a set without keys is not made.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The names of the keys that have one.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| key.kid.as_deref())
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Tells whether a key is still there, also under another name.
    pub(super) fn has(&self, key: KeyFingerprint) -> bool {
        self.keys.iter().any(|other| other.fingerprint == key)
    }

    /// The key that a header means: the one of that name, else the only one without a name;
    /// for a header without a name, the only one there is for the algorithm.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&NamedKey> {
        let suited = || self.keys.iter().filter(|key| key.key.algorithm() == algorithm);
        let named = kid.and_then(|kid| suited().find(|key| key.kid.as_deref() == Some(kid)));
        if named.is_some() {
            return named;
        }
        let mut others = suited().filter(|key| kid.is_none() || key.kid.is_none());
        others.next().filter(|_| others.next().is_none())
    }
}

/// Shows the names of the keys.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.kids().collect();
        f.debug_struct("KeySet").field("keys", &self.len()).field("kids", &kids).finish()
    }
}

/// The keys of an issuer as they are now. They are shared by all generations whose
/// configuration says the same about where they come from.
pub struct JwtKeys {
    current: ArcSwapOption<KeySet>,
    wanted: Box<dyn Fn() + Send + Sync>,
}

impl JwtKeys {
    /// Keys that stay as they are.
    pub fn fixed(keys: KeySet) -> Self {
        Self { current: ArcSwapOption::from_pointee(keys), wanted: Box::new(|| ()) }
    }

    /// Keys that somebody fetches. `wanted` is called for each token whose key is not there:
    /// it must return at once, and see to it that nobody is asked too often.
    pub fn fetched(wanted: impl Fn() + Send + Sync + 'static) -> Self {
        Self { current: ArcSwapOption::empty(), wanted: Box::new(wanted) }
    }

    /// Replaces the keys by others. Tokens that were verified by the old ones are verified again.
    pub fn replace(&self, keys: KeySet) {
        let version = self.current().map_or(0, |old| old.version + 1);
        self.current.store(Some(Arc::new(KeySet { version, ..keys })));
    }

    /// Begins with the keys that somebody else has fetched.
    pub fn adopt(&self, other: &Self) {
        self.current.store(other.current());
    }

    /// The keys now, if there have been any.
    pub fn current(&self) -> Option<Arc<KeySet>> {
        self.current.load_full()
    }

    /// Returns the version of the set that is in force.
    pub(super) fn version(&self) -> Option<u64> {
        self.current.load().as_ref().map(|keys| keys.version)
    }

    pub(super) fn ask_for_more(&self) {
        (self.wanted)();
    }
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JwtKeys").field(&self.current()).finish()
    }
}
