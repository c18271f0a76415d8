//! One exchange with Ollama: the request is written, waits for its turn, is sent, and is answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use stockade_authn::Identity;
use stockade_config::{self as config, Limits};
use stockade_core::{Dialect, Obligations, Operation, Subject as _};
use stockade_ollama::response::{
    BodyChange, Framing, Meter, RequestContent, is_busy, response_headers, upstream_request_headers,
};
use stockade_ollama::{
    CanonicalRequest, ResponseKind, UpstreamBody, UpstreamRequest, WriteOptions,
};
use stockade_usage::turn::{Class, TurnRequest};

use super::answer::{Changes, Watch};
use super::blob::Upload;
use super::progress::end_of_progress;
use super::upstream::{Outgoing, UpstreamError};
use super::{Answer, Forwarder, nothing, relay};
use crate::admit::{Terms, limit_output};
use crate::body::memory::Share;
use crate::body::{BlobBody, BodyLimits, FormBody, RequestBody, collect};
use crate::classify::Classified;
use crate::context::Context;
use crate::decide::consequences::Permitted;
use crate::record::Record;
use crate::refused::Refused;
use stockade_control::generation::Applying;

/// The number of bytes that are copied in the time in which one is read.
const COPIES_TO_READ: u64 = 16;
/// The longest error that is read, in bytes, to see whether Ollama is only busy.
const LONGEST_ERROR: u64 = 4 << 10;
/// The time after which Ollama is asked again that was busy.
const BUSY: Duration = Duration::from_millis(500);

/// A request as it is sent.
struct Ready {
    method: Method,
    path: String,
    body: RequestBody,
}

/// The answer to what was sent.
enum Sent {
    /// The whole of it.
    Whole(Response<Bytes>),
    /// Its head, and its body as it comes.
    Begun(Response<Incoming>),
}

impl Forwarder {
    pub(super) async fn exchange(
        &self,
        context: &Context<'_>,
        (permitted, terms, applying): (Permitted, Terms, &Applying),
        caller: Option<&Identity>,
        record: &mut Record,
    ) -> Result<Answer, Refused> {
        let Permitted { permit, mut options, .. } = permitted;
        let (Classified { request, stream, share }, mut obligations) = permit.into_parts();
        if let Some(most) = terms.output_limit {
            limit_output(&mut obligations, most)?;
        }
        let list = match request.route().response {
            ResponseKind::List(kind) => Some(kind),
            _ => None,
        };
        let dialect = request.dialect();
        let changes = changes_models(request.operation()).then(|| self.host.catalogue.clone());
        // A pull whose progress nobody sees could not be limited.
        let unseen = terms.pull_cap.is_some() && !request.parameters().streaming;
        options.with_progress = unseen;
        let framing = Framing::of(dialect, request.parameters().streaming || unseen);
        let digest = request.parameters().digests.first().cloned();
        let written = self.write(request, (obligations, options), share).await?;
        let mut watch = Watch {
            dialect,
            meter: Meter::new(framing),
            hide_usage: written.usage_to_hide.then(Box::default),
            must_finish: framing != Framing::Json,
            pause: context.config().upstream.idle_timeout,
            pull_cap: terms.pull_cap,
            changes: None,
        };
        let body = body(&context.config().limits, written.body, stream, digest);
        let ready = Ready { method: written.method, path: written.path, body };
        let asked = (ready, terms.turn, applying);
        let response = match self.send(context, asked, caller, record).await? {
            Sent::Begun(response) => response,
            Sent::Whole(whole) => return Ok(Answer::Whole(whole)),
        };
        let succeeded = response.status().is_success();
        if !succeeded {
            record.gave_nothing();
        }
        watch.changes = changes.filter(|_| succeeded).map(Changes);
        if unseen && succeeded {
            // Large, and hardly anybody asks for it.
            return Box::pin(end_of_progress(response, watch, record)).await.map(Answer::Whole);
        }
        match (list, caller) {
            (Some(kind), Some(caller)) if succeeded => {
                // It is large, and most requests ask for no list.
                let filtered = Box::pin(self.filter(context, (kind, response), (caller, dialect)));
                filtered.await.map(Answer::Whole)
            }
            (Some(_), None) => Err(UpstreamError::Unusable("a list needs a caller").into()),
            _ => Ok(relay(response, watch)?),
        }
    }

