//! Forwards what was permitted, and nothing else.

pub(crate) mod answer;
pub(crate) mod blob;
mod exchange;
pub(crate) mod list;
mod progress;
pub(crate) mod upstream;

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use stockade_authn::Identity;
use stockade_control::generation::Applying;
use stockade_control::reload::Current;
use stockade_core::{Dialect, Operation, Subject as _};
use stockade_ollama::response::{BodyChange, Framing, ListKind, Meter, response_headers};

use crate::admit::Terms;
use crate::body::memory::BodyMemory;
use crate::body::readers::Readers;
use crate::body::{BodyLimits, CutBody, collect};
use crate::context::Context;
use crate::decide::consequences::Permitted;
use crate::forward::answer::{AnswerBody, RelayedBody, Watch};
use crate::forward::blob::Host;
use crate::forward::list::usable_models;
use crate::forward::upstream::UpstreamError;
use crate::identify::revocation::Revocation;
use crate::metering::Metering;
use crate::record::{Record, Waiting};
use crate::refused::{REQUEST_ID, Refused, limits};

/// The longest list of models that is read, in bytes; each entry has about 500.
const LONGEST_LIST: u64 = 32 << 20;

/// The header that tells a caller who had to wait the place in the queue, and the time.
const QUEUE: HeaderName = HeaderName::from_static("stockade-queue");

/// The answer to a forwarded request.
enum Answer {
    /// The whole of it, made or changed by the gateway.
    Whole(Response<Bytes>),
    /// Ollama's own, to be passed on as it comes.
    Relay(Response<Incoming>, Box<Watch>),
}

/// Sends permitted requests to Ollama.
pub(crate) struct Forwarder {
    current: Arc<Current>,
    metering: Arc<Metering>,
    host: Host,
    memory: Arc<BodyMemory>,
    readers: Readers,
}

impl Forwarder {
    pub(crate) fn new(
        (current, metering): (Arc<Current>, Arc<Metering>),
        host: Host,
        memory: Arc<BodyMemory>,
        readers: Readers,
    ) -> Self {
        Self { current, metering, host, memory, readers }
    }

    /// Sends a permitted request to Ollama, and answers with what comes back.
    pub(crate) async fn forward(
        &self,
        context: &Context<'_>,
        permitted: Permitted,
        caller: Option<Identity>,
        (dialect, mut terms, mut record): (Dialect, Terms, Box<Record>),
    ) -> Response<AnswerBody> {
        let applying = std::mem::take(&mut terms.applying);
        let answering = AnswerContext { context, applying: &applying, dialect };
        let mut revocation = Revocation::begin(&self.current, context);
        let answer = if permitted.permit.request().request.operation() == Operation::Heartbeat {
            Ok(Answer::Whole(heartbeat()))
        } else if permitted.hides_blob {
            Ok(Answer::Whole(nothing(StatusCode::NOT_FOUND)))
        } else {
            let asked = (permitted, terms, &applying);
            let exchange = self.exchange(context, asked, caller.as_ref(), &mut record);
            let exchange = pin!(exchange);
            revocation.bind(caller.as_ref(), exchange).await
        };
        match answer {
            Ok(Answer::Whole(response)) => {
                record.passed(response.body().len());
                record.completed();
                answering.finish(response.map(AnswerBody::whole), &mut record)
            }
            Ok(Answer::Relay(response, watch)) => {
                let (parts, incoming) = response.into_parts();
                let head = Response::from_parts(parts, AnswerBody::empty());
                let head = answering.finish(head, &mut record);
                let relayed = RelayedBody::new(incoming, *watch, revocation, record);
                head.map(|_| AnswerBody::Relayed(Box::new(relayed)))
            }
            Err(refused) => {
                if refused.is_upstreams() {
                    record.gave_nothing();
                }
                refused.answer(dialect, record)
            }
        }
    }

    async fn filter(
        &self,
        context: &Context<'_>,
        (kind, response): (ListKind, Response<Incoming>),
        caller: (&Identity, Dialect),
    ) -> Result<Response<Bytes>, Refused> {
        let (mut parts, body) = response.into_parts();
        parts.headers =
            response_headers(&parts.headers, BodyChange::Rewritten).map_err(UpstreamError::from)?;
        let config = context.config();
        let share = self.memory.share(&caller.0.principal.user, &config.limits);
        let limits = BodyLimits { bytes: LONGEST_LIST, pause: config.upstream.idle_timeout };
        let body = collect(body, limits, &share).await.map_err(|error| {
            if let CutBody::NoMemory(none) = error {
                return Refused::from(none);
            }
            tracing::warn!(%error, "cannot read Ollama's list of models");
            UpstreamError::Unusable("its list of models broke off or is too long").into()
        })?;
        let kept = usable_models(context, (kind, body), caller).await?;
        share.keep(kept.len() as u64);
        Ok(Response::from_parts(parts, share.held(kept)))
    }
}

fn relay(mut response: Response<Incoming>, mut watch: Watch) -> Result<Answer, UpstreamError> {
    let succeeded = response.status().is_success();
    if !succeeded || is_json(response.headers()) {
        // Errors are one document, whatever was asked for, and so are the answers to
        // requests that only load a model or render a prompt.
        let must_finish = succeeded && is_framed_by_its_end(&response);
        watch = Watch { meter: Meter::new(Framing::Json), hide_usage: None, must_finish, ..watch };
    }
    let change =
        if watch.hide_usage.is_some() { BodyChange::Rewritten } else { BodyChange::Unchanged };
    *response.headers_mut() = response_headers(response.headers(), change)?;
    Ok(Answer::Relay(response, Box::new(watch)))
}

/// Tells whether the end of the connection is the end of the body, so that a connection that breaks
/// looks like one that is closed.
fn is_framed_by_its_end(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING)
        && !response.body().is_end_stream()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/json"))
}

fn heartbeat() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"Ollama is running"));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// An answer without a body, as Ollama gives it about blobs.
fn nothing(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// The headers that callers get besides Ollama's.
struct AnswerContext<'a> {
    context: &'a Context<'a>,
    /// The accounts in which the request counts.
    applying: &'a Applying,
    dialect: Dialect,
}

impl AnswerContext<'_> {
    /// Records a forwarded answer, and adds the request's id and what is left of its quotas.
    fn finish(
        &self,
        mut response: Response<AnswerBody>,
        record: &mut Record,
    ) -> Response<AnswerBody> {
        record.answered(response.status());
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&record.id.to_string()) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some(Ok(waiting)) = record.waiting().map(queue) {
            headers.insert(QUEUE, waiting);
        }
        if !self.applying.is_empty() {
            let now = self.context.now();
            let states = self.context.generation.quotas().states(self.applying, now);
            headers.extend(limits(&states, self.dialect, now));
        }
        response
    }
}

/// Returns a dictionary of structured fields (RFC 8941): the place in the queue when the request
/// came, and the seconds that it was expected to wait and did.
fn queue(waiting: Waiting) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let Waiting { place, waited } = waiting;
    let (expected, waited) = (place.expected.as_secs_f64(), waited.as_secs_f64());
    let position = place.position;
    HeaderValue::try_from(format!(
        "position={position}, expected={expected:.1}, waited={waited:.1}"
    ))
}
