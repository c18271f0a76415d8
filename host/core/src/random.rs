//! The one home of randomness: the operating system's generator.

/// Fills an array with random bytes.
///
/// # Panics
/// Where the operating system has no randomness to give. There is nothing safe to
/// do then: a key that somebody could guess is worse than none.
#[expect(clippy::disallowed_methods, reason = "the one place that reads randomness")]
#[expect(clippy::expect_used, reason = "see Panics")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// Returns a random number.
///
/// # Panics
/// Like [`bytes`].
pub fn number() -> u64 {
    u64::from_le_bytes(bytes())
}
