//! `stockade doctor` against a simulated Ollama: good, missing, unprotected, misconfigured.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::gateway::Gateway;
use crate::issuer::Issuer;
use serde_json::Value;
use stockade_authn::KeyText;
use stockade_simulator::Simulator;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const CONFIG: &str = r#"
listen: [127.0.0.1:0]
upstream: { url: "http://UPSTREAM" }
log: { format: json }
groups: [ops]
users:
  root: { groups: [ops] }
  alice: { groups: [research], keys: [{ id: laptop, sha256: "DIGEST" }] }
policies:
  model-access: { module: builtin/model-access }
  pull-guard: { module: builtin/pull-guard }
bindings:
  - { name: ops, subjects: { groups: [ops] }, policy: model-access, settings: { allow: ["*"] } }
  - { name: delete, subjects: { groups: [ops] }, policy: pull-guard, settings: { groups: [ops], operations: [delete], targets: ["*"] } }
  - { name: research, subjects: { groups: [research] }, policy: model-access, settings: { allow: ["llama3.2:*"] } }
"#;

struct Here {
    directory: tempfile::TempDir,
    ollama: Simulator,
    key: KeyText,
}

/// The output of the command, and its exit code.
struct VerdictKind {
    text: String,
    errors: String,
    code: i32,
}

