//! The cost of reading a body strictly and writing it again, for each MiB of it.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method, Uri};
use stockade_core::Obligations;
use stockade_ollama::{HeadScanner, ReadLimits, RequestHead, WriteOptions, route};

fn chat(content: &str, images: &str) -> Bytes {
    format!(
        "{{\"model\":\"llama3.2:3b\",\"messages\":[{{\"role\":\"user\",\"content\":\"{content}\",\
         \"images\":[{images}]}}],\"stream\":true,\"options\":{{\"num_ctx\":4096}}}}"
    )
    .into()
}

/// Does the gateway's work on a body: finds the route, reads, writes.
fn through(body: Bytes) -> usize {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("gateway"));
    let uri = Uri::from_static("/api/chat");
    let head = RequestHead {
        method: &Method::POST,
        uri: &uri,
        headers: &headers,
        version: http::Version::HTTP_11,
    };
    let limits = ReadLimits::default();
    let request = route(&head).and_then(|routed| routed.read(body, &limits));
    let written = request
        .and_then(|request| request.write(&Obligations::default(), &WriteOptions::default()));
    written.map_or(0, |written| written.path.len())
}

fn bodies(criterion: &mut Criterion) {
    let image = format!("\"{}\"", "iVBORw0KGgoAAAANSUhEUgAA".repeat((5 << 20) / 24));
    let prose = "It was a dark and stormy night; the rain fell in torrents. ";
    let escaped = "fn main() {\\n    println!(\\\"Hello\\\");\\n}\\n";
    let cases = [
        ("small chat", chat("Why is the sky blue?", "")),
        ("1 MiB of prose", chat(&prose.repeat((1 << 20) / prose.len()), "")),
        ("1 MiB of code", chat(&escaped.repeat((1 << 20) / escaped.len()), "")),
        ("10 MiB of images", chat("What is this?", &format!("{image},{image}"))),
    ];
    let mut group = criterion.benchmark_group("body");
    for (name, body) in cases {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || body.clone(),
                |body| black_box(through(body)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn heads(criterion: &mut Criterion) {
    let head = "POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1:11435\r\nAccept: */*\r\n\
        Authorization: Bearer sk-local-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n\
        User-Agent: ollama-python/0.6.3 (x86_64 linux) Python/3.12\r\n\
        Content-Type: application/json\r\nContent-Length: 120\r\n\r\n";
    criterion.bench_function("head of a request", |bencher| {
        bencher.iter(|| HeadScanner::default().scan(black_box(head.as_bytes())));
    });
}

criterion_group!(benches, bodies, heads);
criterion_main!(benches);