    /// Sends a request when it is its turn.
    async fn send(
        &self,
        context: &Context<'_>,
        (ready, turn, applying): (Ready, Option<TurnRequest>, &Applying),
        caller: Option<&Identity>,
        record: &mut Record,
    ) -> Result<Sent, Refused> {
        let upstream = &context.config().upstream;
        if let (Some(turn), Some(bounds)) = (turn, upstream.queue) {
            let class = turn.class;
            let turn = self.metering.turn(bounds, turn).await;
            record.has_turn(turn.map_err(|none| Refused::no_turn(&none))?);
            look_again(context, (class, applying), record).await?;
            if let (RequestBody::Json(Some(body)), Some(caller)) = (&ready.body, caller) {
                let head = (ready.method, ready.path);
                return self.send_again(context, (head, body.clone()), caller, record).await;
            }
        }
        let outgoing = outgoing(upstream, (ready.method, ready.path), ready.body)?;
        record.sent();
        self.send_once(upstream, outgoing, caller).await
    }

    async fn send_once(
        &self,
        upstream: &config::Upstream,
        outgoing: Outgoing,
        caller: Option<&Identity>,
    ) -> Result<Sent, Refused> {
        // Large, and most requests send no blob.
        let upload = Box::pin(self.host.upload(upstream, &outgoing, caller)).await?;
        if let Upload::Done(status) = upload {
            return Ok(Sent::Whole(nothing(status)));
        }
        let mut response = self.host.connections.send(upstream, outgoing).await?;
        check_status(response.status())?;
        if let Upload::Begun(upload) = upload
            && matches!(response.status(), StatusCode::OK | StatusCode::CREATED)
        {
            *response.status_mut() = Box::pin(upload.received(&self.host.blobs)).await?;
        }
        Ok(Sent::Begun(response))
    }

    /// Sends a request whose body is kept. Where Ollama is busy, nothing has run: the request waits
    /// for its turn again.
    async fn send_again(
        &self,
        context: &Context<'_>,
        (head, body): ((Method, String), Bytes),
        caller: &Identity,
        record: &mut Record,
    ) -> Result<Sent, Refused> {
        let upstream = &context.config().upstream;
        loop {
            let body = RequestBody::Json(Some(body.clone()));
            let outgoing = outgoing(upstream, head.clone(), body)?;
            record.sent();
            let response = self.host.connections.send(upstream, outgoing).await?;
            check_status(response.status())?;
            if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                return Ok(Sent::Begun(response));
            }
            let error = self.error(context, response, caller).await?;
            let Some(turn) = record.take_turn().filter(|_| is_busy(error.body())) else {
                record.gave_nothing();
                return Ok(Sent::Whole(error));
            };
            record.not_sent_yet();
            let turn = turn.put_back(BUSY).await;
            record.has_turn(turn.map_err(|none| Refused::no_turn(&none))?);
        }
    }

    /// Reads the whole of an error, which is short.
    async fn error(
        &self,
        context: &Context<'_>,
        response: Response<Incoming>,
        caller: &Identity,
    ) -> Result<Response<Bytes>, Refused> {
        let (mut parts, body) = response.into_parts();
        parts.headers =
            response_headers(&parts.headers, BodyChange::Rewritten).map_err(UpstreamError::from)?;
        let pause = context.config().upstream.idle_timeout;
        let limits = BodyLimits { bytes: LONGEST_ERROR, pause };
        let share = self.memory.share(&caller.principal.user, &context.config().limits);
        let unusable = "its error broke off or is too long";
        let body = collect(body, limits, &share).await;
        let body = body.map_err(|_| UpstreamError::Unusable(unusable))?;
        Ok(Response::from_parts(parts, body))
    }

    /// Writes the request for Ollama; it holds its memory until Ollama has taken it.
    async fn write(
        &self,
        request: Box<CanonicalRequest>,
        (obligations, options): (Obligations, WriteOptions),
        share: Option<Arc<Share>>,
    ) -> Result<UpstreamRequest, Refused> {
        let write = move || request.write(&obligations, &options).map_err(Refused::unmet);
        let Some(share) = share else {
            return write();
        };
        // It is copied, which is many times faster than reading.
        let bytes = share.used() / COPIES_TO_READ;
        let mut written = self.readers.run(bytes, &share, write).await??;
        if let UpstreamBody::Json(body) = &mut written.body {
            share.keep(body.len() as u64);
            *body = share.held(std::mem::take(body));
        }
        Ok(written)
    }
}

