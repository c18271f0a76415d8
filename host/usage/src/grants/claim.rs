//! A call of the store about one account, and its reply.

use std::time::Duration;

use stockade_core::UnixTime;

use super::{ASK_AGAIN, Grants, NEVER, Others, Own, Timeouts};
use crate::allowance::LimitKind;
use crate::window::Window;

/// The most that is told of an amount: the store's scripts count in floating point.
const MOST: u64 = (1 << 53) - 1;

/// A claim on one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimedLimit {
    pub(crate) kind: LimitKind,
    pub(crate) window: Window,
    pub(crate) limit: u64,
    /// The amount that this replica has used.
    pub(crate) used: u64,
    /// The same, and what it holds for requests under way: the store cannot take it back.
    pub(crate) floor: u64,
    /// The amount that this replica counts on, until there is a reply.
    pub(crate) keep: u64,
    /// The amount that it wants.
    pub(crate) want: u64,
    /// The amount that one request wants: with room for many the store grants more than is wanted. `None`
    /// where nothing shall be spare.
    pub(crate) unit: Option<u64>,
}

/// A claim on the limits of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Grows from call to call, so that the store knows one that comes late.
    pub(crate) call: u64,
    pub(crate) at: UnixTime,
    pub(crate) limits: Vec<ClaimedLimit>,
}

/// The grant of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) amount: u64,
    /// The amount that all others have used and hold.
    pub(crate) others: Others,
}

/// The reply to a claim: grants in the order of its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The time for which a store that was emptied grants nothing new.
    pub(crate) settles_for: Duration,
    pub(crate) granted: Vec<Granted>,
}

impl Grants {
    /// Makes a claim of all limits whose windows are in force. `None` while another one is under
    /// way, which has to be replied to first, and where there is nothing to claim.
    pub(crate) fn claim(
        &mut self,
        own: impl Fn(LimitKind) -> Own,
        call: u64,
        now: UnixTime,
    ) -> Option<Claim> {
        if self.call.is_some() {
            return None;
        }
        self.queued.take();
        let returns = std::mem::take(&mut self.returns);
        let mut limits = Vec::with_capacity(self.list.len());
        for grant in &mut self.list {
            let own = own(grant.kind);
            if own.window.is_over(now) {
                grant.wanted = 0;
                continue;
            }
            if grant.wanted > 0 {
                self.changed_at = now;
            }
            limits.push(grant.claim(own, returns, now));
        }
        if limits.is_empty() {
            self.waiting.clear();
            return None;
        }
        self.call = Some(call);
        self.told_at = now;
        self.asked = std::mem::take(&mut self.waiting);
        Some(Claim { call, at: now, limits })
    }

    /// Takes what was granted, and lets requests go on that have waited for it. A reply to another
    /// call than the last one changes nothing.
    pub(crate) fn apply(&mut self, claim: &Claim, reply: &Reply, timeouts: Timeouts) {
        if self.call != Some(claim.call) {
            return;
        }
        self.call = None;
        self.settles_until = match reply.settles_for {
            Duration::ZERO => NEVER,
            time => later(claim.at, time),
        };
        for (claimed, granted) in claim.limits.iter().zip(&reply.granted) {
            let grant = self.list.iter_mut().find(|grant| grant.kind == claimed.kind);
            if let Some(grant) = grant.filter(|grant| grant.window == claimed.window) {
                grant.amount = granted.amount;
                grant.others = granted.others;
                grant.until = later(claim.at, timeouts.of(grant.kind));
                grant.spare = granted.amount.saturating_sub(claimed.want.max(claimed.floor));
                if granted.amount < claimed.want {
                    grant.full_until = later(claim.at, ASK_AGAIN);
                }
            }
        }
        for waiting in self.asked.drain(..) {
            // Whoever has given up hears nothing.
            waiting.send(()).ok();
        }
    }
}

impl super::Grant {
    /// Makes the claim. What is returned is not counted on any more from now on, before the store
    /// knows of it.
    fn claim(&mut self, own: Own, returns: bool, now: UnixTime) -> ClaimedLimit {
        let is_kept = now < self.until;
        let floor = own.floor().min(MOST);
        let wanted = std::mem::take(&mut self.wanted);
        let returns = returns && wanted == 0;
        let counted_on = if is_kept && !returns { self.amount_in(own.window) } else { 0 };
        if self.window != own.window {
            self.others = Others::default();
        }
        self.window = own.window;
        self.amount = if returns && is_kept { floor } else { counted_on };
        self.told = own;
        let limit = self.limit.min(MOST);
        let asks = wanted > 0 || (self.spare > 0 && !returns);
        ClaimedLimit {
            kind: self.kind,
            window: own.window,
            limit,
            used: own.used.min(MOST),
            floor,
            keep: counted_on.max(floor).min(MOST),
            want: floor.saturating_add(wanted).min(limit).max(floor),
            unit: asks.then(|| self.unit.min(MOST)),
        }
    }
}

fn later(time: UnixTime, duration: Duration) -> UnixTime {
    UnixTime::from_duration(time.as_duration().saturating_add(duration))
}
