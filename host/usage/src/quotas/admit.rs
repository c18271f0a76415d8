//! The step that admits a request to all quotas that apply, or to none.

use std::sync::{Arc, MutexGuard};

use smallvec::SmallVec;
use stockade_core::UnixTime;
use tokio::sync::oneshot;

use super::{Applicable, Open, Quotas};
use crate::account::{Account, HeldIn, Lack, Request};
use crate::accounts::USUAL;
use crate::admission::{Admission, Charge};
use crate::amounts::{Amounts, Estimate, Room};
use crate::exceeded::{Exceeded, NotAdmitted};
use crate::grants::Purpose;
use crate::quota::OnExceeded;
use crate::sharing::Sharing;

/// The number of times that one request asks the store. What was granted to it may be taken by
/// others who came first.
const ASKS: usize = 3;

/// The replies of the store for which a request waits.
type Replies = Vec<oneshot::Receiver<()>>;

impl Quotas {
    /// Admits a request to every quota that applies, or to none, by what this process knows.
    /// Where replicas share limits, [`Quotas::admit_shared`] asks for what is not granted yet.
    ///
    /// # Errors
    /// Where a quota that refuses has no room, where an account cannot be kept, or where the
    /// store of replicas is away.
    pub fn admit(
        &self,
        applicable: &[Applicable],
        estimate: &Estimate,
        now: UnixTime,
    ) -> Result<Admission, NotAdmitted> {
        let is_connected = true;
        self.admit_finally(applicable, estimate, is_connected, now)
    }

    /// Admits a request like [`Quotas::admit`], after asking the store of replicas for what this
    /// one was not granted yet. Without a store, and where enough is granted, nothing waits.
    ///
    /// # Errors
    /// Those of [`Quotas::admit`].
    pub async fn admit_shared(
        &self,
        applicable: &[Applicable],
        estimate: &Estimate,
        now: UnixTime,
    ) -> Result<Admission, NotAdmitted> {
        let Some(sharing) = self.accounts.sharing() else {
            return self.admit(applicable, estimate, now);
        };
        for _ in 0..ASKS {
            let replies = match self.admit_or_ask(applicable, estimate, sharing, now) {
                Ok(result) => return result,
                Err(replies) => replies,
            };
            let all = futures_util::future::join_all(replies);
            if tokio::time::timeout(sharing.timeout, all).await.is_err() {
                return self.admit_finally(applicable, estimate, false, now);
            }
        }
        self.admit_finally(applicable, estimate, true, now)
    }

    /// Decides by what is known here. A store that has not answered in time is one that is away.
    fn admit_finally(
        &self,
        applicable: &[Applicable],
        estimate: &Estimate,
        is_in_time: bool,
        now: UnixTime,
    ) -> Result<Admission, NotAdmitted> {
        let mut store = self.accounts.sharing().map(|sharing| sharing.state(now, false));
        if let Some(store) = &mut store {
            store.is_connected &= is_in_time;
        }
        let request = Request { estimate, unsaid_output: self.unsaid_output, now, store };
        let open = self.open(applicable, now)?;
        let mut locked = self.lock(&open, now);
        let checked = locked.check(&request);
        self.finish(&open, locked, checked, &request)
    }

    fn admit_or_ask(
        &self,
        applicable: &[Applicable],
        estimate: &Estimate,
        sharing: &Sharing,
        now: UnixTime,
    ) -> Result<Result<Admission, NotAdmitted>, Replies> {
        let store = Some(sharing.state(now, true));
        let request = Request { estimate, unsaid_output: self.unsaid_output, now, store };
        let open = match self.open(applicable, now) {
            Ok(open) => open,
            Err(error) => return Ok(Err(error)),
        };
        let mut locked = self.lock(&open, now);
        let checked = locked.check(&request);
        if checked.refused.is_none() && checked.lacks_grant {
            return Err(locked.ask(&request, sharing));
        }
        Ok(self.finish(&open, locked, checked, &request))
    }

