//! Somebody who does what a section says.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use stockade_core::SystemClock;
use stockade_engine::Engine;
use stockade_gateway::Server;
use stockade_simulator::Simulator;
use tokio::process;

use super::{Block, Command, fits};

/// What a section's configuration adds to: everybody may use one family of models.
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
    /// The ports of the page, in the order in which the gateway listens on others.
    ports: Vec<String>,
    /// What later commands need: variables and functions of the shell.
    remembered: String,
    /// Everything that was printed so far.
    printed: Vec<String>,
}

impl Reader {
    pub(crate) async fn new(engine: Arc<Engine>) -> Self {
        let models = ["llama3.2:3b", "llama3.3:70b"];
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let ollama = Simulator::builder().models(models).start(anywhere).await.unwrap();
        Self {
            directory: tempfile::tempdir().unwrap(),
            engine,
            ollama,
            config: top_level(BASE),
            server: None,
            ports: Vec::new(),
            remembered: String::new(),
            printed: Vec::new(),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) async fn follow(&mut self, section: &str, block: &Block) {
        match block {
            Block::File(name, text) => std::fs::write(self.directory().join(name), text).unwrap(),
            Block::Yaml(text) => self.configure(section, text).await,
            Block::Console(commands) => {
                for command in commands {
                    self.run(section, command).await;
                }
            }
        }
    }

    /// Add to the configuration, and start the gateway with it.
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
        let path = self.directory().join("stockade.yaml");
        std::fs::write(&path, &config).unwrap();
        if let Some(before) = self.server.take() {
            before.stop().await;
        }
        let started = Server::start(self.engine.clone(), &path, Arc::new(SystemClock)).await;
        let error = |error| panic!("{section}: {error}\n{config}");
        self.server = Some(started.unwrap_or_else(error));
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

    /// What follows this text in the last line that has it, its quotes left aside.
    fn completed(&self, text: &str, end: char) -> Option<String> {
        let text = text.replace('"', "");
        let lines = self.printed.iter().rev();
        let mut found = lines.filter_map(|line| line.split_once(&text).map(|(_, rest)| rest));
        found.next().map(|rest| until(rest, end))
    }

    /// What follows in the last line whose value begins so.
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
        let addresses = self.server.iter().flat_map(Server::addresses);
        for (port, address) in self.ports.iter().zip(addresses) {
            line = line.replace(&format!(":{port}"), &format!(":{}", address.port()));
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
        if name.bytes().all(|byte| byte.is_ascii_uppercase()) && !name.is_empty() {
            self.remembered.push_str(&line);
            self.remembered.push('\n');
        }
    }

    /// What a script prints, in the directory as if it were at home.
    async fn shell(&self, script: &str) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_stockade")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        // Where `cargo xtask setup` installs the libraries that the page names.
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients/python/bin");
        assert!(python.exists(), "{} is missing: run `cargo xtask setup`", python.display());
        let mut all = vec![program.to_owned(), python];
        all.extend(std::env::split_paths(&path));
        let mut command = process::Command::new("bash");
        command.args(["-c", script]).current_dir(self.directory()).kill_on_drop(true);
        command.env("HOME", self.directory()).env("NO_PROXY", "*").env("no_proxy", "*");
        command.env("PATH", std::env::join_paths(all).unwrap());
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
