//! One request, and what came of it.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::uri::Authority;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use stockade_core::Secret;

/// The longest time that anything but the run of a model may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const LONGEST: usize = 16 << 20;

/// A request without its credential.
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) body: Option<Value>,
}

impl Question {
    pub(super) const fn get(path: &'static str) -> Self {
        Self { method: Method::GET, path, body: None }
    }

    pub(super) const fn post(path: &'static str, body: Value) -> Self {
        Self { method: Method::POST, path, body: Some(body) }
    }
}

/// The answer to a question.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Reply {
    /// The body as JSON; `null` where it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Asks on a connection of its own.
pub(super) async fn ask(
    authority: &Authority,
    question: &Question,
    key: Option<&Secret<String>>,
    patience: Duration,
) -> anyhow::Result<Reply> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(PATIENCE));
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    let uri = format!("http://{authority}{}", question.path);
    let mut request = Request::builder().method(&question.method).uri(uri);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {}", key.expose()));
    }
    let body = question.body.as_ref().map(ToString::to_string).unwrap_or_default();
    let request = request.body(Full::from(body))?;
    let exchange = async {
        let response = client.request(request).await.map_err(root)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        anyhow::Ok(Reply { status, body })
    };
    let answer = tokio::time::timeout(patience, exchange).await;
    answer.with_context(|| format!("no answer within {} seconds", patience.as_secs()))?
}

/// The cause at the bottom: the layers above it say less.
fn root(error: hyper_util::client::legacy::Error) -> anyhow::Error {
    let error = anyhow::Error::from(error);
    anyhow::anyhow!("{}", error.root_cause())
}
