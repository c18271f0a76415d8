//! Servers of Valkey, asked by the test itself.

use std::ops::RangeInclusive;
use std::process::{Child, Command};

use redis::{Client, Commands as _, Connection};
use stockade_core::random;
use stockade_test_valkey::{program, run};
use stockade_usage::store::{Address, Servers, StoreSettings};
use tempfile::TempDir;

pub(crate) use stockade_test_valkey::Valkey as Server;

/// The requests of a test to its server.
pub(crate) trait Asked {
    /// Returns the settings by which it is reached.
    fn settings(&self) -> StoreSettings;
    /// Connects to it.
    fn client(&self) -> Connection;
    /// Lets it forget all.
    fn flush(&self);
    /// Returns the fields of all hashes that are about a limit.
    fn fields(&self, limit: &str) -> Vec<String>;
}

impl Asked for Server {
    fn settings(&self) -> StoreSettings {
        StoreSettings::new(Servers::Single(Address::Unix(self.socket())))
    }

    fn client(&self) -> Connection {
        Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    fn flush(&self) {
        redis::cmd("FLUSHALL").exec(&mut self.client()).unwrap();
    }

    fn fields(&self, limit: &str) -> Vec<String> {
        let mut client = self.client();
        let keys: Vec<String> = client.keys("stk:*:everybody:*").unwrap();
        let fields = keys.iter().flat_map(|key| client.hkeys::<_, Vec<String>>(key).unwrap());
        fields.filter(|field| field.ends_with(&format!(".{limit}"))).collect()
    }
}

/// A server that is one of a cluster: it needs ports, and cannot choose them by itself.
pub(crate) struct Node {
    pub(crate) port: u16,
    _directory: TempDir,
    child: Child,
}

impl Node {
    /// Starts two nodes that have all slots between them.
    pub(crate) fn pair() -> [Self; 2] {
        let nodes = [Self::start(&(0..=8_191)), Self::start(&(8_192..=16_383))];
        nodes[0].meet(&nodes[1]);
        nodes
    }

    /// Starts on any port that is free, and answers for some of the slots.
    fn start(slots: &RangeInclusive<u16>) -> Self {
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

    fn meet(&self, other: &Self) {
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

    /// Names another port to clients, and to the other node.
    pub(crate) fn announce(&self, port: u16) {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("cluster-announce-port").arg(port);
        set.exec(&mut self.client()).unwrap();
    }

    /// Tells whether it names this port of another node to clients.
    pub(crate) fn knows(&self, port: u16) -> bool {
        let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(&mut self.client()).unwrap();
        nodes.contains(&format!(":{port}@"))
    }

    /// Lets in only a user with these rules, and who is connected already.
    pub(crate) fn admit_only(&self, rules: &[String]) {
        let mut client = self.client();
        redis::cmd("ACL").arg("SETUSER").arg(rules).exec(&mut client).unwrap();
        redis::cmd("ACL").arg(["SETUSER", "default", "off"].as_slice()).exec(&mut client).unwrap();
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
