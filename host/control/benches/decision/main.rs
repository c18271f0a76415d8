//! The cost of a decision without the rest of a request: the bindings chosen, their policies asked
//! or their verdicts remembered, the verdicts combined.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

mod question;

use criterion::{Criterion, criterion_group, criterion_main};

use question::{FIVE_SHIPPED, ONE_SHIPPED, Question, remembering, ten_own, two_hundred_groups};

fn decision(criterion: &mut Criterion) {
    let cases = [
        ("200 groups, fresh", Question::pull(&two_hundred_groups())),
        ("five shipped, fresh", Question::chat(FIVE_SHIPPED)),
        ("ten own, fresh", Question::chat(&ten_own())),
        ("one shipped, remembered", Question::chat(&remembering(ONE_SHIPPED))),
        ("five shipped, remembered", Question::chat(&remembering(FIVE_SHIPPED))),
    ];
    let mut group = criterion.benchmark_group("decision");
    for (name, question) in cases {
        group.bench_function(name, |bencher| bencher.iter(|| question.decide()));
    }
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
