//! One decision with a fresh sandbox: the bindings chosen, the guest asked, the outcomes
//! combined.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use criterion::{Criterion, criterion_group, criterion_main};
use stockade_bench::configurations::{many_bindings, one_binding};
use stockade_bench::scenario::{Question, engine, generation};
use stockade_core::Operation;

fn decision(criterion: &mut Criterion) {
    let engine = engine().unwrap();
    let cases = [
        ("one binding, 1 group", one_binding(1), Operation::Pull),
        ("one binding, 200 groups", one_binding(200), Operation::Pull),
        ("1 of 100 bindings", many_bindings(100, 1), Operation::Chat),
        ("10 of 100 bindings", many_bindings(100, 10), Operation::Chat),
    ];
    let mut group = criterion.benchmark_group("decision");
    for (name, text, operation) in cases {
        let generation = generation(&engine, &text).unwrap();
        let question = Question::new(generation, operation, "llama3.2:3b").unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| question.decide().unwrap()));
    }
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
