//! Answers: the gateway's, streamed, and those that are given here in the caller's dialect.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use stockade_core::{Dialect, mask_keys, random, visible};
use stockade_ollama::response::{ERROR_CONTENT_TYPE, error_body};

/// The most of a refusal of the gateway that is read.
const LONGEST: usize = 16 << 10;
/// The most characters of it that are told.
const LONGEST_MESSAGE: usize = 500;

/// The answer that a caller receives.
pub(crate) type AnswerBody = Either<Full<Bytes>, Incoming>;

/// An answer that is given here.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// Writes it as the caller's API writes errors.
    pub(crate) fn answer(&self, dialect: Dialect) -> Response<AnswerBody> {
        let message = mask_keys(&self.message);
        let id = format!("req_{}", hex::encode(random::bytes::<12>()));
        let body = error_body(dialect, self.status, &message, &id);
        let mut response = whole(self.status, body);
        let kind = HeaderValue::from_static(ERROR_CONTENT_TYPE);
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

/// An answer of ours.
pub(crate) fn whole(status: StatusCode, body: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    response
}

/// The gateway's answer.
pub(crate) fn streamed(
    status: StatusCode,
    headers: HeaderMap,
    body: Incoming,
) -> Response<AnswerBody> {
    let mut response = Response::new(Either::Right(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The message of a gateway's error, whatever its dialect.
pub(crate) async fn message_of(body: Incoming) -> Option<String> {
    let body = Limited::new(body, LONGEST).collect().await.ok()?.to_bytes();
    let json: Value = serde_json::from_slice(&body).ok()?;
    let error = json.get("error")?;
    let message = error.as_str().or_else(|| error.get("message")?.as_str())?;
    let message: String = message.chars().take(LONGEST_MESSAGE).collect();
    Some(visible(&message, |_| false).into_owned())
}
