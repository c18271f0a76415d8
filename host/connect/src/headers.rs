//! The headers that pass: of a request all but those of the connection, of its credential, of its
//! browser and of proxies; of an answer all but those of the connection.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, ORIGIN,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, REFERER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
    WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use stockade_ollama::response::is_named_by_connection;

/// The headers of one connection (RFC 9110, section 7.6.1), and the length, which the HTTP
/// client takes from the body itself.
const OF_CONNECTION: [HeaderName; 10] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The headers that programs send as a credential, because they insist on one or have another
/// service's, and what a browser or a proxy says.
const DROPPED: [HeaderName; 10] = [
    AUTHORIZATION,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    COOKIE,
    HOST,
    ORIGIN,
    REFERER,
    FORWARDED,
    VIA,
];

/// The beginnings of names of headers that only browsers and proxies send.
const DROPPED_KINDS: [&str; 4] = ["sec-", "access-control-", "x-forwarded-", "x-real-ip"];

/// The headers of the request that the gateway gets.
pub(crate) fn of_request(
    sent: &HeaderMap,
    host: &HeaderValue,
    authorization: Option<HeaderValue>,
) -> HeaderMap {
    let mut headers = passed(sent, |name| {
        !DROPPED.contains(name) && !DROPPED_KINDS.iter().any(|kind| name.as_str().starts_with(kind))
    });
    headers.insert(HOST, host.clone());
    headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
    headers
}

/// The headers of the answer that the caller gets. A browser's user is not asked for a password.
pub(crate) fn of_answer(sent: &HeaderMap) -> HeaderMap {
    let mut headers = passed(sent, |name| *name != WWW_AUTHENTICATE && *name != PROXY_AUTHENTICATE);
    // Of an answer to HEAD it is the only thing that tells it.
    if let Some(length) = sent.get(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, length.clone());
    }
    headers
}

fn passed(sent: &HeaderMap, keep: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(sent.len() + 1);
    for (name, value) in sent {
        if !OF_CONNECTION.contains(name) && !is_named_by_connection(sent, name) && keep(name) {
            headers.append(name, value.clone());
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_gateway_gets_no_credential_but_the_users() {
        let sent = map(&[
            ("host", "localhost:11434"),
            ("authorization", "Bearer undefined"),
            ("authorization", "Bearer ollama"),
            ("x-api-key", "ollama"),
            ("api-key", "other"),
            ("proxy-authorization", "Basic abc"),
            ("cookie", "a=b"),
            ("origin", "app://obsidian.md"),
            ("referer", "http://localhost/"),
            ("sec-fetch-site", "cross-site"),
            ("sec-ch-ua", "x"),
            ("access-control-request-method", "POST"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-real-ip", "203.0.113.7"),
            ("forwarded", "for=x"),
            ("via", "1.1 x"),
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("expect", "100-continue"),
            ("upgrade", "websocket"),
            ("content-length", "7"),
            ("transfer-encoding", "chunked"),
            ("content-type", "application/json"),
            ("content-encoding", "zstd"),
            ("user-agent", "continue/1.2"),
            ("anthropic-version", "2023-06-01"),
            ("accept-encoding", "gzip"),
        ]);
        let host = HeaderValue::from_static("gateway:11443");
        let key = HeaderValue::from_static("Bearer sk-local-own");
        let expected = map(&[
            ("host", "gateway:11443"),
            ("authorization", "Bearer sk-local-own"),
            ("content-type", "application/json"),
            ("content-encoding", "zstd"),
            ("user-agent", "continue/1.2"),
            ("anthropic-version", "2023-06-01"),
            ("accept-encoding", "gzip"),
        ]);
        assert_eq!(of_request(&sent, &host, Some(key)), expected);
        let none = of_request(&map(&[("authorization", "Bearer ollama")]), &host, None);
        assert_eq!(none, map(&[("host", "gateway:11443")]));
    }

    #[test]
    fn an_answer_passes_but_for_what_is_of_its_connection() {
        let sent = map(&[
            ("content-type", "application/x-ndjson"),
            ("content-length", "12"),
            ("x-request-id", "1"),
            ("retry-after", "3"),
            ("location", "/api/chat"),
            ("connection", "close"),
            ("keep-alive", "5"),
            ("transfer-encoding", "chunked"),
            ("www-authenticate", "Basic"),
        ]);
        let expected = map(&[
            ("content-type", "application/x-ndjson"),
            ("content-length", "12"),
            ("x-request-id", "1"),
            ("retry-after", "3"),
            ("location", "/api/chat"),
        ]);
        assert_eq!(of_answer(&sent), expected);
    }
}
