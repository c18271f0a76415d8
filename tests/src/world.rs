use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use stockade_authn::KeyText;
use stockade_control::reload::Status;
use stockade_core::{Clock, SystemClock};
use stockade_engine::{Compiler, Engine};
use stockade_gateway::{Server, proven_engine};
use stockade_simulator::Simulator;
use tempfile::TempDir;

use crate::{Connection, Reply, SetClock, soon};

/// The users in every world: `alice` of `research`, `bob` of `research` and `ops`, `kim` of
/// `children`. Each has one key.
pub const USERS: [(&str, &str); 3] =
    [("alice", "[research]"), ("bob", "[research, ops]"), ("kim", "[children]")];

/// Models that the simulated Ollama has.
pub const MODELS: [&str; 4] = ["llama3.2:1b", "llama3.2:3b", "qwen3:8b", "llama3.3:70b"];

/// So seldom that no test sees it.
const SELDOM: &str = ", catalogue: { refresh: 24h }";

/// The secret that signs tokens in every world.
pub const TOKEN_SECRET: &str = "a secret that is only used in tests";

/// The bindings of the README: research may use two models, children one, ops may pull; and
/// ops may change models of the name `mine`.
pub const BINDINGS: &str = r#"
policies:
  model-access: { module: builtin/model-access }
  pull-guard: { module: builtin/pull-guard }
bindings:
  - name: research
    subjects: { groups: [research] }
    policy: model-access
    settings: { allow: ["llama3.2:*", "qwen3:8b"] }
  - name: children
    subjects: { groups: [children] }
    policy: model-access
    settings: { allow: ["llama3.2:1b"] }
  - name: pulls
    subjects: everyone
    policy: pull-guard
    settings: { groups: [ops], sources: ["registry.ollama.ai/library/*"] }
  - name: changes
    subjects: { groups: [ops] }
    policy: pull-guard
    settings:
      groups: [ops]
      operations: [create, copy, delete, upload-blob, check-blob]
      sources: ["llama3.2:*", "mine:*"]
      targets: ["mine:*"]
      files: any
"#;

/// One engine for all worlds of a test program: the policies are compiled once.
fn engine() -> Arc<Engine> {
    static ENGINE: LazyLock<Arc<Engine>> =
        LazyLock::new(|| Arc::new(proven_engine(Compiler::Here).unwrap()));
    ENGINE.clone()
}

/// A user's key.
struct Key {
    user: &'static str,
    text: KeyText,
}

/// In what a world differs from that of the README.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// Policies and bindings, and any other keys of the configuration that have no default
    /// in tests.
    pub bindings: &'a str,
    /// More keys of `upstream`, each with a comma before it.
    pub upstream: &'a str,
    /// The listeners of the gateway, as the configuration says it.
    pub listen: &'a str,
    /// Puts files into the directory of the configuration first.
    pub prepare: &'a (dyn Fn(&Path) + Sync),
    /// The number of pieces of a generated text.
    pub chunks: usize,
    /// Models that Ollama has besides [`MODELS`].
    pub models: &'a [&'a str],
    /// Names of models that it has and that run in a cloud, though the names do not say so.
    pub cloud_models: &'a [&'a str],
    /// The gateway's clock, if not the machine's.
    pub clock: Option<&'a Arc<SetClock>>,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            bindings: BINDINGS,
            upstream: "",
            listen: "127.0.0.1:0",
            prepare: &|_| (),
            chunks: 10,
            models: &[],
            cloud_models: &[],
            clock: None,
        }
    }
}

/// A gateway in front of a simulated Ollama, both on ports of their own.
pub struct World {
    /// The simulated Ollama.
    pub ollama: Simulator,
    /// `None` once it was stopped.
    server: Option<Server>,
    /// True if the test itself asks Ollama, too.
    direct: bool,
    directory: TempDir,
    keys: Vec<Key>,
    upstream: String,
    listen: String,
}

impl World {
    /// The world of the README.
    pub async fn start() -> Self {
        Self::with(BINDINGS).await
    }

    /// The world of the README with more users (lines of YAML, two spaces before each),
    /// and more top-level keys.
    pub async fn with_users(users: &str, more: &str) -> Self {
        Self::with(&format!("{users}\n{more}\n{BINDINGS}")).await
    }

    /// A world with policies and bindings of its own.
    pub async fn with(bindings: &str) -> Self {
        Self::build(Setup { bindings, ..Setup::default() }).await
    }

