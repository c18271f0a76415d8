//! Lines that are written can be read and proven, over ends of segments and restarts.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use stockade_audit::{
    AuditLog, AuditSettings, Envelope, Kind, LineReader, OpenError, Problem, Retention, Unproven,
    VerifyOptions, segments, verify,
};
use stockade_core::{FixedClock, UnixTime};

use crate::sample::{NOW, PATIENCE, Sample, clock, open, settings, write};

fn kinds(path: &std::path::Path) -> Vec<String> {
    let mut reader = LineReader::open(path).unwrap();
    let mut kinds = Vec::new();
    while let Some(line) = reader.next_line().unwrap() {
        kinds.push(Envelope::parse(line).unwrap().kind.to_owned());
    }
    kinds
}

#[test]
fn a_log_of_several_segments_is_proven_to_its_end() {
    let sample = Sample::of(100);
    let proof = sample.verify();
    assert!(proof.holds(), "{:?}", proof.findings);
    assert!(proof.segments > 3, "{proof:?}");
    assert_eq!((proof.last, proof.unprotected(), proof.anchors), (proof.lines, 0, 1));
    assert_eq!(proof.unproven, []);
    let kinds = kinds(&sample.path);
    assert_eq!(kinds.len() as u64, proof.lines);
    assert_eq!(kinds.iter().filter(|kind| *kind == "request").count(), 100);
    assert_eq!((kinds[0].as_str(), kinds[1].as_str()), ("segment", "start"));
    assert_eq!(&kinds[kinds.len() - 2..], ["stop", "checkpoint"]);
    let without = verify(&sample.path, &VerifyOptions::default()).unwrap();
    assert!(without.holds());
    assert_eq!(without.unproven, [Unproven::NoKey, Unproven::End]);
}

#[test]
fn a_restart_goes_on_with_the_chain() {
    let sample = Sample::of(3);
    for _ in 0..4 {
        let log = open(&sample.path);
        write(&log, 0..30);
    }
    let proof = sample.verify();
    assert!(proof.holds(), "{:?}", proof.findings);
    assert!(proof.segments > 3);
}

#[test]
fn a_torn_line_is_cut_and_told() {
    let sample = Sample::of(3);
    let last = sample.files().pop().unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&last).unwrap();
    file.write_all(br#"{"seq":99,"pr"#).unwrap();
    let torn = sample.verify();
    assert_eq!((torn.holds(), &torn.unproven[..]), (true, &[Unproven::Torn { bytes: 13 }][..]));
    write(&open(&sample.path), 3..4);
    let kinds = kinds(&sample.path);
    assert!(kinds.contains(&"torn".to_owned()), "{kinds:?}");
    let proof = sample.verify();
    assert!(proof.holds(), "{:?}", proof.findings);
}

#[test]
fn nobody_else_writes_to_it() {
    let sample = Sample::of(1);
    let log = open(&sample.path);
    let second = AuditLog::open(settings(&sample.path), clock());
    assert!(matches!(second, Err(OpenError::Taken { .. })));
    drop(log);
    open(&sample.path);
}

#[test]
fn old_segments_are_removed_and_the_rest_is_still_proven() {
    let sample = Sample::of(100);
    let before = segments(&sample.path).unwrap().len();
    let later = UnixTime::from_secs(NOW.as_secs() + 1_000);
    let retention = Retention { age: Duration::from_secs(500), size: u64::MAX };
    let settings = AuditSettings { retention, ..settings(&sample.path) };
    let log = AuditLog::open(settings, Arc::new(FixedClock(later))).unwrap();
    write(&log, 0..3);
    drop(log);
    let left = segments(&sample.path).unwrap();
    assert!(left.len() < before && left[0].0 == before as u64, "{left:?}");
    let proof = sample.verify();
    assert!(proof.holds(), "{:?}", proof.findings);
    assert_eq!(proof.unproven, [Unproven::Removed(before as u64 - 1)]);
    assert_eq!(kinds(&sample.path).iter().filter(|kind| *kind == "retention").count(), before - 1);
}

/// Somebody removes a segment and says that retention did, in the file that anybody could write.
#[test]
fn a_removal_of_which_no_line_tells_is_found() {
    let sample = Sample::of(100);
    let first = sample.lines().remove(0);
    let key = sample.key.to_string();
    let closing: serde_json::Value = serde_json::from_str(first.last().unwrap()).unwrap();
    let removed = serde_json::json!({"segment": 1, "key": key, "note": closing["note"]});
    fs::write(sample.path.join("removed.jsonl"), format!("{removed}\n")).unwrap();
    assert!(sample.verify().holds(), "it is still there");
    fs::remove_file(&sample.files()[0]).unwrap();
    let proof = sample.verify();
    assert_eq!(proof.findings[0].problem, Problem::NoRetention(1));
}

#[test]
fn the_smallest_size_keeps_what_is_written_now() {
    let sample = Sample::of(100);
    let retention = Retention { age: Duration::MAX, size: 0 };
    let settings = AuditSettings { retention, ..settings(&sample.path) };
    let log = AuditLog::open(settings, clock()).unwrap();
    write(&log, 0..60);
    drop(log);
    assert!(segments(&sample.path).unwrap().len() < 3);
    assert!(sample.verify().holds());
}

#[test]
fn a_lost_key_is_told_and_another_one_can_be_trusted() {
    let sample = Sample::of(3);
    fs::remove_file(sample.path.join("signing-key")).unwrap();
    let log = open(&sample.path);
    let key = log.key().clone();
    write(&log, 3..5);
    drop(log);
    let proof = sample.verify();
    assert_eq!(proof.findings.len(), 1);
    assert!(proof.findings[0].to_string().contains("--key"), "{}", proof.findings[0]);
    let mut options = sample.options();
    options.keys.push(key);
    let proof = verify(&sample.path, &options).unwrap();
    assert!(proof.holds(), "{:?}", proof.findings);
}

#[test]
fn what_nothing_depends_on_is_written_as_well() {
    let sample = Sample::of(1);
    let log = open(&sample.path);
    drop(log.reserve().unwrap());
    log.append(Kind::Reload, br#"{"generation":2}"#);
    assert!(log.flush(PATIENCE));
    drop(log);
    assert!(kinds(&sample.path).contains(&"reload".to_owned()));
}
