//! A process that is killed as it writes loses nothing that was acknowledged.
//!
//! In a program of its own: a process that is just being started holds copies of all open files,
//! and with them the locks of other tests' ledgers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use stockade_core::{ModelName, Operation, QuotaName, UnixTime, UserId};
use stockade_usage::ledger::{
    Counts, Ledger, LedgerSettings, OnDamage, Opened, ReportQuery, UsageKey,
};
use stockade_usage::{
    Accounts, Applicable, Estimate, Limits, OnExceeded, Per, Quota, Quotas, Subject, Used,
};
use tempfile::TempDir;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

const DIRECTORY: &str = "STOCKADE_TEST_LEDGER_DIRECTORY";
/// Requests between two acknowledgements.
const STEP: u64 = 7;

fn accounts() -> Arc<Accounts> {
    Arc::new(Accounts::new(NonZeroUsize::MIN))
}

fn open(directory: &Path, accounts: &Arc<Accounts>) -> Opened {
    let settings = LedgerSettings {
        path: directory.join("usage.db"),
        interval: Duration::from_millis(1),
        on_damage: OnDamage::Refuse,
    };
    Ledger::open(&settings, Arc::clone(accounts), NOW).unwrap()
}

fn quotas(accounts: &Arc<Accounts>) -> Quotas {
    let quota = Quota {
        name: QuotaName::new("everybody").unwrap(),
        per: Per::Together,
        limits: Limits::new(None, Vec::new(), NonZeroU32::new(1)).unwrap(),
        on_exceeded: OnExceeded::Refuse,
        on_store_loss: None,
    };
    Quotas::new(Arc::clone(accounts), vec![quota], TimeZone::UTC, 1).unwrap()
}

fn tokens(requests: u64) -> Counts {
    Counts { requests, input: 3 * requests, output: 5 * requests, ..Counts::default() }
}

fn key() -> UsageKey {
    UsageKey {
        hour: NOW,
        user: UserId::new("alice").unwrap(),
        credential: None,
        model: Some(ModelName::parse("llama3.2:3b").unwrap()),
        operation: Operation::Chat,
    }
}

/// Returns the sum of everything.
fn sum(ledger: &Ledger) -> Counts {
    let rows = ledger.reader().unwrap().report(&ReportQuery::default(), &TimeZone::UTC).unwrap();
    rows.first().map_or_else(Counts::default, |row| row.counts)
}

/// The process that is killed: this test, run again by the other one. It prints the number of
/// requests that are acknowledged.
#[test]
fn child() {
    let Some(directory) = stockade_core::environment::variable(DIRECTORY) else { return };
    let accounts = accounts();
    let (opened, quotas) = (open(Path::new(&directory), &accounts), quotas(&accounts));
    quotas.restore(&opened.accounts, NOW);
    let applicable = [Applicable { quota: 0, subject: Subject::Together }];
    for number in 1_u64.. {
        let admission = quotas.admit(&applicable, &Estimate::default(), NOW).unwrap();
        admission.settle(Used::default());
        opened.ledger.record(key(), tokens(1));
        if number.is_multiple_of(STEP) {
            opened.ledger.flush().unwrap();
            // Past the harness, which would keep what a test prints.
            writeln!(std::io::stdout(), "acknowledged {number}").unwrap();
        }
    }
}

fn start(directory: &TempDir) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
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
    assert!(acknowledged >= after, "it ended by itself");
    acknowledged
}

#[test]
fn twenty_kills_lose_nothing_and_count_nothing_twice() {
    let directory = TempDir::new().unwrap();
    let (mut counted, mut settled) = (0, 0);
    for round in 0..20 {
        let acknowledged = run_and_kill(&directory, 1 + round * 13);
        let possible = |before| before + acknowledged..=before + acknowledged + STEP;
        let opened = open(directory.path(), &accounts());
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