    /// A world that differs from that of the README.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn build(setup: Setup<'_>) -> Self {
        let mut ollama = Simulator::builder().models(MODELS.iter().chain(setup.models).copied());
        for name in setup.cloud_models {
            ollama = ollama.cloud_model(*name, "gpt-oss:20b");
        }
        let ollama = ollama
            .chunks(setup.chunks)
            .record(true)
            .record_apart("stockade")
            .start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let keys = USERS.map(|(user, _)| Key { user, text: KeyText::generate() });
        let keys = Vec::from(keys);
        write_secret(&directory.path().join("token"));
        (setup.prepare)(directory.path());
        let config = directory.path().join("stockade.yaml");
        // Nothing is asked of Ollama beside what a test asks for, once its models are known.
        let refresh = if setup.upstream.contains("catalogue:") { "" } else { SELDOM };
        let upstream = format!("url: \"http://{}\"{}{refresh}", ollama.addr(), setup.upstream);
        std::fs::write(&config, head(setup.listen, &upstream, &keys) + setup.bindings).unwrap();
        let clock: Arc<dyn Clock> = match setup.clock {
            Some(clock) => clock.clone(),
            None => Arc::new(SystemClock),
        };
        let server = match Server::start(engine(), &config, clock).await {
            Ok(server) => server,
            Err(error) => panic!("the gateway does not start:\n{error}"),
        };
        soon("the models of Ollama", server.catalogue().asked_again()).await;
        Self {
            ollama,
            server: Some(server),
            direct: false,
            directory,
            keys,
            upstream,
            listen: setup.listen.to_owned(),
        }
    }

    /// The gateway's address.
    pub fn gateway(&self) -> SocketAddr {
        self.server().addresses()[0]
    }

    /// Ollama's address, for a test that asks it without the gateway.
    pub const fn ask_ollama_directly(&mut self) -> SocketAddr {
        self.direct = true;
        self.ollama.addr()
    }

    /// The running gateway.
    ///
    /// # Panics
    /// Never: it runs as long as the world is there.
    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// A user's key.
    ///
    /// # Panics
    /// For a user who is not in [`USERS`].
    pub fn key(&self, user: &str) -> &str {
        let key = self.keys.iter().find(|key| key.user == user);
        key.map(|key| key.text.expose()).unwrap()
    }

    /// Returns the directory of the configuration and its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("stockade.yaml")
    }

    /// Sends one request on a connection of its own.
    pub async fn send(&self, request: http::Request<String>) -> Reply {
        Connection::open(self.gateway()).await.send(request).await
    }

    /// Replaces policies and bindings, and waits until the change is taken or rejected.
    pub async fn rebind(&self, bindings: &str) -> Status {
        let config = head(&self.listen, &self.upstream, &self.keys) + bindings;
        self.change(|| std::fs::write(self.config(), config).unwrap()).await
    }

    /// Changes the text of the configuration, and waits until it is taken.
    ///
    /// # Panics
    /// Where the text is not there, or what comes of it is rejected.
    pub async fn edit(&self, from: &str, to: &str) {
        let config = std::fs::read_to_string(self.config()).unwrap();
        assert!(config.contains(from), "{from:?} is not in {config}");
        let config = config.replace(from, to);
        let after = self.change(|| std::fs::write(self.config(), config).unwrap()).await;
        assert!(after.rejected.is_none(), "{:?}", after.rejected);
    }

    /// Changes some files, and waits until the gateway has built or rejected a candidate.
    pub async fn change(&self, change: impl FnOnce()) -> Status {
        let mut status = self.server().current().status();
        status.mark_unchanged();
        change();
        soon("a reload", status.changed()).await.unwrap();
        status.borrow_and_update().clone()
    }

    /// Stops the gateway.
    pub async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}

fn head(listen: &str, upstream: &str, keys: &[Key]) -> String {
    let mut head = format!(
        "listen: {listen}\nupstream: {{ {upstream} }}\n\
         tokens: {{ secrets: [{{ id: main, file: token }}] }}\nusers:\n"
    );
    for ((user, groups), key) in USERS.iter().zip(keys) {
        let digest = key.text.digest();
        writeln!(
            head,
            "  {user}: {{ groups: {groups}, keys: [{{ id: {user}-key, sha256: \"{digest}\" }}] }}"
        )
        .unwrap();
    }
    head
}

fn write_secret(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, TOKEN_SECRET).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The headers that the gateway sends to Ollama besides the request itself.
const UPSTREAM_HEADERS: [&str; 4] = ["content-length", "content-type", "host", "transfer-encoding"];

/// Checks that nothing of the callers but their requests arrived at Ollama, whatever the test was
/// about and however they proved who they are.
impl Drop for World {
    fn drop(&mut self) {
        if self.direct || std::thread::panicking() {
            return;
        }
        for request in self.ollama.requests() {
            for name in request.headers.keys() {
                let known = UPSTREAM_HEADERS.contains(&name.as_str());
                assert!(known, "the header {name} arrived at Ollama: {request:?}");
            }
        }
    }
}
