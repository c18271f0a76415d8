//! Every example is good, and its README tells the truth: its lines are run against the
//! gateway, before a simulated Ollama, on a Tuesday by day.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stockade_authn::KeyText;
use stockade_core::{Clock as _, FixedClock, SystemClock, UnixTime};
use stockade_engine::Compiler;
use stockade_gateway::{Server, proven_engine};
use stockade_simulator::Simulator;
use tempfile::TempDir;
use tokio::process::Command;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// A copy of an example with keys and certificates made as its README says.
struct Example {
    directory: TempDir,
    commands: Vec<String>,
    server: Server,
    ollama: Simulator,
}

impl Example {
    async fn start(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(&examples().join(name), directory.path());
        let readme = std::fs::read_to_string(directory.path().join("README.md")).unwrap();
        let commands = commands(&readme);
        let models = ["llama3.2:1b", "llama3.2:3b", "qwen3:8b", "llama3.3:70b"];
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let ollama =
            Simulator::builder().models(models).record(true).start(anywhere).await.unwrap();
        let config = directory.path().join("stockade.yaml");
        let mut text = std::fs::read_to_string(&config).unwrap();
        for command in &commands {
            if let Some(rest) = command.strip_prefix("stockade key new --id ") {
                let (id, file) = rest.split_once(" > ").unwrap();
                let key = KeyText::generate();
                std::fs::write(directory.path().join(file), key.expose()).unwrap();
                text = with_digest(&text, id, &key.digest().to_string());
            } else if command.starts_with("./make-certificates.sh") {
                shell(directory.path(), command).await;
            }
        }
        let text = text
            .replace("127.0.0.1:11435", "127.0.0.1:0")
            .replace("0.0.0.0:11443", "127.0.0.1:0")
            .replace("http://127.0.0.1:11434", &format!("http://{}", ollama.addr()));
        std::fs::write(&config, text).unwrap();
        let engine = Arc::new(proven_engine(Compiler::Here).unwrap());
        let clock = Arc::new(FixedClock(tuesday()));
        let server = Server::start(engine, &config, clock).await.unwrap();
        Self { directory, commands, server, ollama }
    }

    /// Runs every curl line, compares what the README says behind `#`, and counts the lines.
    async fn try_requests(&self) -> usize {
        let mut prepared = String::new();
        let mut tried = 0;
        for command in &self.commands {
            if command.starts_with("curl ") {
                let (line, promise) = command.rsplit_once('#').unwrap();
                let expected =
                    if promise.trim() == "no connection" { "000" } else { promise.trim() };
                let line = self.at_home(line);
                let script = format!("{prepared}{line} -sS -o /dev/null -w '%{{http_code}}'");
                let found = shell(self.directory.path(), &script).await;
                assert_eq!(found, expected, "{command}");
                tried += 1;
            } else if command.contains("$(cat ") || command.contains("() {") {
                prepared.extend([command.as_str(), "\n"]);
            }
        }
        tried
    }

    /// A line with the addresses of this test.
    fn at_home(&self, line: &str) -> String {
        let port = self.server.addresses()[0].port();
        line.replace("127.0.0.1:11435", &format!("127.0.0.1:{port}"))
            .replace("localhost:11443", &format!("localhost:{port}"))
    }

    /// Runs every `stockade check` and `explain` line.
    async fn ask(&self) {
        let program = env!("CARGO_BIN_EXE_stockade");
        for command in self.commands.iter().filter(|c| c.starts_with("stockade check")) {
            let strict = format!("{command} --strict").replacen("stockade", program, 1);
            let said = shell(self.directory.path(), &strict).await;
            assert!(said.contains("is good"), "{command}: {said}");
        }
        let mut asked = 0;
        for command in self.commands.iter().filter(|c| c.starts_with("stockade explain")) {
            let (line, expected) = command.rsplit_once('#').unwrap();
            let said = shell(self.directory.path(), &line.replacen("stockade", program, 1)).await;
            assert!(said.starts_with(expected.trim()), "{command}: {said}");
            asked += 1;
        }
        assert!(asked > 0);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        } else if entry.file_name() != "certificates" {
            copy(&entry.path(), &target);
        }
    }
}

/// Returns the commands behind `$` in a README, each on one line.
fn commands(readme: &str) -> Vec<String> {
    let joined = readme.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.trim_start().strip_prefix("$ "));
    lines.map(str::to_owned).collect()
}

/// The configuration with another digest for one key.
fn with_digest(config: &str, id: &str, digest: &str) -> String {
    let (before, after) = config.split_once(&format!("id: {id}, sha256: \"")).unwrap();
    let (_, rest) = after.split_once('"').unwrap();
    format!("{before}id: {id}, sha256: \"{digest}\"{rest}")
}

/// Standard output, whatever the command's end; nothing of this machine's proxies.
async fn shell(directory: &Path, script: &str) -> String {
    let mut command = Command::new("bash");
    command.args(["-c", script]).current_dir(directory).kill_on_drop(true);
    let output = command.env("NO_PROXY", "*").output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The next Tuesday at noon in UTC: certificates that were made just now are good then.
fn tuesday() -> UnixTime {
    const DAY: u64 = 86_400;
    let today = SystemClock.now().as_secs() / DAY;
    // 1970 began on a Thursday.
    let until = (5 + 7 - today % 7) % 7;
    UnixTime::from_secs((today + until + 7 * u64::from(until == 0)) * DAY + DAY / 2)
}

#[tokio::test]
async fn children_of_the_family_see_only_small_models() {
    let family = Example::start("family").await;
    assert_eq!(family.try_requests().await, 6);
    let list = family.at_home(
        "curl -sS -H \"Authorization: Bearer $(cat kim.key)\" http://127.0.0.1:11435/api/tags",
    );
    let list = shell(family.directory.path(), &list).await;
    assert!(list.contains("llama3.2:1b") && list.contains("llama3.2:3b"), "{list}");
    assert!(!list.contains("70b") && !list.contains("qwen3"), "{list}");
    family.ask().await;
}

#[tokio::test]
async fn students_of_the_lab_keep_to_their_budget() {
    let lab = Example::start("lab").await;
    assert_eq!(lab.try_requests().await, 8);
    let requests = lab.ollama.requests();
    let chat = requests.iter().find(|request| request.target == "/v1/chat/completions").unwrap();
    let body: serde_json::Value = serde_json::from_slice(&chat.body).unwrap();
    assert_eq!(body["max_tokens"], 1024, "{body}");
    lab.ask().await;
}

#[tokio::test]
async fn the_company_knows_people_and_services_by_certificate() {
    let company = Example::start("company").await;
    assert_eq!(company.try_requests().await, 7);
    let counts = company.server.shadow().counts();
    let (binding, count) = &counts[0];
    assert_eq!(binding.as_str(), "the 1b model is to go away");
    assert_eq!((count.deny, count.changes), (1, 1), "{count:?}");
    company.ask().await;
}

/// A new example needs a test of its own.
#[test]
fn there_is_no_other_example() {
    let entries = std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = entries
        .filter(|path| path.join("stockade.yaml").exists())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["company", "family", "lab", "replicas"]);
}

#[tokio::test]
async fn the_example_of_replicas_is_good() {
    let command = "\"$0\" check --config stockade.yaml";
    let mut shell = Command::new("sh");
    shell.args(["-c", command, env!("CARGO_BIN_EXE_stockade")]);
    let output = shell.current_dir(examples().join("replicas")).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
