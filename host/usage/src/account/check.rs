//! The room of each limit for a request, and the state of each limit.

use stockade_core::UnixTime;

use super::Account;
use crate::allowance::{Again, Allowance, LimitKind};
use crate::amounts::{Estimate, Lengths, Room};
use crate::grants::{Beyond, Capacity, Own, StoreState};
use crate::quota::{Quota, Resource};
use crate::rate::Rate;

/// A request at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'r> {
    pub(crate) estimate: &'r Estimate,
    /// The tokens of an answer that its caller does not limit.
    pub(crate) unsaid_output: u64,
    pub(crate) now: UnixTime,
    /// The store, where replicas share limits.
    pub(crate) store: Option<StoreState>,
}

/// The reason why an account has no room for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// A limit is exceeded.
    Exceeded(Allowance),
    /// The store of replicas is away, and more than is granted is needed of a limit.
    Lost,
    /// The store has to be asked.
    Grant,
}

impl Request<'_> {
    /// Returns the lengths of its answer by a limit of which this replica has a part.
    pub(crate) fn lengths(&self, quota: &Quota, capacity: &Capacity, own: Own) -> Lengths {
        let used = capacity.others.used.saturating_add(own.floor());
        let longest = quota.longest_answer(capacity.limit.saturating_sub(used));
        Lengths { unsaid: self.unsaid_output, longest }
    }
}

impl Account {
    /// Finds the limit that has no room for a request: among several the one that is in the way
    /// for longest. Otherwise tells how much room there is.
    pub(crate) fn check(&self, quota: &Quota, request: &Request<'_>) -> Result<Room, Lack> {
        match &request.store {
            None => self.check_alone(quota, request).map_err(Lack::Exceeded),
            Some(store) => self.check_shared(quota, request, store),
        }
    }

    /// Checks limits that are this process's own: nearly every request of most gateways.
    fn check_alone(&self, quota: &Quota, request: &Request<'_>) -> Result<Room, Allowance> {
        let mut worst: Option<Allowance> = None;
        let mut room = Room::default();
        let exceeded = self.rate_exceeded(quota, request.now).into_iter();
        for found in exceeded.chain(self.concurrent_exceeded(quota)) {
            worst = Some(found.worse(worst));
        }
        for budget in quota.limits.budgets() {
            let kind = LimitKind::Budget(budget.resource, budget.period);
            let left = budget.limit.get().saturating_sub(self.own(kind).floor());
            let needed = request.estimate.least(budget.resource);
            if needed > left {
                let allowance = self.allowance(kind, Capacity::alone(budget.limit.get()));
                worst = Some(allowance.refusing(needed).worse(worst));
            }
            let longest = quota.longest_answer(left);
            room.narrow(room_of(kind, (left, longest), request.estimate));
        }
        worst.map_or(Ok(room), Err)
    }

    fn concurrent_exceeded(&self, quota: &Quota) -> Option<Allowance> {
        let limit = u64::from(quota.limits.concurrent()?.get());
        let allowance = self.allowance(LimitKind::Concurrent, Capacity::alone(limit));
        (allowance.left() == 0).then(|| allowance.refusing(1))
    }

    /// Checks limits of which this replica may use what it was granted.
    fn check_shared(
        &self,
        quota: &Quota,
        request: &Request<'_>,
        store: &StoreState,
    ) -> Result<Room, Lack> {
        let Request { estimate, now, .. } = *request;
        let mut worst = self.rate_exceeded(quota, now);
        let mut lack = None;
        let mut room = Room::default();
        for (kind, limit) in quota.all_limits() {
            let capacity = self.capacity((kind, limit), quota, Some(store));
            let own = self.own(kind);
            let left = capacity.amount.saturating_sub(own.floor());
            let least = estimate.least_of(kind);
            let lengths = request.lengths(quota, &capacity, own);
            let wanted = || estimate.wanted_of(kind, lengths).min(limit);
            match capacity.beyond {
                Beyond::Ask if least <= limit && wanted() > left => {
                    lack = lack.or(Some(Lack::Grant));
                }
                Beyond::Lost if least > left && least <= limit => lack = Some(Lack::Lost),
                _ if least > left => {
                    let found = self.allowance(kind, capacity).refusing(least);
                    worst = Some(match worst {
                        // It says best what is in the way: requests, not what they hold.
                        Some(worst) if kind == LimitKind::Concurrent => worst.worse(Some(found)),
                        worst => found.worse(worst),
                    });
                }
                _ => {}
            }
            room.narrow(room_of(kind, (left, lengths.longest), estimate));
        }
        worst.map(Lack::Exceeded).or(lack).map_or(Ok(room), Err)
    }

