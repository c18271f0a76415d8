//! Answers before they are sent, and the shapes of errors.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    /// With a length.
    Whole(Bytes),
    /// Chunk by chunk.
    Chunks(Vec<Bytes>),
}

/// The API that an error is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Native,
    OpenAi,
    Anthropic,
}

/// The reason why a request is answered with an error.
#[derive(Debug)]
pub(crate) enum Failure {
    Status(StatusCode, String),
    /// A cloud model, and nobody is signed in.
    SignIn,
}

impl Reply {
    fn new(status: StatusCode, content_type: HeaderValue, content: Content) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
        Self { status, headers, content }
    }

    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        let body = Content::Whole(value.to_string().into());
        Self::new(status, JSON, body)
    }

    pub(crate) fn ok(value: &Value) -> Self {
        Self::json(StatusCode::OK, value)
    }

    pub(crate) fn text(status: StatusCode, text: &'static str) -> Self {
        Self::new(status, TEXT, Content::Whole(text.into()))
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), content: Content::Whole(Bytes::new()) }
    }

    /// One line for each value.
    pub(crate) fn ndjson(lines: impl IntoIterator<Item = Value>) -> Self {
        let chunks = lines.into_iter().map(|line| format!("{line}\n").into());
        Self::new(StatusCode::OK, NDJSON, Content::Chunks(chunks.collect()))
    }

    /// `OpenAI`'s events, which have no names and end with a word.
    pub(crate) fn data_events(events: impl IntoIterator<Item = Value>) -> Self {
        let events = events.into_iter().map(|event| format!("data: {event}\n\n"));
        let done = std::iter::once("data: [DONE]\n\n".to_owned());
        let chunks = events.chain(done).map(Bytes::from).collect();
        Self::new(StatusCode::OK, EVENTS, Content::Chunks(chunks))
    }

    /// Events named after their `type`.
    pub(crate) fn named_events(events: impl IntoIterator<Item = Value>) -> Self {
        let chunks = events.into_iter().map(|event| {
            let name = event["type"].as_str().unwrap_or_default();
            Bytes::from(format!("event: {name}\ndata: {event}\n\n"))
        });
        let mut reply = Self::new(StatusCode::OK, EVENTS, Content::Chunks(chunks.collect()));
        let no_cache = HeaderValue::from_static("no-cache");
        reply.headers.insert(CACHE_CONTROL, no_cache);
        reply
    }

    /// The transcription's one object, which Ollama sends under a stream's content type.
    pub(crate) fn mislabelled_ndjson(body: String) -> Self {
        Self::new(StatusCode::OK, NDJSON, Content::Chunks(vec![body.into()]))
    }

    pub(crate) fn native_error(status: StatusCode, message: &str) -> Self {
        Self::json(status, &json!({"error": message}))
    }

    /// Ollama's answer for a cloud model before `ollama signin`.
    pub(crate) fn sign_in_required() -> Self {
        Self::json(
            StatusCode::UNAUTHORIZED,
            &json!({
                "error": "unauthorized",
                "signin_url": "https://ollama.com/connect?name=simulated&key=c2ltdWxhdGVk",
            }),
        )
    }
}

impl Failure {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::Status(StatusCode::BAD_REQUEST, message.into())
    }

    pub(crate) fn not_found(message: String) -> Self {
        Self::Status(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn into_reply(self, dialect: Dialect) -> Reply {
        match self {
            Self::SignIn => Reply::sign_in_required(),
            Self::Status(status, message) => {
                let body = match dialect {
                    Dialect::Native => json!({"error": message}),
                    Dialect::OpenAi => openai(status, &message),
                    Dialect::Anthropic => anthropic(status, &message),
                };
                Reply::json(status, &body)
            }
        }
    }
}

/// Ollama `openai/openai.go`, `NewError`.
fn openai(status: StatusCode, message: &str) -> Value {
    let kind = match status {
        StatusCode::BAD_REQUEST => "invalid_request_error",
        StatusCode::NOT_FOUND => "not_found_error",
        _ => "api_error",
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
}

/// Ollama `anthropic/anthropic.go`, `NewError`.
fn anthropic(status: StatusCode, message: &str) -> Value {
    let kind = match status.as_u16() {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    json!({
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": "req_000000000000000000000000",
    })
}
