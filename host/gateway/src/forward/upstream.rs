//! The way to Ollama: one pool of connections, no redirects, no second tries.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::header::{HeaderValue, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use stockade_ollama::response::{EncodedResponse, RequestContent, upstream_request_headers};

use crate::body::{CutBody, RequestBody};
use stockade_config as config;

/// The reason why Ollama gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// It could not be reached.
    #[error("cannot connect to Ollama at {authority}")]
    Connect { authority: Authority, source: hyper_util::client::legacy::Error },
    /// It was reached and broke off before its answer began.
    #[error("Ollama at {authority} broke off before it answered")]
    Broken { authority: Authority, source: hyper_util::client::legacy::Error },
    /// It was reached and is silent, or cannot be reached in time.
    #[error("Ollama at {authority} did not answer within {} seconds", timeout.as_secs_f32())]
    Silent { authority: Authority, timeout: Duration },
    /// The caller's body could not be sent on.
    #[error("{0}")]
    CallerBody(CutBody),
    /// Its answer cannot be relayed.
    #[error("Ollama's answer cannot be relayed: {0}")]
    Unusable(&'static str),
    /// Its answer is compressed.
    #[error("Ollama's answer cannot be relayed: {0}")]
    Encoded(#[from] EncodedResponse),
    /// The canonical request is not valid HTTP, which is a fault of ours.
    #[error("the request cannot be written: {0}")]
    Unwritable(#[from] http::Error),
}

impl UpstreamError {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Connect { .. } | Self::Broken { .. } | Self::Unusable(_) | Self::Encoded(_) => {
                StatusCode::BAD_GATEWAY
            }
            Self::Silent { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::CallerBody(cut) => cut.status(),
            Self::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the text for a caller, which does not tell where Ollama is.
    pub(crate) fn public_message(&self) -> String {
        match self {
            Self::Silent { timeout, .. } => {
                format!("Ollama did not answer within {} seconds", timeout.as_secs_f32())
            }
            Self::Connect { .. } => "Ollama cannot be reached".to_owned(),
            Self::Broken { .. } => "Ollama broke off before it answered".to_owned(),
            Self::CallerBody(_) | Self::Unusable(_) => self.to_string(),
            Self::Encoded(_) => "Ollama's answer cannot be relayed".to_owned(),
            Self::Unwritable(_) => "the request cannot be forwarded".to_owned(),
        }
    }
}

/// Connections to Ollama, made and kept as the configuration of the last request says.
#[derive(Default)]
pub(crate) struct Upstream {
    pool: ArcSwapOption<Pool>,
}

/// Connections that are made within one time.
struct Pool {
    connect_timeout: Duration,
    client: Client<HttpConnector, RequestBody>,
}

/// A request in the form in which it goes out.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
}

/// The name by which Ollama's log knows what the gateway asks for itself.
const AGENT: HeaderValue = HeaderValue::from_static("stockade");

impl Outgoing {
    /// A request of the gateway's own, without a body.
    pub(crate) fn own(
        upstream: &config::Upstream,
        method: Method,
        path: String,
    ) -> Result<Self, http::Error> {
        let host = HeaderValue::from_str(upstream.authority.as_str())?;
        let mut headers = upstream_request_headers(&host, RequestContent::Empty);
        headers.insert(USER_AGENT, AGENT);
        Ok(Self { method, path, headers, body: RequestBody::Empty })
    }
}

impl Pool {
    fn new(connect_timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(connect_timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_mins(1))
            .pool_timer(TokioTimer::new())
            // Only ever repeats a request of which not one byte was sent: an idle
            // connection that Ollama closed in the meantime.
            .retry_canceled_requests(true)
            .build(connector);
        Self { connect_timeout, client }
    }
}

impl Upstream {
    /// The connections for a configuration. Those of one that says another time are let go
    /// of when their requests have ended.
    fn pool(&self, connect_timeout: Duration) -> Arc<Pool> {
        let known = self.pool.load_full();
        if let Some(pool) = known.filter(|pool| pool.connect_timeout == connect_timeout) {
            return pool;
        }
        let pool = Arc::new(Pool::new(connect_timeout));
        self.pool.store(Some(Arc::clone(&pool)));
        pool
    }

    pub(crate) async fn send(
        &self,
        upstream: &config::Upstream,
        outgoing: Outgoing,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let authority = &upstream.authority;
        let progress = outgoing.body.progress();
        let path = PathAndQuery::try_from(outgoing.path).map_err(http::Error::from)?;
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(authority.clone())
            .path_and_query(path)
            .build()?;
        let mut request = Request::new(outgoing.body);
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = outgoing.headers;
        let timeout = upstream.response_timeout;
        let answer = std::pin::pin!(self.pool(upstream.connect_timeout).client.request(request));
        match in_time(answer, timeout, progress.as_deref()).await {
            Some(answer) => answer.map_err(|source| classify(upstream, source)),
            None => Err(UpstreamError::Silent { authority: authority.clone(), timeout }),
        }
    }
}

/// Returns what comes within the time, which begins anew as long as an upload makes progress.
async fn in_time<F: Future + Unpin>(
    mut answer: F,
    timeout: Duration,
    progress: Option<&AtomicBool>,
) -> Option<F::Output> {
    loop {
        if let Ok(answer) = tokio::time::timeout(timeout, &mut answer).await {
            return Some(answer);
        }
        if !progress.is_some_and(|progress| progress.swap(false, Ordering::Relaxed)) {
            return None;
        }
    }
}

fn classify(
    upstream: &config::Upstream,
    source: hyper_util::client::legacy::Error,
) -> UpstreamError {
    let authority = upstream.authority.clone();
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    if source.is_connect() {
        return if cause::<io::Error>(&source).is_some_and(timed_out) {
            UpstreamError::Silent { authority, timeout: upstream.connect_timeout }
        } else {
            UpstreamError::Connect { authority, source }
        };
    }
    match cause::<CutBody>(&source) {
        Some(cut) => UpstreamError::CallerBody(cut.clone()),
        None => UpstreamError::Broken { authority, source },
    }
}

/// The fault of a certain kind that lies at the bottom, if there is one.
fn cause<'e, E: std::error::Error + 'static>(
    error: &'e (dyn std::error::Error + 'static),
) -> Option<&'e E> {
    std::iter::successors(error.source(), |error| error.source())
        .find_map(|error| error.downcast_ref())
}
