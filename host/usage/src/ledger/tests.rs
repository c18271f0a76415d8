mod damage;
mod reports;

use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt as _;

use jiff::tz::TimeZone;
use stockade_core::{ModelName, Operation, QuotaName, UserId};
use tempfile::TempDir;

use super::*;
use crate::amounts::Amounts;
use crate::quota::{Period, Subject};
use crate::window::Windows;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn accounts() -> Arc<Accounts> {
    Arc::new(Accounts::new(NonZeroUsize::new(1_000).unwrap()))
}

fn settings(directory: &TempDir) -> LedgerSettings {
    LedgerSettings {
        path: directory.path().join("usage.db"),
        // Batches are written when a test asks for it.
        interval: Duration::from_hours(1),
        on_damage: OnDamage::Refuse,
    }
}

fn open(directory: &TempDir) -> Ledger {
    Ledger::open(&settings(directory), accounts(), NOW).unwrap().ledger
}

fn key(user: &str, hour: u64) -> UsageKey {
    UsageKey {
        hour: UnixTime::from_secs(NOW.as_secs() + hour * 3_600),
        user: UserId::new(user).unwrap(),
        credential: None,
        model: Some(ModelName::parse("llama3.2:3b").unwrap()),
        operation: Operation::Chat,
    }
}

fn tokens(requests: u64) -> Counts {
    Counts { requests, input: 3 * requests, output: 5 * requests, ..Counts::default() }
}

/// Returns the sum of everything.
fn sum(ledger: &Ledger) -> Counts {
    let rows = ledger.reader().unwrap().report(&ReportQuery::default(), &TimeZone::UTC).unwrap();
    rows.first().map_or_else(Counts::default, |row| row.counts)
}

#[test]
fn a_ledger_knows_the_replicas_that_have_used_it() {
    let directory = TempDir::new().unwrap();
    let open = |days: u64| {
        let now = UnixTime::from_secs(NOW.as_secs() + days * 86_400);
        let Opened { replica, replicas_before, .. } =
            Ledger::open(&settings(&directory), accounts(), now).unwrap();
        (replica, replicas_before)
    };
    let (first, before) = open(0);
    assert_eq!(before, []);
    let (second, before) = open(20);
    assert_eq!(before, [first]);
    let (third, before) = open(40);
    assert_eq!(before, [second]);
    assert!(first != second && second != third);
}

#[test]
fn what_was_counted_is_there_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let ledger = open(&directory);
    assert_eq!(sum(&ledger), Counts::default());
    ledger.record(key("alice", 0), tokens(1));
    ledger.record(key("alice", 0), tokens(2));
    ledger.record(key("bob", 5), tokens(4));
    assert_eq!(ledger.health().unsaved, 2);
    ledger.flush().unwrap();
    assert_eq!(ledger.health(), LedgerHealth { failing: None, unsaved: 0 });
    assert_eq!(sum(&ledger), tokens(7));
    // Of an hour whose total is in the file only.
    ledger.record(key("alice", 0), tokens(10));
    drop(ledger);
    let ledger = open(&directory);
    assert_eq!(sum(&ledger), tokens(17));
    ledger.record(key("alice", 0), tokens(100));
    ledger.flush().unwrap();
    assert_eq!(sum(&ledger), tokens(117));
}

#[test]
fn only_its_owner_reads_the_file() {
    let directory = TempDir::new().unwrap();
    let ledger = open(&directory);
    ledger.record(key("alice", 0), tokens(1));
    ledger.flush().unwrap();
    for ending in ["", "-wal", "-shm", ".lock"] {
        let path = directory.path().join(format!("usage.db{ending}"));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn what_accounts_have_used_is_saved_with_the_batch() {
    let directory = TempDir::new().unwrap();
    let counted = accounts();
    let usage = |subject, period| AccountUsage {
        quota: QuotaName::new("everybody").unwrap(),
        subject,
        period,
        window: Windows::at(NOW, &TimeZone::UTC).of(period),
        used: Amounts { requests: 1, output: 7, ..Amounts::default() },
    };
    let user = UserId::new("alice").unwrap();
    let subjects = [
        Subject::User(user.clone()),
        Subject::UserModel(user.clone(), ModelName::parse("hf.co/Someone/Model:Q4").unwrap()),
        Subject::Key(user, stockade_core::CredentialId::new("alice").unwrap()),
        Subject::Group(stockade_core::GroupName::new("alice").unwrap()),
        Subject::Together,
    ];
    let opened = Ledger::open(&settings(&directory), Arc::clone(&counted), NOW).unwrap();
    assert_eq!(opened.accounts, []);
    let mut expected = Vec::new();
    for subject in subjects {
        use_once(&counted, &subject);
        expected.extend(Period::ALL.map(|period| usage(subject.clone(), period)));
    }
    opened.ledger.flush().unwrap();
    drop(opened);
    let restored = |hours: u64| {
        let later = UnixTime::from_secs(NOW.as_secs() + hours * 3_600);
        Ledger::open(&settings(&directory), accounts(), later).unwrap().accounts
    };
    let found = restored(0);
    assert_eq!(found.len(), expected.len());
    assert!(expected.iter().all(|usage| found.contains(usage)), "{found:?}");
    assert_eq!(restored(1).len(), expected.len() * 2 / 3);
}

/// Admits one request to one quota, and settles it.
fn use_once(accounts: &Arc<Accounts>, subject: &Subject) {
    let quotas = quotas(accounts);
    let applicable = [crate::Applicable { quota: 0, subject: subject.clone() }];
    let admission = quotas.admit(&applicable, &crate::Estimate::default(), NOW).unwrap();
    admission.settle(crate::Used { output: 7, ..crate::Used::default() });
}

fn quotas(accounts: &Arc<Accounts>) -> crate::Quotas {
    let limit = std::num::NonZeroU32::new(1_000);
    let quota = crate::Quota {
        name: QuotaName::new("everybody").unwrap(),
        per: crate::Per::User,
        limits: crate::Limits::new(None, Vec::new(), limit).unwrap(),
        on_exceeded: crate::OnExceeded::Refuse,
        on_store_loss: None,
    };
    crate::Quotas::new(Arc::clone(accounts), vec![quota], TimeZone::UTC, 1).unwrap()
}

#[test]
fn old_hours_are_forgotten() {
    let directory = TempDir::new().unwrap();
    let ledger = open(&directory);
    for hour in 0..10 {
        ledger.record(key("alice", hour), tokens(1));
    }
    ledger.forget_before(key("alice", 4).hour);
    ledger.flush().unwrap();
    assert_eq!(sum(&ledger), tokens(6));
}
