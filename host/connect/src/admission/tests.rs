use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request};

use super::*;

fn admission() -> Admission {
    let origins: OriginMatcher = Arc::new(|origin| origin == "http://localhost:3000");
    Admission { origins, machine: Some("desk".to_owned()) }
}

fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target).body(()).unwrap();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    request.into_parts().0
}

fn status(method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
    match admission().check(&parts(method, target, headers)) {
        Ok(()) => 200,
        Err(refusal) => refusal.status.as_u16(),
    }
}

#[test]
fn only_names_of_this_machine_are_answered() {
    for host in [
        "localhost",
        "localhost:11434",
        "LOCALHOST.",
        "127.0.0.1",
        "127.0.0.1:11434",
        "[::1]:1",
        "0.0.0.0:11434",
        "app.localhost",
        "desk:11434",
        "DESK",
    ] {
        assert_eq!(status("GET", "/", &[("host", host)]), 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:11434",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.local",
        "evil.internal",
        "other",
        "xlocalhost",
        "",
        "[::1].evil",
        "a@localhost",
    ] {
        assert_eq!(status("GET", "/", &[("host", host)]), 403, "{host}");
    }
    assert_eq!(status("GET", "/", &[]), 400);
    assert_eq!(status("GET", "/", &[("host", "localhost"), ("host", "localhost")]), 400);
    let mut old = parts("GET", "/", &[]);
    old.version = Version::HTTP_10;
    assert!(admission().check(&old).is_ok(), "health checks by HTTP/1.0");
}

#[test]
fn no_page_of_the_web_may_ask() {
    let host = ("host", "127.0.0.1:11434");
    for origin in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:8080")],
        &[("origin", "http://127.0.0.1:11434"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://localhost:8080")],
        &[("origin", "chrome-extension://abc")],
        &[("origin", "app")],
        &[("origin", "file://")],
    ] {
        let headers = [&[host], origin].concat();
        assert_eq!(status("POST", "/api/chat", &headers), 403, "{origin:?}");
    }
    for origin in [
        &[][..],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:11434")],
        &[("origin", "http://127.0.0.1:11434")],
        &[("origin", "app://obsidian.md"), ("sec-fetch-site", "cross-site")],
        &[("origin", "vscode-webview://0a1b"), ("sec-fetch-site", "cross-site")],
        &[("origin", "tauri://localhost")],
        &[("origin", "http://localhost:3000"), ("sec-fetch-site", "cross-site")],
    ] {
        let headers = [&[host], origin].concat();
        assert_eq!(status("POST", "/api/chat", &headers), 200, "{origin:?}");
    }
}

#[test]
fn the_gateways_own_paths_are_not_passed_on() {
    let host = [("host", "localhost")];
    for target in [
        "/-/token",
        "//-//token",
        "/k/x/-/token",
        "/%2d/token",
        "/%2D/token",
        "/%252d/token",
        "/api/..%2f-/token",
        "/api%2F%2d%2Ftoken",
        "/a\\-\\token",
        "/-",
    ] {
        let status = status("POST", target, &host);
        assert!(matches!(status, 404 | 400), "{target}: {status}");
    }
    for target in ["/../x", "/api/./x", "/%2e%2E/x", "/a/%2e%2e%2fb", "/a\\..\\b"] {
        assert_eq!(status("GET", target, &host), 400, "{target}");
    }
    for target in ["http://localhost/api/tags", "*"] {
        assert_eq!(status("OPTIONS", target, &host), 400, "{target}");
    }
    for target in ["/v1/models/hf.co%2Fa%2Fb%3Aq4", "/api/blobs/sha256:00", "/a-b", "/%zz", "/100%"]
    {
        assert_eq!(status("GET", target, &host), 200, "{target}");
    }
}
