//! Errors that the gateway answers itself, in the shape that the caller's API has.
//!
//! Sources: Ollama `openai/openai.go` and `anthropic/anthropic.go` (`NewError`) for
//! the statuses that Ollama itself answers, the two vendors' documentation for the rest.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use stockade_core::Dialect;

/// Tells whether an error of status 503 says that Ollama has too many requests waiting, so that
/// nothing of this one has run.
///
/// Source: Ollama v0.33.0, `server/sched.go` (`ErrMaxQueue`).
pub fn is_busy(error: &[u8]) -> bool {
    memchr::memmem::find(error, b"server busy").is_some()
}

/// The content type of every [`error_body`].
pub const ERROR_CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// The body of an error answer.
///
/// `request_id` appears in Anthropic's shape only; the message must be fit for the
/// caller's eyes.
pub fn error_body(dialect: Dialect, status: StatusCode, message: &str, request_id: &str) -> Bytes {
    error_json(dialect, status, message, request_id).into()
}

/// An error within a stream that has begun, as its last event.
///
/// It may follow a complete line or event only, see [`Meter::at_boundary`]: after half
/// an event it would become part of that one.
///
/// [`Meter::at_boundary`]: super::Meter::at_boundary
pub fn error_event(dialect: Dialect, status: StatusCode, message: &str, request_id: &str) -> Bytes {
    let json = error_json(dialect, status, message, request_id);
    match dialect {
        Dialect::Native => format!("{json}\n"),
        Dialect::OpenAi => format!("data: {json}\n\n"),
        Dialect::Anthropic => format!("event: error\ndata: {json}\n\n"),
    }
    .into()
}

fn error_json(dialect: Dialect, status: StatusCode, message: &str, request_id: &str) -> String {
    let message = quoted(message);
    match dialect {
        // Ollama's command prints the status' text of a 401 and nothing else of it, and
        // "something went wrong" where there is none.
        Dialect::Native if status == StatusCode::UNAUTHORIZED => {
            format!(r#"{{"error":{message},"status":{message}}}"#)
        }
        Dialect::Native => format!(r#"{{"error":{message}}}"#),
        Dialect::OpenAi => {
            let (kind, code) = openai_type(status);
            let code = code.map_or_else(|| "null".to_owned(), quoted);
            format!(
                r#"{{"error":{{"message":{message},"type":"{kind}","param":null,"code":{code}}}}}"#
            )
        }
        Dialect::Anthropic => {
            let kind = anthropic_type(status);
            let id = quoted(request_id);
            format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":{message}}},"request_id":{id}}}"#
            )
        }
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// `type` and `code` of an `OpenAI` error.
fn openai_type(status: StatusCode) -> (&'static str, Option<&'static str>) {
    match status {
        StatusCode::UNAUTHORIZED => ("invalid_request_error", Some("invalid_api_key")),
        StatusCode::FORBIDDEN => ("permission_error", Some("permission_denied")),
        StatusCode::NOT_FOUND => ("not_found_error", None),
        StatusCode::TOO_MANY_REQUESTS => ("rate_limit_error", Some("rate_limit_exceeded")),
        _ if status.is_client_error() => ("invalid_request_error", None),
        _ => ("api_error", None),
    }
}

fn anthropic_type(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::NOT_FOUND => "not_found_error",
        StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        StatusCode::SERVICE_UNAVAILABLE => "overloaded_error",
        StatusCode::GATEWAY_TIMEOUT => "timeout_error",
        _ if status.is_client_error() => "invalid_request_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests;