    fn lock<'o, 'q>(&self, open: &'o [Open<'q>], now: UnixTime) -> Locked<'o, 'q> {
        let mut accounts: SmallVec<[_; USUAL]> = open.iter().map(|it| it.entry.lock()).collect();
        let windows = self.calendar.at(now);
        for account in &mut accounts {
            account.roll(&windows, now);
        }
        Locked { open, accounts }
    }

    fn finish(
        &self,
        open: &[Open<'_>],
        mut locked: Locked<'_, '_>,
        checked: Checked,
        request: &Request<'_>,
    ) -> Result<Admission, NotAdmitted> {
        if let Some(refused) = checked.refused {
            return Err(refused);
        }
        let (held, caps) = self.granted(request.estimate, checked.room);
        let held_in = locked.hold(held, request.now);
        if let Some(sharing) = self.accounts.sharing() {
            locked.renew(sharing);
        }
        drop(locked);
        let charges = open.iter().zip(held_in).map(|(Open { entry, quota }, held_in)| {
            let (entry, rate) = (Arc::clone(entry), quota.limits.rate());
            Charge { entry, held_in, rate }
        });
        Ok(Admission {
            accounts: Arc::clone(&self.accounts),
            charges: charges.collect(),
            held,
            caps,
            is_last: checked.is_last,
            exceeded: checked.exceeded,
            seen: None,
            ended: request.now,
        })
    }
}

/// The accounts of one request, locked together.
struct Locked<'o, 'q> {
    open: &'o [Open<'q>],
    accounts: SmallVec<[MutexGuard<'o, Account>; USUAL]>,
}

/// The answer of all quotas together.
#[derive(Default)]
struct Checked {
    refused: Option<NotAdmitted>,
    /// The store has to be asked.
    lacks_grant: bool,
    room: Room,
    is_last: bool,
    exceeded: Vec<Exceeded>,
}

impl Locked<'_, '_> {
    fn check(&mut self, request: &Request<'_>) -> Checked {
        let mut checked = Checked::default();
        for (open, account) in self.open.iter().zip(&mut self.accounts) {
            if request.store.is_some() {
                account.share(open.quota);
            }
            let found = account.check(open.quota, request);
            checked.add(open, found);
        }
        checked
    }

    /// Asks the store for what accounts lack.
    fn ask(&mut self, request: &Request<'_>, sharing: &Sharing) -> Replies {
        let mut replies = Replies::new();
        for (Open { entry, quota }, account) in self.open.iter().zip(&mut self.accounts) {
            if account.check(quota, request) == Err(Lack::Grant) {
                replies.push(account.ask(quota, request));
                sharing.queue(entry, account, Purpose::Ask);
            }
        }
        replies
    }

    fn hold(&mut self, held: Amounts, now: UnixTime) -> SmallVec<[HeldIn; USUAL]> {
        let accounts = self.accounts.iter_mut().zip(self.open);
        accounts.map(|(account, open)| account.hold(held, &open.quota.limits, now)).collect()
    }

    /// Has more granted, in the background, where half of what was to spare is spent.
    fn renew(&mut self, sharing: &Sharing) {
        for (Open { entry, .. }, account) in self.open.iter().zip(&mut self.accounts) {
            if account.is_half_spent() {
                sharing.queue(entry, account, Purpose::Tell);
            }
        }
    }
}

impl Checked {
    fn add(&mut self, Open { entry, quota }: &Open<'_>, found: Result<Room, Lack>) {
        let exceeded = |allowance| {
            let (quota, subject) = (quota.name.clone(), entry.subject.clone());
            Exceeded { quota, subject, allowance }
        };
        match (quota.on_exceeded, found) {
            (OnExceeded::Refuse, Ok(room)) => self.room.narrow(room),
            (OnExceeded::Last, Ok(_)) | (OnExceeded::Shadow, Ok(_) | Err(Lack::Lost)) => {}
            (_, Err(Lack::Grant)) => self.lacks_grant = true,
            (OnExceeded::Last, Err(Lack::Lost)) => self.is_last = true,
            (
                on_exceeded @ (OnExceeded::Last | OnExceeded::Shadow),
                Err(Lack::Exceeded(allowance)),
            ) => {
                self.is_last |= on_exceeded == OnExceeded::Last;
                self.exceeded.push(exceeded(allowance));
            }
            (OnExceeded::Refuse, Err(lack)) => self.refuse(match lack {
                Lack::Exceeded(allowance) => exceeded(allowance).into(),
                Lack::Lost | Lack::Grant => NotAdmitted::StoreLost(quota.name.clone()),
            }),
        }
    }

    /// Keeps the reason that is in the way for longer.
    fn refuse(&mut self, reason: NotAdmitted) {
        self.refused = Some(match (self.refused.take(), reason) {
            (Some(NotAdmitted::Exceeded(one)), NotAdmitted::Exceeded(other)) => {
                NotAdmitted::from(other.worse(Some(*one)))
            }
            (Some(NotAdmitted::Exceeded(one)), _) => NotAdmitted::Exceeded(one),
            (_, reason) => reason,
        });
    }
}