impl VerdictKind {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Here {
    async fn new(change: impl FnOnce(&str) -> String) -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let models = ["llama3.2:3b", "llama3.3:70b"];
        let ollama =
            Simulator::builder().models(models).record(true).start(anywhere).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let key = KeyText::generate();
        let config = CONFIG
            .replace("UPSTREAM", &ollama.addr().to_string())
            .replace("DIGEST", &key.digest().to_string());
        std::fs::write(directory.path().join("stockade.yaml"), change(&config)).unwrap();
        Self { directory, ollama, key }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    async fn doctor(&self, arguments: &[&str], input: &str) -> VerdictKind {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
        command.arg("doctor").args(arguments).current_dir(self.path()).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end without having read it.
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.ok();
        let output = child.wait_with_output().await.unwrap();
        VerdictKind {
            text: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap(),
        }
    }
}

fn unchanged(config: &str) -> String {
    config.to_owned()
}

/// Returns what was asked and answered, and whether that is as promised.
fn answers(report: &Value) -> Vec<(String, u64, bool)> {
    let answers = report["answers"].as_array().unwrap().iter();
    let answer = |answer: &Value| {
        let path = answer["path"].as_str().unwrap().to_owned();
        (path, answer["observed"].as_u64().unwrap_or(0), answer["ok"].as_bool().unwrap())
    };
    answers.map(answer).collect()
}

fn expected(all: &[(&str, u64, bool)]) -> Vec<(String, u64, bool)> {
    all.iter().map(|(path, status, ok)| ((*path).to_owned(), *status, *ok)).collect()
}

#[tokio::test]
async fn a_good_gateway_is_reported_whole_and_nothing_is_loaded() {
    let here = Here::new(unchanged).await;
    let said = here.doctor(&["--json"], "").await;
    let report = said.json();
    assert_eq!(said.code, 0, "{report:#}");
    assert_eq!(report["ok"], true);
    assert_eq!(report["asked"]["user"], "alice", "something is denied to her, nothing to root");
    let all = [
        ("/api/tags", 401, true),
        ("/api/tags", 401, true),
        ("/api/tags", 200, true),
        ("/api/show", 200, true),
        ("/api/show", 403, true),
    ];
    assert_eq!(answers(&report), expected(&all));
    assert_eq!(report["answers"][2]["summary"], "1: llama3.2:3b");
    let program = &report["program"];
    assert!(program["rustc"].as_str().unwrap().starts_with("rustc 1."), "{program}");
    assert!(program["wasmtime"].as_str().unwrap().starts_with("48."), "{program}");
    assert_eq!(report["data_path"]["policies"][0]["module"], "builtin/model-access");
    assert_eq!(report["upstream"]["models"].as_array().unwrap().len(), 2);
    assert!(report["upstream"]["version"].is_string());
    assert!(report["machine"]["processors"].as_u64().unwrap() > 0);
    for request in here.ollama.requests() {
        assert!(!request.target.contains("generate"), "{request:?}");
        assert!(!request.headers.contains_key("authorization"), "{request:?}");
    }
}

#[tokio::test]
async fn the_text_says_the_same_and_what_it_depends_on() {
    let here = Here::new(unchanged).await;
    let said = here.doctor(&[], "").await;
    assert_eq!(said.code, 0, "{}{}", said.text, said.errors);
    for part in [
        "built by rustc 1.",
        "ok  401  without a key",
        "ok  401  with a wrong key",
        "ok  200  the list of models, with a key",
        "ok  403  llama3.3:70b, which is denied",
        "No model was loaded or run.",
        "everything is as promised",
    ] {
        assert!(said.text.contains(part), "{part:?} is not in {}", said.text);
    }
    assert!(!said.text.contains("sk-local-"), "{}", said.text);
    let run = here.doctor(&["--model", "llama3.2:3b", "--user", "alice"], "").await;
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(run.text.contains("ok  200  one run of llama3.2:3b"), "{}", run.text);
    assert!(run.text.contains("eval_duration"), "{}", run.text);
    assert!(run.text.contains("depend on model size, CPU/GPU"), "{}", run.text);
}

#[tokio::test]
async fn where_nothing_is_denied_it_says_so() {
    let here = Here::new(unchanged).await;
    let said = here.doctor(&["--user", "root"], "").await;
    assert!(said.text.contains("there is no 403 here"), "{}", said.text);
    assert_eq!(said.code, 0, "{}", said.text);
}

#[tokio::test]
async fn a_declared_guest_is_promised_what_the_policies_give() {
    let guest = |config: &str| {
        config.replace("users:\n", "authentication: { anonymous: guest }\nusers:\n  guest: {}\n")
    };
    let here = Here::new(guest).await;
    let said = here.doctor(&["--json"], "").await;
    let report = said.json();
    assert_eq!(said.code, 0, "{report:#}");
    let all = answers(&report);
    assert_eq!((all[0].1, all[1].1), (403, 401), "{report:#}");
}

#[tokio::test]
async fn ollama_that_is_missing_is_told_with_what_to_do() {
    let here = Here::new(unchanged).await;
    let Here { directory, ollama, key } = here;
    let address = ollama.addr();
    drop(ollama);
    let other = Simulator::builder().start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let here = Here { directory, ollama: other.await.unwrap(), key };
    let said = here.doctor(&[], "").await;
    assert_eq!(said.code, 1, "{}", said.text);
    assert!(said.text.contains(&address.to_string()), "{}", said.text);
    assert!(said.text.contains("start Ollama there"), "{}", said.text);
    assert!(said.text.contains("NOT 502  the list of models, with a key (promised: 200)"));
    assert!(said.text.contains("ok  401  without a key"), "strangers are refused all the same");
}

#[tokio::test]
async fn a_configuration_that_does_not_load_and_wrong_usage_are_two() {
    let here = Here::new(|config| config.replace("groups: [research],", "grups: [x],")).await;
    let said = here.doctor(&[], "").await;
    assert_eq!(said.code, 2, "{}", said.text);
    assert!(said.errors.contains("grups") && said.errors.contains("stockade.yaml:"));
    let here = Here::new(unchanged).await;
    for arguments in [
        &["--user", "nobody"][..],
        &["--gateway", "http://127.0.0.1:1"],
        &["--gateway", "https://127.0.0.1:1", "--key", "-"],
        &["--gateway", "http://127.0.0.1:1", "--key", "missing"],
    ] {
        let said = here.doctor(arguments, "").await;
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.text);
        assert!(!said.errors.is_empty());
    }
}

