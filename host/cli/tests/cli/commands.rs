//! The command as a person uses it.

use std::process::{Command, Stdio};

use crate::run::stockade;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim_end()
}

const CONFIG: &str = r#"
tokens: { secrets: [{ id: main, file: secret }] }
users:
  alice: { groups: [research] }
  team:bob: { groups: [] }
policies:
  model-access: { module: builtin/model-access }
bindings:
  - name: research
    subjects: { groups: [research] }
    policy: model-access
    settings: { allow: ["llama3.2:*"] }
"#;

fn directory(config: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("stockade.yaml"), config).unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    directory
}

#[test]
fn the_demo_answers_as_it_announces() {
    let here = tempfile::tempdir().unwrap();
    let tour = stockade(&["demo", "--tour", "--listen", "127.0.0.1:0"], here.path(), "");
    let report = text(&tour.stdout);
    assert!(tour.status.success(), "{report}\n{}", text(&tour.stderr));
    assert_eq!(report.lines().filter(|line| line.starts_with("ok ")).count(), 9, "{report}");
}

/// The demo's own lines, typed as it prints them.
#[test]
fn the_demo_with_certificates_answers_as_it_announces() {
    use std::io::BufRead as _;
    let mut demo = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(["demo", "--mtls", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut announced = String::new();
    let mut tried = 0;
    for line in lines.map(Result::unwrap).take_while(|line| line != "Ctrl-C ends it.") {
        if let Some(status) = line.strip_prefix("# ").and_then(|line| line.rsplit_once(" -> ")) {
            status.1.clone_into(&mut announced);
        } else if line.starts_with("curl ") {
            let shell = format!("{line} -sS -o /dev/null -w '%{{http_code}}'");
            let answer = Command::new("sh").args(["-c", &shell]).output().unwrap();
            assert_eq!(text(&answer.stdout), announced, "{line}\n{}", text(&answer.stderr));
            tried += 1;
        }
    }
    demo.kill().unwrap();
    demo.wait().unwrap();
    assert_eq!(tried, 9);
}

#[test]
fn a_key_is_shown_once_and_only_its_digest_goes_into_the_configuration() {
    let here = tempfile::tempdir().unwrap();
    let new = stockade(&["key", "new", "--id", "laptop"], here.path(), "");
    let (key, note) = (text(&new.stdout), text(&new.stderr));
    assert!(key.starts_with("sk-local-") && !note.contains(key));
    let hash = stockade(&["key", "hash"], here.path(), &format!("{key}\n"));
    assert!(note.contains(text(&hash.stdout)), "{note} has {}", text(&hash.stdout));
    let weak = stockade(&["key", "hash"], here.path(), "password\n");
    assert_eq!(weak.status.code(), Some(2));
}

#[test]
fn a_password_is_hashed_and_the_line_is_taken() {
    let here = tempfile::tempdir().unwrap();
    let hashed = stockade(&["password", "hash"], here.path(), "correct horse battery\n");
    let line = text(&hashed.stdout);
    assert!(line.starts_with("password_hash: \"$argon2id$"), "{line}");
    let config = CONFIG.replace("alice: { groups", &format!("alice: {{ {line}, groups"));
    let check = stockade(&["check"], directory(&config).path(), "");
    assert!(check.status.success(), "{}", text(&check.stderr));
    let weak = stockade(&["password", "hash"], here.path(), "short\n");
    assert_eq!(weak.status.code(), Some(2));
    assert!(text(&weak.stderr).contains("12 characters"), "{}", text(&weak.stderr));
}

#[test]
fn a_token_can_be_issued_and_verified_without_a_gateway() {
    let here = directory(CONFIG);
    for user in ["alice", "team:bob"] {
        let issued = stockade(&["token", "issue", "--user", user], here.path(), "");
        assert!(issued.status.success(), "{}", text(&issued.stderr));
        let token = text(&issued.stdout);
        let verified = stockade(&["token", "verify"], here.path(), token);
        assert_eq!(text(&verified.stdout), format!("valid: {user}"));
        let forged = token.replace(user, "mallory");
        let refused = stockade(&["token", "verify"], here.path(), &forged);
        assert_eq!(refused.status.code(), Some(1));
    }
    let unknown = stockade(&["token", "issue", "--user", "nobody"], here.path(), "");
    assert_eq!(unknown.status.code(), Some(2));
    let long = stockade(&["token", "issue", "--user", "alice", "--ttl", "48h"], here.path(), "");
    assert!(text(&long.stderr).contains("max_ttl"), "{}", text(&long.stderr));
}

#[test]
fn explain_tells_the_decision_and_the_binding() {
    let here = directory(CONFIG);
    let explain = |model: &str| {
        let arguments = ["explain", "--user", "alice", "--operation", "chat", "--model", model];
        stockade(&arguments, here.path(), "")
    };
    let allowed = explain("llama3.2:3b");
    assert_eq!(allowed.status.code(), Some(0), "{}", text(&allowed.stderr));
    assert!(text(&allowed.stdout).starts_with("ALLOW"));
    let denied = explain("qwen3:8b");
    assert_eq!(denied.status.code(), Some(1));
    assert!(text(&denied.stdout).contains("research"), "{}", text(&denied.stdout));
}

#[test]
fn explain_says_what_it_assumes_of_a_create() {
    let here = directory(CONFIG);
    let explained = |operation: &str| {
        let question = format!("explain --user alice --operation {operation} --model mine");
        let arguments: Vec<&str> = question.split(' ').collect();
        text(&stockade(&arguments, here.path(), "").stderr).to_owned()
    };
    let assumed = "this assumes that the new model is built on one that is installed";
    assert!(explained("create").contains(assumed));
    assert!(!explained("copy").contains(assumed));
}

#[test]
fn explain_supposes_what_it_is_told_and_shows_obligations() {
    let caps = "  - name: caps\n    subjects: everyone\n    policy: caps\n    \
                settings: { context: 8192 }\n";
    let policies = "policies:\n  caps: { module: builtin/request-caps }\n";
    let here = directory(&(CONFIG.replace("policies:\n", policies) + caps));
    let question = "explain --user alice --operation chat --model llama3.2:3b --context 32768";
    let arguments: Vec<&str> = question.split(' ').collect();
    let explained = stockade(&arguments, here.path(), "");
    let said = text(&explained.stdout);
    assert_eq!(explained.status.code(), Some(0), "{said}{}", text(&explained.stderr));
    assert!(said.starts_with("ALLOW") && said.contains("8192"), "{said}");
}

#[test]
fn explain_shows_which_tools_are_dropped() {
    let here = directory(&CONFIG.replace("allow: [", "web_search: drop, allow: ["));
    let explained = |more: &str| {
        let question = "explain --user alice --operation chat --model llama3.2:3b";
        let question = format!("{question}{more}");
        let arguments: Vec<&str> = question.split(' ').collect();
        text(&stockade(&arguments, here.path(), "").stdout).to_owned()
    };
    let dropped = "without tools that search the web";
    assert!(!explained("").contains(dropped));
    let searching = explained(" --web-search");
    assert!(searching.starts_with("ALLOW") && searching.contains(dropped), "{searching}");
}

const LISTENERS: &str = r#"
listen:
  - { address: "127.0.0.1:0", name: staff }
  - { address: "127.0.0.1:0", name: children }
users:
  alice: {}
policies: { rules: { module: builtin/rules } }
bindings:
  - name: by listener
    subjects: everyone
    policy: rules
    settings: { rules: [{ when: "operation = chat and client.listener = staff", then: allow }] }
tests:
  - { user: alice, operation: chat, model: "llama3.2:3b", listener: staff, expect: allow }
  - { user: alice, operation: chat, model: "llama3.2:3b", listener: children, expect: deny }
  - { user: alice, operation: chat, model: "llama3.2:3b", expect: deny }
"#;

#[test]
fn explain_and_tests_suppose_a_listener() {
    let here = directory(LISTENERS);
    let explain = |more: &str| {
        let question = format!("explain --user alice --operation chat --model llama3.2:3b{more}");
        let arguments: Vec<&str> = question.split(' ').collect();
        stockade(&arguments, here.path(), "")
    };
    for (more, code) in [(" --listener staff", 0), (" --listener children", 1), ("", 1)] {
        let explained = explain(more);
        assert_eq!(explained.status.code(), Some(code), "{more}: {}", text(&explained.stderr));
    }
    let unknown = explain(" --listener attic");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("there are staff, children"), "{unknown:?}");
    let wrong = directory(&LISTENERS.replace("listener: children", "listener: childern"));
    let check = stockade(&["check"], wrong.path(), "");
    assert!(text(&check.stderr).contains("there is no listener"), "{}", text(&check.stderr));
    assert!(text(&check.stderr).contains("did you mean \"children\"?"), "{}", text(&check.stderr));
}

#[test]
fn check_reports_every_error_with_its_place() {
    let here = directory(&CONFIG.replace("groups: [research] }\n  team", "grups: [x] }\n  team"));
    let check = stockade(&["check"], here.path(), "");
    assert_eq!(check.status.code(), Some(1));
    let errors = text(&check.stderr);
    assert!(errors.contains("stockade.yaml:4:") && errors.contains("grups"), "{errors}");
    assert!(errors.contains("research"), "the group has no members any more: {errors}");
    let json = stockade(&["--json", "check"], here.path(), "");
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(value["errors"].as_array().unwrap().len() >= 2, "{value}");
}

#[test]
fn wrong_usage_is_exit_code_two() {
    let here = tempfile::tempdir().unwrap();
    for arguments in [&["unheard-of"][..], &["check", "--unheard-of"], &["serve"]] {
        let output = stockade(arguments, here.path(), "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}
