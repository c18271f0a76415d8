//! No secret leaves the gateway: every kind of credential, right and wrong, with the log
//! at its most talkative; then everything that came out is searched.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::gateway::Gateway;
use stockade_authn::{KeyText, PasswordHash};
use stockade_core::{Clock as _, Secret, SystemClock};
use stockade_simulator::Simulator;
use tokio::io::AsyncBufReadExt as _;

const SIGNING: &str = "MARKED-signing-secret-of-tokens";
const PASSWORD: &str = "MARKED-password-that-is-right";
const WRONG: &str = "MARKED-password-that-is-wrong";
const JWT_SECRET: &str = "MARKED-secret-that-signs-json-web-tokens";
const SIGNATURE: &str = "TUFSS0VELXNpZ25hdHVyZQ==";

fn private(path: &Path, content: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Keys that only files hold: of the gateway, of a client, and one that signs requests.
struct Files {
    /// The line of a public key, as Ollama's command writes it.
    public: String,
    /// The content of the private ones.
    secrets: Vec<String>,
}

impl Files {
    fn write(directory: &Path) -> Self {
        let script = examples().join("company/make-certificates.sh");
        run(directory, script.to_str().unwrap(), &["tls", "localhost", "alice"]);
        run(directory, "openssl", &["genpkey", "-algorithm", "ed25519", "-out", "ollama.pem"]);
        let signing = clients().join("signing.py");
        let public = run(directory, "python3", &[signing.to_str().unwrap(), "ollama.pem"]);
        let secret = |file: &str| {
            let text = std::fs::read_to_string(directory.join(file)).unwrap();
            text.lines().nth(1).unwrap().to_owned()
        };
        let secrets = ["tls/gateway.key", "tls/alice.key", "ollama.pem"].map(secret).to_vec();
        Self { public: public.trim().to_owned(), secrets }
    }

    /// Signed requests, and one with a certificate: the signature, and all answers.
    async fn requests(
        &self,
        gateway: &Gateway,
        tls: &str,
        directory: &Path,
        wrong: &str,
    ) -> (String, String) {
        let mut seen = String::new();
        let (query, header) = signed(directory, &self.public);
        let authorization = format!("Authorization: {header}");
        let other = format!("x-api-key: {wrong}");
        let headers = ["-H", &authorization, "-H", &other];
        for (expected, headers) in [("200", &headers[..2]), ("400", &headers[..])] {
            let (status, body) = gateway.curl(&format!("/api/generate{query}"), headers).await;
            assert_eq!(status, expected, "{body}");
            seen.push_str(&body);
        }
        let url = format!("{tls}/api/generate");
        let certificate = ["--cacert", "tls/ca.pem", "--cert", "tls/alice.pem", "--key"];
        let rest = ["tls/alice.key", "-sSf", "-d", crate::gateway::HELLO, &url];
        seen.push_str(&run(directory, "curl", &[&certificate[..], &rest[..]].concat()));
        let signature = header.rsplit(':').next().unwrap().to_owned();
        (signature, seen)
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").canonicalize().unwrap()
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").canonicalize().unwrap()
}

/// Returns what a program prints.
fn run(directory: &Path, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).env("PYTHONPATH", clients());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The query and the header of a request that is signed as Ollama's command signs it.
fn signed(directory: &Path, public: &str) -> (String, String) {
    let program = "import sys, signing; print(*signing.sign(*sys.argv[1:]))";
    let arguments = ["-c", program, "POST", "/api/generate", "ollama.pem", public];
    let printed = run(directory, "python3", &arguments);
    let (ts, header) = printed.trim().split_once(' ').unwrap();
    (format!("?ts={ts}"), header.to_owned())
}

/// The address of the listener with TLS, which is the second to be told.
async fn tls_address(gateway: &mut Gateway) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(gateway.errors.read_line(&mut line).await.unwrap(), 0);
        gateway.said.push_str(&line);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(address) = value["address"].as_str() {
            return address.replace("127.0.0.1", "https://localhost");
        }
    }
}

