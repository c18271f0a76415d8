//! The way to Ollama: one pool of connections, no redirects, no second tries.

use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use stockade_ollama::response::EncodedResponse;

use super::body::RequestBody;

/// Why Ollama gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// It could not be reached.
    #[error("cannot connect to Ollama at {authority}")]
    Connect { authority: Authority, source: hyper_util::client::legacy::Error },
    /// It was reached and broke off before its answer began.
    #[error("Ollama at {authority} broke off before it answered")]
    Broken { authority: Authority, source: hyper_util::client::legacy::Error },
    /// What the caller sent could not be sent on.
    #[error("{0}")]
    CallerBody(super::body::CutBody),
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
            Self::CallerBody(super::body::CutBody::TooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CallerBody(_) => StatusCode::BAD_REQUEST,
            Self::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What a caller may know: not where Ollama is.
    pub(crate) fn public_message(&self) -> String {
        match self {
            Self::Connect { .. } => "Ollama cannot be reached".to_owned(),
            Self::Broken { .. } => "Ollama broke off before it answered".to_owned(),
            Self::CallerBody(_) | Self::Unusable(_) => self.to_string(),
            Self::Encoded(_) => "Ollama's answer cannot be relayed".to_owned(),
            Self::Unwritable(_) => "the request cannot be forwarded".to_owned(),
        }
    }
}

/// Connections to Ollama.
pub(crate) struct Upstream {
    client: Client<HttpConnector, RequestBody>,
}

/// A request in the form in which it goes out.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
}

impl Upstream {
    pub(crate) fn new(connect_timeout: Duration) -> Self {
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
        Self { client }
    }

    pub(crate) async fn send(
        &self,
        authority: &Authority,
        outgoing: Outgoing,
    ) -> Result<Response<Incoming>, UpstreamError> {
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
        self.client.request(request).await.map_err(|source| classify(authority, source))
    }
}

fn classify(authority: &Authority, source: hyper_util::client::legacy::Error) -> UpstreamError {
    let authority = authority.clone();
    if source.is_connect() {
        return UpstreamError::Connect { authority, source };
    }
    match caller_body(&source) {
        Some(cut) => UpstreamError::CallerBody(cut),
        None => UpstreamError::Broken { authority, source },
    }
}

/// The fault of the caller's own body, if that is what lies at the bottom.
fn caller_body(error: &dyn std::error::Error) -> Option<super::body::CutBody> {
    use super::body::CutBody;
    let mut cause = error.source();
    while let Some(error) = cause {
        match error.downcast_ref::<CutBody>() {
            Some(CutBody::DigestMismatch) => return Some(CutBody::DigestMismatch),
            Some(CutBody::TooLarge(limit)) => return Some(CutBody::TooLarge(*limit)),
            _ => cause = error.source(),
        }
    }
    None
}
