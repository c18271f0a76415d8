//! Every kind of credential in every client that can carry it, over real sockets; and every
//! two of them in one request.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::SanType;
use serde_json::{Value, json};
use stockade_authn::PasswordHash;
use stockade_core::Secret;
use stockade_tests::{Authority, BINDINGS, Setup, World, installed, post, private};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const PASSWORD: &str = "correct horse: battery";

/// Several large SDKs are loaded at once here, which takes a while on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The kinds that each client carries. It has no way to send those that are missing.
const MATRIX: [(&str, &[&str]); 6] = [
    (
        "curl",
        &["key", "x-api-key", "key in the path", "password", "token", "certificate", "Ollama key"],
    ),
    (
        "urllib",
        &["key", "x-api-key", "key in the path", "password", "token", "certificate", "Ollama key"],
    ),
    (
        "ollama-python",
        &["key", "x-api-key", "key in the path", "password", "token", "certificate", "Ollama key"],
    ),
    ("ollama-js", &["key", "x-api-key", "key in the path", "password", "token", "Ollama key"]),
    ("openai", &["key", "key in the path", "password", "token", "certificate"]),
    ("anthropic", &["key", "x-api-key", "key in the path", "password", "token", "certificate"]),
];

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

async fn printed(mut command: Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("NO_PROXY", "*").env("no_proxy", "*");
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Carol has one credential of each kind, alice a key, and a token comes from `token`.
struct Kinds {
    world: World,
    key: String,
    token: String,
}

impl Kinds {
    async fn start() -> Self {
        let authority = Authority::new();
        // What the command keeps in ~/.ollama, in the form that openssl reads.
        let directory = tempfile::tempdir().unwrap();
        let pem = directory.path().join("ollama.pem");
        let mut make = Command::new("openssl");
        make.args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&pem);
        printed(make, "").await;
        let mut public = Command::new("python3");
        public.arg(script("signing.py")).arg(&pem);
        let public = printed(public, "").await;
        let key = stockade_authn::KeyText::generate();
        let hash = PasswordHash::of(&Secret::new(PASSWORD.to_owned())).unwrap();
        let rest = format!(
            "  carol:\n    groups: [research]\n    \
             keys: [{{ id: laptop, sha256: \"{}\" }}]\n    \
             password_hash: \"{hash}\"\n    \
             certificates: [{{ id: card, dns: carol.example }}]\n    \
             ollama_keys: [{{ id: ollama, public_key: \"ssh-ed25519 {}\" }}]\n\
             authentication: {{ key_in_path: true }}\n{BINDINGS}",
            key.digest(),
            public.trim()
        );
        let prepare = |there: &Path| {
            authority.write(there, "ca");
            authority.issue(there, "server", 1, vec![SanType::IpAddress([127, 0, 0, 1].into())]);
            let name = SanType::DnsName("carol.example".try_into().unwrap());
            authority.issue(there, "carol", 2, vec![name]);
            private(&there.join("ollama.pem"), &std::fs::read_to_string(&pem).unwrap());
        };
        let world = World::build(Setup {
            bindings: &rest,
            listen: "[\"127.0.0.1:0\", { address: \"127.0.0.1:0\", tls: { certificate: \
                     server.pem, key: server.key, client_ca: ca.pem, client_auth: optional } }]",
            prepare: &prepare,
            ..Setup::default()
        })
        .await;
        let key = key.expose().to_owned();
        let reply = world.send(post("/-/token", Some(&key), "")).await;
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        Self { world, key, token }
    }

    fn url(&self, listener: usize) -> String {
        let scheme = ["http", "https"][listener];
        format!("{scheme}://{}", self.world.server().addresses()[listener])
    }

    /// Returns the text that clients are told.
    fn told(&self) -> String {
        let Self { key, token, .. } = self;
        json!({
            "plain": self.url(0), "tls": self.url(1), "key": key, "token": token,
            "user": "carol", "password": PASSWORD,
        })
        .to_string()
    }

    /// Returns the models that a program lists with each kind.
    async fn listed(&self, mut command: Command) -> Value {
        command.current_dir(self.world.directory());
        serde_json::from_str(&printed(command, &self.told()).await).unwrap()
    }

    /// `Authorization` for Ollama's key, and the query that belongs to it.
    async fn signed(&self, method: &str, path: &str) -> (String, String) {
        let program = "import sys, signing; key = 'ollama.pem'; \
                       print(*signing.sign(*sys.argv[1:], key, signing.blob(key)))";
        let mut python = Command::new("python3");
        python.args(["-c", program, method, path]).current_dir(self.world.directory());
        python.env("PYTHONPATH", script(""));
        let printed = printed(python, "").await;
        let (ts, header) = printed.trim().split_once(' ').unwrap();
        (format!("?ts={ts}"), header.to_owned())
    }

    /// Status and body of `/api/tags` as curl gets it.
    async fn curl(&self, listener: usize, path: &str, arguments: &[String]) -> (String, String) {
        let mut command = Command::new("curl");
        command.args(["-sS", "--cacert", "ca.pem", "-w", "\n%{http_code}"]).args(arguments);
        command.arg(self.url(listener) + path).current_dir(self.world.directory());
        let printed = printed(command, "").await;
        let (body, status) = printed.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }
}

