use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use stockade_core::Dialect;

use super::{RequestHead, Routed, route};
use crate::{ROUTES, Refusal, Route, reference_markdown};

fn ask(method: &Method, target: &str, more: &[(&'static str, &str)]) -> Result<Routed, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost:11434"));
    for (name, value) in more {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    let uri: Uri = target.parse().unwrap();
    route(&RequestHead { method, uri: &uri, headers: &headers, version: Version::HTTP_11 })
}

fn refused(method: &Method, target: &str, more: &[(&'static str, &str)]) -> Refusal {
    ask(method, target, more).expect_err(target)
}

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn example(route: &Route) -> String {
    route
        .path
        .to_string()
        .replace("{digest}", DIGEST)
        .replace("{model}", "llama3.2:3b")
        .replace("{key}", "c3NoLWVkMjU1MTk")
}

const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

#[test]
fn every_route_is_found_by_its_methods_and_no_others() {
    assert_eq!(ROUTES.len(), 34);
    for wanted in ROUTES {
        let path = example(wanted);
        let same_path = || ROUTES.iter().filter(|route| route.path == wanted.path);
        for method in METHODS {
            let known = same_path().find(|route| route.methods.contains(&method));
            let form = [("content-type", "multipart/form-data; boundary=x")];
            let headers = if path.contains("audio") { &form[..] } else { &[] };
            match (ask(&method, &path, headers), known) {
                (Ok(routed), Some(known)) => assert!(std::ptr::eq(routed.route(), known)),
                (Err(refusal), None) => {
                    assert_eq!(refusal.status, StatusCode::METHOD_NOT_ALLOWED);
                    assert_eq!(refusal.dialect, wanted.dialect, "{path}");
                    let allow: Vec<_> = same_path().flat_map(|route| route.methods).collect();
                    assert_eq!(refusal.allow.iter().collect::<Vec<_>>(), allow);
                }
                (outcome, _) => panic!("{method} {path}: {outcome:?}"),
            }
        }
    }
}

#[test]
fn no_two_routes_answer_to_the_same() {
    for (index, one) in ROUTES.iter().enumerate() {
        for other in &ROUTES[index + 1..] {
            let shared = one.methods.iter().any(|m| other.methods.contains(m));
            let overlap = other.path.matches(&example(one)).is_some();
            assert!(!(shared && overlap), "{} and {}", one.path, other.path);
        }
    }
}

#[test]
fn unknown_paths_are_not_found_in_the_dialect_of_the_path() {
    let cases = [
        ("/api/unknown", Dialect::Native),
        ("/api", Dialect::Native),
        ("/API/chat", Dialect::Native),
        ("/api/chat;x", Dialect::Native),
        ("/v1", Dialect::OpenAi),
        ("/v1/images/generations", Dialect::OpenAi),
        ("/v1/models/a/b", Dialect::OpenAi),
        ("/v1/messages/count_tokens", Dialect::Anthropic),
        ("/v1/messagesx", Dialect::OpenAi),
        ("/v1/systemone/more", Dialect::Native),
        ("/api/tokenize", Dialect::Native),
        ("/v1x", Dialect::Native),
        ("/debug/pprof", Dialect::Native),
    ];
    for (path, dialect) in cases {
        let refusal = refused(&Method::POST, path, &[]);
        assert_eq!((refusal.status, refusal.dialect), (StatusCode::NOT_FOUND, dialect), "{path}");
        assert!(refusal.message.contains("this gateway does not know"), "{refusal}");
        assert!(refusal.message.contains("Ollama 0."), "{refusal}");
    }
}

#[test]
fn targets_that_ollama_would_clean_up_are_refused() {
    let targets = [
        "/%61pi/chat",
        "/api%2Fchat",
        "/api/chat%00",
        "/api/./chat",
        "/api/../api/chat",
        "//api/../api/chat",
        "/%61pi//chat",
        "http://localhost/api/chat",
        "*",
        "/api/chat?model=x",
        "/api/chat?beta=true",
        "/api/chat?ts=",
        "/api/chat?ts=1&ts=2",
        "/v1/messages?ts=1",
        "/v1/chat/completions?ts=1",
        "/v1/audio/transcriptions?model=x",
    ];
    for target in targets {
        let refusal = refused(&Method::POST, target, &[]);
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{target}");
    }
}

#[test]
fn doubled_and_trailing_slashes_lead_to_the_plain_path() {
    for (method, target, to) in [
        (Method::POST, "//api/chat", "/api/chat"),
        (Method::POST, "///api//chat", "/api/chat"),
        (Method::POST, "/api/chat/", "/api/chat"),
        (Method::POST, "/v1//chat/completions", "/v1/chat/completions"),
        (Method::POST, "//v1/messages?beta=true", "/v1/messages?beta=true"),
        (Method::GET, "/v1/models/", "/v1/models"),
        (Method::GET, "//", "/"),
        (Method::HEAD, "//", "/"),
    ] {
        let refusal = refused(&method, target, &[]);
        assert_eq!(refusal.status, StatusCode::TEMPORARY_REDIRECT, "{target}");
        assert_eq!(refusal.location.as_deref(), Some(to), "{target}");
    }
    for (target, status) in [
        ("//other.example/api/chat", StatusCode::NOT_FOUND),
        ("/api/unknown/", StatusCode::NOT_FOUND),
        ("/v1/models/", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let refusal = refused(&Method::POST, target, &[]);
        assert_eq!((refusal.status, refusal.location), (status, None), "{target}");
    }
}

#[test]
fn a_query_is_dropped_where_something_is_only_read() {
    for target in [
        "/v1/models?limit=1000",
        "/v1/models?client_version=0.98.0",
        "/v1/models?limit=20&after_id=x",
        "/v1/models/demo?beta=true",
        "/api/tags?model=x",
        "/api/ps?ts=1",
        "/?check",
    ] {
        assert!(ask(&Method::GET, target, &[]).is_ok(), "{target}");
    }
    assert_eq!(refused(&Method::POST, "/api/me?x=1", &[]).status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_health_check_by_http_1_0_needs_no_host() {
    let ask = |target: &'static str, version| {
        let (uri, headers) = (Uri::from_static(target), HeaderMap::new());
        route(&RequestHead { method: &Method::GET, uri: &uri, headers: &headers, version }).is_ok()
    };
    for (target, public) in [("/", true), ("/api/version", true), ("/api/tags", false)] {
        assert_eq!(ask(target, Version::HTTP_10), public, "{target}");
        assert!(!ask(target, Version::HTTP_11), "{target}");
    }
}

#[test]
fn what_well_known_clients_put_into_a_query_is_tolerated() {
    assert!(ask(&Method::POST, "/api/chat?ts=1755800000", &[]).is_ok());
    assert!(ask(&Method::HEAD, "/?ts=1755800000", &[]).is_ok());
    assert!(ask(&Method::POST, "/v1/messages?beta=true", &[]).is_ok());
}

#[test]
fn a_model_in_a_path_may_be_encoded() {
    for path in ["/v1/models/Demo", "/v1/models/demo%3Alatest", "/v1/models/%44emo"] {
        let request = ask(&Method::GET, path, &[]).unwrap();
        let request = request.read(bytes::Bytes::new(), &crate::ReadLimits::default()).unwrap();
        assert_eq!(request.models()[0].name.short(), "demo:latest");
    }
    for path in [
        "/v1/models/%20demo",
        "/v1/models/demo%",
        "/v1/models/demo%c3%a9",
        "/v1/models/demo%+1",
        "/v1/models/me%2Fmine",
        "/v1/models/..",
        "/v1/models/demo:local",
    ] {
        let refusal = refused(&Method::GET, path, &[]);
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(refusal.dialect, Dialect::OpenAi);
    }
}

#[test]
fn a_digest_has_one_spelling() {
    let hex = &DIGEST["sha256:".len()..];
    for spelling in [DIGEST.to_owned(), format!("sha256-{}", hex.to_uppercase())] {
        let path = format!("/api/blobs/{spelling}");
        let request = ask(&Method::POST, &path, &[]).unwrap().streamed().unwrap();
        assert_eq!(request.parameters().digests, [DIGEST]);
    }
    for wrong in ["sha256:12", hex, "sha512:x", &format!("{DIGEST}0"), &DIGEST.replace('f', "g")] {
        let path = format!("/api/blobs/{wrong}");
        assert_eq!(refused(&Method::HEAD, &path, &[]).status, StatusCode::BAD_REQUEST);
    }
}

#[test]
fn heads_that_two_servers_could_frame_differently_are_refused() {
    let cases: [&[(&'static str, &str)]; 9] = [
        &[("host", "other")],
        &[("content-length", "1"), ("content-length", "1")],
        &[("content-length", "1, 1")],
        &[("content-length", "+1")],
        &[("content-length", "1"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "gzip, chunked")],
        &[("transfer-encoding", "identity")],
        &[("transfer-encoding", "xchunked")],
    ];
    for headers in cases {
        let refusal = refused(&Method::POST, "/api/chat", headers);
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{headers:?}");
    }
}

#[test]
fn the_host_must_be_one_plain_host() {
    let with_host = |host: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert("host", HeaderValue::from_static(host));
        }
        let uri = Uri::from_static("/api/tags");
        route(&RequestHead {
            method: &Method::GET,
            uri: &uri,
            headers: &headers,
            version: Version::HTTP_11,
        })
        .is_ok()
    };
    for good in ["localhost", "gw.example:8443", "127.0.0.1:11434", "[::1]:11434"] {
        assert!(with_host(Some(good)), "{good}");
    }
    for bad in ["", "user@host", "user:pass@host:1", "a b", "host/path", ":80"] {
        assert!(!with_host(Some(bad)), "{bad}");
    }
    assert!(!with_host(None));
}

#[test]
fn content_is_json_whatever_its_type_says_but_no_form_and_not_encoded() {
    for kind in
        ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"]
    {
        assert!(ask(&Method::POST, "/api/chat", &[("content-type", kind)]).is_ok());
    }
    assert!(ask(&Method::POST, "/api/chat", &[("content-encoding", "identity")]).is_ok());
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/embeddings"] {
        assert!(ask(&Method::POST, path, &[("content-encoding", "ZSTD")]).is_ok());
        let refusal = refused(&Method::POST, path, &[("content-encoding", "gzip")]);
        assert!(refusal.message.contains("use zstd"), "{refusal}");
    }
    let audio = "/v1/audio/transcriptions";
    let form = ("content-type", "multipart/form-data; boundary=x");
    assert!(ask(&Method::POST, audio, &[form]).is_ok());
    let refusal = refused(&Method::POST, audio, &[form, ("content-encoding", "zstd")]);
    assert_eq!(refusal.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for kind in ["application/json", "multipart/form-data", "multipart/mixed; boundary=x"] {
        let refusal = refused(&Method::POST, audio, &[("content-type", kind)]);
        assert_eq!(refusal.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let cases: [&[(&'static str, &str)]; 5] = [
        &[("content-type", "multipart/form-data; boundary=x")],
        &[("content-encoding", "zstd")],
        &[("content-encoding", "gzip")],
        &[("content-encoding", "identity, gzip")],
        &[("content-encoding", "identity"), ("content-encoding", "gzip")],
    ];
    for headers in cases {
        let refusal = refused(&Method::POST, "/api/chat", headers);
        assert_eq!(refusal.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{headers:?}");
    }
}

#[test]
fn the_reference_names_every_route() {
    let page = reference_markdown();
    for route in ROUTES {
        assert!(page.contains(&format!("`{}`", route.path)), "{}", route.path);
    }
}
