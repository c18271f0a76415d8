//! One line in the log for each request, whatever happened to it, and one charge for its caller.

mod charge;
mod refusal;
mod usage;
mod written;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::{Method, StatusCode};
use stockade_authn::{ClientIp, Identity};
use stockade_config::{Config, WhenStuck};
use stockade_control::shadow_generation::ShadowFeed;
use stockade_core::record::{Charged, RecordedInput, RequestOutcome, ShadowVerdict, Steps};
use stockade_core::{
    BindingName, Causes, ModelName, ModelRef, Obligations, Operation, Permit, QuotaName,
};
use stockade_log as log;
use stockade_ollama::response::Measurement;
use stockade_ollama::shown_path;

use crate::audit::{self, Audit, Place};
use crate::connection::info::PeerAddr;
use crate::forward::answer::BrokenAnswer;
use charge::Charge;
pub(crate) use charge::Waiting;
use refusal::Reason;
pub(crate) use refusal::{Ground, RecordedRefusal, Unrecorded};
use usage::Account;

/// A request's name in logs and error answers: `req_` and 24 hex digits. Unique across
/// restarts, because the first half is drawn anew by each process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId {
    process: u64,
    number: u64,
}

/// Begins the records of requests, and knows whether they get to where they belong.
pub(crate) struct Recorder {
    audit: Arc<Audit>,
    process: u64,
    next: AtomicU64,
    shadow: Arc<ShadowFeed>,
}

impl Recorder {
    pub(crate) fn new(audit: Arc<Audit>, shadow: Arc<ShadowFeed>) -> Self {
        let process = u64::from_be_bytes(stockade_core::random::bytes()) >> 16;
        Self { audit, process, next: AtomicU64::new(1), shadow }
    }

    /// Begins the record of a request that a generation judges.
    pub(crate) fn begin(&self, generation: u64, peer: PeerAddr) -> Box<Record> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = RequestId { process: self.process, number };
        let audited = Audited { place: self.audit.place(), audit: self.audit.clone() };
        let mut record = Record::begin(id, generation, peer, audited);
        record.shadow_feed = Some(self.shadow.clone()).filter(|feed| feed.is_active());
        record
    }

    /// Makes sure that what is forwarded leaves a trace.
    ///
    /// # Errors
    /// Where it would not, and the configuration forbids that.
    #[expect(clippy::unused_self, reason = "where the lines go is a matter of the process")]
    pub(crate) fn reserve(&self, record: &Record, config: &Config) -> Result<(), Unrecorded> {
        if let Place::Missing(trouble) = &record.audited.place
            && audit::refuses(config)
        {
            return Err(Unrecorded::Audit(trouble.clone()));
        }
        match config.log.when_stuck {
            WhenStuck::Refuse if log::is_stuck() => Err(Unrecorded::Log),
            WhenStuck::Refuse | WhenStuck::Drop => Ok(()),
        }
    }
}

/// The audit log, and the place of one record in it.
struct Audited {
    audit: Arc<Audit>,
    place: Place,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{:012x}{:012x}", self.process, self.number)
    }
}

/// The bindings that permitted a request, and their terms.
struct Permission {
    by: Vec<BindingName>,
    obligations: Obligations,
    replaced_by: Option<ModelName>,
}

/// The facts about a request. A record writes its line when it is dropped, so that no path through
/// the proxy, and no caller who hangs up, can leave without one.
pub(crate) struct Record {
    pub(crate) id: RequestId,
    pub(crate) generation: u64,
    audited: Audited,
    started: Instant,
    peer: PeerAddr,
    client: Option<ClientIp>,
    method: Option<Method>,
    path: Option<Cow<'static, str>>,
    caller: Option<Identity>,
    operation: Option<Operation>,
    models: Vec<ModelRef>,
    input: Option<RecordedInput>,
    permission: Option<Permission>,
    refused: Option<Reason>,
    /// A field that is not forwarded, because of what it would do.
    left_out: Option<&'static str>,
    shadow: Vec<ShadowVerdict>,
    status: Option<StatusCode>,
    bytes: u64,
    /// The place where what is used is counted, and the hour.
    account: Option<Account>,
    /// As long as it is under way.
    charge: Option<Charge>,
    charged: Option<Charged>,
    /// The quotas that had no room for it.
    exceeded: Vec<QuotaName>,
    waiting: Option<Waiting>,
    /// The content of the answer, as far as it is known.
    measured: Measurement,
    is_stream: bool,
    outcome: RequestOutcome,
    /// The way to the shadow generation.
    shadow_feed: Option<Arc<ShadowFeed>>,
    /// The cause of a failure, for the operator.
    error: Option<String>,
    steps: Steps,
}

