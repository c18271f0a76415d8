//! From a request's head to its route, or to a refusal.

use std::net::Ipv6Addr;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri, Version};
use stockade_core::{AccessClass, Dialect, Quoted};

use crate::json::ReadLimits;
use crate::refusal::Refusal;
use crate::request::{CanonicalRequest, Undecodable, boundary, decode_zstd};
use crate::route::{BodyKind, OLLAMA, PathValue, ROUTES, Route, dialect_of_path, shown_path};

/// The part of a request before its body. A path prefix of the gateway's own, such as `/k/<key>`,
/// is already taken off.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target.
    pub uri: &'a Uri,
    /// The headers. hyper removes `Content-Length` where there is a
    /// `Transfer-Encoding`, so that it cannot be seen here; it frames the body by the
    /// latter, and the forwarded request is framed anew.
    pub headers: &'a HeaderMap,
    /// The version of HTTP.
    pub version: Version,
}

/// A request whose route is known, and whose body is not yet read.
#[derive(Debug)]
pub struct Routed {
    route: &'static Route,
    value: PathValue,
    content: Content,
}

/// The headers' facts about the body.
#[derive(Debug, Default)]
struct Content {
    /// True if it is compressed, the one way that is understood.
    zstd: bool,
    /// The separator of the parts of a form.
    boundary: Option<String>,
}

impl Routed {
    /// The route.
    pub const fn route(&self) -> &'static Route {
        self.route
    }

    /// Returns the kind of body that the request must carry.
    pub const fn body_kind(&self) -> BodyKind {
        self.route.body
    }

    /// Understands the request with its whole body.
    ///
    /// # Errors
    /// The body is too large, is not what the route takes, or has no single meaning.
    /// A blob is not read but [`streamed`](Self::streamed), which is refused here too.
    pub fn read(self, body: Bytes, limits: &ReadLimits) -> Result<CanonicalRequest, Refusal> {
        self.read_within(body, limits, &mut |_| true)
    }

    /// [`read`](Self::read), where memory is to be had from `take` only: it is asked for so
    /// many bytes before they are used for what becomes longer than the body.
    ///
    /// # Errors
    /// As in [`read`](Self::read), and 503 where there is no memory.
    pub fn read_within(
        self,
        body: Bytes,
        limits: &ReadLimits,
        take: &mut dyn FnMut(usize) -> bool,
    ) -> Result<CanonicalRequest, Refusal> {
        let body = if self.content.zstd { self.decoded(&body, limits, take)? } else { body };
        match self.content.boundary {
            Some(boundary) => CanonicalRequest::read_form(self.route, &body, &boundary, limits),
            None => CanonicalRequest::read(self.route, self.value, body, limits),
        }
    }

    /// Tells whether reading the body makes it longer.
    pub const fn is_compressed(&self) -> bool {
        self.content.zstd
    }

    fn decoded(
        &self,
        body: &[u8],
        limits: &ReadLimits,
        take: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Bytes, Refusal> {
        decode_zstd(body, limits.bytes, take).map_err(|undecodable| {
            let status = match undecodable {
                Undecodable::TooLarge(_) | Undecodable::TooDense => StatusCode::PAYLOAD_TOO_LARGE,
                Undecodable::NoMemory => StatusCode::SERVICE_UNAVAILABLE,
                Undecodable::NotZstd | Undecodable::WrongChecksum => StatusCode::BAD_REQUEST,
            };
            Refusal::new(status, self.route.dialect, undecodable.to_string())
        })
    }

    /// Understands the request without its body, which will be streamed.
    ///
    /// # Errors
    /// The route does not take a blob.
    pub fn streamed(self) -> Result<CanonicalRequest, Refusal> {
        CanonicalRequest::streamed(self.route, self.value)
    }
}

