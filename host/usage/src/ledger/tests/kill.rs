//! A process that is killed as it writes loses nothing that was acknowledged.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

const DIRECTORY: &str = "STOCKADE_TEST_LEDGER_DIRECTORY";
/// Requests between two acknowledgements.
const STEP: u64 = 7;

/// The process that is killed: this test, run again by the other one. It prints the number of
/// requests that are acknowledged.
#[test]
fn child() {
    let Some(directory) = stockade_core::environment::variable(DIRECTORY) else { return };
    let settings = LedgerSettings {
        path: Path::new(&directory).join("usage.db"),
        interval: Duration::from_millis(1),
        on_damage: OnDamage::Refuse,
    };
    let counted = accounts();
    let opened = Ledger::open(&settings, Arc::clone(&counted), NOW).unwrap();
    quotas(&counted).restore(&opened.accounts, NOW);
    for number in 1_u64.. {
        use_once(&counted, &Subject::Together);
        opened.ledger.record(key("alice", 0), tokens(1));
        if number.is_multiple_of(STEP) {
            opened.ledger.flush().unwrap();
            // Past the harness, which would keep what a test prints.
            writeln!(std::io::stdout(), "acknowledged {number}").unwrap();
        }
    }
}

fn start(directory: &TempDir) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ledger::tests::kill::child", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// Kills a process once it has acknowledged so many requests; returns how many it has.
fn run_and_kill(directory: &TempDir, after: u64) -> u64 {
    let (mut child, output) = start(directory);
    let mut acknowledged = 0;
    for line in output.lines() {
        if let Some((_, number)) = line.unwrap().split_once("acknowledged ") {
            acknowledged = number.parse().unwrap_or(acknowledged);
            if acknowledged >= after {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    acknowledged
}

#[test]
fn twenty_kills_lose_nothing_and_count_nothing_twice() {
    let directory = TempDir::new().unwrap();
    let (mut counted, mut settled) = (0, 0);
    for round in 0..20 {
        let acknowledged = run_and_kill(&directory, 1 + round * 13);
        let possible = |before| before + acknowledged..=before + acknowledged + STEP;
        let opened = Ledger::open(&settings(&directory), accounts(), NOW).unwrap();
        let found = sum(&opened.ledger);
        assert_eq!(found, tokens(found.requests));
        assert!(possible(counted).contains(&found.requests), "{counted}: {found:?}");
        counted = found.requests;
        // The windows of one account, saved together.
        let used: Vec<_> = opened.accounts.iter().map(|account| account.used.requests).collect();
        assert_eq!(used, [used[0]; 3]);
        assert!(possible(settled).contains(&used[0]), "{settled}: {used:?}");
        settled = used[0];
    }
}
