//! Quotas: the limits, the subjects that have them, and the requests that count.

use std::num::{NonZeroU32, NonZeroU64};
use std::ops::RangeInclusive;
use std::time::Duration;

use stockade_core::{ModelPattern, QuotaName};
use stockade_usage::{
    Budget, InvalidLimits, Limits, OnExceeded, OnStoreLoss, Per, Period, Quota, Rate, Resource,
};
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned};

use super::bindings::{Known, subjects};
use super::config_tests::operation;
use super::names::Unique;
use super::quantities::{Quantity, whole};
use crate::raw::{
    Exceeding, PerSubject, RawCounts, RawQuota, RawRequests, RawSizes, RawTimes, StoreLoss,
};
use crate::types::{QuotaRule, Upstream};

/// Quotas of the gateway's own begin with this.
const RESERVED: &str = "stockade/";
/// Larger numbers are a slip of the hand.
const MOST: u64 = 1_000_000_000_000_000;
/// The most requests in a minute.
const MOST_PER_MINUTE: u64 = 10_000_000;

pub(super) fn quotas(
    raw: Field<Vec<Field<RawQuota>>>,
    known: &Known<'_>,
    upstream: &Upstream,
    diagnostics: &mut Diagnostics,
) -> Vec<QuotaRule> {
    let has_turns = upstream.queue.is_some();
    let mut names = Unique::new();
    let raw = raw.value().unwrap_or_default().into_iter().filter_map(Field::optional);
    raw.filter_map(|raw| quota(raw, known, has_turns, &mut names, diagnostics)).collect()
}

fn quota(
    Spanned { at, value: raw }: Spanned<RawQuota>,
    known: &Known<'_>,
    has_turns: bool,
    names: &mut Unique<QuotaName>,
    diagnostics: &mut Diagnostics,
) -> Option<QuotaRule> {
    let is_unlimited = is_unlimited(&raw);
    let name = raw.name.required("name", at, diagnostics);
    let name = name.and_then(|name| self::name(&name, names, diagnostics));
    let subjects = raw.subjects.required("subjects", at, diagnostics);
    let subjects = subjects.and_then(|raw| self::subjects(raw, known, diagnostics));
    let models = all(raw.models, "models", diagnostics, pattern);
    let operations = all(raw.operations, "operations", diagnostics, operation);
    let mut found = Found { budgets: Vec::new(), diagnostics };
    let rate = found.requests(raw.requests);
    found.counts(Resource::Tokens, raw.tokens);
    found.counts(Resource::InputTokens, raw.input_tokens);
    found.counts(Resource::OutputTokens, raw.output_tokens);
    found.times(raw.gpu_time);
    found.sizes(raw.pulled);
    let Found { budgets, .. } = found;
    let concurrent = whole(1..=1_000_000).read_number(raw.concurrent, diagnostics);
    let concurrent = concurrent.and_then(|most| NonZeroU32::new(u32::try_from(most).ok()?));
    let limits = Limits::new(rate, budgets, concurrent).map_err(|error| {
        // What is written and could not be read has been reported.
        if is_unlimited || error != InvalidLimits::None {
            diagnostics.add(no_limits(at, error));
        }
    });
    let on_exceeded = on_exceeded(raw.on_exceeded, has_turns, diagnostics);
    let per = raw.per.value().map_or(Per::User, Per::from);
    Some(QuotaRule {
        quota: Quota {
            name: name?,
            per,
            limits: limits.ok()?,
            on_exceeded: on_exceeded?,
            on_store_loss: raw.on_store_loss.value().map(OnStoreLoss::from),
        },
        description: raw.description.value(),
        subjects: subjects?,
        models: models?,
        operations: operations?,
        at,
    })
}

const fn is_unlimited(raw: &RawQuota) -> bool {
    matches!(raw.requests, Field::Absent)
        && matches!(raw.tokens, Field::Absent)
        && matches!(raw.input_tokens, Field::Absent)
        && matches!(raw.output_tokens, Field::Absent)
        && matches!(raw.gpu_time, Field::Absent)
        && matches!(raw.concurrent, Field::Absent)
        && matches!(raw.pulled, Field::Absent)
}

fn no_limits(at: Location, error: InvalidLimits) -> Problem {
    let problem = Problem::new(at, error.to_string());
    match error {
        InvalidLimits::None => problem.help(
            "write some of `requests`, `tokens`, `input_tokens`, `output_tokens`, `gpu_time`, \
             `concurrent` and `pulled`",
        ),
        InvalidLimits::TogetherAndApart | InvalidLimits::Twice(..) => {
            problem.help("make two quotas of it")
        }
    }
}

impl From<StoreLoss> for OnStoreLoss {
    fn from(loss: StoreLoss) -> Self {
        match loss {
            StoreLoss::Refuse => Self::Refuse,
            StoreLoss::Local => Self::Local,
            StoreLoss::Ignore => Self::Ignore,
        }
    }
}

impl From<PerSubject> for Per {
    fn from(per: PerSubject) -> Self {
        match per {
            PerSubject::User => Self::User,
            PerSubject::Group => Self::Group,
            PerSubject::Key => Self::Key,
            PerSubject::Together => Self::Together,
        }
    }
}

