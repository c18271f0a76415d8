//! Programs that `cargo xtask setup` installs under `target/clients`, and the scripts in
//! `tests/clients` that they run.

use std::path::{Path, PathBuf};

use tokio::process::Command;

/// The path of something that was installed.
pub fn installed(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients").join(path);
    assert!(path.exists(), "{} is missing: run `cargo xtask setup`", path.display());
    path
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// A script, with the pinned packages of Python.
pub fn python(name: &str) -> Command {
    let mut command = Command::new(installed("python/bin/python"));
    command.arg(script(name));
    command
}

/// A script, with the pinned packages of Node.
pub fn node(name: &str) -> Command {
    // Node looks for packages beside the script, so the script is put beside them.
    let directory = installed("node/node_modules");
    let beside = directory.parent().unwrap().join(name);
    std::fs::copy(script(name), &beside).unwrap();
    let mut command = Command::new("node");
    command.arg(beside);
    command
}
