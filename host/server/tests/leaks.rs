//! No secret leaves the gateway: every kind of credential, right and wrong, with the log
//! at its most talkative; then everything that came out is searched.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod gateway;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use gateway::Gateway;
use stockade_authn::{KeyText, PasswordHash};
use stockade_core::{Clock as _, Secret, SystemClock};
use stockade_simulator::Simulator;

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

fn config(upstream: SocketAddr, key: &KeyText) -> String {
    let hash = PasswordHash::of(&Secret::new(PASSWORD.to_owned())).unwrap();
    format!(
        r#"
listen: 127.0.0.1:0
upstream: {{ url: "http://{upstream}" }}
log: {{ level: trace, format: json }}
authentication: {{ key_in_path: true }}
issuers: {{ sso: {{ issuer: sso, audience: ollama, secret_file: jwt }} }}
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
    let other = jwt(&format!(r#"{{"iss":"sso","aud":"MARKED-other","sub":"alice","exp":{exp}}}"#));
    let expired = jwt(r#"{"iss":"sso","aud":"ollama","sub":"alice","exp":1}"#);
    let unreadable = jwt(r#"{"iss":"sso","MARKED":1,"MARKED":2}"#);
    let forged = good.replacen('.', ".e", 1);
    [good, other, expired, unreadable, forged]
}

/// What is expected, what stands before the path, and curl's arguments.
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
    attempts
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
    private(&directory.path().join("jwt"), JWT_SECRET);
    let gateway = Gateway::start(directory.path()).await;
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
    assert_eq!(ollama.requests().len(), 8);
    for request in ollama.requests() {
        writeln!(seen, "{request:?}").unwrap();
    }
    let said = gateway.end().await;
    assert_eq!(said.matches("stockade::request").count(), requests.len() + 1, "{said}");
    let proven = r#""user":"alice","proof":"Jwt","credential":"sso""#;
    assert_eq!(said.matches(proven).count(), 2, "{said}");
    seen.push_str(&said);
    let encoded = |password: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("alice:{password}"))
    };
    let encoded = [PASSWORD, WRONG, key].map(encoded);
    let signature = |token: &str| token.rsplit(':').next().unwrap().to_owned();
    let marked = [key, wrong, "MARKED", SIGNATURE, &signature(token)];
    let parts = jwts.iter().flat_map(|jwt| jwt.split('.').skip(1));
    let marked = marked.into_iter().chain(parts);
    for secret in marked.chain(encoded.iter().map(String::as_str)) {
        assert!(!seen.contains(secret), "{secret} is in:\n{seen}");
    }
}