fn name(
    text: &Spanned<String>,
    names: &mut Unique<QuotaName>,
    diagnostics: &mut Diagnostics,
) -> Option<QuotaName> {
    let name = text.check(diagnostics, |name| QuotaName::new(name))?;
    if name.as_str().starts_with(RESERVED) {
        let message = format!("names that begin with {RESERVED} are the gateway's own");
        diagnostics.add(Problem::new(text.at, message).help("choose another name"));
        return None;
    }
    names.check(name.clone(), &format!("the quota name {name:?}"), text.at, diagnostics);
    Some(name)
}

/// Reads a list, which is empty where there is none: `None` if some of it could not be read.
fn all<T>(
    raw: Field<Vec<Field<String>>>,
    key: &str,
    diagnostics: &mut Diagnostics,
    read: impl Fn(&Spanned<String>, &mut Diagnostics) -> Option<T>,
) -> Option<Vec<T>> {
    let Spanned { at, value } = match raw {
        Field::Absent => return Some(Vec::new()),
        Field::Invalid => return None,
        Field::Present(list) => list,
    };
    if value.is_empty() {
        let help = format!("leave out `{key}` if all count");
        diagnostics.add(Problem::new(at, "nothing counts by an empty list").help(help));
        return None;
    }
    let read: Vec<_> = value.into_iter().map(|item| read(&item.optional()?, diagnostics)).collect();
    read.into_iter().collect()
}

fn pattern(text: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<ModelPattern> {
    text.check(diagnostics, |text| text.parse::<ModelPattern>())
}

/// Nobody is last where nobody waits.
fn on_exceeded(
    raw: Field<Exceeding>,
    has_turns: bool,
    diagnostics: &mut Diagnostics,
) -> Option<OnExceeded> {
    match raw.optional().map(|raw| (raw.value, raw.at)) {
        None | Some((Exceeding::Refuse, _)) => Some(OnExceeded::Refuse),
        Some((Exceeding::Shadow, _)) => Some(OnExceeded::Shadow),
        Some((Exceeding::Last, _)) if has_turns => Some(OnExceeded::Last),
        Some((Exceeding::Last, at)) => {
            let message = "nobody can be last, because nobody waits for a turn";
            let help = "say by `upstream: { slots: … }` how many requests Ollama works on at once";
            diagnostics.add(Problem::new(at, message).help(help));
            None
        }
    }
}

/// The limits of a quota that hold for calendar windows, as they are met.
struct Found<'d> {
    budgets: Vec<Budget>,
    diagnostics: &'d mut Diagnostics,
}

impl Found<'_> {
    fn requests(&mut self, raw: Field<RawRequests>) -> Option<Rate> {
        let RawRequests { minute, burst, hour, day, month } = raw.value().unwrap_or_default();
        self.windows(Resource::Requests, [hour, day, month], &Quantity::amount(1..=MOST));
        let quantity = Quantity::amount(1..=MOST_PER_MINUTE);
        let burst_at = burst.location();
        let number = |text: Field<String>, diagnostics: &mut Diagnostics| {
            NonZeroU32::new(u32::try_from(quantity.read(text, diagnostics)?).ok()?)
        };
        let is_given = !matches!(minute, Field::Absent);
        let per_minute = number(minute, self.diagnostics);
        let burst = number(burst, self.diagnostics);
        if let (Some(at), false) = (burst_at, is_given) {
            let problem = Problem::new(at, "a burst is one of requests per minute");
            self.diagnostics.add(problem.help("write `minute` as well, or leave out `burst`"));
        }
        per_minute.map(|per_minute| Rate::new(per_minute, burst.unwrap_or(per_minute)))
    }

    fn counts(&mut self, resource: Resource, raw: Field<RawCounts>) {
        let RawCounts { hour, day, month } = raw.value().unwrap_or_default();
        self.windows(resource, [hour, day, month], &Quantity::amount(1..=MOST));
    }

    fn times(&mut self, raw: Field<RawTimes>) {
        const LONGEST: Duration = Duration::from_hours(24 * 366 * 100);
        let RawTimes { hour, day, month } = raw.value().unwrap_or_default();
        let range: RangeInclusive<Duration> = Duration::from_secs(1)..=LONGEST;
        let quantity = Quantity::duration(range);
        for (period, text) in Period::ALL.into_iter().zip([hour, day, month]) {
            let time = quantity.read(text, self.diagnostics);
            let limit = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            self.add(Resource::GpuTime, period, limit);
        }
    }

    fn sizes(&mut self, raw: Field<RawSizes>) {
        let RawSizes { hour, day, month } = raw.value().unwrap_or_default();
        let quantity = Quantity::size(1..=1 << 60);
        self.windows(Resource::PulledBytes, [hour, day, month], &quantity);
    }

    fn windows(&mut self, resource: Resource, raw: [Field<String>; 3], quantity: &Quantity<u64>) {
        for (period, text) in Period::ALL.into_iter().zip(raw) {
            let limit = quantity.read(text, self.diagnostics);
            self.add(resource, period, limit);
        }
    }

    fn add(&mut self, resource: Resource, period: Period, limit: Option<u64>) {
        let limit = limit.and_then(NonZeroU64::new);
        self.budgets.extend(limit.map(|limit| Budget { resource, period, limit }));
    }
}