/// Finds the route of a request.
///
/// # Errors
/// There is none, or Ollama could understand the head otherwise than it is
/// understood here.
pub fn route(head: &RequestHead<'_>) -> Result<Routed, Refusal> {
    let path = head.uri.path();
    let refuse = |message: String| Refusal::bad_request(dialect_of_path(path), message);
    check_target(head.uri).map_err(refuse)?;
    if let Some(clean) = without_empty_segments(path) {
        return Err(moved(head, &clean));
    }
    let (route, segment) = find(head.method, path)?;
    let refuse = |message: String| Refusal::bad_request(route.dialect, message);
    let value = PathValue::read(route.path.parameter(), segment).map_err(refuse)?;
    check_query(route, head.uri.query()).map_err(refuse)?;
    check_host(route, head).map_err(refuse)?;
    check_framing(head.headers).map_err(refuse)?;
    let content = content(route, head.headers)?;
    Ok(Routed { route, value, content })
}

/// Ollama's router resolves escapes and redirects what is not clean.
fn check_target(uri: &Uri) -> Result<(), String> {
    let path = uri.path();
    if uri.scheme().is_some() || uri.authority().is_some() || !path.starts_with('/') {
        return Err("the request target must be a path, such as /api/chat".to_owned());
    }
    let encoded_model = path.starts_with("/v1/models/");
    if path.contains('%') && !encoded_model {
        let path = shown_path(path);
        return Err(format!("{path} has a percent-escape; write the path plainly"));
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        let path = shown_path(path);
        return Err(format!("{path} has a dot segment; write the path plainly"));
    }
    Ok(())
}

/// The path without doubled and trailing slashes, where it has any: they come of an address
/// that ends with a slash, to which a client adds a path.
fn without_empty_segments(path: &str) -> Option<String> {
    if path.len() == 1 || !path[1..].split('/').any(str::is_empty) {
        return None;
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    Some(format!("/{}", segments.join("/")))
}

/// Sends the client to the plain path, as Ollama does, if that is a route.
///
/// Source: Ollama's mux and router answer 307, after which a client sends the same method and
/// body again.
fn moved(head: &RequestHead<'_>, clean: &str) -> Refusal {
    match find(head.method, clean) {
        Ok((route, _)) => {
            let message = format!(
                "{} has a doubled or trailing slash; ask for {}",
                shown_path(head.uri.path()),
                shown_path(clean)
            );
            let query = head.uri.query().map(|query| format!("?{query}"));
            let to = format!("{clean}{}", query.unwrap_or_default());
            Refusal::moved(route.dialect, message, to)
        }
        Err(refusal) => refusal,
    }
}

fn find<'a>(method: &Method, path: &'a str) -> Result<(&'static Route, &'a str), Refusal> {
    let mut allow = Vec::new();
    for route in ROUTES {
        if let Some(segment) = route.path.matches(path) {
            if route.methods.contains(method) {
                return Ok((route, segment));
            }
            allow.extend_from_slice(route.methods);
        }
    }
    let dialect = dialect_of_path(path);
    if allow.is_empty() {
        let message = format!(
            "this gateway does not know {}; it knows the API of Ollama {OLLAMA}",
            shown_path(path)
        );
        Err(Refusal::new(StatusCode::NOT_FOUND, dialect, message))
    } else {
        Err(Refusal::method_not_allowed(dialect, path, allow))
    }
}

/// No query is forwarded. What is asked without a body, to read, has none that Ollama looks
/// at, and clients of other services send theirs (`?limit=1000`, `?client_version=…`). Two are
/// sent with bodies by well-known clients and say nothing to Ollama: the `?ts=` that its CLI
/// signs, and Anthropic's `?beta=true`. All others could be taken for parameters that count.
fn check_query(route: &Route, query: Option<&str>) -> Result<(), String> {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Ok(());
    };
    if reads(route) {
        return Ok(());
    }
    let timestamp = query
        .strip_prefix("ts=")
        .is_some_and(|ts| !ts.is_empty() && ts.bytes().all(|byte| byte.is_ascii_digit()));
    let beta = query == "beta=true";
    match route.dialect {
        Dialect::Native if timestamp => Ok(()),
        Dialect::Anthropic if beta => Ok(()),
        _ => Err(format!("{} takes no query; send parameters in the body", route.path)),
    }
}

