//! `stockade replay`: log lines that a gateway wrote, judged by a changed configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::gateway::Gateway;
use crate::run::said;
use serde_json::Value;
use stockade_authn::KeyText;
use stockade_simulator::Simulator;
use tempfile::TempDir;

/// Alice and bob may use both families of models.
fn config(upstream: SocketAddr, alice: &KeyText, bob: &KeyText) -> String {
    format!(
        r#"
listen: 127.0.0.1:0
upstream: {{ url: "http://{upstream}" }}
log: {{ format: json }}
users:
  alice: {{ keys: [{{ id: laptop, sha256: "{}" }}] }}
  bob: {{ keys: [{{ id: phone, sha256: "{}" }}] }}
policies:
  model-access: {{ module: builtin/model-access }}
  request-caps: {{ module: builtin/request-caps }}
bindings:
  - {{ name: all, subjects: everyone, policy: model-access, settings: {{ allow: ["llama3.2:*", "llama3.3:*"] }} }}
"#,
        alice.digest(),
        bob.digest()
    )
}

struct Logged {
    directory: TempDir,
    config: String,
}

impl Logged {
    /// Collects the log of two requests of alice, one of bob, and one of nobody.
    async fn new() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let models = ["llama3.2:3b", "llama3.3:70b"];
        let ollama = Simulator::builder().models(models).start(anywhere).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (alice, bob) = (KeyText::generate(), KeyText::generate());
        let config = config(ollama.addr(), &alice, &bob);
        std::fs::write(directory.path().join("stockade.yaml"), &config).unwrap();
        let gateway = Gateway::start(directory.path()).await;
        let large = r#"{"model":"llama3.3:70b","prompt":"Hi"}"#;
        for (key, body, expected) in [
            (Some(&alice), crate::gateway::HELLO, "200"),
            (Some(&alice), large, "200"),
            (Some(&bob), crate::gateway::HELLO, "200"),
            (None, crate::gateway::HELLO, "401"),
        ] {
            let bearer = key.map(|key| format!("Authorization: Bearer {}", key.expose()));
            let mut arguments = vec!["-d", body];
            arguments.extend(bearer.iter().flat_map(|bearer| ["-H", bearer]));
            let (status, body) = gateway.curl("/api/generate", &arguments).await;
            assert_eq!(status, expected, "{body}");
        }
        let log = gateway.end().await;
        std::fs::write(directory.path().join("gateway.log"), log).unwrap();
        Self { directory, config }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a candidate: the configuration with another text in the place of one.
    fn candidate(&self, from: &str, to: &str) {
        assert!(self.config.contains(from), "{from}");
        let text = self.config.replace(from, to);
        std::fs::write(self.path().join("candidate.yaml"), text).unwrap();
    }

    fn replay(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let all = [&["replay", "gateway.log", "--config", "candidate.yaml"], arguments].concat();
        said(&all, self.path(), "")
    }
}

#[tokio::test]
async fn requests_of_the_past_are_judged_by_a_candidate() {
    let logged = Logged::new().await;
    logged.candidate("\"llama3.2:*\", \"llama3.3:*\"", "\"llama3.2:*\"");
    let (code, said) = logged.replay(&[]);
    assert_eq!(code, Some(1), "{said}");
    for expected in [
        "4 requests, 3 of them judged",
        "no policy was asked about 1 request",
        "would now be refused: 1 request of 1 user with 1 model",
        "refused  alice  llama3.3:70b",
        "before: allowed by all",
        "now:    not-allowed: no policy allows you the operation generate on llama3.3:70b",
        "such as req_",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    reports_are_for_programs_and_merge_requests(&logged);
    only_what_is_asked_for_counts(&logged);
    what_changes_without_a_refusal_is_told(&logged);
    what_cannot_be_judged_is_named(&logged);
    mistakes_are_no_answer(&logged);
}

fn reports_are_for_programs_and_merge_requests(logged: &Logged) {
    let (code, said) = logged.replay(&["--json"]);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["refusals"]), (Some(1), &1.into()), "{said}");
    let row = &report["changes"][0];
    assert_eq!((&row["change"], &row["user"]), (&"refusal".into(), &"alice".into()), "{row}");
    assert_eq!(row["after"]["cause"], "not-allowed", "{row}");
    let (_, said) = logged.replay(&["--format", "markdown"]);
    assert!(said.contains("| refused | alice | llama3.3:70b |"), "{said}");
}

/// A user, a time, another configuration; segments of an audit log, and standard input.
fn only_what_is_asked_for_counts(logged: &Logged) {
    let log = std::fs::read_to_string(logged.path().join("gateway.log")).unwrap();
    let audit = logged.path().join("audit");
    std::fs::create_dir(&audit).unwrap();
    let line = |(number, line): (usize, &str)| {
        let record = line.strip_prefix('{').unwrap();
        format!("{{\"seq\":{number},\"prev\":\"00\",\"kind\":\"request\",{record}\n")
    };
    let lines: Vec<_> = log.lines().enumerate().map(line).collect();
    std::fs::write(audit.join("000001.jsonl"), lines.concat()).unwrap();
    for (arguments, code, judged) in [
        (&["audit", "--user", "bob", "--since", "1h"][..], 0, "1 request, 1 of them judged"),
        (&["-", "--against", "candidate.yaml"], 0, "no answer would be another"),
    ] {
        let all = [&["replay", "--config", "candidate.yaml"], arguments].concat();
        let (found, said) = said(&all, logged.path(), &log);
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(judged), "{arguments:?}: {said}");
    }
}

fn what_changes_without_a_refusal_is_told(logged: &Logged) {
    let binding =
        "name: caps, subjects: everyone, policy: request-caps, settings: { context: 2048 }";
    logged.candidate("bindings:\n", &format!("bindings:\n  - {{ {binding} }}\n"));
    let (code, said) = logged.replay(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("would be forwarded otherwise: 3 requests of 2 users"), "{said}");
    assert!(said.contains("context at most 2048") && said.contains("caps"), "{said}");
    assert_eq!(logged.replay(&["--strict"]).0, Some(1));
}

fn what_cannot_be_judged_is_named(logged: &Logged) {
    let rule = "name: words, subjects: { users: [alice] }, policy: fresh-rules, \
                settings: { rules: [{ when: texts contains secret, then: deny }] }";
    let rule = format!("bindings:\n  - {{ {rule} }}\n");
    let text = logged.config.replace("bindings:\n", &rule);
    let policy = "policies:\n  fresh-rules: { module: builtin/fresh-rules }\n";
    // A key that is not there any more locks out whoever has it.
    let text = text.replace("policies:\n", policy).replace("id: phone,", "id: other,");
    std::fs::write(logged.path().join("candidate.yaml"), text).unwrap();
    let (code, said) = logged.replay(&[]);
    assert_eq!(code, Some(1), "{said}");
    for expected in [
        "not judged: 2 requests, because the policy fresh-rules looks at texts or bodies",
        "the key \"phone\" of \"bob\" is not in this configuration",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

fn mistakes_are_no_answer(logged: &Logged) {
    let cases: [(&[&str], &str, &str); 4] = [
        (&["replay", "missing.log"], "", "cannot read missing.log"),
        (&["replay", "-"], "a text\n{}\n", "no request is told of here"),
        (&["replay", "-"], "{\"request\":1,\"decision\":\"permit\"}", "1 records were not written"),
        (&["replay", "gateway.log", "--config", "missing.yaml"], "", "missing.yaml"),
    ];
    for (arguments, input, expected) in cases {
        let (code, said) = said(arguments, logged.path(), input);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
