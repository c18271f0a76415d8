//! `stockade explain --record`: a decision of the past, judged by the configuration of now.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::gateway::Gateway;
use crate::run::said;
use serde_json::Value;
use stockade_authn::KeyText;
use stockade_simulator::Simulator;
use tempfile::TempDir;

/// Eight bytes of text, and a tool.
const CHAT: &str = r#"{"model":"llama3.2:3b","messages":[{"role":"system","content":"Brief!"},
{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"get_weather"}}]}"#;

/// Alice may use small models in office hours, and with a context that is not large; large
/// ones are tried out in the shadow.
fn config(upstream: SocketAddr, key: &KeyText) -> String {
    format!(
        r#"
listen: 127.0.0.1:0
upstream: {{ url: "http://{upstream}" }}
log: {{ format: json }}
users:
  alice: {{ keys: [{{ id: laptop, sha256: "{}", operations: [generate, chat] }}] }}
policies:
  model-access: {{ module: builtin/model-access }}
  request-caps: {{ module: builtin/request-caps }}
bindings:
  - {{ name: small, subjects: everyone, policy: model-access, settings: {{ allow: ["llama3.2:*"] }} }}
  - {{ name: large, subjects: everyone, policy: model-access, settings: {{ allow: ["llama3.3:*"] }}, mode: shadow }}
  - {{ name: caps, subjects: everyone, policy: request-caps, settings: {{ models: ["llama3.2:*"], context: 8192 }}, mode: shadow }}
"#,
        key.digest()
    )
}

struct Logged {
    directory: TempDir,
    log: String,
}

impl Logged {
    /// Collects the log of one permitted request, one refused, and one by nobody.
    async fn new() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let models = ["llama3.2:3b", "llama3.3:70b"];
        let ollama = Simulator::builder().models(models).start(anywhere).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let key = KeyText::generate();
        std::fs::write(directory.path().join("stockade.yaml"), config(ollama.addr(), &key))
            .unwrap();
        let gateway = Gateway::start(directory.path()).await;
        let bearer = format!("Authorization: Bearer {}", key.expose());
        let large = r#"{"model":"llama3.3:70b","prompt":"Hi","options":{"num_ctx":4096}}"#;
        for (path, arguments, expected) in [
            ("/api/generate", &["-H", &bearer][..], "200"),
            ("/api/generate", &["-H", &bearer, "-d", large], "403"),
            ("/v1/chat/completions", &["-H", &bearer, "-d", CHAT], "200"),
            ("/api/generate", &[], "401"),
        ] {
            let (status, body) = gateway.curl(path, arguments).await;
            assert_eq!(status, expected, "{body}");
        }
        let log = gateway.end().await;
        std::fs::write(directory.path().join("gateway.log"), &log).unwrap();
        Self { directory, log }
    }

    /// The id of the request whose line has this text.
    fn id(&self, text: &str) -> String {
        let lines = self.log.lines().filter(|line| line.contains("stockade::request"));
        let mut found = lines.filter(|line| line.contains(text));
        let value: Value = serde_json::from_str(found.next().unwrap()).unwrap();
        value["request"].as_str().unwrap().to_owned()
    }

    fn explain(&self, arguments: &[&str], input: &str) -> (Option<i32>, String) {
        explain(self.directory.path(), arguments, input)
    }
}

fn explain(directory: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    said(&[&["explain"], arguments].concat(), directory, input)
}

#[tokio::test]
async fn a_recorded_request_is_explained() {
    let logged = Logged::new().await;
    let (refused, permitted) = (logged.id("llama3.3"), logged.id("/v1/chat"));
    let (code, said) = logged.explain(&["--record", "gateway.log", "--request", &refused], "");
    assert_eq!(code, Some(1), "{said}");
    for expected in [
        "recorded: DENY by generation 1",
        "status 403",
        "not-allowed: no policy allows you the operation generate on llama3.3:70b",
        "the answer is the same:\nDENY: alice generate llama3.3:70b",
        "allow (shadow)  binding large",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }

    // One line on standard input is enough, and needs no id.
    let line = logged.log.lines().find(|line| line.contains(&permitted)).unwrap();
    let (code, said) = logged.explain(&["--record", "-"], line);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("allowed by") && said.contains("ALLOW: alice chat llama3.2:3b"),
        "{said}"
    );

    // By another configuration the answers are others.
    let path = logged.directory.path().join("stockade.yaml");
    let other = std::fs::read_to_string(&path)
        .unwrap()
        .replace("[\"llama3.2:*\"] } }", "[\"llama3.3:*\"] } }");
    std::fs::write(logged.directory.path().join("candidate.yaml"), other).unwrap();
    for (id, code, word) in [(&refused, 0, "ALLOW"), (&permitted, 1, "DENY")] {
        let arguments = ["--config", "candidate.yaml", "--record", "gateway.log", "--request", id];
        let (found, said) = logged.explain(&arguments, "");
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains("the answer is another") && said.contains(word), "{said}");
    }
    facts_are_supposed_again(&logged, &refused, &permitted);
    what_cannot_be_explained_says_why(&logged);
    // What shadow bindings said is told when the gateway ends.
    let summary = logged
        .log
        .lines()
        .find(|line| line.contains("a shadow binding so far") && line.contains("\"large\""));
    let summary: Value = serde_json::from_str(summary.unwrap()).unwrap();
    assert_eq!((&summary["allow"], &summary["changes"]), (&1.into(), &1.into()), "{summary}");
}

