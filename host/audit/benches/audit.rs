//! What a line costs the request that it tells of, and how fast a log is proven.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stockade_audit::{AuditLog, AuditSettings, Kind, VerifyOptions, verify};
use stockade_core::SystemClock;

const LINES: u64 = 200_000;

fn open(directory: &Path) -> AuditLog {
    let settings = AuditSettings::of(directory.join("audit"));
    AuditLog::open(settings, Arc::new(SystemClock)).unwrap()
}

/// The record of a usual request.
fn record() -> String {
    let filler = "x".repeat(580);
    format!(r#"{{"schema":1,"request":"req_00c0ffee00c0000000000001","filler":"{filler}"}}"#)
}

fn lines(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let (log, record) = (open(directory.path()), record());
    criterion.bench_function("a line: reserve, write", |bencher| {
        bencher.iter(|| log.reserve().unwrap().write(Kind::Request, record.as_bytes()));
    });
}

fn proof(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let (log, record) = (open(directory.path()), record());
    for number in 1..=LINES {
        log.reserve().unwrap().write(Kind::Request, record.as_bytes());
        if number.is_multiple_of(20_000) {
            assert!(log.flush(Duration::from_mins(5)));
        }
    }
    log.close();
    let path = directory.path().join("audit");
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(LINES)).sample_size(10);
    group.bench_function(BenchmarkId::new("lines", LINES), |bencher| {
        bencher.iter(|| assert!(verify(&path, &VerifyOptions::default()).unwrap().holds()));
    });
    group.finish();
}

criterion_group!(benches, lines, proof);
criterion_main!(benches);
