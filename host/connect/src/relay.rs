//! A request's life: admitted, given the user's credential, sent on, and answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, VARY};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use stockade_core::Clock;
use stockade_ollama::{ROUTES, dialect_of_path, page, shown_path};
use tokio::time::Instant;

use crate::Config;
use crate::admission::Admission;
use crate::answer::{AnswerBody, Refusal, message_of, streamed, whole};
use crate::blocking::blocking;
use crate::condition::Condition;
use crate::credential::{Credential, CredentialError};
use crate::failure::Failure;
use crate::headers;
use crate::linger::AnsweredEarly;
use crate::peer::ForeignPeer;
use crate::upstream::{self, Outgoing, Upstream};

/// In which the gateway names a request for its operator.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The state that the connections share.
pub(crate) struct Relay {
    pub(crate) upstream: Upstream,
    pub(crate) credential: Option<Arc<Credential>>,
    admission: Admission,
    condition: Condition,
    /// The time when a refused connection was last logged.
    last_logged: Mutex<Option<Instant>>,
}

impl Relay {
    pub(crate) fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, http::Error> {
        let credential = config.bearer.clone();
        let credential = credential.map(|source| Credential::new(source, clock.clone()).into());
        Ok(Self {
            upstream: Upstream::new(config, clock)?,
            credential,
            admission: Admission::new(config.origins.clone()),
            condition: Condition::default(),
            last_logged: Mutex::new(None),
        })
    }

    /// Logs that a connection is not served; once a minute, because others decide how many there
    /// are.
    pub(crate) fn refused(&self, foreign: ForeignPeer) {
        let now = Instant::now();
        let mut last_logged = self.last_logged.lock().unwrap_or_else(PoisonError::into_inner);
        if last_logged.is_none_or(|last_logged| now - last_logged > Duration::from_mins(1)) {
            *last_logged = Some(now);
            tracing::warn!("a connection is refused: {foreign}");
        }
    }

