//! An audit log: whatever stands in it, it is looked at to its end, and only what was signed is
//! proven.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stockade_audit::{Envelope, SignedNote, VerifierKey, VerifyOptions, verify};
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fuzz_target!(|data: &[u8]| {
    let path = DIRECTORY.path().join("audit-00000001.jsonl");
    fs::write(&path, data).unwrap();
    let proof = verify(DIRECTORY.path(), &VerifyOptions::default()).unwrap();
    assert!(proof.last >= proof.unprotected());
    let complete = data.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!(proof.lines, complete);
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if let Ok(envelope) = Envelope::parse(line) {
            let begin = format!(r#"{{"seq":{},"prev":"{}""#, envelope.seq, envelope.prev);
            assert!(line.starts_with(begin.as_bytes()));
        }
    }
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(note) = text.parse::<SignedNote>() {
        assert_eq!(note.to_string(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
});
