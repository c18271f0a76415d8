//! The cost of reading a list of models and leaving out those that a caller may not see. Asking the
//! policies about each of them is the engine's part.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stockade_core::ModelName;
use stockade_ollama::response::{ListKind, ModelList};

fn native(models: usize) -> Bytes {
    let entry = |number: usize| {
        format!(
            "{{\"name\":\"team-{number}/llama3.2:3b\",\"model\":\"team-{number}/llama3.2:3b\",\
             \"modified_at\":\"2026-08-21T10:00:00.1Z\",\"size\":2019393189,\"digest\":\"{number:064x}\",\
             \"details\":{{\"parent_model\":\"\",\"format\":\"gguf\",\"family\":\"llama\",\"families\":\
             [\"llama\"],\"parameter_size\":\"3.2B\",\"quantization_level\":\"Q4_K_M\"}}}}"
        )
    };
    let entries: Vec<_> = (0..models).map(entry).collect();
    format!("{{\"models\":[{}]}}", entries.join(",")).into()
}

fn openai(models: usize) -> Bytes {
    let entry = |number: usize| {
        format!(
            "{{\"id\":\"team-{number}/llama3.2:3b\",\"object\":\"model\",\"created\":1755770400,\
             \"owned_by\":\"team-{number}\"}}"
        )
    };
    let entries: Vec<_> = (0..models).map(entry).collect();
    format!("{{\"object\":\"list\",\"data\":[{}]}}", entries.join(",")).into()
}

/// Reads the list, and keeps every second model.
fn filtered(kind: ListKind, body: Bytes) -> Bytes {
    let mut number = 0;
    let keep = |_: &ModelName| {
        number += 1;
        number % 2 == 0
    };
    ModelList::read(kind, body).unwrap().retain(keep)
}

fn lists(criterion: &mut Criterion) {
    let cases = [
        ("10 models, native", ListKind::Native, native(10)),
        ("1,000 models, native", ListKind::Native, native(1_000)),
        ("1,000 models, openai", ListKind::OpenAi, openai(1_000)),
    ];
    let mut group = criterion.benchmark_group("list");
    for (name, kind, body) in cases {
        let whole = body.len();
        let half = filtered(kind, body.clone()).len();
        assert!(half < whole && half * 3 > whole, "{half} of {whole} bytes are left");
        group.throughput(Throughput::Bytes(whole as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(filtered(kind, body.clone())));
        });
    }
    group.finish();
}

criterion_group!(benches, lists);
criterion_main!(benches);
