//! The headers that pass the gateway: of a request none, of a response a short list.

use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Tells nginx, and what follows it in this, whether to hold an answer back until it is whole.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The body of a forwarded request.
#[derive(Clone, Copy, Debug)]
pub enum RequestContent<'a> {
    /// Nothing.
    Empty,
    /// The canonical JSON.
    Json,
    /// The bytes of a blob.
    Blob,
    /// A form, as the gateway has written it: `multipart/form-data` with its boundary.
    Form(&'a HeaderValue),
}

/// The headers of a forwarded request, but for its length, which the HTTP client takes
/// from the body itself.
///
/// The caller's headers are not even a parameter. Ollama reads none that the gateway
/// does not know itself, and for a cloud model it sends every header on to ollama.com
/// (`server/cloud_proxy.go`, `copyProxyRequestHeaders`): credentials, cookies, `X-*`.
/// `host` is the upstream's own authority, because Ollama on a loopback address
/// refuses every other one.
pub fn upstream_request_headers(host: &HeaderValue, content: RequestContent<'_>) -> HeaderMap {
    let content_type = match content {
        RequestContent::Empty => None,
        RequestContent::Json => Some(HeaderValue::from_static("application/json")),
        RequestContent::Blob => Some(HeaderValue::from_static("application/octet-stream")),
        RequestContent::Form(content_type) => Some(content_type.clone()),
    };
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(HOST, host.clone());
    headers.extend(content_type.map(|value| (CONTENT_TYPE, value)));
    headers
}

/// The change to upstream's body before the caller receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyChange {
    /// Byte for byte.
    Unchanged,
    /// Filtered or written again; its length is another one.
    Rewritten,
}

/// Upstream's body is compressed although the gateway never offers that, so it can be
/// neither filtered nor metered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the upstream answered with content encoding {encoding:?}; let it, or the proxy in front \
     of it, send bodies unencoded"
)]
pub struct EncodedResponse {
    encoding: HeaderValue,
}

/// The headers of upstream's response that the caller may see.
///
/// Everything else is either the gateway's own affair (`Date`, `Connection`,
/// `Access-Control-*`, `WWW-Authenticate`), tells about what stands behind it
/// (`Server`, other `X-*`), or comes from ollama.com (`Set-Cookie`). A stream asks the proxies
/// in front of the gateway not to hold it back, unless upstream says otherwise.
pub fn response_headers(
    upstream: &HeaderMap,
    body: BodyChange,
) -> Result<HeaderMap, EncodedResponse> {
    refuse_encoding(upstream)?;
    let mut headers = HeaderMap::with_capacity(4);
    let mut pass = |name: HeaderName| {
        if let Some(value) = upstream.get(&name)
            && !is_named_by_connection(upstream, &name)
        {
            headers.insert(name, value.clone());
        }
    };
    pass(CONTENT_TYPE);
    pass(CACHE_CONTROL);
    pass(RETRY_AFTER);
    pass(X_ACCEL_BUFFERING);
    if body == BodyChange::Unchanged {
        pass(CONTENT_LENGTH);
    }
    if is_stream(&headers) {
        headers.entry(X_ACCEL_BUFFERING).or_insert(HeaderValue::from_static("no"));
    }
    Ok(headers)
}

/// Tells whether the body is made of lines or events that come while they are produced.
fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    kind.starts_with(b"application/x-ndjson") || kind.starts_with(b"text/event-stream")
}

fn refuse_encoding(upstream: &HeaderMap) -> Result<(), EncodedResponse> {
    match upstream
        .get_all(CONTENT_ENCODING)
        .iter()
        .find(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        Some(encoding) => Err(EncodedResponse { encoding: encoding.clone() }),
        None => Ok(()),
    }
}

/// Tells whether `Connection` names the header (RFC 9110, section 7.6.1).
pub fn is_named_by_connection(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{BodyChange, RequestContent, response_headers, upstream_request_headers};
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair =
            |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_request_has_the_headers_of_its_body_and_no_others() {
        let host = HeaderValue::from_static("127.0.0.1:11434");
        let form = HeaderValue::from_static("multipart/form-data; boundary=x");
        let cases = [
            (RequestContent::Empty, None),
            (RequestContent::Json, Some("application/json")),
            (RequestContent::Blob, Some("application/octet-stream")),
            (RequestContent::Form(&form), Some("multipart/form-data; boundary=x")),
        ];
        for (content, content_type) in cases {
            let mut expected = map(&[("host", "127.0.0.1:11434")]);
            expected.extend(content_type.map(|value| {
                let name = HeaderName::from_static("content-type");
                (name, HeaderValue::from_static(value))
            }));
            let headers = upstream_request_headers(&host, content);
            assert_eq!(headers, expected, "{content:?}");
        }
    }

    #[test]
    fn of_a_response_only_the_known_headers_pass() {
        let upstream = map(&[
            ("content-type", "application/x-ndjson"),
            ("content-length", "12"),
            ("cache-control", "no-cache"),
            ("retry-after", "3"),
            ("content-encoding", "identity"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("trailer", "x-sum"),
            ("upgrade", "h2c"),
            ("set-cookie", "session=1"),
            ("server", "nginx"),
            ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("www-authenticate", "Basic"),
            ("proxy-authenticate", "Basic"),
            ("access-control-allow-origin", "*"),
            ("location", "https://ollama.com/"),
            ("x-request-id", "1"),
        ]);
        let expected = map(&[
            ("content-type", "application/x-ndjson"),
            ("content-length", "12"),
            ("cache-control", "no-cache"),
            ("retry-after", "3"),
            ("x-accel-buffering", "no"),
        ]);
        assert_eq!(response_headers(&upstream, BodyChange::Unchanged), Ok(expected.clone()));
        let mut rewritten = expected;
        rewritten.remove("content-length");
        assert_eq!(response_headers(&upstream, BodyChange::Rewritten), Ok(rewritten));
    }

    #[test]
    fn a_stream_is_not_to_be_held_back_unless_upstream_says_so() {
        let buffering = |kind, own: Option<&'static str>| {
            let mut upstream = map(&[("content-type", kind)]);
            upstream.extend(own.map(|own| {
                (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static(own))
            }));
            let headers = response_headers(&upstream, BodyChange::Rewritten).unwrap();
            headers.get("x-accel-buffering").map(|value| value.to_str().unwrap().to_owned())
        };
        for kind in
            ["application/x-ndjson", "text/event-stream", "text/event-stream; charset=utf-8"]
        {
            assert_eq!(buffering(kind, None).as_deref(), Some("no"), "{kind}");
            assert_eq!(buffering(kind, Some("yes")).as_deref(), Some("yes"), "{kind}");
        }
        for kind in ["application/json", "text/plain"] {
            assert_eq!(buffering(kind, None), None, "{kind}");
            assert_eq!(buffering(kind, Some("no")).as_deref(), Some("no"), "{kind}");
        }
    }

    #[test]
    fn a_header_named_by_connection_ends_at_the_gateway() {
        let upstream = map(&[
            ("connection", "keep-alive, Retry-After"),
            ("connection", "cache-control"),
            ("cache-control", "no-cache"),
            ("retry-after", "3"),
            ("content-type", "text/plain"),
        ]);
        assert_eq!(
            response_headers(&upstream, BodyChange::Unchanged),
            Ok(map(&[("content-type", "text/plain")]))
        );
    }

    #[test]
    fn an_encoded_body_is_refused() {
        let upstream = map(&[("content-encoding", "gzip")]);
        let error = response_headers(&upstream, BodyChange::Unchanged).unwrap_err();
        assert!(error.to_string().contains("gzip"), "{error}");
    }
}
