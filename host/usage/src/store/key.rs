//! The names of keys and fields in the store.
//!
//! `{prefix}:{bucket}:…`, where the braces are part of the name: what is between them decides
//! where in a cluster a key is, and keys of one bucket are side by side. An account's bucket is
//! found from its names, so that every replica finds the same one.

use std::fmt::Write as _;

use stockade_core::QuotaName;

use crate::allowance::LimitKind;
use crate::quota::{Period, Resource, Subject};
use crate::window::Window;

/// The number of buckets. Each has a mark that is lost with it, and is looked at once a second.
pub(super) const BUCKETS: u32 = 16;

/// An account's place in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccountKey {
    pub(super) bucket: u32,
    /// The beginning of the keys of its hashes.
    start: String,
}

impl AccountKey {
    pub(super) fn new(prefix: &str, quota: &QuotaName, subject: &Subject) -> Self {
        let mut name = escaped(quota.as_str());
        let mut part = |part: &str| {
            name.push(':');
            name.push_str(&escaped(part));
        };
        match subject {
            Subject::User(user) => ["user", user.as_str()].into_iter().for_each(&mut part),
            Subject::UserModel(user, model) => {
                ["user-model", user.as_str(), model.as_str()].into_iter().for_each(&mut part);
            }
            Subject::Group(group) => ["group", group.as_str()].into_iter().for_each(&mut part),
            Subject::Key(user, key) => {
                ["key", user.as_str(), key.as_str()].into_iter().for_each(&mut part);
            }
            Subject::Together => part("together"),
        }
        let bucket = fnv1a(name.as_bytes()) % BUCKETS;
        Self { bucket, start: format!("{prefix}:{{{bucket}}}:{name}") }
    }

    /// Returns the key of the hash of a limit in a window.
    pub(super) fn hash(&self, kind: LimitKind, window: Window) -> String {
        let start = window.start().as_secs();
        match kind {
            LimitKind::Rate => format!("{}:minute:{start}", self.start),
            LimitKind::Budget(_, period) => format!("{}:{}:{start}", self.start, word(period)),
            LimitKind::Concurrent => format!("{}:now", self.start),
        }
    }
}

/// Returns the key of a bucket's mark.
pub(super) fn mark(prefix: &str, bucket: u32) -> String {
    format!("{prefix}:{{{bucket}}}:since")
}

/// Returns the key of the sorted set of replicas.
pub(super) fn replicas(prefix: &str) -> String {
    format!("{prefix}:replicas")
}

/// Returns the name of a limit in its hash.
pub(super) const fn field(kind: LimitKind) -> &'static str {
    match kind {
        LimitKind::Rate | LimitKind::Budget(Resource::Requests, _) => "requests",
        LimitKind::Budget(Resource::Tokens, _) => "tokens",
        LimitKind::Budget(Resource::InputTokens, _) => "input_tokens",
        LimitKind::Budget(Resource::OutputTokens, _) => "output_tokens",
        LimitKind::Budget(Resource::GpuTime, _) => "gpu_time",
        LimitKind::Budget(Resource::PulledBytes, _) => "pulled",
        LimitKind::Concurrent => "running",
    }
}

const fn word(period: Period) -> &'static str {
    period.as_str()
}

/// Colons separate the parts of a key, so those of names are written like those of addresses.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            ':' | '%' | '{' | '}' => {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{:02X}", u32::from(character));
            }
            other => text.push(other),
        }
    }
    text
}

/// The hash FNV-1a of 32 bits: <https://datatracker.ietf.org/doc/html/rfc9923>.
fn fnv1a(bytes: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
    bytes.iter().fold(2_166_136_261, step)
}

#[cfg(test)]
mod tests {
    use stockade_core::{CredentialId, UnixTime, UserId};

    use super::*;

    fn key(quota: &str, subject: &Subject) -> AccountKey {
        AccountKey::new("stk", &QuotaName::new(quota).unwrap(), subject)
    }

    #[test]
    fn keys_of_an_account_are_in_one_slot_and_those_of_two_accounts_differ() {
        let user = |name| UserId::new(name).unwrap();
        let alice = key("everybody", &Subject::User(user("alice")));
        let window = Window::new(UnixTime::from_secs(7_200), UnixTime::from_secs(10_800));
        let tokens = LimitKind::Budget(Resource::Tokens, Period::Hour);
        let hash = alice.hash(tokens, window);
        let bucket = alice.bucket;
        assert_eq!(hash, format!("stk:{{{bucket}}}:everybody:user:alice:hour:7200"));
        assert_eq!(mark("stk", bucket), format!("stk:{{{bucket}}}:since"));
        let credential = |name| CredentialId::new(name).unwrap();
        let one = key("a", &Subject::Key(user("x%3Ab"), credential("c")));
        let other = key("a", &Subject::Key(user("x"), credential("b")));
        assert_ne!(one, other);
    }

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // From the test vectors of the RFC.
        assert_eq!(fnv1a(b""), 0x811c_9dc5);
        assert_eq!(fnv1a(b"a"), 0xe40c_292c);
        assert_eq!(fnv1a(b"foobar"), 0xbf9c_f968);
    }
}
