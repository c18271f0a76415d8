//! docs/guide/first-policy.md as a newcomer follows it: what it says is typed and saved, in its
//! order, beside a gateway that runs. The way by hand is in `tests/tests/first_policy.rs`.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use stockade_authn::KeyText;
use stockade_core::SystemClock;
use stockade_engine::Compiler;
use stockade_gateway::{Server, proven_engine};
use stockade_simulator::Simulator;
use tempfile::TempDir;
use tokio::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A step that the page says to do.
enum Step<'a> {
    /// To type, and what it is answered with if the page says so.
    Type(&'a str, Option<&'a str>),
    /// To write into `stockade.yaml`.
    Save(&'a str),
}

/// Everything up to the way by hand.
fn steps(page: &str) -> Vec<Step<'_>> {
    let (ours, _) = page.split_once("\n## By hand\n").unwrap();
    let mut steps = Vec::new();
    let mut rest = ours;
    while let Some((line, after)) = rest.split_once('\n') {
        rest = after;
        if let Some(command) = line.strip_prefix("$ ") {
            let (command, answer) = match command.rsplit_once(" # ") {
                Some((command, answer)) => (command, Some(answer.trim())),
                None => (command, None),
            };
            steps.push(Step::Type(command, answer));
        } else if line == "<!-- file: policies.yaml -->" {
            let yaml = after.strip_prefix("```yaml\n").unwrap();
            steps.push(Step::Save(yaml.split_once("```\n").unwrap().0));
        }
    }
    steps
}

/// A gateway before a simulated Ollama, with two users and no policy.
struct Newcomer {
    directory: TempDir,
    server: Server,
    key: KeyText,
    _ollama: Simulator,
}

impl Newcomer {
    async fn start() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let ollama = Simulator::builder().models(["llama3.2:3b"]).start(anywhere).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let key = KeyText::generate();
        let config = format!(
            "listen: 127.0.0.1:0\nupstream: {{ url: \"http://{}\" }}\nusers:\n  \
             alice: {{ groups: [research], keys: [{{ id: laptop, sha256: \"{}\" }}] }}\n  \
             bob: {{ groups: [research, ops] }}\n",
            ollama.addr(),
            key.digest()
        );
        let path = directory.path().join("stockade.yaml");
        std::fs::write(&path, config).unwrap();
        let engine = Arc::new(proven_engine(Compiler::Here).unwrap());
        let server = Server::start(engine, &path, Arc::new(SystemClock)).await.unwrap();
        Self { directory, server, key, _ollama: ollama }
    }

    /// Types a line, without a network.
    async fn shell(&self, line: &str) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_stockade")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var_os("PATH").unwrap().display());
        let gateway = self.server.addresses()[0].to_string();
        let mut bash = Command::new("bash");
        bash.args(["-c", &line.replace("127.0.0.1:11435", &gateway)]);
        bash.current_dir(self.directory.path()).kill_on_drop(true);
        bash.env("PATH", path).env("KEY", self.key.expose()).env("NO_PROXY", "*");
        bash.env("CARGO_NET_OFFLINE", "true").output().await.unwrap()
    }

    /// Appends to the configuration, and waits until that is taken or rejected.
    async fn save(&self, yaml: &str) {
        let mut status = self.server.current().status();
        status.mark_unchanged();
        let path = self.directory.path().join("stockade.yaml");
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(yaml.as_bytes()).unwrap();
        let changed = tokio::time::timeout(Duration::from_mins(1), status.changed());
        changed.await.unwrap().unwrap();
        let after = status.borrow_and_update().clone();
        assert!(after.rejected.is_none(), "{:?}", after.rejected);
    }

    async fn request(&self, line: &str, answer: &str) {
        let line = format!("{line} -sS -w '\\n%{{http_code}}'");
        let output = self.shell(&line).await;
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        assert_eq!(status, answer, "{line}\n{body}");
        if answer == "403" {
            assert!(body.contains("leave out the field `tools`"), "{body}");
        }
    }

    /// Compiles where the other guests are compiled, so that the SDK's dependencies are there.
    fn share_target(&self) {
        let shared = root().join("target/guests");
        std::os::unix::fs::symlink(shared, self.directory.path().join("no-tools/target")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_policy_new_to_a_live_403() {
    let page = std::fs::read_to_string(root().join("docs/guide/first-policy.md")).unwrap();
    let newcomer = Newcomer::start().await;
    let mut done = Vec::new();
    for step in steps(&page) {
        match step {
            Step::Save(yaml) => newcomer.save(yaml).await,
            Step::Type(line, Some(answer)) => {
                newcomer.request(line, answer).await;
                done.push(answer.to_owned());
            }
            Step::Type(line, None) => {
                let output = newcomer.shell(line).await;
                let errors = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{line}: {errors}");
                let Some(command) = line.strip_prefix("stockade ") else { panic!("{line}") };
                done.push(command.to_owned());
                if command == "policy new no-tools" {
                    newcomer.share_target();
                }
            }
        }
    }
    let expected = [
        "policy new no-tools",
        "policy test no-tools",
        "policy build no-tools",
        "check",
        "200",
        "403",
        "policy inspect no-tools",
        "policy bench no-tools",
    ];
    assert_eq!(done, expected);
}
