//! Somebody who does what a section says.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stockade_admin::{AdminSocket, Operated};
use stockade_core::SystemClock;
use stockade_engine::Engine;
use stockade_gateway::Server;
use stockade_simulator::Simulator;
use tokio::process;

use super::{Block, Command, fits};

/// The configuration that a section adds to: everybody may use one family of models.
const BASE: &str = r#"listen: 127.0.0.1:11435
upstream: { url: "http://127.0.0.1:11434" }
policies: { model-access: { module: builtin/model-access } }
bindings: [{ name: all, subjects: everyone, policy: model-access, settings: { allow: ["llama3.2:*"] } }]
"#;

pub(crate) struct Reader {
    directory: tempfile::TempDir,
    engine: Arc<Engine>,
    ollama: Simulator,
    config: Vec<(String, String)>,
    server: Option<Server>,
    /// The socket that the program opens beside it.
    admin: Option<AdminSocket>,
    /// The ports of the page, in the order in which the gateway listens on others.
    ports: Vec<String>,
    /// Variables and functions of the shell that later commands need.
    remembered: String,
    /// Everything that was printed so far.
    printed: Vec<String>,
    /// The directories in which commands are looked for before the system's own.
    programs: Vec<PathBuf>,
    /// The variables that commands find in their environment besides.
    environment: Vec<(String, String)>,
    /// The key that stands in each path, if the reader writes it there.
    key_in_path: Option<String>,
}

impl Reader {
    pub(crate) async fn new(engine: Arc<Engine>) -> Self {
        // Where `cargo xtask setup` installs the libraries that the pages name.
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients/python/bin");
        assert!(python.exists(), "{} is missing: run `cargo xtask setup`", python.display());
        let program = Path::new(env!("CARGO_BIN_EXE_stockade")).parent().unwrap().to_owned();
        let models = ["llama3.2:3b", "llama3.3:70b"];
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let ollama = Simulator::builder().models(models).start(anywhere).await.unwrap();
        Self {
            directory: tempfile::tempdir().unwrap(),
            engine,
            ollama,
            config: top_level(BASE),
            server: None,
            admin: None,
            ports: Vec::new(),
            remembered: String::new(),
            printed: Vec::new(),
            programs: vec![program, python],
            environment: Vec::new(),
            key_in_path: None,
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Commands are found in this directory, too.
    pub(crate) fn finds_programs_in(&mut self, directory: PathBuf) {
        self.programs.push(directory);
    }

    pub(crate) fn sets(&mut self, variable: &str, value: &str) {
        self.environment.push((variable.to_owned(), value.to_owned()));
    }

    /// Puts a key that was made since into every path, and another word into its file.
    pub(crate) fn moves_new_key_into_the_path(&mut self) {
        for entry in std::fs::read_dir(self.directory()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "key") {
                continue;
            }
            let key = std::fs::read_to_string(&path).unwrap();
            if key.starts_with("sk-local-") {
                self.key_in_path = Some(key.trim_end().to_owned());
                std::fs::write(&path, "ollama\n").unwrap();
            }
        }
    }

    /// Counts the printed lines that have this text.
    pub(crate) fn printed(&self, text: &str) -> usize {
        self.printed.iter().filter(|line| line.contains(text)).count()
    }

    /// The end of what was printed.
    pub(crate) fn last_printed(&self) -> String {
        self.printed[self.printed.len().saturating_sub(20)..].join("\n")
    }

    pub(crate) async fn follow(&mut self, section: &str, block: &Block) {
        match block {
            Block::File(name, text) => {
                let path = self.directory().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, self.reached(text)).unwrap();
            }
            Block::Yaml(text) => self.configure(section, text).await,
            Block::Console(commands) => {
                for command in commands {
                    self.run(section, command).await;
                }
            }
        }
    }

    /// Adds to the configuration, and starts the gateway with it.
    async fn configure(&mut self, section: &str, text: &str) {
        let filled: Vec<String> = text.lines().map(|line| self.filled(section, line)).collect();
        for (key, value) in top_level(&filled.join("\n")) {
            self.config.retain(|(known, _)| *known != key);
            self.config.push((key, value));
        }
        let config: String = self.config.iter().map(|(_, value)| value.as_str()).collect();
        self.ports = config
            .match_indices(":114")
            .map(|(at, _)| config[at + 1..at + 6].to_owned())
            .filter(|port| port != "11434")
            .collect();
        let config = config
            .replace("127.0.0.1:11435", "127.0.0.1:0")
            .replace("0.0.0.0:11443", "127.0.0.1:0")
            .replace("127.0.0.1:11434", &self.ollama.addr().to_string());
        let state = self.directory().join("state");
        let config = config
            .replace("state_directory: state", &format!("state_directory: {}", state.display()));
        let path = self.directory().join("stockade.yaml");
        std::fs::write(&path, &config).unwrap();
        self.admin = None;
        if let Some(before) = self.server.take() {
            before.stop().await;
        }
        let started = Server::start(self.engine.clone(), &path, Arc::new(SystemClock)).await;
        let error = |error| panic!("{section}: {error}\n{config}");
        let server = started.unwrap_or_else(error);
        if server.metering().health().is_some() {
            self.admin = Some(AdminSocket::start(&state, Operated::from(&server)).unwrap());
        }
        self.server = Some(server);
    }