/// The API, the time, the parameters and the scope of the key are those of the request.
fn facts_are_supposed_again(logged: &Logged, refused: &str, permitted: &str) {
    let path = logged.directory.path().join("stockade.yaml");
    let text = std::fs::read_to_string(&path).unwrap().replace("mode: shadow", "mode: enforce");
    let with = |policy: &str, settings: &str, line: &str| {
        let binding = format!(
            "  - {{ name: more, subjects: everyone, policy: more, settings: {settings} }}\n"
        );
        let policy = format!("policies:\n  more: {{ module: builtin/{policy} }}\n");
        let candidate = text.replace("policies:\n", &policy) + &binding;
        std::fs::write(logged.directory.path().join("more.yaml"), candidate).unwrap();
        logged.explain(&["--config", "more.yaml", "--record", "-"], line).1
    };
    let line = |id: &str| logged.log.lines().find(|line| line.contains(id)).unwrap().to_owned();
    let (large, openai) = (line(refused), line(permitted));
    let deny = |when: &str| format!("{{ unknown: deny, rules: [{{ when: {when}, then: deny }}] }}");
    for (policy, settings, line, expected) in [
        ("endpoint-access", "{ apis: [openai] }", &openai, "\nALLOW: "),
        ("endpoint-access", "{ apis: [native] }", &openai, "\nDENY: "),
        ("request-caps", "{ context: 4096, above: refuse }", &large, "\nALLOW: "),
        ("request-caps", "{ context: 4095, above: refuse }", &large, "\nDENY: "),
        // What Ollama told, and what can be told of texts without quoting them.
        ("rules", &deny("any model.bytes > 1 MB"), &openai, "\nDENY: "),
        ("rules", &deny("any model.loaded and any model.bytes < 1 MB"), &openai, "\nALLOW: "),
        ("rules", &deny("tools contains get_weather"), &openai, "\nDENY: "),
        ("rules", &deny("tools contains other"), &openai, "\nALLOW: "),
        ("fresh-rules", &deny("prompt.bytes > 7 and prompt.system"), &openai, "\nDENY: "),
        ("fresh-rules", &deny("prompt.bytes > 8"), &openai, "\nALLOW: "),
    ] {
        let said = with(policy, settings, line);
        assert!(said.contains(expected), "{settings}: {said}");
    }
    let hours = "{ hours: [{ days: [tue], from: \"08:00\", to: \"18:00\" }] }";
    let value: Value = serde_json::from_str(&openai).unwrap();
    let input = &value["decision_input"];
    // A Tuesday and a Wednesday, at noon.
    for (at, expected) in [(1_783_425_600, "\nALLOW: "), (1_783_512_000, "\nDENY: ")] {
        let then = openai.replace(&input["at"].to_string(), &at.to_string());
        let said = with("working-hours", hours, &then);
        assert!(said.contains(expected), "{at}: {said}");
    }
    let narrower = text.replace("operations: [generate, chat]", "operations: [generate]");
    std::fs::write(logged.directory.path().join("more.yaml"), narrower).unwrap();
    let (_, said) = logged.explain(&["--config", "more.yaml", "--record", "-"], &openai);
    assert!(said.contains("not good for the operation chat"), "{said}");
}

fn what_cannot_be_explained_says_why(logged: &Logged) {
    let unproven = logged.id("unproven");
    let (code, said) = logged.explain(&["--record", "gateway.log", "--request", &unproven], "");
    assert_eq!(code, Some(2));
    assert!(said.contains("no policy was asked about req_") && said.contains("unproven"), "{said}");
    let cases: [(&[&str], &str, &str); 5] = [
        (&["--record", "gateway.log"], "", "tells of several requests"),
        (&["--record", "gateway.log", "--request", "req_0"], "", "tells nothing of the request"),
        (&["--record", "-"], "not a log\n{}\n", "tells of no request"),
        (&["--record", "missing.log"], "", "cannot read missing.log"),
        (&["--record", "-", "--user", "alice"], "", "cannot be used with"),
    ];
    for (arguments, input, expected) in cases {
        let (code, said) = logged.explain(arguments, input);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
    }
}
