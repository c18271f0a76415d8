//! Quotas as they are meant: what a configuration may say is a value of these types.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};

use stockade_core::{CredentialId, GroupName, ModelName, QuotaName, UserId};

use crate::rate::Rate;

/// A thing of which a quota gives a limited amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Requests.
    Requests,
    /// Tokens of prompts and answers together.
    Tokens,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
    /// Milliseconds of GPU time.
    GpuTime,
    /// Bytes of models that are fetched from a registry.
    PulledBytes,
}

impl Resource {
    /// Returns the name of the key of a configuration that limits it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::GpuTime => "gpu_time",
            Self::PulledBytes => "pulled",
        }
    }
}

/// A calendar window in which a budget holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the first of the next.
    Month,
}

impl Period {
    /// All periods, the shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Returns its place in [`Period::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The most of a resource that may be used in each window of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The resource.
    pub resource: Resource,
    /// The period.
    pub period: Period,
    /// The most that may be used, in the resource's own unit.
    pub limit: NonZeroU64,
}

/// The rule for requests that a quota has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExceeded {
    /// They are refused.
    #[default]
    Refuse,
    /// They are served behind everybody else's.
    Last,
    /// They are served and told of.
    Shadow,
}

/// The rule for a limit while the store that replicas share cannot be asked, or was emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStoreLoss {
    /// Requests may use what this replica was granted; what needs more is refused.
    Refuse,
    /// This replica counts alone, up to its share: the limit divided by the replicas there were.
    Local,
    /// This replica counts alone, up to the whole limit.
    Ignore,
}

/// The kind of subject that has an account of its own in a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    /// Each user, with all keys and tokens.
    User,
    /// Each group.
    Group,
    /// Each credential.
    Key,
    /// All subjects of the quota share one account.
    Together,
}

/// The holder of one account in a quota.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user.
    User(UserId),
    /// A user's requests for one model.
    UserModel(UserId, ModelName),
    /// A group.
    Group(GroupName),
    /// A credential, whose name is unique among those of its user.
    Key(UserId, CredentialId),
    /// Everybody for whom the quota is.
    Together,
}

/// The limits of a quota, none of them twice: at least one, unless it only counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    rate: Option<Rate>,
    budgets: Box<[Budget]>,
    concurrent: Option<NonZeroU32>,
}

/// The reason why limits cannot be those of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLimits {
    /// There are none.
    #[error("a quota needs at least one limit")]
    None,
    /// Two limits are about the same resource and period.
    #[error("the quota limits {} per {} twice", name(*.0), .1)]
    Twice(Resource, Period),
    /// Tokens are limited together and apart.
    #[error("a quota limits tokens together, or input and output, not both")]
    TogetherAndApart,
}

/// A limit that never decides anything, because another limit of the quota is reached before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverReached {
    /// The limit that is never reached.
    pub budget: Budget,
    /// The limit of a longer period that is reached before.
    pub before: Budget,
}

impl fmt::Display for NeverReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { budget, before } = self;
        write!(
            f,
            "the limit of {} {} per {} is never reached: there are {} per {}",
            budget.limit,
            name(budget.resource),
            budget.period,
            before.limit,
            before.period
        )
    }
}

/// Returns the plural of what a resource is counted in.
pub(crate) const fn name(resource: Resource) -> &'static str {
    match resource {
        Resource::Requests => "requests",
        Resource::Tokens => "tokens",
        Resource::InputTokens => "tokens of prompts",
        Resource::OutputTokens => "tokens of answers",
        Resource::GpuTime => "milliseconds of GPU time",
        Resource::PulledBytes => "pulled bytes",
    }
}

impl Limits {
    /// No limits, for what is only counted.
    pub fn counting() -> Self {
        Self::default()
    }

    /// Checks limits and keeps them together.
    pub fn new(
        rate: Option<Rate>,
        budgets: Vec<Budget>,
        concurrent: Option<NonZeroU32>,
    ) -> Result<Self, InvalidLimits> {
        if rate.is_none() && budgets.is_empty() && concurrent.is_none() {
            return Err(InvalidLimits::None);
        }
        for (at, budget) in budgets.iter().enumerate() {
            let is_same = |b: &Budget| (b.resource, b.period) == (budget.resource, budget.period);
            if budgets[..at].iter().any(is_same) {
                return Err(InvalidLimits::Twice(budget.resource, budget.period));
            }
        }
        let limits = |resource| budgets.iter().any(|budget| budget.resource == resource);
        let is_apart = limits(Resource::InputTokens) || limits(Resource::OutputTokens);
        if limits(Resource::Tokens) && is_apart {
            return Err(InvalidLimits::TogetherAndApart);
        }
        Ok(Self { rate, budgets: budgets.into(), concurrent })
    }

    /// Tells whether there are none.
    pub(crate) fn only_count(&self) -> bool {
        self.rate.is_none() && self.budgets.is_empty() && self.concurrent.is_none()
    }

    /// Returns the limit of requests in a minute.
    pub const fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// Returns the limits that hold for calendar windows.
    pub const fn budgets(&self) -> &[Budget] {
        &self.budgets
    }

    /// Returns the most requests that may be under way at once.
    pub const fn concurrent(&self) -> Option<NonZeroU32> {
        self.concurrent
    }

    /// Finds limits that are as high as one of a longer period, or higher.
    pub fn never_reached(&self) -> impl Iterator<Item = NeverReached> + '_ {
        self.budgets.iter().filter_map(|budget| {
            let is_before = |other: &&Budget| {
                other.resource == budget.resource
                    && other.period > budget.period
                    && other.limit <= budget.limit
            };
            let before = self.budgets.iter().find(is_before)?;
            Some(NeverReached { budget: *budget, before: *before })
        })
    }
}

/// A share of the machine: limits, and what happens where they are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The name; a quota of the same name goes on with what was used.
    pub name: QuotaName,
    /// The kind of subject that has an account.
    pub per: Per,
    /// The limits of each account.
    pub limits: Limits,
    /// The rule for requests that there is no room for.
    pub on_exceeded: OnExceeded,
    /// The rule while the store of replicas is away. `None` is refuse for budgets, local for
    /// requests at once, and ignore for requests per minute.
    pub on_store_loss: Option<OnStoreLoss>,
}

#[cfg(test)]
mod tests;
