//! The quotas of one configuration, and the step that admits a request to all that apply.

mod admit;

use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::tz::TimeZone;
use smallvec::SmallVec;
use stockade_core::{QuotaName, UnixTime};

use crate::account::Account;
use crate::accounts::{AccountUsage, Accounts, USUAL};
use crate::allowance::{Allowance, LimitKind};
use crate::amounts::{Amounts, Estimate, Room};
use crate::entry::{Entry, QuotaId};
use crate::exceeded::{Exceeded, NotAdmitted};
use crate::headers::QuotaState;
use crate::quota::{OnExceeded, Period, Quota, Resource, Subject};
use crate::window::Calendar;

/// Accounts for the answer to one question.
const SUPPOSED: NonZeroUsize = NonZeroUsize::new(1 << 16).expect("it is not 0");

/// A quota that applies to a request, and whose account in it is charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicable {
    /// The place of the quota in the list that [`Quotas::new`] got.
    pub quota: usize,
    /// The owner of the account.
    pub subject: Subject,
}

/// Two quotas have one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two quotas are called {0}")]
pub struct DuplicateQuota(pub QuotaName);

/// The quotas of one configuration, over accounts that outlive it.
#[derive(Debug)]
pub struct Quotas {
    accounts: Arc<Accounts>,
    list: Vec<(QuotaId, Quota)>,
    calendar: Calendar,
    unsaid_output: u64,
}

/// An account that is to be charged.
struct Open<'q> {
    entry: Arc<Entry>,
    quota: &'q Quota,
}

impl Quotas {
    /// Quotas whose windows are those of a zone. An answer whose length its caller does not limit
    /// is limited to `unsaid_output` tokens where a quota counts them, so that it does not hold
    /// all that is left.
    pub fn new(
        accounts: Arc<Accounts>,
        quotas: Vec<Quota>,
        zone: TimeZone,
        unsaid_output: u64,
    ) -> Result<Self, DuplicateQuota> {
        for (at, quota) in quotas.iter().enumerate() {
            if quotas[..at].iter().any(|other| other.name == quota.name) {
                return Err(DuplicateQuota(quota.name.clone()));
            }
        }
        Ok(Self { unsaid_output, ..Self::none(accounts, zone) }.with(quotas))
    }

    /// No quotas.
    pub fn none(accounts: Arc<Accounts>, zone: TimeZone) -> Self {
        Self { accounts, list: Vec::new(), calendar: Calendar::new(zone), unsaid_output: 0 }
    }

    /// Returns the same quotas over other accounts, with all that is counted there.
    #[must_use]
    pub fn counting_in(&self, accounts: Arc<Accounts>) -> Self {
        let none = Self::none(accounts, self.calendar.zone().clone());
        let quotas = self.iter().cloned().collect();
        Self { unsaid_output: self.unsaid_output, ..none }.with(quotas)
    }

    fn with(self, quotas: Vec<Quota>) -> Self {
        let list = quotas.into_iter().map(|quota| (self.accounts.id(&quota.name), quota));
        Self { list: list.collect(), ..self }
    }