#[tokio::test]
async fn a_running_gateway_is_asked_with_a_key_from_standard_input_or_a_file() {
    let long = "authentication: { throttle: { wait: 5m } }";
    let here = Here::new(|config| format!("{config}{long}\n")).await;
    let gateway = Gateway::start(here.path()).await;
    let bearer = format!("Authorization: Bearer {}", here.key.expose());
    assert_eq!(gateway.curl("/api/generate", &["-H", &bearer]).await.0, "200");
    let address = ["--gateway", gateway.url.as_str(), "--key"];
    let said = here.doctor(&[&address[..], &["-", "--json"]].concat(), here.key.expose()).await;
    let report = said.json();
    assert_eq!(said.code, 0, "{report:#}");
    assert_eq!(report["asked"]["gateway"].as_str(), Some(gateway.url.as_str()));
    assert_eq!(report["asked"]["credential"], "laptop");
    assert_eq!(answers(&report).len(), 5);
    assert!(!said.text.contains(here.key.expose()));
    let file = here.path().join("alice.key");
    std::fs::write(&file, format!("{}\n", here.key.expose())).unwrap();
    let open = here.doctor(&[&address[..], &["alice.key"]].concat(), "").await;
    assert_eq!(open.code, 2);
    assert!(open.errors.contains("chmod 600"), "{}", open.errors);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let closed = here.doctor(&[&address[..], &["alice.key"]].concat(), "").await;
    assert_eq!(closed.code, 0, "{}{}", closed.text, closed.errors);
    // Whoever has failed too often has to wait: the wrong key is refused as well.
    let wrong = ["-H", "Authorization: Bearer sk-local-wrong"];
    while gateway.curl("/api/tags", &wrong).await.0 == "401" {}
    let held = here.doctor(&[&address[..], &["alice.key"]].concat(), "").await;
    assert_eq!(held.code, 0, "{}{}", held.text, held.errors);
    assert!(held.text.contains("ok  429  with a wrong key"), "{}", held.text);
    let wrong = here.doctor(&[&address[..], &["-"]].concat(), "sk-local-wrong").await;
    assert_eq!(wrong.code, 2, "{}", wrong.text);
    assert!(!gateway.end().await.contains(here.key.expose()));
}

/// A person who takes Ollama itself for the gateway is told.
#[tokio::test]
async fn an_ollama_that_answers_everybody_is_found_out() {
    let here = Here::new(unchanged).await;
    let open = format!("http://{}", here.ollama.addr());
    let said = here.doctor(&["--gateway", &open, "--key", "-"], here.key.expose()).await;
    assert_eq!(said.code, 1, "{}", said.text);
    assert!(said.text.contains("NOT 200  without a key (promised: 401)"), "{}", said.text);
    assert!(said.text.contains("NOT 200  llama3.3:70b, which is denied (promised: 403)"));
    assert!(said.text.contains("NOT everything is as promised"));
}

fn with_issuer(keys: SocketAddr) -> impl FnOnce(&str) -> String {
    move |config| {
        let issuer = format!(
            "issuers:\n  sso: {{ issuer: https://sso.example.org/, audience: ollama, jwks_url: \
             \"http://{keys}/keys\", user_prefix: \"sso:\", unknown_users: admit, groups_claim: \
             groups, groups: {{ R: research }} }}\n"
        );
        config.replace("groups: [ops]\nusers:", &format!("{issuer}groups: [ops]\nusers:"))
    }
}

#[tokio::test]
async fn a_user_of_an_issuer_asks_with_a_token() {
    let issuer = Issuer::new();
    let here = Here::new(with_issuer(issuer.publish())).await;
    let gateway = Gateway::start(here.path()).await;
    let token = issuer.token("k1", &serde_json::json!({}));
    let asked = ["--gateway", gateway.url.as_str(), "--key", "-", "--json"];
    let said = here.doctor(&asked, &token).await;
    assert_eq!(said.code, 0, "{}{}", said.text, said.errors);
    assert_eq!(said.json()["asked"]["user"], "sso:mia");
    let private = here.doctor(&["--user", "sso:mia"], "").await;
    assert_eq!(private.code, 2, "{}", private.text);
    assert!(private.errors.contains("token of that issuer"), "{}", private.errors);
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_named() {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let here = Here::new(with_issuer(nowhere)).await;
    let token = Issuer::new().token("k1", &serde_json::json!({}));
    let said = here.doctor(&["--gateway", "http://127.0.0.1:1", "--key", "-"], &token).await;
    assert_eq!(said.code, 2, "{}", said.text);
    let expected = "the keys of issuer \"sso\" cannot be fetched";
    assert!(said.errors.contains(expected), "{}", said.errors);
}

#[tokio::test]
async fn where_users_come_by_issuers_only_it_says_how_to_ask() {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let nobody = |config: &str| {
        let config = with_issuer(nowhere)(config);
        let users = config.find("\nusers:").unwrap() + 1;
        let policies = config.find("policies:").unwrap();
        format!("{}{}", &config[..users], &config[policies..]).replace("[ops]", "[ops, research]")
    };
    let here = Here::new(nobody).await;
    let said = here.doctor(&[], "").await;
    assert_eq!(said.code, 0, "{}{}", said.text, said.errors);
    assert!(said.errors.contains("name a running gateway and a token"), "{}", said.errors);
}
