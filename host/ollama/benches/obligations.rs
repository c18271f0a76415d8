//! The cost of meeting a policy's obligations, beside writing a request without any.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method, Uri};
use stockade_core::{FieldPath, FieldRule, Limit, LimitedParameter, ModelName, Obligations};
use stockade_ollama::{
    CanonicalRequest, ReadLimits, RequestHead, UpstreamRequest, WriteOptions, route,
};

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
    let limit =
        |parameter, maximum| Limit { insert: Some(maximum), ..Limit::at_most(parameter, maximum) };
    vec![
        limit(LimitedParameter::Context, 8_192),
        limit(LimitedParameter::Output, 1_024),
        limit(LimitedParameter::KeepAlive, 300),
    ]
}

/// Changes a request as it is before it is judged again, and writes it.
fn meet(
    mut request: CanonicalRequest,
    model: Option<&ModelName>,
    obligations: &Obligations,
) -> UpstreamRequest {
    request.change(model, &obligations.fields).unwrap();
    request.write(obligations, &WriteOptions::default()).unwrap()
}

fn obligations(criterion: &mut Criterion) {
    let path = |path| FieldPath::new(path).unwrap();
    let none = Obligations::default();
    let limited = Obligations { limits: limits(), ..none.clone() };
    let forbidden = Obligations {
        fields: ["template", "options.num_gpu"].map(|name| FieldRule::Forbid(path(name))).to_vec(),
        ..none.clone()
    };
    let changed = Obligations {
        fields: vec![
            FieldRule::Strip(path("options.temperature")),
            FieldRule::Insert(path("think"), "false".to_owned()),
        ],
        ..none.clone()
    };
    let other = ModelName::parse("qwen3:8b").unwrap();
    let all = Obligations { limits: limits(), ..changed.clone() };
    let cases = [
        ("none, native", "/api/chat", CHAT, None, &none),
        ("three limits, native", "/api/chat", CHAT, None, &limited),
        ("three limits, openai", "/v1/chat/completions", COMPLETION, None, &limited),
        ("forbidden fields, native", "/api/chat", CHAT, None, &forbidden),
        ("changed fields, native", "/api/chat", CHAT, None, &changed),
        ("another model, native", "/api/chat", CHAT, Some(&other), &none),
        ("all, native", "/api/chat", CHAT, Some(&other), &all),
    ];
    let mut group = criterion.benchmark_group("obligations");
    for (name, path, body, model, obligations) in cases {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || read(path, body),
                |request| black_box(meet(request, model, obligations)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, obligations);
criterion_main!(benches);
