//! Callers who have failed to prove themselves too often, and must wait before they may try again.
//!
//! Failures are counted for the address that they come from and for the user name that they
//! try, whether or not somebody has that name. After so many, each further one makes the
//! next try wait for twice as long.
//!
//! Passwords can be guessed, so while one must wait, none is looked at: neither is a hash
//! computed nor a remembered one compared. Keys, tokens and signatures cannot be guessed,
//! so a right one is always good; a wrong one is told to wait, so that a program that was
//! left with an old key slows down. The two are counted apart: whoever fails with keys does
//! not keep others at the same address, or of the same name, from their passwords.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stockade_core::{ProofKind, UnixTime};

use crate::client::{AddressRange, ClientIp};
use crate::{AuthnError, JwtRefusal, Presented};

mod table;

use table::{Counted, Table};

/// The rules that make callers wait after failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleRules {
    /// The number of failures until the next try must wait.
    pub failures: u32,
    /// The first wait.
    pub wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// The time after the last failure until nothing is held against anybody any more.
    pub forget: Duration,
}

/// Ten for nothing; then a second, two, four, up to five minutes.
impl Default for ThrottleRules {
    fn default() -> Self {
        Self {
            failures: 10,
            wait: Duration::from_secs(1),
            longest_wait: Duration::from_mins(5),
            forget: Duration::from_mins(15),
        }
    }
}

impl ThrottleRules {
    fn wait_after(&self, failures: u32) -> Option<Duration> {
        let doubled = failures.checked_sub(self.failures)?;
        let factor = 1u32.checked_shl(doubled).unwrap_or(u32::MAX);
        Some(self.wait.saturating_mul(factor).min(self.longest_wait))
    }
}

/// A kind of credential: one that can be guessed, or one that cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guess {
    /// A password.
    Password,
    /// A key, a token, a signature.
    Secret,
}

/// A caller's try to prove who it is.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    guess: Guess,
    client: ClientIp,
    user: Option<&'a str>,
}

impl<'a> Attempt<'a> {
    /// `None` where nothing was presented that could be wrong.
    pub fn of(presented: &'a Presented<'_>, client: ClientIp) -> Option<Self> {
        let guess = match presented.kind()? {
            ProofKind::Basic => Guess::Password,
            _ => Guess::Secret,
        };
        Some(Self { guess, client, user: presented.user() })
    }

    /// Tells whether it is about a password.
    pub fn is_password(&self) -> bool {
        self.guess == Guess::Password
    }

    /// The user name that was tried, if the credential has one.
    pub const fn user(&self) -> Option<&'a str> {
        self.user
    }
}

/// From now on somebody has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// The callers who have to wait.
    pub whom: ThrottleKey,
    /// The kind of credential that is not taken, or not answered otherwise than by waiting.
    pub guess: Guess,
    /// The number of their failures.
    pub failures: u32,
    /// The number of tries that were turned away since the last hold began.
    pub turned_away: u64,
    /// The time to wait.
    pub wait: Duration,
}

/// The callers who have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleKey {
    /// Everybody at these addresses: at one of IPv4, or at the 2⁶⁴ of IPv6 that one caller
    /// usually has.
    Address(AddressRange),
    /// Everybody who tries the user name of this attempt.
    User,
}

/// The failures that are remembered. It outlives generations: a reload must not give
/// anybody new tries.
pub struct Throttle {
    tables: Mutex<Tables>,
    /// The number of entries: where there are none, nobody has to look.
    counted: AtomicUsize,
    /// Names are counted under a keyed hash, so that long ones take no more room.
    names: RandomState,
}

#[derive(Default)]
struct Tables {
    addresses: Table<(Guess, AddressRange)>,
    users: Table<(Guess, u64)>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { tables: Mutex::default(), counted: AtomicUsize::new(0), names: RandomState::new() }
    }
}

impl Throttle {
    /// Returns the time that an attempt has to wait, if it has to. It is counted as turned away.
    pub fn wait(
        &self,
        attempt: &Attempt<'_>,
        rules: &ThrottleRules,
        now: UnixTime,
    ) -> Option<Duration> {
        if self.counted.load(Ordering::Acquire) == 0 {
            return None;
        }
        let (address, user) = self.keys(attempt);
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let by_address = tables.addresses.wait(&address, rules, now);
        let by_user = user.and_then(|user| tables.users.wait(&user, rules, now));
        by_address.max(by_user)
    }

    /// Counts a failure. What it leads to is told once, for the log.
    pub fn failed(
        &self,
        attempt: &Attempt<'_>,
        rules: &ThrottleRules,
        now: UnixTime,
    ) -> impl Iterator<Item = Lockout> + use<> {
        let (address, user) = self.keys(attempt);
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let by_address = tables.addresses.failed(address, rules, now);
        let by_user = user.and_then(|user| tables.users.failed(user, rules, now));
        self.counted.store(tables.addresses.len() + tables.users.len(), Ordering::Release);
        let guess = attempt.guess;
        let hold = move |whom, counted: Counted| {
            let Counted { failures, turned_away, wait } = counted;
            Lockout { whom, guess, failures, turned_away, wait }
        };
        let by_address =
            by_address.map(move |counted| hold(ThrottleKey::Address(address.1), counted));
        by_address.into_iter().chain(by_user.map(move |counted| hold(ThrottleKey::User, counted)))
    }

    fn keys(&self, attempt: &Attempt<'_>) -> ((Guess, AddressRange), Option<(Guess, u64)>) {
        let address = (attempt.guess, block(attempt.client.address()));
        (address, attempt.user.map(|user| (attempt.guess, self.names.hash_one(user))))
    }
}

/// The addresses that one caller has.
fn block(address: IpAddr) -> AddressRange {
    AddressRange::around(address, if address.is_ipv4() { 32 } else { 64 })
}

impl AuthnError {
    /// Tells whether it may come of guessing. Whoever sends nothing, or what cannot be read, or a
    /// real credential too late, does not guess. Neither does whoever brings a JWT for which there
    /// is no key: it may be ours that is missing.
    pub const fn is_guess(&self) -> bool {
        matches!(
            self,
            Self::Unknown
                | Self::UnknownUser(_)
                | Self::Disabled(_)
                | Self::Jwt(JwtRefusal::Signature(_) | JwtRefusal::UnlistedUser { .. })
        )
    }
}

#[cfg(test)]
mod tests;
