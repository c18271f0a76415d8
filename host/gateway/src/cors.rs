//! Answers for web pages: the gateway decides which may read them, and Ollama never hears
//! of it.
//!
//! Source: WHATWG Fetch, "HTTP CORS protocol".

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use stockade_ollama::Refusal;

use crate::forward::answer::AnswerBody;
use stockade_config::Cors;

/// The longest list of headers that is allowed back to a browser, in bytes.
const LONGEST_LIST: usize = 1024;

/// A web page of a configured origin, which sends a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    origin: &'a HeaderValue,
}

impl<'a> Page<'a> {
    /// `None` for other pages, whose browsers will not let them read the answer, and for
    /// callers that are no browsers.
    pub(super) fn of(cors: &Cors, headers: &'a HeaderMap) -> Option<Self> {
        let mut sent = headers.get_all(ORIGIN).iter();
        let (Some(origin), None) = (sent.next(), sent.next()) else {
            return None;
        };
        let text = origin.to_str().ok()?;
        cors.origins.iter().any(|known| known.matches(text)).then_some(Self { origin })
    }

    /// The answer to a browser that asks before it sends. It needs no credential, because
    /// browsers send none with it; it tells which methods the path has, and allows the
    /// headers that are asked for, because none of them is forwarded.
    pub(super) fn preflight(
        headers: &HeaderMap,
        method: &Method,
        refusal: Option<&Refusal>,
    ) -> Option<Response<AnswerBody>> {
        let asks = method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let methods = refusal.filter(|refusal| asks && !refusal.allow.is_empty())?;
        let methods: Vec<&str> = methods.allow.iter().map(Method::as_str).collect();
        let mut response = Response::new(AnswerBody::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        answer
            .insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_str(&methods.join(", ")).ok()?);
        let asked = headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(asked) = asked.filter(|asked| asked.len() <= LONGEST_LIST) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        Some(response)
    }

    /// Let the page read an answer, also one that refuses.
    pub(super) fn may_read(self, headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin.clone());
        let exposed = HeaderValue::from_static("x-request-id, retry-after, x-should-retry");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Keep caches from giving one page's answer to another.
pub(super) fn vary(cors: &Cors, headers: &mut HeaderMap) {
    if !cors.origins.is_empty() {
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
}
