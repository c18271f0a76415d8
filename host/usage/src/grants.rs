//! The parts of an account's limits that the store has granted to this replica: arithmetic only.
//!
//! A grant is an absolute amount: all that this replica may have used of a limit, and hold for
//! requests under way, in one window. It is spent here without asking. A [`Claim`] tells the store
//! what this replica counts on, what it has used and what it wants; the [`Reply`] is the grant.
//!
//! This replica never counts on more than the store has noted for it: a grant is lowered here
//! first and told afterwards, and raised by a reply only. So calls and replies may be lost,
//! repeated or late. The amount in a grant is what counts, never a difference.

mod claim;
mod due;
mod queued;

use std::time::Duration;

use stockade_core::UnixTime;
use tokio::sync::oneshot;

use crate::allowance::LimitKind;
use crate::quota::{OnStoreLoss, Quota};
use crate::window::Window;

pub(crate) use claim::{Claim, ClaimedLimit, Granted, Reply};
pub(crate) use due::Due;
pub(crate) use queued::{Purpose, Queued};

/// The time for which a store that had less than was wanted is not asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// The time by which the clock may be set back without a grant being void.
const SET_BACK: Duration = Duration::from_mins(1);
const NEVER: UnixTime = UnixTime::from_secs(0);

/// The store at a moment, as far as it is known here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreState {
    pub(crate) now: UnixTime,
    pub(crate) is_connected: bool,
    /// The request may wait for the store.
    pub(crate) may_ask: bool,
    pub(crate) replicas: u32,
    pub(crate) timeouts: Timeouts,
}

/// The times for which the store keeps grants of a replica that is not heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Of budgets and requests in a minute: a replica may go on with them for as long.
    pub(crate) budgets: Duration,
    /// Of requests at once: for as long those of a replica that has died are in others' way.
    pub(crate) running: Duration,
}

impl Timeouts {
    pub(crate) const fn of(&self, kind: LimitKind) -> Duration {
        match kind {
            LimitKind::Concurrent => self.running,
            LimitKind::Budget(..) | LimitKind::Rate => self.budgets,
        }
    }
}

/// The use of a limit by this replica itself, in the window that is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) window: Window,
    pub(crate) used: u64,
    pub(crate) held: u64,
}

impl Own {
    /// Returns what cannot be taken back any more.
    pub(crate) const fn floor(self) -> u64 {
        self.used.saturating_add(self.held)
    }
}

/// The use of a limit by all other replicas, as they have told the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Others {
    pub(crate) used: u64,
    /// The amount that is granted to them besides.
    pub(crate) held: u64,
}

/// The grant of one limit.
#[derive(Debug)]
struct Grant {
    kind: LimitKind,
    limit: u64,
    window: Window,
    amount: u64,
    /// The time until which the store keeps it for this replica.
    until: UnixTime,
    others: Others,
    /// The amount that was granted beyond what was wanted: it is spent without asking.
    spare: u64,
    /// The amount that the last request wanted that had to ask.
    unit: u64,
    /// The amounts that requests want that wait for the next reply.
    wanted: u64,
    /// The store had less than was wanted, and is not asked again before.
    full_until: UnixTime,
    told: Own,
}

/// The room of a limit for this replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// The most that this replica may use and hold.
    pub(crate) amount: u64,
    pub(crate) beyond: Beyond,
    /// The limit as this replica has to see it.
    pub(crate) limit: u64,
    pub(crate) others: Others,
}

impl Capacity {
    /// Returns the whole limit, for a process that shares it with nobody.
    pub(crate) const fn alone(limit: u64) -> Self {
        let others = Others { used: 0, held: 0 };
        Self { amount: limit, beyond: Beyond::Exceeded, limit, others }
    }
}

/// The rule for what goes beyond a capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// The limit is exceeded.
    Exceeded,
    /// The store may grant more.
    Ask,
    /// The store cannot be asked, and what it has is not counted.
    Lost,
}

/// The grants of one account.
#[derive(Debug)]
pub(crate) struct Grants {
    list: Vec<Grant>,
    /// The store was emptied: until others have told what they hold, it grants nothing new.
    settles_until: UnixTime,
    /// The queues for the store that the account is in.
    pub(crate) queued: Queued,
    /// The spare amount has to be returned with the next claim.
    returns: bool,
    /// The number of the call that is under way.
    call: Option<u64>,
    told_at: UnixTime,
    /// The last time at which something had changed.
    changed_at: UnixTime,
    /// Requests that wait for the next claim, and for the one that is under way.
    waiting: Vec<oneshot::Sender<()>>,
    asked: Vec<oneshot::Sender<()>>,
}

