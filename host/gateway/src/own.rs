//! The gateway's own routes; none of Ollama's begins with `/-/`.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use crate::forward::answer::AnswerBody;
use crate::record::Record;
use crate::refused::REQUEST_ID;

/// A route of the gateway's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnRoute {
    /// Gives a time-limited token.
    Token,
    /// Tells callers who they are here, and what they have used.
    Me,
}

impl OwnRoute {
    /// Finds the route of a path.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path {
            "/-/token" => Some(Self::Token),
            "/-/me" => Some(Self::Me),
            _ => None,
        }
    }
}

/// Answers with JSON that nobody may keep.
pub(crate) fn answered(body: Bytes, record: &mut Record) -> Response<AnswerBody> {
    record.answered(StatusCode::OK);
    record.passed(body.len());
    record.completed();
    let mut response = Response::new(AnswerBody::whole(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&record.id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    response
}
