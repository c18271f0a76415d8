//! Names and passwords that were right a short time ago.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use stockade_core::{Secret, UnixTime, random};

use crate::expiring_map::ExpiringMap;

/// The digest under which a name and a password are remembered. Without the key of the cache it
/// tells nothing, and it lives in memory only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Remembered([u8; 32]);

/// More are forgotten, the ones that end first before others.
const MOST: usize = 10_000;

pub(super) struct Cache {
    mac: Hmac<Sha256>,
    remember: Duration,
    passed: ExpiringMap<Remembered, ()>,
}

impl Cache {
    pub(super) fn new(remember: Duration) -> Self {
        let key = random::bytes::<64>();
        Self { mac: Hmac::new(&key.into()), remember, passed: ExpiringMap::new(MOST) }
    }

    pub(super) fn name(&self, user: &str, password: &Secret<String>) -> Remembered {
        let mut mac = self.mac.clone();
        // The length keeps `a` + `b:c` and `a:b` + `c` apart.
        mac.update(&(user.len() as u64).to_be_bytes());
        mac.update(user.as_bytes());
        mac.update(password.expose().as_bytes());
        Remembered(mac.finalize().into_bytes().into())
    }

    pub(super) fn knows(&self, name: &Remembered, now: UnixTime) -> bool {
        self.passed.get(name, now).is_some()
    }

    pub(super) fn remember(&self, name: Remembered, now: UnixTime) {
        let end = now.as_duration().saturating_add(self.remember);
        self.passed.insert(name, (), UnixTime::from_duration(end), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    #[test]
    fn what_is_remembered_ends_and_is_bounded() {
        let cache = Cache::new(Duration::from_mins(1));
        let name = cache.name("alice", &Secret::new("right".to_owned()));
        assert!(!cache.knows(&name, NOW));
        cache.remember(name, NOW);
        assert!(cache.knows(&name, UnixTime::from_secs(NOW.as_secs() + 59)));
        assert!(!cache.knows(&name, UnixTime::from_secs(NOW.as_secs() + 60)));
        for number in 0..MOST as u64 + 10 {
            let name = cache.name("bob", &Secret::new(number.to_string()));
            cache.remember(name, UnixTime::from_secs(NOW.as_secs() + 1));
        }
        assert!((MOST / 4 * 3..=MOST).contains(&cache.passed.len()));
        assert!(!cache.knows(&name, NOW), "the one that ends first goes first");
    }

    #[test]
    fn every_cache_names_otherwise_and_no_two_pairs_share_a_name() {
        let (one, other) = (Cache::new(Duration::MAX), Cache::new(Duration::MAX));
        let secret = |text: &str| Secret::new(text.to_owned());
        assert!(one.name("a", &secret("b")) != other.name("a", &secret("b")));
        assert!(one.name("a", &secret("bc")) != one.name("ab", &secret("c")));
    }
}
