//! `GET /-/me`: who the caller is here, what is left of its quotas, and what waits for its turn.

use http::{Method, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use stockade_authn::Identity;
use stockade_core::{Causes, CredentialId, GroupName, ModelName, ProofKind, UnixTime, UserId};
use stockade_usage::headers::QuotaState;
use stockade_usage::turn::QueueSnapshot;
use stockade_usage::{Again, LimitKind, OnExceeded};

use crate::context::Context;
use crate::forward::answer::AnswerBody;
use crate::gateway::Head;
use crate::identify::Identifier;
use crate::metering::Metering;
use crate::own::answered;
use crate::record::{Record, Recorder};
use crate::refused::Refused;

/// The endpoint, with the steps that it shares with other requests.
pub(crate) struct MeEndpoint<'a> {
    pub(crate) identifier: &'a Identifier,
    pub(crate) recorder: &'a Recorder,
    pub(crate) metering: &'a Metering,
}

/// The answer.
#[derive(Serialize)]
struct Me<'a> {
    user: &'a UserId,
    /// The owner of the credential, where that is somebody who speaks for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    front_end: Option<&'a UserId>,
    groups: &'a [GroupName],
    proof: ProofKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a CredentialId>,
    /// The limits of the quotas, each with what is left of it.
    quotas: Vec<Share>,
    /// The queue before Ollama, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<OwnQueue>,
}

/// The state of one limit of one quota.
#[derive(Serialize)]
struct Share {
    quota: String,
    /// `requests`, `tokens`, `input_tokens`, `output_tokens`, `gpu_time` in milliseconds, or
    /// `pulled` in bytes.
    of: &'static str,
    /// `minute`, `hour`, `day`, `month`, or `at-once`.
    per: &'static str,
    limit: u64,
    used: u64,
    /// The amount that is held for requests under way.
    held: u64,
    left: u64,
    /// The time from which all of it is there again, as the zone's clocks show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    resets: Option<String>,
    on_exceeded: &'static str,
}

/// The queue as one caller sees it: others have no names.
#[derive(Serialize)]
struct OwnQueue {
    slots: usize,
    running: usize,
    waiting: usize,
    /// The caller's requests that wait.
    own: Vec<OwnTurn>,
}

#[derive(Serialize)]
struct OwnTurn {
    model: ModelName,
    /// 1 for the request that is next.
    position: usize,
    waited_ms: u64,
    expected_ms: u64,
}

impl MeEndpoint<'_> {
    pub(crate) async fn answer(
        &self,
        context: &Context<'_>,
        head: Head<'_>,
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Refused> {
        let config = context.config();
        let in_path = head.key.allowed(&config.authentication)?;
        if head.parts.method != Method::GET {
            return Err(Refused::only(&Method::GET));
        }
        let caller = self.identifier.identify(context, head.parts, in_path).await?;
        record.identified(&caller);
        self.recorder.reserve(record, config)?;
        let me = serde_json::to_string(&self.of(context, &caller)).map_err(|error| {
            tracing::error!("a caller's page cannot be written: {}", Causes(&error));
            Refused::failed()
        })?;
        Ok(answered(me.into(), record))
    }

    fn of<'c>(&self, context: &Context<'_>, caller: &'c Identity) -> Me<'c> {
        let (generation, principal) = (context.generation, &caller.principal);
        let (quotas, now) = (generation.quotas(), context.now());
        let states = quotas.states(&generation.accounts_of(principal), now);
        let zone = quotas.calendar().zone();
        let queue = context.config().upstream.queue.map(|_| self.metering.queue());
        Me {
            user: &principal.user,
            front_end: caller.front_end.as_ref().map(|front_end| &front_end.user),
            groups: &principal.groups,
            proof: principal.proof,
            credential: principal.credential.as_ref(),
            quotas: states.into_iter().map(|state| share(state, zone, now)).collect(),
            queue: queue.map(|queue| own_queue(queue, &principal.user)),
        }
    }
}

fn share(state: QuotaState, zone: &TimeZone, now: UnixTime) -> Share {
    let QuotaState { quota, on_exceeded, allowance } = state;
    let (of, per) = match allowance.kind {
        LimitKind::Rate => ("requests", "minute"),
        LimitKind::Concurrent => ("requests", "at-once"),
        LimitKind::Budget(resource, period) => (resource.as_str(), period.as_str()),
    };
    let resets = match allowance.again {
        Again::At(time) if time > now => Timestamp::from_second(time.as_secs().cast_signed()).ok(),
        Again::At(_) | Again::WhenOthersEnd | Again::Never => None,
    };
    let on_the_clock = |time: Timestamp| time.to_zoned(zone.clone()).strftime("%FT%T%:z");
    Share {
        quota: quota.to_string(),
        of,
        per,
        limit: allowance.limit,
        used: allowance.used,
        held: allowance.held,
        left: allowance.left(),
        resets: resets.map(|time| on_the_clock(time).to_string()),
        on_exceeded: match on_exceeded {
            OnExceeded::Refuse => "refuse",
            OnExceeded::Last => "last",
            OnExceeded::Shadow => "shadow",
        },
    }
}

fn own_queue(queue: QueueSnapshot, user: &UserId) -> OwnQueue {
    let (slots, running, waiting) = (queue.slots, queue.running.len(), queue.waiting.len());
    let own = queue.waiting.into_iter().filter(|turn| turn.user == *user);
    let own = own.map(|turn| OwnTurn {
        model: turn.model,
        position: turn.position,
        waited_ms: turn.waited_ms,
        expected_ms: turn.expected_ms,
    });
    OwnQueue { slots, running, waiting, own: own.collect() }
}
