//! Files that are taken away under the running gateway.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use stockade_audit::{AuditLog, Kind};

use crate::sample::{PATIENCE, Sample, open, until_well};

/// Makes sure that the gateway has looked.
fn until_restored(log: &AuditLog, path: &std::path::Path) {
    while !path.exists() {
        log.append(Kind::Reload, b"{}");
        assert!(log.flush(PATIENCE));
    }
    until_well(log);
}

#[test]
fn a_file_that_was_removed_is_put_back_whole() {
    let sample = Sample::of(5);
    let log = open(&sample.path);
    let last = sample.files().pop().unwrap();
    fs::remove_file(&last).unwrap();
    until_restored(&log, &last);
    log.reserve().unwrap().write(Kind::Request, br#"{"user":"bob"}"#);
    drop(log);
    assert_eq!(fs::metadata(&last).unwrap().mode() & 0o777, 0o600);
    let proof = sample.verify();
    assert!(proof.holds(), "{:?}", proof.findings);
    let text = sample.lines().concat().concat();
    assert!(text.contains(r#""kind":"tampered","restored":true,"what":"removed""#), "{text}");
    assert!(text.contains(r#""request":"req_0""#) && text.contains(r#""user":"bob""#));
}

#[test]
fn a_file_that_was_replaced_is_put_back_and_the_other_kept() {
    let sample = Sample::of(5);
    let log = open(&sample.path);
    let last = sample.files().pop().unwrap();
    let new = sample.path.join("new");
    fs::write(&new, "rotated by somebody\n").unwrap();
    fs::rename(&new, &last).unwrap();
    let foreign = last.with_extension("jsonl.foreign");
    until_restored(&log, &foreign);
    drop(log);
    assert_eq!(fs::read_to_string(foreign).unwrap(), "rotated by somebody\n");
    let proof = sample.verify();
    assert!(proof.holds(), "{:?}", proof.findings);
}

#[test]
fn without_its_directory_nothing_is_promised_until_it_is_back() {
    let sample = Sample::of(5);
    let log = open(&sample.path);
    let elsewhere = sample.path.with_extension("elsewhere");
    fs::rename(&sample.path, &elsewhere).unwrap();
    while log.trouble().is_none() {
        log.append(Kind::Reload, b"{}");
        std::thread::yield_now();
    }
    let refused = log.reserve();
    assert_eq!(refused.err().unwrap().as_str(), "removed");
    log.missed(log.trouble().unwrap());
    fs::rename(&elsewhere, &sample.path).unwrap();
    until_well(&log);
    drop(log);
    let text = sample.lines().concat().concat();
    let gap =
        r#""kind":"gap","from":"2027-01-15T08:00:00.000000Z","reason":"removed","requests":1"#;
    assert!(text.contains(gap), "{text}");
    assert!(sample.verify().holds());
}