fn header(value: &str) -> Vec<String> {
    vec!["-H".to_owned(), value.to_owned()]
}

fn certificate() -> Vec<String> {
    ["--cert", "carol.pem", "--key", "carol.key"].map(str::to_owned).to_vec()
}

/// The kinds that a client listed all of carol's models with.
fn kinds(listed: &Value) -> Vec<String> {
    let mut kinds = Vec::new();
    for (kind, names) in listed.as_object().unwrap() {
        let mut names = names.as_array().unwrap().clone();
        names.sort_by_key(Value::to_string);
        assert_eq!(names, ["llama3.2:1b", "llama3.2:3b", "qwen3:8b"], "{kind}");
        kinds.push(kind.clone());
    }
    kinds.sort();
    kinds
}

fn expected(client: &str) -> Vec<String> {
    let (_, kinds) = MATRIX.iter().find(|(name, _)| *name == client).unwrap();
    let mut kinds: Vec<_> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    kinds.sort();
    kinds
}

/// A program's client carries what the matrix says.
async fn carries(client: &str, command: Command) {
    let all = Kinds::start().await;
    assert_eq!(kinds(&all.listed(command).await), expected(client), "{client}");
}

fn python(client: &str) -> Command {
    let mut python = Command::new(installed("python/bin/python"));
    python.arg(script("kinds.py")).arg(client);
    python
}

#[tokio::test]
async fn urllib_carries_them() {
    carries("urllib", python("urllib")).await;
}

#[tokio::test]
async fn ollama_for_python_carries_them() {
    carries("ollama-python", python("ollama-python")).await;
}

#[tokio::test]
async fn the_openai_sdk_carries_them() {
    carries("openai", python("openai")).await;
}

#[tokio::test]
async fn the_anthropic_sdk_carries_them() {
    carries("anthropic", python("anthropic")).await;
}

#[tokio::test]
async fn ollama_for_javascript_carries_them() {
    // Node looks for packages beside the script, so the script is put beside them.
    let beside = installed("node/node_modules").parent().unwrap().join("kinds.mjs");
    std::fs::copy(script("kinds.mjs"), &beside).unwrap();
    let mut node = Command::new("node");
    node.arg(beside);
    carries("ollama-js", node).await;
}

