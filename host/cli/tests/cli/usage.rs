//! `stockade usage`, and what `stockade check` says of a gateway that runs.

use std::num::NonZeroUsize;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stockade_core::{Clock as _, Operation, SystemClock, UserId};
use stockade_usage::Accounts;
use stockade_usage::ledger::{Counts, Ledger, LedgerSettings, OnDamage, UsageKey};
use tempfile::TempDir;

use crate::run::said;

const CONFIG: &str = "state_directory: state
policies: { all: { module: builtin/model-access } }
bindings: [{ name: all, subjects: everyone, policy: all, settings: { allow: [\"*\"] } }]
users: { alice: {}, ben: {} }
";

fn configured() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("stockade.yaml"), CONFIG).unwrap();
    std::fs::create_dir(directory.path().join("state")).unwrap();
    directory
}

/// Keeps an account in which alice has asked once.
fn keep(path: &Path) {
    let (path, interval) = (path.to_owned(), Duration::from_secs(1));
    let settings = LedgerSettings { path, interval, on_damage: OnDamage::Refuse };
    let accounts = Arc::new(Accounts::new(NonZeroUsize::MIN));
    let ledger = Ledger::open(&settings, accounts, SystemClock.now()).unwrap().ledger;
    let key = UsageKey {
        hour: SystemClock.now(),
        user: UserId::new("alice").unwrap(),
        credential: None,
        model: None,
        operation: Operation::List,
    };
    ledger.record(key, Counts { requests: 1, ..Counts::default() });
    ledger.flush().unwrap();
}

#[test]
fn a_report_says_of_whom_nothing_is_known_and_has_no_column_twice() {
    let directory = configured();
    keep(&directory.path().join("state/usage.sqlite"));
    let usage = |arguments: &[&str]| {
        let arguments = [&["usage", "--config", "stockade.yaml"], arguments].concat();
        said(&arguments, directory.path(), "")
    };
    let note = "the ledger knows no user";
    let (code, text) = usage(&["--user", "alice"]);
    assert!(code == Some(0) && text.contains("alice") && !text.contains(note), "{text}");
    let (code, text) = usage(&["--user", "alice", "--user", "alcie"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("note: the ledger knows no user alcie\n"), "{text}");
    assert!(!text.contains("no user alice"), "{text}");
    let (code, text) = usage(&["--by", "user,model,user"]);
    assert!(code != Some(0) && text.contains("--by names user twice"), "{code:?} {text}");
}

#[test]
fn only_where_a_gateway_runs_it_is_said_what_has_to_wait_for_its_end() {
    let directory = configured();
    let check = || said(&["check", "--config", "stockade.yaml"], directory.path(), "");
    let (code, text) = check();
    assert!(code == Some(0) && !text.contains("started again"), "{text}");
    let socket = directory.path().join("state").join(stockade_admin::SOCKET);
    let _gateway = UnixListener::bind(socket).unwrap();
    let (code, text) = check();
    assert!(code == Some(0) && text.contains("usage.store"), "{text}");
    assert!(text.contains("take effect when it is started again"), "{text}");
}
