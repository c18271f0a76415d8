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

#[test]
fn every_example_is_good() {
    let examples = examples();
    assert!(!examples.is_empty());
    for config in examples {
        let check = Command::new(env!("CARGO_BIN_EXE_stockade"))
            .args(["check", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success(), "{}: {text}", config.display());
    }
}