    /// Returns the quotas, in the order in which [`Applicable`] counts them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Quota> {
        self.list.iter().map(|(_, quota)| quota)
    }

    /// Returns the accounts.
    pub const fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// Returns the calendar of their windows.
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Returns what is held for a request, and what it has to be limited to.
    fn granted(&self, estimate: &Estimate, room: Room) -> (Amounts, Room) {
        let output = estimate.output.granted(room.output, self.unsaid_output);
        let pulled = estimate.pulled.granted(room.pulled, u64::MAX);
        let held = Amounts {
            requests: 1,
            input: estimate.input,
            output: output.unwrap_or_default(),
            gpu_ms: estimate.gpu_ms.unwrap_or_default(),
            pulled: pulled.unwrap_or_default(),
        };
        (held, Room { output, pulled })
    }

    /// Returns the state of every limit of the quotas that apply, for headers and for whoever
    /// asks for their own. It holds and counts nothing.
    pub fn states(&self, applicable: &[Applicable], now: UnixTime) -> Vec<QuotaState> {
        let windows = self.calendar.at(now);
        let store = self.accounts.sharing().map(|sharing| sharing.state(now, false));
        let mut all = Vec::new();
        for Applicable { quota, subject } in applicable {
            let Some((id, quota)) = self.list.get(*quota) else { continue };
            let mut add = |account: &mut Account| {
                account.roll(&windows, now);
                let allowances = account.allowances(quota, store.as_ref(), now);
                all.extend(allowances.map(|allowance| QuotaState {
                    quota: quota.name.clone(),
                    on_exceeded: quota.on_exceeded,
                    allowance,
                }));
            };
            match self.accounts.find(*id, subject) {
                Some(entry) => add(&mut entry.lock()),
                None => add(&mut Account::default()),
            }
        }
        all
    }

    /// Returns the same quotas over accounts of their own, of which some have used an amount in the
    /// windows of a moment: to ask what would be.
    #[must_use]
    pub fn supposing(&self, applicable: &[Applicable], used: Amounts, now: UnixTime) -> Self {
        let quotas = self.iter().cloned().collect();
        let accounts = Arc::new(Accounts::new(SUPPOSED));
        let none = Self::none(accounts, self.calendar.zone().clone());
        let supposing = Self { unsaid_output: self.unsaid_output, ..none }.with(quotas);
        let windows = self.calendar.at(now);
        for Applicable { quota, subject } in applicable {
            let Some((_, quota)) = self.list.get(*quota) else { continue };
            let usage = Period::ALL.map(|period| AccountUsage {
                quota: quota.name.clone(),
                subject: subject.clone(),
                period,
                window: windows.of(period),
                used,
            });
            supposing.restore(&usage, now);
        }
        supposing
    }

    /// Looks again at the GPU time of a request that was admitted, and has waited while others used
    /// it, for it is not held. Returns whether a quota puts the request behind everybody else's.
    ///
    /// # Errors
    /// The first limit that is reached of a quota that refuses.
    pub fn check_gpu_time(
        &self,
        applicable: &[Applicable],
        now: UnixTime,
    ) -> Result<bool, NotAdmitted> {
        let windows = self.calendar.at(now);
        let mut is_last = false;
        for Applicable { quota, subject } in applicable {
            let Some((id, quota)) = self.list.get(*quota) else { continue };
            let entry = self.accounts.find(*id, subject);
            let Some(entry) = entry.filter(|_| quota.on_exceeded != OnExceeded::Shadow) else {
                continue;
            };
            let mut account = entry.lock();
            account.roll(&windows, now);
            let is_spent = |it: &Allowance| {
                matches!(it.kind, LimitKind::Budget(Resource::GpuTime, _)) && it.used >= it.limit
            };
            let Some(spent) = account.allowances(quota, None, now).find(is_spent) else { continue };
            if quota.on_exceeded == OnExceeded::Last {
                is_last = true;
                continue;
            }
            let (quota, subject) = (quota.name.clone(), subject.clone());
            return Err(Exceeded { quota, subject, allowance: spent.refusing(1) }.into());
        }
        Ok(is_last)
    }

    /// Returns what one account has used in the window of a period.
    pub fn used(&self, applicable: &Applicable, period: Period, now: UnixTime) -> Amounts {
        self.with_account(applicable, now, |account| account.used(period).1)
    }

    /// Returns what one account of a quota without limits has used in the last minute.
    pub fn used_in_last_minute(&self, applicable: &Applicable, now: UnixTime) -> Amounts {
        self.with_account(applicable, now, |account| account.used_in_last_minute(now))
    }

    fn with_account(
        &self,
        applicable: &Applicable,
        now: UnixTime,
        used: impl FnOnce(&Account) -> Amounts,
    ) -> Amounts {
        let quota = self.list.get(applicable.quota);
        let entry = quota.and_then(|(id, _)| self.accounts.find(*id, &applicable.subject));
        entry.map_or_else(Amounts::default, |entry| {
            let mut account = entry.lock();
            account.roll(&self.calendar.at(now), now);
            used(&account)
        })
    }

    /// Counts what was used before a restart, where its window is still in force.
    pub fn restore(&self, usages: &[AccountUsage], now: UnixTime) {
        let windows = self.calendar.at(now);
        for usage in usages {
            self.accounts.restore(usage, &windows, now);
        }
    }

    /// Returns the quota of an account.
    pub(crate) fn of(&self, entry: &Entry) -> Option<&Quota> {
        self.list.iter().find(|(id, _)| *id == entry.quota).map(|(_, quota)| quota)
    }

    /// Hashes all owners before the first lock, which would keep the next name from being fetched
    /// meanwhile; quotas of one owner, who is named again and again, need one.
    fn hashes(&self, applicable: &[Applicable]) -> SmallVec<[u64; USUAL]> {
        let mut hashes = SmallVec::<[u64; USUAL]>::new();
        for (at, Applicable { subject, .. }) in applicable.iter().enumerate() {
            let before = applicable[..at].last().filter(|before| before.subject == *subject);
            let known = before.and_then(|_| hashes.last().copied());
            hashes.push(known.unwrap_or_else(|| self.accounts.hash(subject)));
        }
        hashes
    }

    /// Opens the accounts, each once, in the one order in which they may be locked together.
    fn open(
        &self,
        applicable: &[Applicable],
        now: UnixTime,
    ) -> Result<SmallVec<[Open<'_>; USUAL]>, NotAdmitted> {
        let hashes = self.hashes(applicable);
        let open = applicable.iter().zip(hashes).map(|(Applicable { quota, subject }, hash)| {
            let (id, quota) = self.list.get(*quota).ok_or(NotAdmitted::Uncounted)?;
            let entry = self.accounts.open(*id, (subject, hash), now);
            Ok::<_, NotAdmitted>(Open { entry: entry.ok_or(NotAdmitted::Uncounted)?, quota })
        });
        let mut open = open.collect::<Result<SmallVec<[_; USUAL]>, _>>()?;
        open.sort_unstable_by_key(|it| Arc::as_ptr(&it.entry));
        open.dedup_by(|one, other| Arc::ptr_eq(&one.entry, &other.entry));
        Ok(open)
    }
}

#[cfg(test)]
mod tests;
