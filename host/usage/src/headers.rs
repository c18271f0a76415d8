//! The values of headers in which clients look for limits, each as its own world writes them.
//!
//! IETF: draft-ietf-httpapi-ratelimit-headers-11. Shadow quotas, and those that only put requests
//! behind others, are told to nobody.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use stockade_core::{QuotaName, UnixTime};

use crate::allowance::{Again, Allowance, LimitKind};
use crate::exceeded::Exceeded;
use crate::quota::{OnExceeded, Period, Resource};

/// The most limits that are told in one header.
const MOST: usize = 3;

/// A header: its name in lower case, and its value.
pub type Header = (&'static str, String);

/// The state of one limit of one quota that applies to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaState {
    /// The quota.
    pub quota: QuotaName,
    /// The rule for requests where it is exceeded.
    pub on_exceeded: OnExceeded,
    /// The state of the limit.
    pub allowance: Allowance,
}

/// Returns the headers that tell when to ask again.
pub fn retry(exceeded: &Exceeded, now: UnixTime) -> Vec<Header> {
    let mut headers = Vec::new();
    if let Some(wait) = exceeded.retry_after(now) {
        let milliseconds = wait.as_millis();
        headers.push(("retry-after", milliseconds.div_ceil(1_000).to_string()));
        headers.push(("retry-after-ms", milliseconds.to_string()));
    }
    if !exceeded.should_retry(now) {
        headers.push(("x-should-retry", "false".to_owned()));
    }
    headers
}

/// Returns `RateLimit-Policy` and `RateLimit` of the tightest limits.
pub fn ietf(states: &[QuotaState], now: UnixTime) -> Vec<Header> {
    let (mut policies, mut limits) = (String::new(), String::new());
    for state in tightest(states, |_| true).into_iter().take(MOST) {
        let Allowance { kind, limit, window, .. } = state.allowance;
        let (unit, label) = words(kind);
        let separator = if policies.is_empty() { "" } else { ", " };
        let name = quoted(&format!("{}-{label}", state.quota));
        let left = state.allowance.left();
        let _ = write!(policies, "{separator}{name};q={limit};qu=\"{unit}\"");
        let _ = write!(limits, "{separator}{name};r={left}");
        if window > 0 {
            let _ = write!(policies, ";w={window}");
            let _ =
                write!(limits, ";t={}", reset(&state.allowance, now).as_millis().div_ceil(1_000));
        }
    }
    if policies.is_empty() {
        return Vec::new();
    }
    vec![("ratelimit-policy", policies), ("ratelimit", limits)]
}

/// Returns the headers that `OpenAI`'s clients know, of the tightest limits.
pub fn open_ai(states: &[QuotaState], now: UnixTime) -> Vec<Header> {
    let requests = [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ];
    let tokens =
        ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
    let show = |allowance: &Allowance| span(reset(allowance, now));
    let mut headers = group(states, requests, is_requests, show);
    headers.extend(group(states, tokens, is_tokens, show));
    headers
}

/// Returns the headers that Anthropic's clients know, of the tightest limits.
pub fn anthropic(states: &[QuotaState], now: UnixTime) -> Vec<Header> {
    let show = |allowance: &Allowance| moment(reset(allowance, now), now);
    let mut headers = Vec::new();
    for (names, wanted) in ANTHROPIC {
        headers.extend(group(states, names, wanted, show));
    }
    headers
}

type IsWanted = fn(LimitKind) -> bool;

const ANTHROPIC: [([&str; 3], IsWanted); 4] = [
    (
        [
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
        ],
        is_requests,
    ),
    (
        [
            "anthropic-ratelimit-tokens-limit",
            "anthropic-ratelimit-tokens-remaining",
            "anthropic-ratelimit-tokens-reset",
        ],
        is_tokens,
    ),
    (
        [
            "anthropic-ratelimit-input-tokens-limit",
            "anthropic-ratelimit-input-tokens-remaining",
            "anthropic-ratelimit-input-tokens-reset",
        ],
        |kind| matches!(kind, LimitKind::Budget(Resource::InputTokens, _)),
    ),
    (
        [
            "anthropic-ratelimit-output-tokens-limit",
            "anthropic-ratelimit-output-tokens-remaining",
            "anthropic-ratelimit-output-tokens-reset",
        ],
        |kind| matches!(kind, LimitKind::Budget(Resource::OutputTokens, _)),
    ),
];

