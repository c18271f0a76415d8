//! An account that replicas share: what is told to the store, and what is granted.

use stockade_core::UnixTime;
use tokio::sync::oneshot;

use super::{Account, Request};
use crate::allowance::LimitKind;
use crate::grants::{Beyond, Claim, Due, Grants, Own, Timeouts};
use crate::quota::Quota;
use crate::window::Window;

/// The window of limits that know none.
const ALWAYS: Window = Window::new(UnixTime::from_secs(0), UnixTime::from_secs(u64::MAX));

impl Account {
    /// Returns the use of a limit by this replica.
    pub(crate) fn own(&self, kind: LimitKind) -> Own {
        match kind {
            LimitKind::Rate => Own { window: self.minute.0, used: self.minute.1, held: 0 },
            LimitKind::Budget(resource, period) => {
                let (window, used) = self.used(period);
                Own { window, used: used.of(resource), held: self.held.of(resource) }
            }
            LimitKind::Concurrent => Own { window: ALWAYS, used: 0, held: u64::from(self.running) },
        }
    }

    /// Returns what is granted: nothing yet where nobody has asked.
    pub(crate) fn grants(&mut self) -> &mut Grants {
        self.grants.get_or_insert_default()
    }

    /// Follows the limits of a quota.
    pub(crate) fn share(&mut self, quota: &Quota) {
        self.grants().follow(quota);
    }

    /// Notes what a request wants of the limits that lack it, and lets it wait for the reply.
    pub(crate) fn ask(&mut self, quota: &Quota, request: &Request<'_>) -> oneshot::Receiver<()> {
        for (kind, limit) in quota.all_limits() {
            let own = self.own(kind);
            let Some(store) = &request.store else { continue };
            let capacity = self.grants().capacity((kind, limit), own, quota, store);
            let lengths = request.lengths(quota, &capacity, own);
            let wanted = request.estimate.wanted_of(kind, lengths).min(limit);
            if capacity.beyond == Beyond::Ask
                && wanted > capacity.amount.saturating_sub(own.floor())
            {
                self.grants().want(kind, wanted);
            }
        }
        self.grants().wait()
    }

    /// Tells whether half of what was granted beyond need is spent.
    pub(crate) fn is_half_spent(&self) -> bool {
        self.grants.as_ref().is_some_and(|grants| grants.is_half_spent(|kind| self.own(kind)))
    }

    /// Tells whether the store has to hear that a request has ended.
    pub(crate) fn ends_shared(&mut self) -> bool {
        self.with_grants(|grants, account| grants.ends(|kind| account.own(kind))).unwrap_or(false)
    }

    /// Finds out whether the store has to be told of the account by itself.
    pub(crate) fn due(&mut self, now: UnixTime, timeouts: Timeouts) -> Due {
        let due =
            self.with_grants(|grants, account| grants.due(|kind| account.own(kind), now, timeouts));
        due.unwrap_or(Due::Forget)
    }

    /// Makes a claim of what the store has to know.
    pub(crate) fn claim(&mut self, call: u64, now: UnixTime) -> Option<Claim> {
        self.with_grants(|grants, account| grants.claim(|kind| account.own(kind), call, now))?
    }

    /// Does something with the grants that has to know what was used.
    fn with_grants<T>(&mut self, work: impl FnOnce(&mut Grants, &Self) -> T) -> Option<T> {
        let mut grants = self.grants.take()?;
        let done = work(&mut grants, self);
        self.grants = Some(grants);
        Some(done)
    }

    /// Tells whether anything was used, or is, of the limits that are shared.
    pub(crate) fn is_used(&self, quota: &Quota, now: UnixTime) -> bool {
        quota.all_limits().any(|(kind, _)| {
            let own = self.own(kind);
            own.floor() > 0 && !own.window.is_over(now)
        })
    }
}
