//! Web pages: what a browser says of the page that makes it ask, and what tells it that the page
//! may read the answer.
//!
//! A browser adds passwords and client certificates by itself, whichever page asks. A page cannot
//! read the answers of another origin, but what is asked for is done. So whoever adds a credential
//! to what others ask, as browsers and `stockade connect` do, refuses pages that are foreign.
//!
//! Sources: WHATWG Fetch, "`Origin` header" and "HTTP CORS protocol"; W3C Fetch Metadata Request
//! Headers, section 2.4.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The most characters of a header that a message repeats.
const LONGEST: usize = 100;
/// The longest list of headers that is allowed back to a browser, in bytes.
const LONGEST_LIST: usize = 1024;

/// The origin that a request went to.
#[derive(Clone, Copy, Debug)]
pub struct OwnOrigin<'a> {
    /// The hosts that were asked for, perhaps with ports.
    pub hosts: &'a [String],
    /// True if the connection has TLS. A proxy in front may speak TLS where this end does not, and
    /// never the other way round.
    pub encrypted: bool,
}

impl OwnOrigin<'_> {
    fn is(&self, origin: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        (scheme == "https" || (!self.encrypted && scheme == "http"))
            && self.hosts.iter().any(|host| host.eq_ignore_ascii_case(authority))
    }
}

/// Tells whether a browser says that a page of another origin makes it ask, and that page is
/// not among those that are `allowed`.
pub fn is_foreign(
    headers: &HeaderMap,
    own: OwnOrigin<'_>,
    allowed: impl FnOnce(&str) -> bool,
) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = origins.next();
    if origins.next().is_some() {
        return true;
    }
    let origin = origin.map(|origin| origin.to_str().unwrap_or_default());
    if origin.is_some_and(allowed) {
        return false;
    }
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().map(HeaderValue::as_bytes).peekable();
    if sites.peek().is_none() {
        return origin.is_some_and(|origin| !own.is(origin));
    }
    // `none` is what people ask for themselves, by an address or a bookmark.
    !sites.all(|site| site == b"same-origin" || (site == b"none" && origin.is_none()))
}

/// Names a foreign page for a message: `of the origin https://…`, or `of another site`.
pub fn whose_page(headers: &HeaderMap) -> String {
    match headers.get(ORIGIN).filter(|origin| *origin != "null") {
        Some(origin) => format!("of the origin {}", shown_header(origin.as_bytes())),
        None => "of another site".to_owned(),
    }
}

/// The host without its port, in lower case and without a dot at the end.
pub fn host_name(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The beginning of what a caller wrote, fit for a log and a terminal.
pub fn shown_header(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let beginning: String = text.chars().take(LONGEST).collect();
    let more = if beginning.len() < text.len() { "…" } else { "" };
    format!("{}{more}", beginning.escape_debug())
}

/// The origin of the page that asks, if exactly one is told.
pub fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut sent = headers.get_all(ORIGIN).iter();
    match (sent.next(), sent.next()) {
        (Some(origin), None) => Some(origin),
        _ => None,
    }
}

/// Tells whether a browser asks what a page may send before it sends that.
pub fn is_preflight(headers: &HeaderMap, method: &Method) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The headers of the answer to a preflight: the methods that the path has, and the headers that
/// are asked for, because none of them is forwarded that could count.
pub fn preflight_answer(headers: &HeaderMap, methods: &[Method]) -> Option<HeaderMap> {
    let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let mut answer = HeaderMap::with_capacity(3);
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_str(&methods.join(", ")).ok()?);
    let asked = headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
    if let Some(asked) = asked.filter(|asked| asked.len() <= LONGEST_LIST) {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(answer)
}

/// Lets the page of an origin read an answer, also one that refuses.
pub fn let_read(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    let exposed = HeaderValue::from_static("x-request-id, retry-after, x-should-retry");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_without_port_and_dot() {
        for (host, name) in [
            ("localhost", "localhost"),
            ("LOCALHOST.", "localhost"),
            ("Evil.example:11434", "evil.example"),
            ("[::1]:11434", "[::1]"),
            ("[::1]", "[::1]"),
            (":80", ""),
            ("", ""),
        ] {
            assert_eq!(host_name(host), name, "{host}");
        }
    }

    #[test]
    fn what_is_shown_is_short_and_printable() {
        assert_eq!(shown_header(b"https://evil.example"), "https://evil.example");
        assert_eq!(shown_header(b"\x1b[31m\xff"), "\\u{1b}[31m\u{fffd}");
        assert_eq!(shown_header(&[b'a'; 300]), format!("{}…", "a".repeat(100)));
    }
}
