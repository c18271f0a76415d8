//! Forwards what was permitted, and nothing else.

pub(crate) mod answer;
pub(crate) mod blob;
pub(crate) mod list;
pub(crate) mod upstream;

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use stockade_authn::Identity;
use stockade_config::{self as config, Limits};
use stockade_core::{Dialect, Obligations, Operation, Subject as _};
use stockade_ollama::response::{
    BodyChange, Framing, ListKind, Meter, RequestContent, response_headers,
    upstream_request_headers,
};
use stockade_ollama::{
    CanonicalRequest, ResponseKind, UpstreamBody, UpstreamRequest, WriteOptions,
};

use crate::body::memory::{BodyMemory, Share};
use crate::body::readers::Readers;
use crate::body::{BlobBody, BodyLimits, CutBody, FormBody, RequestBody, collect};
use crate::classify::Classified;
use crate::context::Context;
use crate::decide::consequences::Permitted;
use crate::forward::answer::{AnswerBody, Changes, RelayedBody, Watch};
use crate::forward::blob::{Host, Upload};
use crate::forward::list::usable_models;
use crate::forward::upstream::{Outgoing, UpstreamError};
use crate::identify::revocation::Revocation;
use crate::record::Record;
use crate::refused::{REQUEST_ID, Refused};
use stockade_control::reload::Current;

/// The longest list of models that is read, in bytes; each entry has about 500.
const LONGEST_LIST: u64 = 32 << 20;

/// The number of bytes that are copied in the time in which one is read.
const COPIES_TO_READ: u64 = 16;

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
    host: Host,
    memory: Arc<BodyMemory>,
    readers: Readers,
}

impl Forwarder {
    pub(crate) const fn new(
        current: Arc<Current>,
        host: Host,
        memory: Arc<BodyMemory>,
        readers: Readers,
    ) -> Self {
        Self { current, host, memory, readers }
    }

    /// Sends a permitted request to Ollama, and answers with what comes back.
    pub(crate) async fn forward(
        &self,
        context: &Context<'_>,
        permitted: Permitted,
        caller: Option<Identity>,
        (dialect, mut record): (Dialect, Box<Record>),
    ) -> Response<AnswerBody> {
        let mut revocation = Revocation::begin(&self.current, context);
        let answer = if permitted.permit.request().request.operation() == Operation::Heartbeat {
            Ok(Answer::Whole(heartbeat()))
        } else if permitted.hides_blob {
            Ok(Answer::Whole(nothing(StatusCode::NOT_FOUND)))
        } else {
            let exchange = pin!(self.exchange(context, permitted, caller.as_ref()));
            revocation.bind(caller.as_ref(), exchange).await
        };
        match answer {
            Ok(Answer::Whole(response)) => {
                record.passed(response.body().len());
                record.completed();
                finish(response.map(AnswerBody::whole), &mut record)
            }
            Ok(Answer::Relay(response, watch)) => {
                let (parts, incoming) = response.into_parts();
                let head = Response::from_parts(parts, AnswerBody::empty());
                let head = finish(head, &mut record);
                let relayed = RelayedBody::new(incoming, *watch, revocation, record);
                head.map(|_| AnswerBody::Relayed(Box::new(relayed)))
            }
            Err(refused) => refused.answer(dialect, record),
        }
    }

    async fn exchange(
        &self,
        context: &Context<'_>,
        permitted: Permitted,
        caller: Option<&Identity>,
    ) -> Result<Answer, Refused> {
        let Permitted { permit, options, .. } = permitted;
        let (Classified { request, stream, share }, obligations) = permit.into_parts();
        let list = match request.route().response {
            ResponseKind::List(kind) => Some(kind),
            _ => None,
        };
        let dialect = request.dialect();
        let changes = changes_models(request.operation()).then(|| self.host.catalogue.clone());
        let framing = Framing::of(dialect, request.parameters().streaming);
        let digest = request.parameters().digests.first().cloned();
        let written = self.write(request, (obligations, options), share).await?;
        let mut watch = Watch {
            dialect,
            meter: Meter::new(framing),
            hide_usage: written.usage_to_hide.then(Box::default),
            must_finish: framing != Framing::Json,
            pause: context.config().upstream.idle_timeout,
            changes: None,
        };
        let body = body(&context.config().limits, written.body, stream, digest);
        let upstream = &context.config().upstream;
        let outgoing = outgoing(upstream, (written.method, written.path), body)?;
        // Large, and most requests send no blob.
        let upload = Box::pin(self.host.upload(upstream, &outgoing, caller)).await?;
        if let Upload::Done(status) = upload {
            return Ok(Answer::Whole(nothing(status)));
        }
        let mut response = self.host.connections.send(upstream, outgoing).await?;
        check_status(response.status())?;
        if let Upload::Begun(upload) = upload
            && matches!(response.status(), StatusCode::OK | StatusCode::CREATED)
        {
            *response.status_mut() = Box::pin(upload.received(&self.host.blobs)).await?;
        }
        watch.changes = changes.filter(|_| response.status().is_success()).map(Changes);
        match (list, caller) {
            (Some(kind), Some(caller)) if response.status().is_success() => {
                // It is large, and most requests ask for no list.
                let filtered = Box::pin(self.filter(context, (kind, response), (caller, dialect)));
                filtered.await.map(Answer::Whole)
            }
            (Some(_), None) => Err(UpstreamError::Unusable("a list needs a caller").into()),
            _ => Ok(relay(response, watch)?),
        }
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

/// Records a forwarded answer and adds the request's id to it.
fn finish(mut response: Response<AnswerBody>, record: &mut Record) -> Response<AnswerBody> {
    record.answered(response.status());
    if let Ok(id) = HeaderValue::from_str(&record.id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
