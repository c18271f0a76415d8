//! Logs to be tried on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stockade_audit::{
    AuditLog, AuditSettings, Kind, Proof, Rotation, SignedNote, VerifierKey, VerifyOptions,
    segments, verify,
};
use stockade_core::{Clock, FixedClock, UnixTime};
use tempfile::TempDir;

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock(NOW))
}

/// Segments end after some twenty lines.
pub(crate) fn settings(directory: &Path) -> AuditSettings {
    let usual = AuditSettings::of(directory.to_owned());
    AuditSettings { rotation: Rotation { size: 5_000, ..usual.rotation }, ..usual }
}

pub(crate) fn open(directory: &Path) -> AuditLog {
    AuditLog::open(settings(directory), clock()).unwrap()
}

/// Writes requests, a few at a time.
pub(crate) fn write(log: &AuditLog, requests: std::ops::Range<u32>) {
    for number in requests {
        let members = format!(r#"{{"request":"req_{number}","user":"alice","path":"/api/chat"}}"#);
        log.reserve().unwrap().write(Kind::Request, members.as_bytes());
        if number % 5 == 4 {
            assert!(log.flush(PATIENCE));
        }
    }
    assert!(log.flush(PATIENCE));
}

/// A log of some segments, with its first key and its last checkpoint.
pub(crate) struct Sample {
    _directory: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) key: VerifierKey,
    pub(crate) last: SignedNote,
}

impl Sample {
    /// Writes so many requests.
    pub(crate) fn of(requests: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit");
        let log = open(&path);
        let key = log.key().clone();
        log.append(Kind::Start, b"{}");
        write(&log, 0..requests);
        log.append(Kind::Stop, b"{}");
        drop(log);
        let last = last_checkpoint(&path);
        Self { _directory: directory, path, key, last }
    }

    pub(crate) fn files(&self) -> Vec<PathBuf> {
        segments(&self.path).unwrap().into_iter().map(|(_, path)| path).collect()
    }

    /// Returns the lines of all segments, each with its file's index.
    pub(crate) fn lines(&self) -> Vec<Vec<String>> {
        let read = |path| fs::read_to_string(path).unwrap();
        let split = |text: String| text.split_inclusive('\n').map(str::to_owned).collect();
        self.files().into_iter().map(|path| split(read(path))).collect()
    }

    /// Writes other lines in the place of what is there.
    pub(crate) fn replace(&self, lines: &[Vec<String>]) {
        for (path, lines) in self.files().iter().zip(lines) {
            fs::write(path, lines.concat()).unwrap();
        }
    }

    pub(crate) fn options(&self) -> VerifyOptions {
        VerifyOptions { keys: vec![self.key.clone()], anchors: vec![self.last.clone()] }
    }

    pub(crate) fn verify(&self) -> Proof {
        verify(&self.path, &self.options()).unwrap()
    }
}

/// Returns the checkpoint in the last line of a log.
pub(crate) fn last_checkpoint(path: &Path) -> SignedNote {
    let (_, last) = segments(path).unwrap().pop().unwrap();
    let text = fs::read_to_string(last).unwrap();
    note(text.lines().last().unwrap())
}

pub(crate) fn note(line: &str) -> SignedNote {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["note"].as_str().unwrap().parse().unwrap()
}

/// Waits until a line is written again.
pub(crate) fn until_well(log: &AuditLog) {
    while log.trouble().is_some() || !log.flush(PATIENCE) {
        std::thread::yield_now();
    }
}
