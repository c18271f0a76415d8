//! The time at which an account is told to the store without being asked for.

use std::time::Duration;

use stockade_core::UnixTime;

use super::{Grants, Own, Timeouts};
use crate::allowance::LimitKind;

/// The time after which changed use is told.
const TELL: Duration = Duration::from_secs(3);
/// The time after which what is spare and not spent is returned.
const IDLE: Duration = Duration::from_secs(10);

/// The next step for an account of which the store has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The store knows what is to be known, and will for a while.
    Nothing,
    /// The account has to be told.
    Tell,
    /// The store knows all, nothing is spare, and nothing is under way.
    Forget,
}

impl Grants {
    /// Finds the next step, once in a while. What is idle is returned.
    pub(crate) fn due(
        &mut self,
        own: impl Fn(LimitKind) -> Own,
        now: UnixTime,
        timeouts: Timeouts,
    ) -> Due {
        if !self.is_idle() {
            return Due::Nothing;
        }
        let in_force = || self.list.iter().map(|grant| (grant, own(grant.kind)));
        let in_force = || in_force().filter(|(_, own)| !own.window.is_over(now));
        let is_changed = in_force().any(|(grant, own)| grant.told != own);
        let holds = in_force().any(|(_, own)| own.held > 0);
        let is_spare = in_force().any(|(grant, own)| grant.amount_in(own.window) > own.floor());
        let since = |time: UnixTime| now.as_duration().saturating_sub(time.as_duration());
        if is_changed {
            self.changed_at = now;
            return if since(self.told_at) >= TELL { Due::Tell } else { Due::Nothing };
        }
        if !is_spare && !holds {
            return Due::Forget;
        }
        if is_spare && !holds && since(self.changed_at) >= IDLE {
            self.returns = true;
            return Due::Tell;
        }
        let timeout = if holds { timeouts.budgets.min(timeouts.running) } else { timeouts.budgets };
        if since(self.told_at) >= timeout / 3 { Due::Tell } else { Due::Nothing }
    }

    /// Tells whether half of what was spare is spent, and more should be asked for.
    pub(crate) fn is_half_spent(&self, own: impl Fn(LimitKind) -> Own) -> bool {
        self.list.iter().any(|grant| {
            let own = own(grant.kind);
            let left = grant.amount_in(own.window).saturating_sub(own.floor());
            grant.spare > 0 && left < grant.spare / 2 && grant.window == own.window
        })
    }

    /// Finds out whether the store has to be told that a request has ended: where every request
    /// asks, what it did not use is for others; and where it used more than was granted.
    pub(crate) fn ends(&mut self, own: impl Fn(LimitKind) -> Own) -> bool {
        let mut tells = false;
        for grant in &self.list {
            let own = own(grant.kind);
            let amount = grant.amount_in(own.window);
            tells |= amount < own.floor();
            if grant.spare == 0 && amount > own.floor() {
                self.returns = true;
                tells = true;
            }
        }
        tells
    }
}