#[tokio::test]
async fn curl_carries_them() {
    let all = Kinds::start().await;
    let Kinds { key, token, .. } = &all;
    let user = ["-u".to_owned(), format!("carol:{PASSWORD}")];
    let (query, signed) = all.signed("GET", "/api/tags").await;
    let tags = "/api/tags";
    let cases = [
        ("key", 0, tags.to_owned(), header(&format!("Authorization: Bearer {key}"))),
        ("x-api-key", 0, tags.to_owned(), header(&format!("x-api-key: {key}"))),
        ("key in the path", 0, format!("/k/{key}/api/tags"), vec![]),
        ("password", 0, tags.to_owned(), user.to_vec()),
        ("token", 0, tags.to_owned(), header(&format!("Authorization: Bearer {token}"))),
        ("certificate", 1, tags.to_owned(), certificate()),
        ("Ollama key", 0, format!("{tags}{query}"), header(&format!("Authorization: {signed}"))),
    ];
    let mut found = serde_json::Map::new();
    for (kind, listener, path, arguments) in cases {
        let (status, body) = all.curl(listener, &path, &arguments).await;
        assert_eq!(status, "200", "{kind}: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let names = body["models"].as_array().unwrap().iter().map(|model| model["name"].clone());
        found.insert(kind.to_owned(), names.collect());
    }
    assert_eq!(kinds(&Value::Object(found)), expected("curl"));
}

/// The places where a credential can stand: each place with one that is good.
enum Place {
    Authorization(String),
    ApiKey(String),
    Path(String),
    Certificate,
}

#[tokio::test]
async fn any_two_different_credentials_are_refused() {
    let all = Kinds::start().await;
    let Kinds { key, token, world } = &all;
    let alices = world.key("alice");
    let (query, signed) = all.signed("GET", "/api/tags").await;
    let basic = STANDARD.encode(format!("carol:{PASSWORD}"));
    let alices_basic = STANDARD.encode(format!("alice:{alices}"));
    let places = [
        Place::Authorization(format!("Bearer {key}")),
        Place::Authorization(format!("Bearer {token}")),
        Place::Authorization(format!("Basic {basic}")),
        Place::Authorization(signed),
        Place::Authorization(format!("Bearer {alices}")),
        Place::Authorization(format!("Basic {alices_basic}")),
        Place::ApiKey(key.clone()),
        Place::ApiKey(token.clone()),
        Place::ApiKey(alices.to_owned()),
        Place::Path(key.clone()),
        Place::Path(token.clone()),
        Place::Path(alices.to_owned()),
        Place::Certificate,
    ];
    let mut asked = 0;
    for (index, one) in places.iter().enumerate() {
        for other in &places[index + 1..] {
            let Some((listener, path, arguments)) = together(one, other, &query, alices) else {
                continue;
            };
            let (status, body) = all.curl(listener, &path, &arguments).await;
            assert_eq!(status, "400", "{path} {arguments:?}: {body}");
            assert!(body.contains("two different credentials"), "{body}");
            asked += 1;
        }
    }
    assert_eq!(asked, 58);
    assert!(world.ollama.requests().is_empty());
}

/// A request with both, or `None` where they are the same or go together.
fn together(
    one: &Place,
    other: &Place,
    query: &str,
    alices: &str,
) -> Option<(usize, String, Vec<String>)> {
    let (mut listener, mut prefix, mut arguments) = (0, String::new(), Vec::new());
    let mut texts = Vec::new();
    let mut whole = String::new();
    for place in [one, other] {
        match place {
            Place::Authorization(value) => {
                if !value.contains(' ') {
                    query.clone_into(&mut whole);
                }
                texts.push(value.trim_start_matches("Bearer "));
                arguments.extend(header(&format!("Authorization: {value}")));
            }
            Place::ApiKey(value) => {
                texts.push(value);
                arguments.extend(header(&format!("x-api-key: {value}")));
            }
            Place::Path(value) => {
                texts.push(value);
                prefix = format!("/k/{value}");
            }
            Place::Certificate => {
                listener = 1;
                arguments.extend(certificate());
            }
        }
    }
    let in_both_paths = matches!((one, other), (Place::Path(_), Place::Path(_)));
    let same = texts.len() == 2 && texts[0] == texts[1];
    // Carol's certificate goes together with carol's other credentials.
    let of_alice = |text: &&str| *text == alices || text.starts_with("Basic YWxpY2U6");
    let of_one_user = listener == 1 && !texts.iter().any(of_alice);
    (!in_both_paths && !same && !of_one_user)
        .then(|| (listener, format!("{prefix}/api/tags{whole}"), arguments))
}

/// A certificate and another credential of its user: the other one counts.
#[tokio::test]
async fn beside_a_certificate_the_other_credential_counts() {
    let all = Kinds::start().await;
    let narrowed = stockade_authn::KeyText::generate();
    let config = std::fs::read_to_string(all.world.config()).unwrap();
    let more = format!(
        "keys: [{{ id: narrow, sha256: \"{}\", operations: [chat] }}, {{ id: laptop",
        narrowed.digest()
    );
    let config = config.replace("keys: [{ id: laptop", &more);
    let after = all.world.change(|| std::fs::write(all.world.config(), config).unwrap()).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);
    let beside = |key: &str| [certificate(), header(&format!("x-api-key: {key}"))].concat();
    assert_eq!(all.curl(1, "/api/tags", &certificate()).await.0, "200");
    assert_eq!(all.curl(1, "/api/tags", &beside(&all.key)).await.0, "200");
    let (status, body) = all.curl(1, "/api/tags", &beside(narrowed.expose())).await;
    assert_eq!(status, "403", "{body}");
    assert!(body.contains("narrowed"), "{body}");
    assert_eq!(all.curl(1, "/api/tags", &beside("sk-local-wrong")).await.0, "401");
}