    /// Returns the state of every limit of a quota.
    pub(crate) fn allowances<'a>(
        &'a self,
        quota: &'a Quota,
        store: Option<&'a StoreState>,
        now: UnixTime,
    ) -> impl Iterator<Item = Allowance> + 'a {
        quota.all_limits().map(move |(kind, limit)| {
            let capacity = self.capacity((kind, limit), quota, store);
            let allowance = self.allowance(kind, capacity);
            let Some(rate) = quota.limits.rate().filter(|_| kind == LimitKind::Rate) else {
                return allowance;
            };
            let smoothed = self.rate(rate, now);
            let is_narrower = store.is_some() && allowance.left() < smoothed.left();
            if is_narrower { allowance } else { smoothed }
        })
    }

    fn capacity(
        &self,
        (kind, limit): (LimitKind, u64),
        quota: &Quota,
        store: Option<&StoreState>,
    ) -> Capacity {
        if let (Some(store), Some(grants)) = (store, &self.grants) {
            return grants.capacity((kind, limit), self.own(kind), quota, store);
        }
        Capacity::alone(limit)
    }

    fn allowance(&self, kind: LimitKind, capacity: Capacity) -> Allowance {
        let Capacity { limit, others, .. } = capacity;
        let own = self.own(kind);
        let (again, window) = match kind {
            LimitKind::Concurrent => (Again::WhenOthersEnd, 0),
            LimitKind::Rate | LimitKind::Budget(..) => {
                (Again::At(own.window.end()), own.window.seconds())
            }
        };
        Allowance {
            kind,
            limit,
            used: own.used.saturating_add(others.used),
            held: own.held.saturating_add(others.held),
            needed: 0,
            again,
            window,
        }
    }

    /// The rest is what may come at once; the rest of the minute's requests counts as used.
    fn rate(&self, rate: Rate, now: UnixTime) -> Allowance {
        let limit = u64::from(rate.per_minute().max(rate.burst()).get());
        Allowance {
            kind: LimitKind::Rate,
            limit,
            used: limit.saturating_sub(self.bucket.left(rate, now)),
            held: 0,
            needed: 0,
            again: Again::At(self.bucket.full_at(rate, now)),
            window: 60,
        }
    }

    fn rate_exceeded(&self, quota: &Quota, now: UnixTime) -> Option<Allowance> {
        let rate = quota.limits.rate()?;
        let again = Again::At(self.bucket.again(rate, now)?);
        Some(Allowance { needed: 1, again, ..self.rate(rate, now) })
    }
}

/// Returns the room for what can be cut off.
fn room_of(kind: LimitKind, (left, longest): (u64, u64), estimate: &Estimate) -> Room {
    match kind {
        LimitKind::Budget(Resource::Tokens, _) => {
            let output = left.saturating_sub(estimate.input).min(longest);
            Room { output: Some(output), pulled: None }
        }
        LimitKind::Budget(Resource::OutputTokens, _) => {
            Room { output: Some(left.min(longest)), pulled: None }
        }
        LimitKind::Budget(Resource::PulledBytes, _) => Room { output: None, pulled: Some(left) },
        LimitKind::Budget(..) | LimitKind::Rate | LimitKind::Concurrent => Room::default(),
    }
}