fn config(upstream: SocketAddr, key: &KeyText, public: &str) -> String {
    let hash = PasswordHash::of(&Secret::new(PASSWORD.to_owned())).unwrap();
    format!(
        r#"
listen:
  - 127.0.0.1:0
  - address: 127.0.0.1:0
    tls: {{ certificate: tls/gateway.pem, key: tls/gateway.key, client_ca: tls/ca.pem }}
upstream: {{ url: "http://{upstream}" }}
log: {{ level: trace, format: json }}
state_directory: state
authentication: {{ key_in_path: true }}
issuers: {{ sso: {{ issuer: sso, audience: ollama, secret_file: jwt }} }}
tokens: {{ secrets: [{{ id: main, file: signing }}] }}
users:
  alice:
    keys: [{{ id: laptop, sha256: "{}" }}]
    password_hash: "{hash}"
    certificates: [{{ id: card, email: alice@company.example }}]
    ollama_keys: [{{ id: ollama, public_key: "ssh-ed25519 {public}" }}]
policies: {{ model-access: {{ module: builtin/model-access }} }}
bindings:
  - {{ name: all, subjects: everyone, policy: model-access, settings: {{ allow: ["*"] }} }}
"#,
        key.digest()
    )
}

fn jwt(claims: &str) -> String {
    use base64::Engine as _;
    let part = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", part(br#"{"alg":"HS256"}"#), part(claims.as_bytes()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, JWT_SECRET.as_bytes());
    format!("{signed}.{}", part(ring::hmac::sign(&key, signed.as_bytes()).as_ref()))
}

