//! The requests that are answered at all, and as what.

use crate::support::{send, send_raw, simulator};

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let ollama = simulator().await;
    for (line, status, text) in [
        ("GET /", 200, "Ollama is running"),
        ("HEAD /", 200, ""),
        ("GET /v1/messages/count_tokens", 404, "404 page not found"),
        ("GET /api", 404, "404 page not found"),
        ("GET /api/chat", 405, "405 method not allowed"),
        ("HEAD /api/ps", 405, ""),
        ("POST /api/delete", 405, "405 method not allowed"),
        ("GET /v1/models/a/b", 404, "404 page not found"),
    ] {
        let answer = send(&ollama, line, "").await;
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{line}");
        assert!(answer.content_type().starts_with("text/plain"), "{line}");
    }
    let answer = send(&ollama, "PUT /api/blobs/x", "").await;
    assert!(answer.head.contains("allow: POST, HEAD"), "{}", answer.head);
}

#[tokio::test]
async fn escapes_in_paths_are_undone_before_routing() {
    let ollama = simulator().await;
    for target in ["/%61pi/version", "/api%2Fversion", "/api/versio%6E?x=1"] {
        let answer = send(&ollama, &format!("GET {target}"), "").await;
        assert_eq!(answer.json()["version"], "0.33.0", "{target}");
    }
    for target in ["//api/version", "/api/./version", "/x/../api/version", "/api/version/"] {
        let answer = send(&ollama, &format!("GET {target}"), "").await;
        assert_eq!(answer.status, 307, "{target}");
        assert!(answer.head.contains("location: /api/version"), "{target}");
    }
    let absolute = "GET http://localhost/api/version";
    assert_eq!(send(&ollama, absolute, "").await.status, 200);
}

#[tokio::test]
async fn other_sites_get_an_empty_403() {
    let ollama = simulator().await;
    for headers in ["Host: evil.example", "Host: localhost\r\nOrigin: http://evil.example"] {
        let request = format!("GET /api/tags HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
        let answer = send_raw(&ollama, &request).await;
        assert_eq!((answer.status, answer.text().as_str()), (403, ""), "{headers}");
    }
}

#[tokio::test]
async fn requests_are_recorded_as_they_came_and_as_they_were_read() {
    let ollama = simulator().await;
    let body = r#"{"model":"qwen3:8b","MODEL":" LLAMA3.2:3B ","prompt":"hi"} trailing"#;
    send(&ollama, "POST /%61pi/generate?x=%20", body).await;
    let [request] = ollama.requests().try_into().unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/%61pi/generate?x=%20");
    assert_eq!(request.headers["host"], "localhost");
    assert_eq!(request.body, body);
    assert_eq!(request.models, ["llama3.2:3b"]);
}

#[tokio::test]
async fn errors_have_the_shape_of_their_dialect() {
    let ollama = simulator().await;
    let post = async |path: &str, body| send(&ollama, &format!("POST {path}"), body).await;

    let native = post("/api/chat", r#"{"model":"none","messages":[{}]}"#).await;
    assert_eq!(native.status, 404);
    assert_eq!(native.json()["error"], "model 'none:latest' not found");

    let openai = post("/v1/chat/completions", r#"{"model":"none","messages":[{}]}"#).await;
    assert_eq!(openai.status, 404);
    assert_eq!(openai.json()["error"]["type"], "not_found_error");

    let anthropic = post("/v1/messages", r#"{"model":"qwen3:8b","messages":[{}]}"#).await;
    assert_eq!(anthropic.status, 400);
    assert_eq!(anthropic.json()["error"]["type"], "invalid_request_error");

    let empty = post("/api/chat", " ").await;
    assert_eq!(empty.json()["error"], "missing request body");

    let cloud = post("/api/show", r#"{"model":"gpt-oss:120b-cloud"}"#).await;
    assert_eq!(cloud.status, 401);
    assert!(cloud.json()["signin_url"].is_string());
}
