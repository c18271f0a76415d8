//! The reason why a request is not understood, or not forwarded as it stands.

use http::{Method, StatusCode};
use stockade_core::Dialect;

use crate::route::shown_path;

/// An answer of this crate in the place of Ollama's: the request is refused, and the caller is
/// told what is wrong, where, and what to send instead.
///
/// [`error_body`](crate::response::error_body) renders it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The status: a 4xx, 503 where there is no memory for the request now, or 307 where
    /// [`location`](Self::location) says what to ask for.
    pub status: StatusCode,
    /// The API whose error shape the caller understands.
    pub dialect: Dialect,
    /// The message to the caller.
    pub message: String,
    /// The message for a log, where that is less: nothing that stands in a body.
    pub logged: Option<String>,
    /// The methods that the path has, for the `Allow` header of a 405; empty otherwise.
    pub allow: Vec<Method>,
    /// The path and query that mean the same and are answered, for the `Location` header.
    pub location: Option<String>,
}

impl Refusal {
    /// A refusal with any status.
    pub(crate) fn new(status: StatusCode, dialect: Dialect, message: impl Into<String>) -> Self {
        let (message, logged, allow, location) = (message.into(), None, Vec::new(), None);
        Self { status, dialect, message, logged, allow, location }
    }

    /// 307: another spelling of the path is the one that is answered.
    pub(crate) fn moved(dialect: Dialect, message: String, to: String) -> Self {
        let refusal = Self::new(StatusCode::TEMPORARY_REDIRECT, dialect, message);
        Self { location: Some(to), ..refusal }
    }

    /// 400: the request has no meaning, or more than one.
    pub(crate) fn bad_request(dialect: Dialect, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, dialect, message)
    }

    /// The same refusal, of which a log tells less.
    pub(crate) fn logged(self, logged: impl Into<String>) -> Self {
        Self { logged: Some(logged.into()), ..self }
    }

    /// 403: a policy's obligation cannot be met.
    pub(crate) fn forbidden(dialect: Dialect, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, dialect, message)
    }

    /// 405: the path has other methods.
    pub(crate) fn method_not_allowed(dialect: Dialect, path: &str, allow: Vec<Method>) -> Self {
        let names: Vec<&str> = allow.iter().map(Method::as_str).collect();
        let message = format!("{} answers to {} only", shown_path(path), names.join(", "));
        Self { allow, ..Self::new(StatusCode::METHOD_NOT_ALLOWED, dialect, message) }
    }
}
