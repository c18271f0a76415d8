use std::num::NonZeroUsize;
use std::path::Path;

use stockade_core::{Operation, UserId};
use tempfile::TempDir;

use super::*;

fn work(path: &Path) -> Work {
    let accounts = Accounts::new(NonZeroUsize::MIN);
    let (state, wanted, tried) = (Mutex::default(), Condvar::new(), Condvar::new());
    Work {
        store: Store::open(path).unwrap(),
        accounts: Arc::new(accounts),
        shared: Arc::new(Shared { state, wanted, tried }),
        totals: HashMap::new(),
        unsaved: HashSet::new(),
        unsaved_accounts: HashMap::new(),
        forget_before: None,
    }
}

fn key(number: u64) -> UsageKey {
    UsageKey {
        hour: UnixTime::from_secs(number * 3_600),
        user: UserId::new(&format!("user-{}", number % 9)).unwrap(),
        credential: None,
        model: None,
        operation: Operation::List,
    }
}

fn record(work: &Work, numbers: std::ops::Range<u64>) {
    let mut state = work.shared.lock();
    for number in numbers {
        *state.counted.entry(key(number)).or_default() +=
            Counts { requests: 1, ..Counts::default() };
    }
}

fn stored(work: &Work, number: u64) -> u64 {
    let key = key(number);
    work.store.find(std::iter::once(&key)).unwrap()[&key].requests
}

#[test]
fn a_full_disk_that_is_free_again_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let mut work = work(&directory.path().join("usage.db"));
    work.store.set_most_pages(8);
    record(&work, 0..3);
    work.batch().unwrap();
    record(&work, 0..2_000);
    for _ in 0..2 {
        let error = work.batch().unwrap_err();
        assert_eq!(error.to_string(), "the ledger cannot be written: database or disk is full");
        assert_eq!((stored(&work, 0), stored(&work, 3)), (1, 0));
        record(&work, 1..2);
    }
    work.store.set_most_pages(10_000);
    work.batch().unwrap();
    let found = [0, 1, 2, 3, 1_999].map(|number| stored(&work, number));
    assert_eq!(found, [2, 4, 2, 1, 1]);
    assert!(work.unsaved.is_empty());
    // Only what may still change is kept in memory.
    assert_eq!(work.totals.len(), 2);
}

#[test]
fn a_file_that_cannot_be_read_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("usage.db");
    let mut work = work(&path);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("ALTER TABLE usage RENAME TO hidden").unwrap();
    record(&work, 0..3);
    assert!(work.batch().is_err());
    record(&work, 0..3);
    other.execute_batch("ALTER TABLE hidden RENAME TO usage").unwrap();
    work.batch().unwrap();
    assert_eq!([0, 1, 2].map(|number| stored(&work, number)), [2, 2, 2]);
}