impl Record {
    /// The record of a request of which nothing else is known. Boxed, because it goes through
    /// many hands and each would make room for it.
    fn begin(id: RequestId, generation: u64, peer: PeerAddr, audited: Audited) -> Box<Self> {
        Box::new(Self {
            id,
            generation,
            audited,
            started: Instant::now(),
            peer,
            client: None,
            method: None,
            path: None,
            caller: None,
            operation: None,
            models: Vec::new(),
            input: None,
            permission: None,
            refused: None,
            left_out: None,
            shadow: Vec::new(),
            status: None,
            bytes: 0,
            account: None,
            charge: None,
            charged: None,
            exceeded: Vec::new(),
            waiting: None,
            measured: Measurement::default(),
            is_stream: false,
            outcome: RequestOutcome::CallerLeft,
            shadow_feed: None,
            error: None,
            steps: Steps::default(),
        })
    }

    /// Returns the time since the head, in microseconds.
    fn elapsed(&self) -> u64 {
        written::microseconds(self.started.elapsed())
    }

    /// Notes what the head asks for, as far as that was understood. Of the path only what is no key
    /// is kept.
    pub(crate) fn asked(&mut self, method: Option<Method>, path: Option<&str>) {
        self.method = method;
        self.path = path.map(shown_path);
    }

    /// Notes where the request came from, proxies taken into account.
    pub(crate) fn came_from(&mut self, client: ClientIp) {
        self.client = Some(client);
    }

    /// Returns the caller, if known.
    pub(crate) const fn caller(&self) -> Option<&Identity> {
        self.caller.as_ref()
    }

    pub(crate) fn identified(&mut self, caller: &Identity) {
        self.caller = Some(caller.clone());
        self.steps.identified = Some(self.elapsed());
    }

    pub(crate) fn classified(&mut self, operation: Operation, models: &[ModelRef]) {
        self.operation = Some(operation);
        self.models = models.to_vec();
        self.steps.classified = Some(self.elapsed());
    }

    /// Policies are asked about it.
    pub(crate) fn decides_on(&mut self, input: RecordedInput) {
        self.input = Some(input);
    }

    /// Policies have decided; this is what those said that are not enforced.
    pub(crate) fn shadowed(&mut self, verdicts: Vec<ShadowVerdict>) {
        self.shadow = verdicts;
        self.steps.decided = Some(self.elapsed());
    }

    /// A field is not forwarded, because of what it would do.
    pub(crate) fn left_out(&mut self, field: &'static str) {
        self.left_out = Some(field);
    }

    /// It may be forwarded, on these terms.
    pub(crate) fn permitted<R>(&mut self, permit: &Permit<R>) {
        let (by, obligations) = (permit.allowed_by().to_vec(), permit.obligations().clone());
        let replaced_by = permit.replaced_by().cloned();
        self.permission = Some(Permission { by, obligations, replaced_by });
    }

    /// It is answered by the gateway itself: it was refused, or failed after all.
    pub(crate) fn refused(&mut self, refusal: RecordedRefusal) {
        self.exceeded.extend(refusal.quota);
        match refusal.ground {
            Ground::Refusal(cause) => {
                self.refused = Some(Reason {
                    cause,
                    message: refusal.message,
                    binding: refusal.binding,
                    policy: refusal.policy,
                });
                self.outcome = RequestOutcome::Refused;
            }
            Ground::Failure(outcome) => {
                self.outcome = outcome;
                self.error = Some(refusal.message);
            }
        }
    }

    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
        self.steps.answered = Some(self.elapsed());
    }

    pub(crate) fn passed(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Notes what the answer says so far; `is_stream` where it comes token by token.
    pub(crate) const fn measured(&mut self, measured: Measurement, is_stream: bool) {
        self.measured = measured;
        self.is_stream = is_stream;
    }

    pub(crate) fn completed(&mut self) {
        self.outcome = RequestOutcome::Complete;
    }

    pub(crate) fn broke_off(&mut self, error: &BrokenAnswer) {
        self.error = Some(Causes(error).to_string());
        if matches!(error, BrokenAnswer::Revoked) {
            self.outcome = RequestOutcome::Revoked;
            return;
        }
        self.outcome = RequestOutcome::UpstreamBroke;
        let error = error as &(dyn std::error::Error + 'static);
        tracing::warn!(request = %self.id, error, "an answer of Ollama broke off");
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.settle();
        self.count_refusal();
        let place = std::mem::replace(&mut self.audited.place, Place::Nowhere);
        let is_logged = log::takes_requests();
        // Only what was judged can be judged again.
        let feed = self.shadow_feed.take().filter(|_| self.input.is_some());
        if !is_logged && feed.is_none() && !matches!(place, Place::Promised(_)) {
            return self.audited.audit.record(place, "");
        }
        // It has no maps with keys that are no text, and nothing else can fail.
        let record = serde_json::to_string(&self.written()).unwrap_or_default();
        self.audited.audit.record(place, &record);
        if is_logged {
            log::request(&record);
        }
        if let Some(feed) = feed {
            feed.offer(record);
        }
    }
}