impl Default for Grants {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            settles_until: NEVER,
            queued: Queued::default(),
            returns: false,
            call: None,
            told_at: NEVER,
            changed_at: NEVER,
            waiting: Vec::new(),
            asked: Vec::new(),
        }
    }
}

impl Grants {
    /// Follows the limits of a quota; what was granted for those that stay is kept.
    pub(crate) fn follow(&mut self, quota: &Quota) {
        let limits = quota.all_limits();
        let known = self.list.iter().map(|grant| (grant.kind, grant.limit));
        if limits.clone().eq(known) {
            return;
        }
        let mut before = std::mem::take(&mut self.list);
        self.list = limits
            .map(|(kind, limit)| match before.iter().position(|grant| grant.kind == kind) {
                Some(at) => Grant { limit, ..before.swap_remove(at) },
                None => Grant::new(kind, limit),
            })
            .collect();
    }

    /// Returns the room of a limit.
    pub(crate) fn capacity(
        &self,
        (kind, limit): (LimitKind, u64),
        own: Own,
        quota: &Quota,
        store: &StoreState,
    ) -> Capacity {
        let known = self.list.iter().find(|grant| grant.kind == kind);
        let known = known.filter(|grant| grant.window == own.window);
        let others = known.map(|grant| grant.others).unwrap_or_default();
        let valid = known.filter(|grant| grant.is_valid(store));
        let granted = valid.map_or(0, |grant| grant.amount);
        let amount = granted.min(limit);
        if store.is_connected && self.settles_until <= store.now {
            let is_full = known.is_some_and(|grant| {
                let left = limit.saturating_sub(others.used);
                left <= amount || store.now < grant.full_until
            });
            let beyond = if is_full || !store.may_ask { Beyond::Exceeded } else { Beyond::Ask };
            return Capacity { amount, beyond, limit, others };
        }
        let alone = |most: u64| Capacity {
            amount: amount.max(most),
            beyond: Beyond::Exceeded,
            limit: amount.max(most),
            others: Others::default(),
        };
        match quota.on_store_loss(kind) {
            OnStoreLoss::Refuse => Capacity { amount, beyond: Beyond::Lost, limit, others },
            OnStoreLoss::Local => alone((limit / u64::from(store.replicas.max(1))).max(1)),
            OnStoreLoss::Ignore => alone(limit),
        }
    }

    /// Notes what a request wants of a limit.
    pub(crate) fn want(&mut self, kind: LimitKind, amount: u64) {
        if let Some(grant) = self.list.iter_mut().find(|grant| grant.kind == kind) {
            grant.wanted = grant.wanted.saturating_add(amount);
            grant.unit = amount;
        }
    }

    /// Lets a request wait for the reply to the next claim.
    pub(crate) fn wait(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        // Those who have given up make room.
        self.waiting.retain(|waiting| !waiting.is_closed());
        self.waiting.push(sender);
        receiver
    }

    /// Has the next claim return what is spare.
    pub(crate) const fn give_back(&mut self) {
        self.returns = true;
    }

    /// Ends a call of which there will be no reply, and whatever waits for one.
    pub(crate) fn abandon(&mut self) {
        self.call = None;
        self.queued.take();
        self.asked.clear();
        self.waiting.clear();
        for grant in &mut self.list {
            grant.wanted = 0;
        }
    }

    /// Tells whether nothing depends on what was granted.
    pub(crate) fn is_idle(&self) -> bool {
        self.call.is_none() && self.queued.purpose().is_none()
    }
}

impl Grant {
    fn new(kind: LimitKind, limit: u64) -> Self {
        Self {
            kind,
            limit,
            window: Window::default(),
            amount: 0,
            until: NEVER,
            others: Others::default(),
            spare: 0,
            unit: 0,
            wanted: 0,
            full_until: NEVER,
            told: Own::default(),
        }
    }

    /// A clock that was set back does not make a grant last for longer.
    fn is_valid(&self, store: &StoreState) -> bool {
        let longest = store.timeouts.of(self.kind).saturating_add(SET_BACK);
        let left = self.until.as_duration().checked_sub(store.now.as_duration());
        left.is_some_and(|left| !left.is_zero() && left <= longest)
    }

    /// Returns what is granted in a window: nothing in one that was not asked for.
    fn amount_in(&self, window: Window) -> u64 {
        if self.window == window { self.amount } else { 0 }
    }
}

#[cfg(test)]
pub(crate) use tests::model;
#[cfg(test)]
mod tests;
