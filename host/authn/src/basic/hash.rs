//! Argon2id hashes in the form of the PHC string format.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use stockade_core::{Secret, random};
use subtle::ConstantTimeEq as _;

/// A password's Argon2id hash: `$argon2id$v=19$m=19456,t=2,p=1$…$…`.
#[derive(PartialEq, Eq)]
pub struct PasswordHash(phc::PasswordHash);

/// The memory in which hashes are computed, one at a time. It is used again for the next one:
/// memory of this size that is taken and freed for each is not given back by every allocator.
#[derive(Default)]
pub struct PasswordMemory(Vec<Block>);

impl PasswordMemory {
    /// Returns its size in bytes.
    pub fn bytes(&self) -> usize {
        self.0.len() * Block::SIZE
    }

    fn blocks(&mut self, number: usize) -> &mut [Block] {
        if self.0.len() < number {
            // What there is goes first, so that both never exist at once.
            self.0 = Vec::new();
            self.0.resize(number, Block::default());
        }
        &mut self.0[..number]
    }
}

/// A text that is no such hash, or one of a cost that does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPasswordHash {
    /// Something else.
    #[error(
        "this is not an Argon2id hash ($argon2id$v=19$…); `stockade password hash` makes one, \
         and a password itself never belongs here"
    )]
    Form,
    /// Too cheap to protect anything.
    #[error("this hash was made with less than 7 MiB of memory; make a new one")]
    Cheap,
    /// So dear that a few logins would stop the gateway.
    #[error("this hash needs more than 256 MiB, 16 passes or 16 lanes; make a cheaper one")]
    Dear,
}

/// A password that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Short.
    #[error("a password has at least 12 characters")]
    Short,
    /// RFC 7617 does not allow them, and a line end is a mistake.
    #[error("a password has no control characters")]
    Control,
    /// Argon2 refused it.
    #[error("the hash cannot be computed")]
    Failed,
}

const SHORTEST: usize = 12;
const LEAST_MEMORY_KIB: u32 = 7 << 10;
const MOST_MEMORY_KIB: u32 = 256 << 10;

impl PasswordHash {
    /// Hashes a password with a new salt, at the cost that OWASP recommends (19 MiB, 2 passes, 1
    /// lane).
    ///
    /// # Errors
    /// A password that could be guessed or not be sent.
    pub fn of(password: &Secret<String>) -> Result<Self, WeakPassword> {
        let text = password.expose();
        if text.chars().any(char::is_control) {
            return Err(WeakPassword::Control);
        }
        if text.chars().count() < SHORTEST {
            return Err(WeakPassword::Short);
        }
        let salt = random::bytes::<16>();
        let hash = Argon2::default().hash_password_with_salt(text.as_bytes(), &salt);
        hash.map(Self).map_err(|_| WeakPassword::Failed)
    }

    /// Returns the cost of computing it: KiB of memory, passes and lanes.
    pub fn cost(&self) -> Option<(u32, u32, u32)> {
        let cost = Params::try_from(&self.0).ok()?;
        Some((cost.m_cost(), cost.t_cost(), cost.p_cost()))
    }

    /// Tells whether a password is the one; compared in constant time.
    pub(super) fn verify(&self, password: &Secret<String>, memory: &mut PasswordMemory) -> bool {
        let cost = Params::try_from(&self.0);
        let (Ok(cost), Some(salt), Some(expected)) = (cost, &self.0.salt, &self.0.hash) else {
            return false;
        };
        let mut computed = vec![0; expected.len()];
        let blocks = memory.blocks(cost.block_count());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
        let text = password.expose().as_bytes();
        let done = argon2.hash_password_into_with_memory(text, salt, &mut computed, blocks);
        done.is_ok() && computed.ct_eq(expected.as_bytes()).into()
    }
}

impl FromStr for PasswordHash {
    type Err = InvalidPasswordHash;

    fn from_str(text: &str) -> Result<Self, InvalidPasswordHash> {
        let hash = phc::PasswordHash::new(text).map_err(|_| InvalidPasswordHash::Form)?;
        let complete = hash.salt.is_some() && hash.hash.is_some();
        if hash.algorithm.as_str() != "argon2id" || hash.version != Some(19) || !complete {
            return Err(InvalidPasswordHash::Form);
        }
        let cost = Params::try_from(&hash).map_err(|_| InvalidPasswordHash::Form)?;
        if cost.m_cost() < LEAST_MEMORY_KIB {
            return Err(InvalidPasswordHash::Cheap);
        }
        if cost.m_cost() > MOST_MEMORY_KIB || cost.t_cost() > 16 || cost.p_cost() > 16 {
            return Err(InvalidPasswordHash::Dear);
        }
        Ok(Self(hash))
    }
}

/// The line for the configuration.
impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A hash of a password that can be guessed is nearly the password.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
