//! The quotas of a generation: which of them a request counts in, and in whose account.

use std::num::NonZeroUsize;
use std::sync::Arc;

use smallvec::SmallVec;
use stockade_config::{Config, QuotaRule};
use stockade_core::{
    AccessClass, Counter, ModelRef, ModelRole, Operation, Principal, QuotaName, UnixTime, Usage,
    UserId, Windows,
};
use stockade_engine::Inputs;
use stockade_usage::{
    Accounts, Amounts, Applicable, DuplicateQuota, Limits, OnExceeded, OnStoreLoss, Per, Period,
    Quota, Quotas, Subject,
};

use super::subjects::ByCaller;

/// Accounts that are kept at once, of 350 bytes each.
const MOST_ACCOUNTS: NonZeroUsize = NonZeroUsize::new(200_000).expect("it is not 0");
/// Quotas that usually apply to one request.
const USUAL: usize = 6;
/// The names of what is only counted, for policies that are told of it. No configuration may use
/// them.
const COUNTED: [&str; 2] = ["stockade/user", "stockade/user-model"];

/// The quotas that apply to one request.
pub type Applying = SmallVec<[Applicable; USUAL]>;

/// The quotas of a generation, over accounts that outlive it.
pub(super) struct QuotaTable {
    quotas: Arc<Quotas>,
    /// The places of the rules that limit a caller.
    positions: ByCaller<Arc<[usize]>>,
    /// The place of the first quota that only counts.
    counted: usize,
    /// True if a policy is told what was used, so that it is counted.
    counts_usage: bool,
}

impl QuotaTable {
    pub(super) fn new(config: &Config, inputs: Inputs) -> Result<Self, DuplicateQuota> {
        let accounts = Arc::new(Accounts::new(MOST_ACCOUNTS));
        let counted = COUNTED.iter().filter_map(|name| QuotaName::new(name).ok());
        let counted = counted.map(|name| Quota {
            name,
            per: Per::User,
            limits: Limits::counting(),
            on_exceeded: OnExceeded::Shadow,
            on_store_loss: Some(OnStoreLoss::Ignore),
        });
        let list = config.quotas.iter().map(|rule| rule.quota.clone()).chain(counted).collect();
        let zone = config.time_zone.clone();
        Ok(Self {
            quotas: Arc::new(Quotas::new(accounts, list, zone, config.usage.answer_limit)?),
            positions: ByCaller::new(config.quotas.iter().map(|rule| &rule.subjects)),
            counted: config.quotas.len(),
            counts_usage: inputs.has(Inputs::USAGE),
        })
    }

    /// The quotas of a generation that permits nobody anything.
    pub(super) fn none(config: &Config) -> Self {
        let accounts = Arc::new(Accounts::new(NonZeroUsize::MIN));
        let zone = config.time_zone.clone();
        Self {
            quotas: Arc::new(Quotas::none(accounts, zone)),
            positions: ByCaller::new(std::iter::empty()),
            counted: 0,
            counts_usage: false,
        }
    }

    /// Returns the same over other accounts.
    pub(super) fn counting_in(self, accounts: Arc<Accounts>) -> Self {
        Self { quotas: Arc::new(self.quotas.counting_in(accounts)), ..self }
    }

    pub(super) const fn quotas(&self) -> &Arc<Quotas> {
        &self.quotas
    }

    /// Finds the accounts in which a request counts.
    pub(super) fn applying(
        &self,
        rules: &[QuotaRule],
        principal: &Principal,
        (operation, models): (Operation, &[ModelRef]),
    ) -> Applying {
        let counts = |rule: &QuotaRule| rule.counts(operation, models);
        let mut applying = self.accounts_where(rules, principal, counts);
        if self.counts_usage && operation.access() == AccessClass::Inference {
            applying.extend(counted(self.counted, &principal.user, models));
        }
        applying
    }

    /// Finds the accounts of a caller, whatever it asks for.
    pub(super) fn accounts_of(&self, rules: &[QuotaRule], principal: &Principal) -> Applying {
        self.accounts_where(rules, principal, |_| true)
    }

    fn accounts_where(
        &self,
        rules: &[QuotaRule],
        principal: &Principal,
        counts: impl Fn(&QuotaRule) -> bool,
    ) -> Applying {
        let mut applying = Applying::new();
        if rules.is_empty() {
            return applying;
        }
        for &position in self.positions.of(principal, Into::into).iter() {
            let rule = &rules[position];
            if counts(rule) {
                let subjects = subjects(rule, principal).into_iter();
                applying.extend(subjects.map(|subject| Applicable { quota: position, subject }));
            }
        }
        applying
    }

    /// Returns what policies are told of a caller's usage.
    pub(super) fn usage(&self, (user, models): (&UserId, &[ModelRef]), now: UnixTime) -> Usage {
        let mut usage = Usage::default();
        for applicable in counted(self.counted, user, models) {
            let in_window = |period| counter(self.quotas.used(&applicable, period, now));
            let windows = if matches!(applicable.subject, Subject::User(_)) {
                &mut usage.total
            } else {
                &mut usage.with_model
            };
            windows.minute += counter(self.quotas.used_in_last_minute(&applicable, now));
            windows.hour += in_window(Period::Hour);
            windows.day += in_window(Period::Day);
            windows.month += in_window(Period::Month);
        }
        usage
    }
}

/// Returns the accounts in which everything counts that policies are told.
fn counted<'a>(
    first: usize,
    user: &'a UserId,
    models: &'a [ModelRef],
) -> impl Iterator<Item = Applicable> + 'a {
    let run = models.iter().filter(|model| model.role == ModelRole::Use);
    let with_model = run.map(move |model| Applicable {
        quota: first + 1,
        subject: Subject::UserModel(user.clone(), model.name.clone()),
    });
    std::iter::once(Applicable { quota: first, subject: Subject::User(user.clone()) })
        .chain(with_model)
}

/// Returns whose accounts a rule charges for a caller. Whoever is in none of the groups that share
/// one has an account of their own, so that nobody is without a limit.
fn subjects(rule: &QuotaRule, principal: &Principal) -> SmallVec<[Subject; 1]> {
    let user = || Subject::User(principal.user.clone());
    let one = match rule.quota.per {
        Per::User => user(),
        Per::Together => Subject::Together,
        Per::Key => match &principal.credential {
            Some(credential) => Subject::Key(principal.user.clone(), credential.clone()),
            None => user(),
        },
        Per::Group => {
            let shares = |group| rule.subjects.everyone || rule.subjects.groups.contains(group);
            let groups = principal.groups.iter().filter(|group| shares(*group));
            let groups: SmallVec<[_; 1]> = groups.cloned().map(Subject::Group).collect();
            if !groups.is_empty() {
                return groups;
            }
            user()
        }
    };
    SmallVec::from_buf([one])
}

/// Returns what policies are told of somebody who has used this much in this hour.
pub(super) fn supposed_usage(used: Amounts) -> Usage {
    let counter = counter(used);
    let windows = Windows { minute: counter, hour: counter, day: counter, month: counter };
    Usage { total: windows, with_model: windows }
}

/// Returns amounts as policies are told them.
fn counter(amounts: Amounts) -> Counter {
    Counter {
        requests: amounts.requests,
        tokens: amounts.input.saturating_add(amounts.output),
        gpu_milliseconds: amounts.gpu_ms,
    }
}
