//! The lease of a request that was admitted: settled once, or given back.

use std::sync::Arc;

use smallvec::SmallVec;
use stockade_core::UnixTime;

use crate::account::HeldIn;
use crate::accounts::{Accounts, USUAL};
use crate::amounts::{Amounts, Room};
use crate::entry::Entry;
use crate::exceeded::Exceeded;
use crate::grants::Purpose;
use crate::rate::Rate;

/// The usage of a request, of all that is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// Milliseconds of GPU time.
    pub gpu_ms: u64,
    /// Pulled bytes.
    pub pulled: u64,
}

impl From<Used> for Amounts {
    fn from(used: Used) -> Self {
        let Used { input, output, gpu_ms, pulled } = used;
        Self { requests: 1, input, output, gpu_ms, pulled }
    }
}

/// The charge in one account.
#[derive(Debug)]
pub(crate) struct Charge {
    pub(crate) entry: Arc<Entry>,
    pub(crate) held_in: HeldIn,
    pub(crate) rate: Option<Rate>,
}

/// A request's place in every quota that applies to it. Dropping it gives back what it holds, but
/// for what [`Admission::charge_seen`] noted.
#[derive(Debug)]
#[must_use = "dropping an admission gives back what it holds"]
pub struct Admission {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) charges: SmallVec<[Charge; USUAL]>,
    pub(crate) held: Amounts,
    pub(crate) caps: Room,
    pub(crate) is_last: bool,
    pub(crate) exceeded: Vec<Exceeded>,
    /// The charge as it would be now; nothing before the request was forwarded.
    pub(crate) seen: Option<Used>,
    /// The time of its end, as far as that was told.
    pub(crate) ended: UnixTime,
}

impl Admission {
    /// Returns the most tokens that the answer may have: what the request has to be limited to
    /// before it is forwarded. `None` where no quota counts them and the caller set no limit.
    pub const fn output_cap(&self) -> Option<u64> {
        self.caps.output
    }

    /// Returns the most bytes that may be pulled, `None` where no quota counts them.
    pub const fn pull_cap(&self) -> Option<u64> {
        self.caps.pulled
    }

    /// Tells whether a quota that is exceeded puts the request behind everybody else's.
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// Returns the quotas that have no room for the request and do not refuse it.
    pub fn exceeded(&self) -> &[Exceeded] {
        &self.exceeded
    }

    /// Notes that the request is forwarded, and what it has used so far: what is charged if it is
    /// cut off here, unless it is given back. Values are those since the beginning; smaller ones
    /// than before change nothing.
    pub fn charge_seen(&mut self, so_far: Used) {
        let seen = self.seen.get_or_insert_default();
        seen.input = seen.input.max(so_far.input);
        seen.output = seen.output.max(so_far.output);
        seen.gpu_ms = seen.gpu_ms.max(so_far.gpu_ms);
        seen.pulled = seen.pulled.max(so_far.pulled);
    }

    /// Returns what would be charged if the request ended now, `None` for nothing at all.
    pub const fn seen(&self) -> Option<Used> {
        self.seen
    }

    /// Notes the time of the request's end, for what counts in the last minute; otherwise that of
    /// its admission stands.
    pub const fn ended(&mut self, now: UnixTime) {
        self.ended = now;
    }

    /// Ends the request with what it has really used.
    pub fn settle(mut self, actual: Used) {
        self.seen = Some(actual);
    }

    /// Ends a request of which nothing has run: it was refused later, or the upstream failed.
    pub fn give_back(mut self) {
        self.seen = None;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let used = self.seen.map(Amounts::from);
        for Charge { entry, held_in, rate } in &self.charges {
            let mut account = entry.lock();
            match used {
                Some(used) => {
                    account.settle(*held_in, self.held, used, self.ended);
                    self.accounts.note_dirty(entry, &mut account);
                }
                None => account.give_back(*held_in, self.held, *rate),
            }
            if let Some(sharing) = self.accounts.sharing()
                && account.ends_shared()
            {
                sharing.queue(entry, &mut account, Purpose::Tell);
            }
        }
    }
}
