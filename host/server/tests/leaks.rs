//! No secret leaves the gateway: every kind of credential, right and wrong, with the log
//! at its most talkative; then everything that came out is searched.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;

use stockade_authn::{KeyText, PasswordHash};
use stockade_core::Secret;
use stockade_simulator::Simulator;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};

const SIGNING: &str = "MARKED-signing-secret-of-tokens";
const PASSWORD: &str = "MARKED-password-that-is-right";
const WRONG: &str = "MARKED-password-that-is-wrong";
const SIGNATURE: &str = "TUFSS0VELXNpZ25hdHVyZQ==";
const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

fn private(path: &Path, content: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn config(upstream: SocketAddr, key: &KeyText) -> String {
    let hash = PasswordHash::of(&Secret::new(PASSWORD.to_owned())).unwrap();
    format!(
        r#"
listen: 127.0.0.1:0
upstream: {{ url: "http://{upstream}" }}
log: {{ level: trace, format: json }}
authentication: {{ key_in_path: true }}
tokens: {{ secrets: [{{ id: main, file: signing }}] }}
users:
  alice:
    keys: [{{ id: laptop, sha256: "{}" }}]
    password_hash: "{hash}"
policies: {{ model-access: {{ module: builtin/model-access }} }}
bindings:
  - {{ name: all, subjects: everyone, policy: model-access, settings: {{ allow: ["*"] }} }}
"#,
        key.digest()
    )
}

/// The running program, and what it has said so far.
struct Gateway {
    child: Child,
    errors: BufReader<ChildStderr>,
    said: String,
    url: String,
}

impl Gateway {
    async fn start(directory: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
        command.arg("serve").current_dir(directory).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(errors.read_line(&mut line).await.unwrap(), 0, "it ended: {said}");
            said.push_str(&line);
            let value: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = value["address"].as_str() {
                return Self { child, errors, said, url: format!("http://{address}") };
            }
        }
    }

    /// The status and the body of the answer.
    async fn curl(&self, path: &str, arguments: &[&str]) -> (String, String) {
        let mut command = Command::new("curl");
        command.args(["-sS", "-w", "\n%{http_code}"]).args(arguments);
        if !arguments.contains(&"-d") {
            command.args(["-d", HELLO]);
        }
        let output = command.arg(format!("{}{path}", self.url)).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    /// Everything that it said, to its end.
    async fn end(mut self) -> String {
        self.child.start_kill().unwrap();
        self.errors.read_to_string(&mut self.said).await.unwrap();
        let mut output = self.child.stdout.take().unwrap();
        output.read_to_string(&mut self.said).await.unwrap();
        self.child.wait().await.unwrap();
        self.said
    }
}

/// What is expected, what stands before the path, and curl's arguments.
type Attempt = (&'static str, String, Vec<String>);

fn requests(key: &str, wrong: &str, token: &str) -> Vec<Attempt> {
    let forged = token.replacen("alice", "mallory", 1);
    let bearer = |secret: &str| vec!["-H".to_owned(), format!("Authorization: {secret}")];
    let basic = |name: &str, password: &str| vec!["-u".to_owned(), format!("{name}:{password}")];
    let x_api_key = |key: &str| vec!["-H".to_owned(), format!("x-api-key: {key}")];
    vec![
        ("200", String::new(), bearer(&format!("Bearer {key}"))),
        ("200", String::new(), x_api_key(key)),
        ("200", format!("/k/{key}"), vec![]),
        ("200", String::new(), basic("alice", PASSWORD)),
        ("200", String::new(), basic("alice", PASSWORD)),
        ("200", String::new(), bearer(&format!("Bearer {token}"))),
        ("401", String::new(), bearer(&format!("Bearer {wrong}"))),
        ("401", format!("/k/{wrong}"), vec![]),
        ("404", format!("/k/{key}/unheard-of"), vec![]),
        ("400", format!("/k/{key}/%67enerate"), vec![]),
        ("401", String::new(), basic("alice", WRONG)),
        ("401", String::new(), basic("nobody", WRONG)),
        ("401", String::new(), bearer(&format!("Bearer {forged}"))),
        ("401", String::new(), bearer(&format!("Digest {wrong}"))),
        ("401", String::new(), bearer(&format!("AAAA:{SIGNATURE}"))),
        ("400", String::new(), [x_api_key(wrong), basic("alice", PASSWORD)].concat()),
    ]
}

#[tokio::test]
async fn no_secret_is_logged_answered_or_forwarded() {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let models = ["llama3.2:3b"];
    let ollama = Simulator::builder().models(models).record(true).start(anywhere).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (key, wrong) = (KeyText::generate(), KeyText::generate());
    std::fs::write(directory.path().join("stockade.yaml"), config(ollama.addr(), &key)).unwrap();
    private(&directory.path().join("signing"), SIGNING);
    let gateway = Gateway::start(directory.path()).await;
    let (key, wrong) = (key.expose(), wrong.expose());
    let (_, issued) = gateway.curl("/-/token", &["-u", &format!("alice:{key}"), "-d", ""]).await;
    let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
    let token = issued["access_token"].as_str().unwrap();
    let requests = requests(key, wrong, token);
    let mut seen = String::new();
    for (expected, path, arguments) in &requests {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (status, body) = gateway.curl(&format!("{path}/api/generate"), &arguments).await;
        assert_eq!(&status, expected, "{path} {arguments:?}: {body}");
        seen.push_str(&body);
    }
    assert_eq!(ollama.requests().len(), 6);
    for request in ollama.requests() {
        writeln!(seen, "{request:?}").unwrap();
    }
    let said = gateway.end().await;
    assert_eq!(said.matches("stockade::request").count(), requests.len() + 1, "{said}");
    seen.push_str(&said);
    let encoded = |password: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("alice:{password}"))
    };
    let encoded = [PASSWORD, WRONG, key].map(encoded);
    let signature = |token: &str| token.rsplit(':').next().unwrap().to_owned();
    let marked = [key, wrong, "MARKED", SIGNATURE, &signature(token)];
    for secret in marked.into_iter().chain(encoded.iter().map(String::as_str)) {
        assert!(!seen.contains(secret), "{secret} is in:\n{seen}");
    }
}
