//! The store, as `grant.lua` has it, for one limit. A test of `store` compares the two.

use std::collections::BTreeMap;

use super::*;

/// The note of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Note {
    call: u64,
    deadline: u64,
    used: u64,
    floor: u64,
    granted: u64,
}

/// The part of a call besides the claim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'c> {
    pub(crate) me: u64,
    pub(crate) before: &'c [u64],
    pub(crate) replicas: u64,
    /// Milliseconds.
    pub(crate) timeout: u64,
    pub(crate) settle: u64,
    pub(crate) now: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    since: Option<u64>,
    notes: BTreeMap<u64, Note>,
    gone: u64,
}

impl Model {
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns when it was found empty.
    pub(crate) fn since(&self) -> Option<u64> {
        self.since
    }

    pub(crate) fn call(&mut self, caller: Caller<'_>, claim: &Claim) -> Reply {
        let Caller { me, before, timeout, settle, now, .. } = caller;
        let since = *self.since.get_or_insert(now);
        let left = (since + settle).saturating_sub(now);
        let [limit] = claim.limits[..] else { panic!("the model has one limit") };
        let mine = self.notes.get(&me).copied();
        let is_late = mine.is_some_and(|mine| mine.call >= claim.call);
        if !is_late {
            let inherited = before.iter().filter_map(|id| self.notes.remove(id));
            let inherited: u64 = inherited.map(|note| note.used).sum();
            self.gone += inherited.saturating_sub(limit.used);
        }
        let others = self.notes.iter().filter(|(id, _)| **id != me && !before.contains(id));
        let others: Vec<_> = others.map(|(_, note)| *note).collect();
        let counted = |note: &Note| if note.deadline > now { note.granted } else { note.floor };
        let used = self.gone + others.iter().map(|note| note.used).sum::<u64>();
        let all = self.gone + others.iter().map(counted).sum::<u64>();
        let amount = match mine.filter(|_| is_late) {
            Some(mine) => mine.granted,
            None => grant(caller, &limit, mine, all, left > 0),
        };
        if !is_late {
            let ClaimedLimit { used, floor, .. } = limit;
            let (call, deadline) = (claim.call, now + timeout);
            self.notes.insert(me, Note { call, deadline, used, floor, granted: amount });
        }
        let others = Others { used, held: all.saturating_sub(used) };
        let settles_for = Duration::from_millis(left);
        Reply { settles_for, granted: vec![Granted { amount, others }] }
    }
}

fn grant(
    caller: Caller<'_>,
    claimed: &ClaimedLimit,
    mine: Option<Note>,
    others: u64,
    is_settling: bool,
) -> u64 {
    let ClaimedLimit { limit, floor, keep, want, unit, .. } = *claimed;
    let room = limit.saturating_sub(others);
    if is_settling {
        return floor.max(keep);
    }
    let noted = mine.filter(|mine| mine.deadline > caller.now).map_or(0, |mine| mine.granted);
    let least = floor.max(keep.min(room.max(noted)));
    let spare = unit.map_or(0, |unit| {
        let slice = room.saturating_sub(want) / (2 * caller.replicas);
        if limit < 20 * caller.replicas * unit || slice < unit { 0 } else { slice }
    });
    least.max(room.min(want + spare))
}
