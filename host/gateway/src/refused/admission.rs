//! The refusals of quotas and of the queue.

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};
use jiff::tz::TimeZone;
use stockade_core::record::{Cause, RequestOutcome};
use stockade_core::{Conflict, Dialect, UnixTime};
use stockade_usage::NotAdmitted;
use stockade_usage::headers::{self, Header, QuotaState};
use stockade_usage::turn::{NoTurn, QueueFull};

use super::Refused;
use crate::forward::answer::BrokenAnswer;
use crate::record::Ground;

/// The seconds after which an account may be free, or the store of replicas back.
const LATER: HeaderValue = HeaderValue::from_static("10");

impl Refused {
    /// A quota has no room. The caller is told which, and from when on it has.
    pub(crate) fn not_admitted(
        refused: &NotAdmitted,
        states: &[QuotaState],
        (dialect, zone, now): (Dialect, &TimeZone, UnixTime),
    ) -> Self {
        let NotAdmitted::Exceeded(exceeded) = refused else {
            let cause = Cause::QuotaExceeded;
            let mut refused =
                Self::new(StatusCode::SERVICE_UNAVAILABLE, cause, refused.to_string());
            refused.headers.push((RETRY_AFTER, LATER));
            return refused;
        };
        let sentence = exceeded.sentence(zone, now);
        let message = format!("quota {}: {sentence}", exceeded.quota);
        let mut refused = Self::new(StatusCode::TOO_MANY_REQUESTS, Cause::QuotaExceeded, message);
        refused.quota = Some(exceeded.quota.clone());
        refused.headers.extend(values(headers::retry(exceeded, now)));
        refused.headers.extend(limits(states, dialect, now));
        refused
    }

    /// A policy wants a longer answer than a quota has room for.
    pub(crate) fn no_room_for_policy(conflict: &Conflict) -> Self {
        let message = format!("a quota has no room for what a policy demands: {conflict}");
        Self::new(StatusCode::TOO_MANY_REQUESTS, Cause::QuotaExceeded, message)
    }

    /// The request is under way, and needs more than a quota has left.
    pub(crate) fn quota_spent(spent: &BrokenAnswer) -> Self {
        let failed = Ground::Failure(RequestOutcome::UpstreamBroke);
        Self::on(failed, StatusCode::TOO_MANY_REQUESTS, spent.to_string())
    }

    /// There is no turn at Ollama for the request.
    pub(crate) fn no_turn(none: &NoTurn) -> Self {
        let status = match none {
            NoTurn::Full { full: QueueFull::PerUser(_), .. } => StatusCode::TOO_MANY_REQUESTS,
            NoTurn::Full { .. } | NoTurn::TimedOut { .. } => StatusCode::SERVICE_UNAVAILABLE,
        };
        let message = format!("Ollama is busy: {none}");
        let mut refused = Self::new(status, Cause::NoTurn, message);
        let seconds = none.retry_after().as_millis().div_ceil(1_000);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        refused.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        refused
    }
}

/// Returns the headers that tell how much is left of the tightest limits, for every client and for
/// those of an API.
pub(crate) fn limits(
    states: &[QuotaState],
    dialect: Dialect,
    now: UnixTime,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let own = match dialect {
        Dialect::Native => Vec::new(),
        Dialect::OpenAi => headers::open_ai(states, now),
        Dialect::Anthropic => headers::anthropic(states, now),
    };
    values(headers::ietf(states, now)).chain(values(own))
}

fn values(headers: Vec<Header>) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    headers.into_iter().filter_map(|(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
    })
}