fn is_requests(kind: LimitKind) -> bool {
    matches!(kind, LimitKind::Rate | LimitKind::Budget(Resource::Requests, _))
}

fn is_tokens(kind: LimitKind) -> bool {
    matches!(kind, LimitKind::Budget(Resource::Tokens, _))
}

/// Returns three headers of the tightest limit of a kind: limit, remaining, reset.
fn group(
    states: &[QuotaState],
    names: [&'static str; 3],
    wanted: fn(LimitKind) -> bool,
    show: impl Fn(&Allowance) -> String,
) -> Vec<Header> {
    let found = tightest(states, wanted).into_iter().next();
    found.map_or_else(Vec::new, |QuotaState { allowance, .. }| {
        let values = [allowance.limit.to_string(), allowance.left().to_string(), show(allowance)];
        names.into_iter().zip(values).collect()
    })
}

/// Returns limits that refuse, those of which the smallest part is left first.
fn tightest(states: &[QuotaState], wanted: fn(LimitKind) -> bool) -> Vec<&QuotaState> {
    let is_told = |state: &&QuotaState| {
        state.on_exceeded == OnExceeded::Refuse && wanted(state.allowance.kind)
    };
    let mut told: Vec<_> = states.iter().filter(is_told).collect();
    let part = |allowance: &Allowance| {
        u128::from(allowance.left()) * 1_000_000 / u128::from(allowance.limit.max(1))
    };
    told.sort_by_key(|state| part(&state.allowance));
    told
}

fn reset(allowance: &Allowance, now: UnixTime) -> Duration {
    match allowance.again {
        Again::At(time) => time.as_duration().saturating_sub(now.as_duration()),
        Again::WhenOthersEnd | Again::Never => Duration::ZERO,
    }
}

/// Returns the unit of a limit, and what distinguishes it within its quota.
const fn words(kind: LimitKind) -> (&'static str, &'static str) {
    use Period::{Day, Hour, Month};
    match kind {
        LimitKind::Rate => ("requests", "requests-minute"),
        LimitKind::Concurrent => ("concurrent-requests", "concurrent"),
        LimitKind::Budget(Resource::Requests, Hour) => ("requests", "requests-hour"),
        LimitKind::Budget(Resource::Requests, Day) => ("requests", "requests-day"),
        LimitKind::Budget(Resource::Requests, Month) => ("requests", "requests-month"),
        LimitKind::Budget(Resource::Tokens, Hour) => ("tokens", "tokens-hour"),
        LimitKind::Budget(Resource::Tokens, Day) => ("tokens", "tokens-day"),
        LimitKind::Budget(Resource::Tokens, Month) => ("tokens", "tokens-month"),
        LimitKind::Budget(Resource::InputTokens, Hour) => ("tokens", "input-hour"),
        LimitKind::Budget(Resource::InputTokens, Day) => ("tokens", "input-day"),
        LimitKind::Budget(Resource::InputTokens, Month) => ("tokens", "input-month"),
        LimitKind::Budget(Resource::OutputTokens, Hour) => ("tokens", "output-hour"),
        LimitKind::Budget(Resource::OutputTokens, Day) => ("tokens", "output-day"),
        LimitKind::Budget(Resource::OutputTokens, Month) => ("tokens", "output-month"),
        LimitKind::Budget(Resource::GpuTime, Hour) => ("gpu-milliseconds", "gpu-time-hour"),
        LimitKind::Budget(Resource::GpuTime, Day) => ("gpu-milliseconds", "gpu-time-day"),
        LimitKind::Budget(Resource::GpuTime, Month) => ("gpu-milliseconds", "gpu-time-month"),
        LimitKind::Budget(Resource::PulledBytes, Hour) => ("content-bytes", "pulled-hour"),
        LimitKind::Budget(Resource::PulledBytes, Day) => ("content-bytes", "pulled-day"),
        LimitKind::Budget(Resource::PulledBytes, Month) => ("content-bytes", "pulled-month"),
    }
}

/// Returns a String of structured fields (RFC 8941), in which there is ASCII only.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('_'),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns a span of time as `OpenAI` writes it: `1h6m0s`, or `350ms`.
fn span(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{}ms", time.as_millis());
    }
    let seconds = time.as_millis().div_ceil(1_000);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// Returns a moment after a span of time (RFC 3339), in whole seconds.
fn moment(time: Duration, now: UnixTime) -> String {
    let seconds = (now.as_duration() + time).as_millis().div_ceil(1_000);
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests;