/// Tells whether a route is asked to read something and takes no body.
fn reads(route: &Route) -> bool {
    matches!(route.body, BodyKind::None)
        && route.methods.iter().all(|method| method == Method::GET || method == Method::HEAD)
}

/// HTTP/1.0 has no `Host`, and health checks by it ask for what is answered to everybody.
fn check_host(route: &Route, head: &RequestHead<'_>) -> Result<(), String> {
    let Some(host) = single(head.headers, &HOST)? else {
        let public = route.operation.access() == AccessClass::Public;
        let optional = public && head.version == Version::HTTP_10;
        return if optional { Ok(()) } else { Err("the Host header is missing".to_owned()) };
    };
    if host.contains('@') {
        return Err("the Host header must hold no user name".to_owned());
    }
    is_host(host)
        .then_some(())
        .ok_or_else(|| "the Host header is not a host and an optional port".to_owned())
}

/// A name or an address, and perhaps a port: the forms of RFC 9110, section 7.2, that name
/// a machine.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => ("v6", port),
        Some(_) => return false,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    !host.is_empty() && host.bytes().all(plain) && port_fits
}

fn check_framing(headers: &HeaderMap) -> Result<(), String> {
    let length = single(headers, &CONTENT_LENGTH)?;
    let transfer = single(headers, &TRANSFER_ENCODING)?;
    match (length, transfer) {
        (Some(_), Some(_)) => Err("send Content-Length or Transfer-Encoding, not both".to_owned()),
        (Some(length), None) if length.parse::<u64>().is_err() || length.starts_with('+') => {
            Err("Content-Length must be one number".to_owned())
        }
        (None, Some(coding)) if !coding.eq_ignore_ascii_case("chunked") => {
            Err("the only Transfer-Encoding is chunked".to_owned())
        }
        _ => Ok(()),
    }
}

fn content(route: &Route, headers: &HeaderMap) -> Result<Content, Refusal> {
    let refuse =
        |message: String| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, route.dialect, message);
    let encoding = single(headers, &CONTENT_ENCODING).map_err(refuse)?;
    let kind = single(headers, &CONTENT_TYPE).map_err(refuse)?;
    let form = kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("multipart/"));
    let boundary = match route.body {
        // Ollama reads JSON whatever the type says, and `curl -d` says it is a form.
        BodyKind::Json(_) if form => {
            return Err(refuse("send the body as application/json".to_owned()));
        }
        BodyKind::Multipart => Some(kind.and_then(boundary).ok_or_else(|| {
            refuse("send a form as multipart/form-data with its boundary".to_owned())
        })?),
        _ => None,
    };
    let zstd = is_zstd(route, encoding).map_err(refuse)?;
    Ok(Content { zstd, boundary })
}

/// Ollama decodes zstd in JSON under `/v1`, and elsewhere reads the compressed bytes.
fn is_zstd(route: &Route, encoding: Option<&str>) -> Result<bool, String> {
    let takes_zstd = route.dialect != Dialect::Native && matches!(route.body, BodyKind::Json(_));
    match encoding {
        None => Ok(false),
        Some(encoding) if encoding.eq_ignore_ascii_case("identity") => Ok(false),
        Some(encoding) if encoding.eq_ignore_ascii_case("zstd") && takes_zstd => Ok(true),
        Some(encoding) if takes_zstd => Err(format!(
            "the Content-Encoding {} is not understood; use zstd, or send the body as it is",
            Quoted(encoding)
        )),
        Some(encoding) => Err(format!(
            "the Content-Encoding {} is not understood here; send the body as it is",
            Quoted(encoding)
        )),
    }
}

/// The only value of a header that must not be repeated.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, String> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(format!("the header {name} must be sent once"));
    }
    first
        .map(|value| value.to_str())
        .transpose()
        .map_err(|_| format!("the header {name} must be plain ASCII"))
}

#[cfg(test)]
mod tests;