/// Good ones, and what is wrong in several ways.
fn jwts() -> [String; 5] {
    let exp = SystemClock.now().as_secs() + 600;
    let good = jwt(&format!(r#"{{"iss":"sso","aud":"ollama","sub":"alice","exp":{exp}}}"#));
    let other =
        jwt(&format!(r#"{{"iss":"sso","aud":"another-audience","sub":"alice","exp":{exp}}}"#));
    let expired = jwt(r#"{"iss":"sso","aud":"ollama","sub":"alice","exp":1}"#);
    let unreadable = jwt(r#"{"iss":"sso","MARKED":1,"MARKED":2}"#);
    let forged = good.replacen('.', ".e", 1);
    [good, other, expired, unreadable, forged]
}

/// The expected status, the prefix of the path, and curl's arguments.
type Attempt = (&'static str, String, Vec<String>);

fn requests(key: &str, wrong: &str, token: &str, jwts: &[String; 5]) -> Vec<Attempt> {
    let forged = token.replacen("alice", "mallory", 1);
    let bearer = |secret: &str| vec!["-H".to_owned(), format!("Authorization: {secret}")];
    let basic = |name: &str, password: &str| vec!["-u".to_owned(), format!("{name}:{password}")];
    let x_api_key = |key: &str| vec!["-H".to_owned(), format!("x-api-key: {key}")];
    let [good, others @ ..] = jwts;
    let jwt = |jwt: &String| ("401", String::new(), bearer(&format!("Bearer {jwt}")));
    let mut attempts = vec![
        ("200", String::new(), bearer(&format!("Bearer {good}"))),
        ("200", format!("/k/{good}"), vec![]),
        ("400", String::new(), [x_api_key(good), basic("alice", PASSWORD)].concat()),
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
    ];
    attempts.extend(others.iter().map(jwt));
    attempts.extend(misplaced(key));
    attempts
}

/// A good key where none belongs. What is asked for is `<path>/api/generate`.
fn misplaced(key: &str) -> Vec<Attempt> {
    let escaped: Vec<_> = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let escaped = escaped.concat();
    let header = |text: String| vec!["-H".to_owned(), text];
    let body = |text: String| vec!["-d".to_owned(), text];
    let bearer = header(format!("Authorization: Bearer {key}"));
    let with = |more: Vec<String>| [bearer.clone(), more].concat();
    let signed_in = |status, path: String| (status, path, bearer.clone());
    vec![
        signed_in("404", format!("//k/{key}")),
        signed_in("404", format!("/K/{key}")),
        signed_in("404", format!("/v1/k/{key}")),
        signed_in("404", format!("/{key}")),
        signed_in("400", format!("/{escaped}")),
        signed_in("400", format!("/k%2f{key}")),
        ("404", format!("/k/{key}/k/{key}"), vec![]),
        ("404", format!("/k/{key}//k/{key}"), vec![]),
        signed_in("404", format!("/v1/models/{key}")),
        signed_in("405", format!("/v1/models?key={key}&x=")),
        signed_in("400", format!("/api/generate?api_key={key}&x=")),
        ("400", String::new(), with(header(format!("Host: {key}@gateway")))),
        ("400", String::new(), with(header(format!("Host: {key}/")))),
        ("200", String::new(), with(header(format!("X-Request-Id: {key}")))),
        ("415", String::new(), with(header(format!("Content-Type: multipart/{key}")))),
        ("400", String::new(), with(vec!["-X".to_owned(), key.to_owned()])),
        ("405", String::new(), with(vec!["-X".to_owned(), "K".repeat(10)])),
        ("400", String::new(), with(vec!["-X".to_owned(), "K".repeat(40)])),
        ("400", String::new(), with(body(format!(r#"{{"model":"x","{key}":1,"{key}":2}}"#)))),
        ("400", String::new(), with(body(format!(r#"{{"model":"x","MODEL":"{key}"}}"#)))),
        ("400", String::new(), with(body(format!(r#"{{"model":"x","{key}":[}}"#)))),
        ("400", String::new(), with(body(format!(r#"{{"model":"x","keep_alive":"{key}"}}"#)))),
        ("400", String::new(), with(body(format!(r#"{{"model":"{key}@"}}"#)))),
    ]
}

/// A test that looks for secrets must have seen each kind of credential.
fn every_kind_has_proven(said: &str) {
    for proof in ["api-key", "basic", "token", "ollama-key", "mtls"] {
        assert!(said.contains(&format!("\"proof\":\"{proof}\"")), "{proof}: {said}");
    }
    for name in ["laptop", "ollama", "card"] {
        assert!(said.contains(&format!("\"credential\":\"{name}\"")), "{name}: {said}");
    }
    let jwt = r#""user":"alice","proof":"jwt","credential":"sso""#;
    assert_eq!(said.matches(jwt).count(), 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_answered_or_forwarded() {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let recording = Simulator::builder().record_apart("stockade").record(true);
    let ollama = recording.models(["llama3.2:3b"]).start(anywhere).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (key, wrong) = (KeyText::generate(), KeyText::generate());
    let files = Files::write(directory.path());
    let config = config(ollama.addr(), &key, &files.public);
    std::fs::write(directory.path().join("stockade.yaml"), config).unwrap();
    private(&directory.path().join("signing"), SIGNING);
    private(&directory.path().join("jwt"), JWT_SECRET);
    let mut gateway = Gateway::start(directory.path()).await;
    let tls = tls_address(&mut gateway).await;
    let (key, wrong) = (key.expose(), wrong.expose());
    let (_, issued) = gateway.curl("/-/token", &["-u", &format!("alice:{key}"), "-d", ""]).await;
    let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
    let token = issued["access_token"].as_str().unwrap();
    let jwts = jwts();
    let requests = requests(key, wrong, token, &jwts);
    let mut seen = String::new();
    for (expected, path, arguments) in &requests {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (status, body) = gateway.curl(&format!("{path}/api/generate"), &arguments).await;
        assert_eq!(&status, expected, "{path} {arguments:?}: {body}");
        seen.push_str(&body);
    }
    let (proof, answered) = files.requests(&gateway, &tls, directory.path(), wrong).await;
    seen.push_str(&answered);
    assert_eq!(ollama.requests().len(), 11);
    for request in ollama.requests().into_iter().chain(ollama.requests_apart()) {
        writeln!(seen, "{request:?}").unwrap();
    }
    let said = gateway.end().await;
    assert_eq!(said.matches("stockade::request").count(), requests.len() + 4, "{said}");
    every_kind_has_proven(&said);
    seen.push_str(&said);
    let audit = directory.path().join("state/audit");
    let audited = std::fs::read_to_string(audit.join("audit-00000001.jsonl")).unwrap();
    every_kind_has_proven(&audited);
    seen.push_str(&audited);
    let seed = std::fs::read_to_string(audit.join("signing-key")).unwrap();
    let encoded = |password: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("alice:{password}"))
    };
    let encoded = [PASSWORD, WRONG, key].map(encoded);
    let signature_of = |token: &str| token.rsplit(':').next().unwrap().to_owned();
    let marked = [key, wrong, "MARKED", SIGNATURE, &signature_of(token), &proof, seed.trim()];
    let parts = jwts.iter().flat_map(|jwt| jwt.split('.').skip(1));
    let more = encoded.iter().chain(&files.secrets).map(String::as_str);
    for secret in marked.into_iter().chain(parts).chain(more) {
        assert!(!seen.contains(secret), "{secret} is in:\n{seen}");
    }
}
