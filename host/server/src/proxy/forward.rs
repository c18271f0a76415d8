//! Forward what was permitted, and nothing else.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use stockade_core::{Dialect, Operation, Permit, Principal, Subject as _};
use stockade_ollama::response::{
    BodyChange, Framing, ListKind, Meter, RequestContent, UsageChunkFilter, response_headers,
    upstream_request_headers,
};
use stockade_ollama::{ResponseKind, UpstreamBody, WriteOptions};

use super::body::{AnswerBody, BlobBody, RelayedBody, RequestBody, Watch, collect};
use super::record::Record;
use super::refused::{REQUEST_ID, Refused};
use super::upstream::{Outgoing, UpstreamError};
use super::{Classified, Exchange};

/// The longest list of models that is read, in bytes; each entry has about 500.
const LONGEST_LIST: u64 = 32 << 20;

/// What became of a forwarded request.
enum Answer {
    /// The whole of it, made or changed by the gateway.
    Whole(Response<Bytes>),
    /// Ollama's own, to be passed on as it comes.
    Relay(Response<Incoming>, Box<Watch>),
}

impl Exchange<'_> {
    /// Send a permitted request to Ollama and answer with what comes back.
    pub(super) async fn forward(
        &self,
        permit: Permit<Classified>,
        principal: Option<Principal>,
        dialect: Dialect,
        mut record: Record,
    ) -> Response<AnswerBody> {
        let answer = match permit.request().request.operation() {
            Operation::Heartbeat => Ok(Answer::Whole(heartbeat())),
            _ => self.exchange(permit, principal.as_ref()).await,
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
                let relayed = RelayedBody::new(incoming, *watch, record);
                head.map(|_| AnswerBody::Relayed(Box::new(relayed)))
            }
            Err(refused) => refused.answer(dialect, record),
        }
    }

    async fn exchange(
        &self,
        permit: Permit<Classified>,
        principal: Option<&Principal>,
    ) -> Result<Answer, Refused> {
        let (Classified { request, stream }, obligations) = permit.into_parts();
        let list = match request.route().response {
            ResponseKind::List(kind) => Some(kind),
            _ => None,
        };
        let dialect = request.dialect();
        let framing = Framing::of(dialect, request.parameters().streaming);
        let digest = request.parameters().digests.first().cloned();
        let written = request.write(&obligations, WriteOptions { include_usage: true })?;
        let watch = Watch {
            meter: Meter::new(framing),
            hide_usage: written.usage_to_hide.then(UsageChunkFilter::new),
        };
        let body = self.body(written.body, stream, digest);
        let authority = &self.generation.config.upstream.authority;
        let host = HeaderValue::from_str(authority.as_str()).map_err(http::Error::from);
        let outgoing = Outgoing {
            headers: upstream_request_headers(&host.map_err(UpstreamError::from)?, content(&body)),
            method: written.method,
            path: written.path,
            body,
        };
        let response = self.gateway.upstream.send(authority, outgoing).await?;
        check_status(response.status())?;
        match (list, principal) {
            (Some(kind), Some(principal)) if response.status().is_success() => {
                self.filter(kind, response, (principal, dialect)).await.map(Answer::Whole)
            }
            (Some(_), None) => Err(UpstreamError::Unusable("a list needs a caller").into()),
            _ => Ok(relay(response, watch)?),
        }
    }

    fn body(
        &self,
        written: UpstreamBody,
        stream: Option<Incoming>,
        digest: Option<String>,
    ) -> RequestBody {
        match (written, stream, digest) {
            (UpstreamBody::Json(bytes), _, _) => RequestBody::Json(Some(bytes)),
            (UpstreamBody::Stream, Some(incoming), Some(digest)) => {
                let limit = self.generation.config.limits.blob;
                RequestBody::Blob(Box::new(BlobBody::new(incoming, limit, &digest)))
            }
            _ => RequestBody::Empty,
        }
    }

    async fn filter(
        &self,
        kind: ListKind,
        response: Response<Incoming>,
        caller: (&Principal, Dialect),
    ) -> Result<Response<Bytes>, Refused> {
        let (mut parts, body) = response.into_parts();
        parts.headers =
            response_headers(&parts.headers, BodyChange::Rewritten).map_err(UpstreamError::from)?;
        let body = collect(body, LONGEST_LIST).await.map_err(|error| {
            tracing::warn!(%error, "cannot read Ollama's list of models");
            UpstreamError::Unusable("its list of models broke off or is too long")
        })?;
        let kept = self.usable_models(kind, body, caller).await?;
        Ok(Response::from_parts(parts, kept))
    }
}

fn content(body: &RequestBody) -> RequestContent<'static> {
    match body {
        RequestBody::Empty => RequestContent::Empty,
        RequestBody::Json(_) => RequestContent::Json,
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

fn relay(mut response: Response<Incoming>, watch: Watch) -> Result<Answer, UpstreamError> {
    let change =
        if watch.hide_usage.is_some() { BodyChange::Rewritten } else { BodyChange::Unchanged };
    *response.headers_mut() = response_headers(response.headers(), change)?;
    Ok(Answer::Relay(response, Box::new(watch)))
}

fn heartbeat() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"Ollama is running"));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// What every forwarded answer gets.
fn finish(mut response: Response<AnswerBody>, record: &mut Record) -> Response<AnswerBody> {
    record.answered(response.status());
    if let Ok(id) = HeaderValue::from_str(&record.id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