    /// A line of the configuration, completed from what was printed.
    fn filled(&self, section: &str, line: &str) -> String {
        let mut line = line.to_owned();
        while let Some((before, after)) = line.split_once('…') {
            let after = after.to_owned();
            let end = after.chars().next().filter(|c| *c == '"').map_or(' ', |_| '\n');
            let quoted = before.rsplit('"').next().unwrap();
            let entry = &before[before.rfind("{ ").map_or(0, |at| at + 2)..];
            let found = self.completed(entry, end).or_else(|| self.beginning(quoted, end));
            let found = found.unwrap_or_else(|| panic!("{section}: nothing completes {line:?}"));
            line = format!("{before}{found}{after}");
        }
        line
    }

    /// Returns what follows this text in the last line that has it, its quotes left aside.
    fn completed(&self, text: &str, end: char) -> Option<String> {
        let text = text.replace('"', "");
        let lines = self.printed.iter().rev();
        let mut found = lines.filter_map(|line| line.split_once(&text).map(|(_, rest)| rest));
        found.next().map(|rest| until(rest, end))
    }

    /// Returns what follows in the last line whose value begins so.
    fn beginning(&self, text: &str, end: char) -> Option<String> {
        let lines = self.printed.iter().rev();
        let values = lines.flat_map(|line| [line.as_str(), line.rsplit(": ").next().unwrap()]);
        let mut found = values.filter_map(|value| value.strip_prefix(text));
        found.next().map(|rest| until(rest, end))
    }

    async fn run(&mut self, section: &str, command: &Command) {
        let mut line = command.line.clone();
        if line.starts_with("curl ") {
            line.push_str(" -sS -w '\\n%{http_code}'");
        }
        line = self.reached(&line);
        if let (true, Some(server)) = (line.starts_with("stockade usage"), &self.server) {
            server.metering().flush().unwrap();
        }
        let reads_audit = ["stockade why", "audit"].iter().any(|text| line.contains(text));
        if let (true, Some(server)) = (reads_audit, &self.server) {
            let log = server.audit().log().unwrap();
            assert!(log.sign(std::time::Duration::from_mins(1)));
        }
        let printed = self.shell(&format!("exec 2>&1\n{}{line}", self.remembered)).await;
        let lines: Vec<&str> = printed.lines().collect();
        let (body, last) = match &command.promise {
            Some(_) => {
                let (last, body) = lines.split_last().expect("a status is printed");
                (body, Some(*last))
            }
            None => (&lines[..], None),
        };
        let promise = command.promise.as_deref();
        let promise = promise.map(|text| if text == "no connection" { "000" } else { text });
        assert_eq!(last, promise, "{section}: {}\n{printed}", command.line);
        if !command.output.is_empty() {
            let as_announced = command.output.len() == body.len()
                && command.output.iter().zip(body).all(|(pattern, line)| fits(pattern, line));
            assert!(as_announced, "{section}: {}\n{printed}", command.line);
        }
        self.printed.extend(lines.iter().map(|line| line.replace('"', "")));
        let name = line.split(['=', '(']).next().unwrap();
        let is_name = name.bytes().all(|byte| byte.is_ascii_uppercase()) && !name.is_empty();
        if is_name || line.starts_with("export ") {
            self.remembered.push_str(&line);
            self.remembered.push('\n');
        }
    }

    /// A text with the ports on which the gateway listens here in place of the page's.
    fn reached(&self, text: &str) -> String {
        let key = self.key_in_path.as_ref().map(|key| format!("/k/{key}")).unwrap_or_default();
        let addresses = self.server.iter().flat_map(Server::addresses);
        self.ports.iter().zip(addresses).fold(text.to_owned(), |text, (port, address)| {
            text.replace(&format!(":{port}"), &format!(":{}{key}", address.port()))
        })
    }

    /// Returns what a script prints, in the directory as if it were at home.
    async fn shell(&self, script: &str) -> String {
        let path = std::env::var_os("PATH").unwrap();
        let programs = self.programs.iter().cloned().chain(std::env::split_paths(&path));
        let mut command = process::Command::new("bash");
        command.args(["-c", script]).current_dir(self.directory()).kill_on_drop(true);
        // Clients take keys and addresses from variables; those of whoever runs the tests would
        // be in the way.
        command.env_clear().env("PATH", std::env::join_paths(programs).unwrap());
        command.env("HOME", self.directory()).env("NO_PROXY", "*").env("no_proxy", "*");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command.stdin(std::process::Stdio::null()).output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

fn until(rest: &str, end: char) -> String {
    rest.split([end, ' ']).next().unwrap_or_default().to_owned()
}

/// The top-level keys of a YAML text, each with its lines.
fn top_level(text: &str) -> Vec<(String, String)> {
    let mut keys: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if line.starts_with(|c: char| c.is_ascii_lowercase()) {
            keys.push((line.split(':').next().unwrap().to_owned(), String::new()));
        }
        if let Some((_, value)) = keys.last_mut() {
            value.push_str(line);
            value.push('\n');
        }
    }
    keys
}