/// Asks again for GPU time, which cannot be held: others may have used it while the request waited.
/// Then it is refused, or waits again, behind everybody else.
async fn look_again(
    context: &Context<'_>,
    (mut class, applying): (Class, &Applying),
    record: &mut Record,
) -> Result<(), Refused> {
    while record.waiting().is_some() {
        let is_last = still_admitted(context, applying)?;
        if !is_last || class == Class::Last {
            break;
        }
        class = Class::Last;
        if let Some(turn) = record.take_turn() {
            let turn = turn.wait_in(class).await;
            record.has_turn(turn.map_err(|none| Refused::no_turn(&none))?);
        }
    }
    Ok(())
}

/// Tells whether the request has to wait behind everybody else.
fn still_admitted(context: &Context<'_>, applying: &Applying) -> Result<bool, Refused> {
    let (quotas, now) = (context.generation.quotas(), context.now());
    quotas.check_gpu_time(applying, now).map_err(|refused| {
        let states = quotas.states(applying, now);
        let zone = quotas.calendar().zone();
        Refused::not_admitted(&refused, &states, (Dialect::Native, zone, now))
    })
}

/// Tells whether other models may be installed after an operation.
const fn changes_models(operation: Operation) -> bool {
    matches!(operation, Operation::Pull | Operation::Create | Operation::Copy | Operation::Delete)
}

fn body(
    limits: &Limits,
    written: UpstreamBody,
    stream: Option<Incoming>,
    digest: Option<String>,
) -> RequestBody {
    match (written, stream, digest) {
        (UpstreamBody::Json(bytes), _, _) => RequestBody::Json(Some(bytes)),
        (UpstreamBody::Form { content_type, pieces }, _, _) => {
            RequestBody::Form(Box::new(FormBody { content_type, pieces: pieces.into_iter() }))
        }
        (UpstreamBody::Stream, Some(incoming), Some(digest)) => {
            let limits = BodyLimits { bytes: limits.blob, pause: limits.body_timeout };
            RequestBody::Blob(Box::new(BlobBody::new(incoming, limits, &digest)))
        }
        _ => RequestBody::Empty,
    }
}

fn outgoing(
    upstream: &config::Upstream,
    (method, path): (Method, String),
    body: RequestBody,
) -> Result<Outgoing, UpstreamError> {
    let host = HeaderValue::from_str(upstream.authority.as_str()).map_err(http::Error::from)?;
    let headers = upstream_request_headers(&host, content(&body));
    Ok(Outgoing { method, path, headers, body })
}

fn content(body: &RequestBody) -> RequestContent<'_> {
    match body {
        RequestBody::Empty => RequestContent::Empty,
        RequestBody::Json(_) => RequestContent::Json,
        RequestBody::Form(form) => RequestContent::Form(&form.content_type),
        RequestBody::Blob(_) => RequestContent::Blob,
    }
}

/// Ollama's 401 is about its owner's account and carries a link that binds the host to
/// whoever opens it; a redirect would lead a client past the gateway.
fn check_status(status: StatusCode) -> Result<(), UpstreamError> {
    if status == StatusCode::UNAUTHORIZED {
        Err(UpstreamError::Unusable("the host is not signed in to ollama.com"))
    } else if status.is_redirection() || status.is_informational() {
        Err(UpstreamError::Unusable("it redirects"))
    } else {
        Ok(())
    }
}
