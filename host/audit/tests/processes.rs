//! Processes that are killed as they write, and one whose disk is full for a while.
//!
//! In a program of its own: a process that is just being started holds copies of all open files,
//! and with them the locks of other tests' logs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use stockade_audit::{AuditLog, AuditSettings, Kind, LineReader, Rotation, VerifyOptions, verify};
use stockade_core::SystemClock;
use tempfile::TempDir;

const DIRECTORY: &str = "STOCKADE_TEST_AUDIT_DIRECTORY";
const PATIENCE: Duration = Duration::from_mins(1);
/// Requests between two acknowledgements.
const STEP: u64 = 50;
const MIB: u64 = 1 << 20;

fn open(directory: &str, size: u64) -> AuditLog {
    let usual = AuditSettings::of(Path::new(directory).join("audit"));
    let rotation = Rotation { size, ..usual.rotation };
    AuditLog::open(AuditSettings { rotation, ..usual }, Arc::new(SystemClock)).unwrap()
}

/// Writes the line of a request; false where it is refused.
fn request(log: &AuditLog, number: u64) -> bool {
    let members = format!(r#"{{"request":"req_{number}","filler":"{}"}}"#, "x".repeat(600));
    match log.reserve() {
        Ok(slot) => slot.write(Kind::Request, members.as_bytes()),
        Err(trouble) => {
            log.missed(trouble);
            return false;
        }
    }
    true
}

fn say(text: &str) {
    // Past the harness, which would keep what a test prints.
    let mut out = std::io::stdout();
    writeln!(out, "{text}").unwrap();
}

/// The process that is killed: this test, run again by the other one.
#[test]
fn writes_until_it_is_killed() {
    let Some(directory) = stockade_core::environment::variable(DIRECTORY) else { return };
    let log = open(&directory, 200 << 10);
    for number in 1_u64.. {
        assert!(request(&log, number));
        if number.is_multiple_of(STEP) {
            assert!(log.flush(PATIENCE));
            say(&format!("acknowledged {number}"));
        }
    }
}

/// The process whose files may not become longer for a while.
#[test]
fn writes_on_a_full_disk() {
    let Some(directory) = stockade_core::environment::variable(DIRECTORY) else { return };
    let limit = |current| Rlimit { current, maximum: getrlimit(Resource::Fsize).maximum };
    let log = open(&directory, u64::MAX);
    let (mut written, mut refused) = (0_u64, 0_u64);
    // What is reserved is 8 MiB; of the rest, there is none.
    setrlimit(Resource::Fsize, limit(Some(6 * MIB))).unwrap();
    while refused < 500 {
        let is_written = request(&log, written);
        written += u64::from(is_written);
        refused += u64::from(!is_written);
        if !is_written {
            std::thread::yield_now();
        }
    }
    setrlimit(Resource::Fsize, limit(None)).unwrap();
    for _ in 0..100 {
        while !request(&log, written) {
            refused += 1;
            std::thread::yield_now();
        }
        written += 1;
    }
    drop(log);
    say(&format!("acknowledged {written} {refused}"));
}

/// Runs one of the tests above. A file that becomes too long must not kill it.
fn start(directory: &TempDir, test: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn lines(directory: &TempDir) -> Vec<serde_json::Value> {
    let mut reader = LineReader::open(&directory.path().join("audit")).unwrap();
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().unwrap() {
        lines.push(serde_json::from_slice(line).unwrap());
    }
    lines
}

fn requests(lines: &[serde_json::Value]) -> u64 {
    lines.iter().filter(|line| line["kind"] == "request").count() as u64
}

#[test]
fn twenty_kills_lose_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut expected = 0;
    for run in 1..=20_u64 {
        let (mut child, output) = start(&directory, "writes_until_it_is_killed");
        let mut acknowledged = 0;
        for line in output.lines() {
            if let Some((_, number)) = line.unwrap().split_once("acknowledged ") {
                acknowledged = number.parse().unwrap();
                if acknowledged >= run * STEP {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        expected += acknowledged;
        let path = directory.path().join("audit");
        let proof = verify(&path, &VerifyOptions::default()).unwrap();
        assert!(proof.holds(), "run {run}: {:?}", proof.findings);
        assert!(requests(&lines(&directory)) >= expected, "run {run}");
    }
}

#[test]
fn a_full_disk_refuses_and_loses_no_line() {
    let directory = tempfile::tempdir().unwrap();
    let (mut child, output) = start(&directory, "writes_on_a_full_disk");
    let said = output.lines().map(Result::unwrap);
    let counts =
        said.filter_map(|line| Some(line.split_once("acknowledged ")?.1.to_owned())).last();
    assert!(child.wait().unwrap().success());
    let counts = counts.unwrap();
    let (written, refused) = counts.split_once(' ').unwrap();
    let lines = lines(&directory);
    assert_eq!(requests(&lines).to_string(), written);
    let gaps = lines.iter().filter(|line| line["kind"] == "gap");
    let gaps: Vec<_> = gaps.map(|gap| (gap["requests"].as_u64(), gap["reason"].as_str())).collect();
    let total: u64 = gaps.iter().filter_map(|gap| gap.0).sum();
    assert_eq!((total.to_string().as_str(), gaps[0].1), (refused, Some("disk-full")));
    let proof = verify(&directory.path().join("audit"), &VerifyOptions::default()).unwrap();
    assert!(proof.holds(), "{:?}", proof.findings);
}
