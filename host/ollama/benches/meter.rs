//! The cost of reading an answer, for each piece of it that passes.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stockade_ollama::response::{Framing, Meter, UsageChunkFilter};

const NATIVE: &[u8] = b"{\"model\":\"demo:1b\",\"created_at\":\"2026-08-21T10:00:00.1Z\",\"response\":\" the quick fox\",\"done\":false}\n";
const NATIVE_LAST: &[u8] = b"{\"model\":\"demo:1b\",\"created_at\":\"2026-08-21T10:00:00.1Z\",\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\"total_duration\":4883583458,\"load_duration\":1334875,\"prompt_eval_count\":26,\"prompt_eval_duration\":342546000,\"eval_count\":282,\"eval_duration\":4535599000}\n";
const OPENAI: &[u8] = b"data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" the\"},\"finish_reason\":null}]}\n\n";
const COMPLETION: &[u8] = b"data: {\"id\":\"cmpl-1\",\"choices\":[{\"text\":\" the\",\"index\":0}],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}\n\n";

fn meters(criterion: &mut Criterion) {
    let embedding = format!(
        "{{\"embeddings\":[[{}]],\"prompt_eval_count\":8}}",
        vec!["-0.012345678"; 768].join(",")
    );
    let cases = [
        ("native chunk", Framing::Ndjson, NATIVE),
        ("native last chunk", Framing::Ndjson, NATIVE_LAST),
        ("openai chunk", Framing::Sse, OPENAI),
        ("embedding of 768", Framing::Json, embedding.as_bytes()),
    ];
    let mut group = criterion.benchmark_group("meter");
    for (name, framing, chunk) in cases {
        group.throughput(Throughput::Bytes(chunk.len() as u64));
        let mut meter = Meter::new(framing);
        group.bench_function(name, |bencher| {
            bencher.iter(|| meter.push(black_box(chunk)));
        });
        black_box(meter.finish());
    }
    group.finish();
}

fn filters(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("usage chunk filter");
    for (name, chunk) in [("chat chunk", OPENAI), ("completion chunk", COMPLETION)] {
        group.throughput(Throughput::Bytes(chunk.len() as u64));
        let chunk = Bytes::from_static(chunk);
        let mut filter = UsageChunkFilter::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                filter.push(black_box(chunk.clone()));
                while let Some(bytes) = filter.pop() {
                    black_box(bytes);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, meters, filters);
criterion_main!(benches);