    /// Answers one request of a connection whose other end was looked at.
    pub(crate) async fn serve(
        &self,
        peer: Result<(), ForeignPeer>,
        request: Request<Incoming>,
        early: &AnsweredEarly,
    ) -> Response<AnswerBody> {
        let (parts, body) = request.into_parts();
        let dialect = dialect_of_path(parts.uri.path());
        let mut response = match self.answer(peer, &parts, body).await {
            Ok(response) => response,
            Err(refusal) => {
                let mut response = refusal.answer(dialect);
                // What is left of the request is not understood.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
        };
        if !response.status().is_success() {
            // Perhaps: the gateway refuses before it has read everything, too.
            early.set();
        }
        if let Some(origin) = self.admission.page(&parts.headers) {
            page::let_read(response.headers_mut(), origin);
            response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
        }
        let (method, status) = (&parts.method, response.status().as_u16());
        tracing::debug!(%method, path = %shown_path(parts.uri.path()), status, "request");
        response
    }

    async fn answer(
        &self,
        peer: Result<(), ForeignPeer>,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Response<AnswerBody>, Refusal> {
        peer.map_err(foreign_peer)?;
        self.admission.check(parts)?;
        if let Some(preflight) = self.preflight(parts) {
            return Ok(preflight);
        }
        if parts.method == Method::HEAD && parts.uri.path() == "/" {
            return Ok(heartbeat());
        }
        self.forward(parts, body).await
    }

    /// Answers a browser that asks before it sends what an application's page wants.
    fn preflight(&self, parts: &Parts) -> Option<Response<AnswerBody>> {
        let headers = &parts.headers;
        if !page::is_preflight(headers, &parts.method) || self.admission.page(headers).is_none() {
            return None;
        }
        let routes = ROUTES.iter().filter(|route| route.path.fits(parts.uri.path()));
        let methods: Vec<Method> = routes.flat_map(|route| route.methods).cloned().collect();
        let answer = page::preflight_answer(headers, &methods)?;
        let mut response = whole(StatusCode::NO_CONTENT, Bytes::new());
        response.headers_mut().extend(answer);
        Some(response)
    }

    async fn forward(
        &self,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let authorization = self.authorization().await.map_err(Failure::from)?;
        let path = parts.uri.path_and_query().cloned();
        let outgoing = Outgoing {
            method: parts.method.clone(),
            path: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
            headers: headers::of_request(&parts.headers, self.upstream.host(), authorization),
            body: upstream::streamed(body),
        };
        let answer = self.upstream.send(outgoing).await.inspect_err(|failure| {
            if !matches!(failure, Failure::Caller(_)) {
                self.condition.failed(&failure.to_string());
            }
        })?;
        self.condition.answered();
        let (head, body) = answer.into_parts();
        let headers = headers::of_answer(&head.headers);
        if head.status == StatusCode::UNAUTHORIZED {
            return Ok(self.unauthorized(parts, &headers, body).await);
        }
        Ok(streamed(head.status, headers, body))
    }

    /// Logs whether the gateway answers and accepts the credential.
    pub(crate) async fn probe(&self) {
        match self.try_list().await {
            Ok((StatusCode::UNAUTHORIZED, said)) => {
                self.condition.failed(&self.not_accepted(said.as_deref()));
            }
            Ok((status, _)) if status.is_server_error() => {
                self.condition
                    .failed(&format!("the gateway {} answers {status}", self.upstream.gateway()));
            }
            Ok(_) => tracing::info!("the gateway accepts the credential"),
            Err(failure) => self.condition.failed(&failure.to_string()),
        }
    }

    async fn try_list(&self) -> Result<(StatusCode, Option<String>), Failure> {
        let authorization = self.authorization().await?;
        let outgoing = Outgoing {
            method: Method::GET,
            path: PathAndQuery::from_static("/api/tags"),
            headers: headers::of_request(&HeaderMap::new(), self.upstream.host(), authorization),
            body: Either::Left(Full::default()),
        };
        let (head, body) = self.upstream.send(outgoing).await?.into_parts();
        Ok((head.status, message_of(body).await))
    }

    /// The user's key or token now.
    pub(crate) async fn authorization(&self) -> Result<Option<HeaderValue>, CredentialError> {
        let Some(credential) = &self.credential else {
            return Ok(None);
        };
        let credential = Arc::clone(credential);
        blocking(move || credential.current()).await.map(Some)
    }

    /// Says whose credential the gateway does not accept: the caller sent none.
    async fn unauthorized(
        &self,
        parts: &Parts,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Response<AnswerBody> {
        if let Some(credential) = &self.credential {
            credential.refused();
        }
        let said = message_of(body).await;
        let message = self.not_accepted(said.as_deref());
        self.condition.failed(&message);
        let dialect = dialect_of_path(parts.uri.path());
        let mut response = Refusal::new(StatusCode::UNAUTHORIZED, message).answer(dialect);
        if let Some(id) = headers.get(REQUEST_ID) {
            response.headers_mut().insert(REQUEST_ID, id.clone());
        }
        response
    }

    /// Says that the gateway does not accept the credential, and what the gateway says of it.
    pub(crate) fn not_accepted(&self, said: Option<&str>) -> String {
        let certificate = self.upstream.tls().and_then(|tls| tls.certificate());
        let what = match (&self.credential, certificate) {
            (Some(credential), _) => credential.description(),
            (None, Some(path)) => format!("the client certificate in {}", path.display()),
            (None, None) => "a request without a credential".to_owned(),
        };
        let quotes = |said: &&str| {
            self.credential.as_ref().is_some_and(|credential| credential.is_quoted(said))
        };
        let said = said.filter(|said| !quotes(said));
        let said = said.map_or_else(String::new, |said| format!(" ({said})"));
        format!(
            "the gateway {} does not accept {what}{said}; ask its operator, or put another one \
             there, which is then used at once",
            self.upstream.gateway()
        )
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::new(failure.status(), failure.to_string())
    }
}

fn foreign_peer(foreign: ForeignPeer) -> Refusal {
    let message = format!(
        "{foreign}, and this way to the gateway is for the user who started it only; start \
         `stockade connect` as yourself, with your own credential, on another port"
    );
    Refusal::new(StatusCode::FORBIDDEN, message)
}

/// Answers Ollama's command, which asks this first and tells nothing of an error to it: of its next
/// request it tells what went wrong.
fn heartbeat() -> Response<AnswerBody> {
    let mut response = whole(StatusCode::OK, Bytes::new());
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}
