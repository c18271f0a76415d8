//! Answers for web pages: the gateway decides which may read them, and Ollama never hears
//! of it.
//!
//! Source: WHATWG Fetch, "HTTP CORS protocol".

use http::header::VARY;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use stockade_ollama::{Refusal, page};

use crate::forward::answer::AnswerBody;
use stockade_config::Cors;

/// A web page of a configured origin, which sends a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    origin: &'a HeaderValue,
}

impl<'a> Page<'a> {
    /// `None` for other pages, whose browsers will not let them read the answer, and for
    /// callers that are no browsers.
    pub(super) fn of(cors: &Cors, headers: &'a HeaderMap) -> Option<Self> {
        let origin = page::origin(headers)?;
        let text = origin.to_str().ok()?;
        cors.origins.iter().any(|known| known.matches(text)).then_some(Self { origin })
    }

    /// The answer to a browser that asks before it sends. It needs no credential, because
    /// browsers send none with it.
    pub(super) fn preflight(
        headers: &HeaderMap,
        method: &Method,
        refusal: Option<&Refusal>,
    ) -> Option<Response<AnswerBody>> {
        let asks = page::is_preflight(headers, method);
        let refusal = refusal.filter(|refusal| asks && !refusal.allow.is_empty())?;
        let mut response = Response::new(AnswerBody::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().extend(page::preflight_answer(headers, &refusal.allow)?);
        Some(response)
    }

    /// Lets the page read an answer, also one that refuses.
    pub(super) fn may_read(self, headers: &mut HeaderMap) {
        page::let_read(headers, self.origin);
    }
}

/// Keeps caches from giving one page's answer to another.
pub(super) fn vary(cors: &Cors, headers: &mut HeaderMap) {
    if !cors.origins.is_empty() {
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
}
