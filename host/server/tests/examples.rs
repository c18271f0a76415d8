//! Every example loads, and its own tests hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn examples() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let entries = std::fs::read_dir(directory).unwrap();
    let configs = entries.map(|entry| entry.unwrap().path().join("stockade.yaml"));
    configs.filter(|config| config.exists()).collect()
}

/// An example that needs certificates brings a script that makes them, which is run in a
/// copy.
fn with_certificates(config: &Path, scratch: &Path) -> PathBuf {
    let directory = config.parent().unwrap();
    let script = directory.join("make-certificates.sh");
    if !script.exists() {
        return config.to_owned();
    }
    let copy = scratch.join(directory.file_name().unwrap());
    std::fs::create_dir(&copy).unwrap();
    let made = Command::new(script)
        .args(["certificates", "localhost", "alice", "bob"])
        .current_dir(&copy)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::copy(config, copy.join("stockade.yaml")).unwrap();
    copy.join("stockade.yaml")
}

#[test]
fn every_example_is_good() {
    let examples = examples();
    assert!(!examples.is_empty());
    let scratch = tempfile::tempdir().unwrap();
    for config in examples {
        let config = with_certificates(&config, scratch.path());
        let check = Command::new(env!("CARGO_BIN_EXE_stockade"))
            .args(["check", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success(), "{}: {text}", config.display());
    }
}
