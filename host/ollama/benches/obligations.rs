//! The cost of meeting a policy's obligations, beside writing a request without any.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method, Uri};
use stockade_core::{Limit, LimitedParameter, ModelName, Obligations};
use stockade_ollama::{CanonicalRequest, ReadLimits, RequestHead, WriteOptions, route};

fn read(path: &'static str, body: &'static str) -> CanonicalRequest {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("gateway"));
    let uri = Uri::from_static(path);
    let head = RequestHead {
        method: &Method::POST,
        uri: &uri,
        headers: &headers,
        version: http::Version::HTTP_11,
    };
    let body = Bytes::from_static(body.as_bytes());
    route(&head).unwrap().read(body, &ReadLimits::default()).unwrap()
}

const CHAT: &str = r#"{"model":"llama3.2:3b","messages":[{"role":"user","content":"Why is the sky blue?"}],"stream":true,"options":{"temperature":0.7,"num_ctx":131072,"num_predict":-1},"keep_alive":"24h"}"#;
const COMPLETION: &str = r#"{"model":"llama3.2:3b","messages":[{"role":"user","content":"Why is the sky blue?"}],"max_completion_tokens":100000,"stream":true}"#;

fn limits() -> Vec<Limit> {
    let limit = |parameter, maximum| Limit { parameter, maximum, insert: true };
    vec![
        limit(LimitedParameter::Context, 8_192),
        limit(LimitedParameter::Output, 1_024),
        limit(LimitedParameter::KeepAlive, 300),
    ]
}

fn obligations(criterion: &mut Criterion) {
    let none = Obligations::default();
    let limited = Obligations { limits: limits(), ..none.clone() };
    let replaced =
        Obligations { replace_model: Some(ModelName::parse("qwen3:8b").unwrap()), ..none.clone() };
    let all = Obligations {
        forbid_fields: vec!["template".to_owned(), "suffix".to_owned()],
        limits: limits(),
        ..replaced.clone()
    };
    let cases = [
        ("none, native", "/api/chat", CHAT, &none),
        ("three limits, native", "/api/chat", CHAT, &limited),
        ("three limits, openai", "/v1/chat/completions", COMPLETION, &limited),
        ("another model, native", "/api/chat", CHAT, &replaced),
        ("all, native", "/api/chat", CHAT, &all),
    ];
    let mut group = criterion.benchmark_group("obligations");
    for (name, path, body, obligations) in cases {
        // What is measured must be the writing, not a refusal.
        read(path, body).write(obligations, &WriteOptions::default()).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || read(path, body),
                |request| black_box(request.write(obligations, &WriteOptions::default())),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, obligations);
criterion_main!(benches);
