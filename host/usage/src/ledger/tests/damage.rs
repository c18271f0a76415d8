//! Files that are not what they were.

use std::fs;

use super::*;

/// Makes a ledger with a few rows, all in its main file.
fn filled(directory: &TempDir) -> PathBuf {
    let ledger = open(directory);
    for number in 0..500 {
        ledger.record(key(&format!("user-{number}"), 0), tokens(1));
    }
    ledger.flush().unwrap();
    ledger.path().to_owned()
}

fn error(directory: &TempDir) -> OpenError {
    Ledger::open(&settings(directory), accounts(), NOW).err().unwrap()
}

#[test]
fn a_damaged_file_is_refused_or_set_aside_and_named() {
    type Harm = fn(&mut Vec<u8>);
    let harms: [Harm; 5] = [
        Vec::clear,
        |bytes| bytes[..100].fill(b'x'),
        |bytes| bytes.truncate(5_000),
        |bytes| bytes[8_192..12_288].fill(0xff),
        |bytes| bytes[100..2_000].fill(0),
    ];
    for (number, harm) in harms.into_iter().enumerate() {
        let directory = TempDir::new().unwrap();
        let path = filled(&directory);
        let mut bytes = fs::read(&path).unwrap();
        harm(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let found = error(&directory);
        assert!(matches!(found, OpenError::Damaged { .. }), "harm {number}: {found:?}");
        assert!(found.to_string().contains("usage.db is damaged: "), "{found}");
        let lenient = LedgerSettings { on_damage: OnDamage::StartAtZero, ..settings(&directory) };
        let opened = Ledger::open(&lenient, accounts(), NOW).unwrap();
        let aside = opened.set_aside.unwrap();
        assert!(aside.ends_with("usage.db.damaged-1800000000"), "{}", aside.display());
        assert_eq!(fs::read(&aside).unwrap(), bytes);
        assert_eq!(sum(&opened.ledger), Counts::default());
    }
}

#[test]
fn a_newer_or_foreign_file_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = filled(&directory);
    let change = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 2");
    let text = error(&directory).to_string();
    let expected = "was written by a newer version (schema 2, this version knows 1): run that \
                    version, or move the file aside";
    assert!(text.ends_with(expected), "{text}");
    change("PRAGMA user_version = 1; PRAGMA application_id = 7");
    assert!(matches!(error(&directory), OpenError::NotALedger { .. }));
}

#[test]
fn a_ledger_has_one_writer() {
    let directory = TempDir::new().unwrap();
    let first = open(&directory);
    assert!(matches!(error(&directory), OpenError::InUse { .. }));
    drop(first);
    drop(open(&directory));
}

#[test]
fn a_directory_is_made_and_one_that_cannot_be_is_told() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("new/one/usage.db");
    let made = LedgerSettings { path, ..settings(&directory) };
    drop(Ledger::open(&made, accounts(), NOW).unwrap());
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let path = file.join("usage.db");
    let settings = LedgerSettings { path, ..settings(&directory) };
    let error = Ledger::open(&settings, accounts(), NOW).err().unwrap();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
}
