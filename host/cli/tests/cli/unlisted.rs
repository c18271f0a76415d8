//! Users whom only an issuer knows: explained, tested, and their tokens verified.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::issuer::Issuer;
use crate::run::said;

fn config(jwks: SocketAddr, tests: &str) -> String {
    format!(
        r#"
time_zone: Europe/Berlin
issuers:
  sso:
    issuer: https://sso.example.org/
    audience: ollama
    jwks_url: "http://{jwks}/keys"
    user_prefix: "sso:"
    unknown_users: admit
    groups_claim: groups
    groups: {{ R: research }}
    attributes: {{ room: room }}
groups: [research, others]
users:
  alice: {{}}
  gone: {{ disabled: true }}
policies:
  model-access: {{ module: builtin/model-access }}
  working-hours: {{ module: builtin/working-hours }}
bindings:
  - name: research
    subjects: {{ groups: [research] }}
    policy: model-access
    settings: {{ allow: ["llama3.2:*"] }}
{tests}
"#
    )
}

fn directory(jwks: SocketAddr, tests: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("stockade.yaml"), config(jwks, tests)).unwrap();
    directory
}

const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

#[test]
fn a_user_of_an_issuer_is_explained() {
    let here = directory(NOBODY, "");
    let explain = |more: &str| {
        let all = format!("explain --operation chat --model llama3.2:3b {more}");
        said(&all.split_whitespace().collect::<Vec<_>>(), here.path(), "")
    };
    let (code, said) = explain("--user sso:mia --group research --attribute room=2");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("ALLOW: sso:mia chat llama3.2:3b"), "{said}");
    let (code, said) = explain("--user sso:mia --proof jwt");
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(explain("--user alice --group research").0, Some(2), "its name has no prefix");
    for (who, part) in [
        ("--user mia", "has the proof `jwt`"),
        ("--user mia --proof jwt", "unknown_users: admit"),
        ("--user sso:mia --group others", "gives the group"),
        ("--user sso:mia --attribute desk=1", "gives the attribute"),
        ("--user sso:mia --attribute desk", "NAME=VALUE"),
        ("--user sso:mia --proof paper", "api-key"),
        ("--user gone", "disabled"),
    ] {
        let (code, said) = explain(who);
        assert_eq!(code, Some(2), "{who}: {said}");
        assert!(said.contains(part), "{who}: {said}");
    }
}

#[test]
fn times_are_those_of_tests() {
    let here = directory(NOBODY, "");
    let at = |text: &str| {
        let arguments = [
            "explain",
            "--user",
            "alice",
            "--operation",
            "list",
            "--transport",
            "tls",
            "--at",
            text,
        ];
        said(&arguments, here.path(), "")
    };
    for time in ["2026-01-05T12:00:00Z", "2026-01-05T12:00", "2026-01-05 12:00:00"] {
        let (code, said) = at(time);
        assert_eq!(code, Some(1), "{time}: {said}");
    }
    let (code, said) = at("noon");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--at noon") && said.contains("2027-01-01T22:00"), "{said}");
}

#[test]
fn tests_are_about_users_of_an_issuer_too() {
    let check = |test: &str| {
        let tests = format!("tests:\n  - {{ operation: chat, model: \"llama3.2:3b\", {test} }}\n");
        said(&["check"], directory(NOBODY, &tests).path(), "")
    };
    for holds in [
        "user: \"sso:mia\", groups: [research], expect: allow",
        "user: \"sso:mia\", proof: jwt, expect: deny",
        "user: \"sso:mia\", proof: jwt, attributes: { room: 2 }, transport: tls, expect: deny",
        "user: gone, expect: deny",
    ] {
        let (code, said) = check(holds);
        assert_eq!(code, Some(0), "{holds}: {said}");
    }
    for (fails, part) in [
        ("user: \"sso:mia\", groups: [research], expect: deny", "the answer is allow"),
        ("user: \"sso:mia\", expect: deny", "there is no user"),
        ("user: \"sso:mia\", groups: [others], expect: deny", "gives the group"),
        ("user: \"sso:mia\", groups: [reserch], expect: deny", "did you mean \"research\""),
        ("user: mia, proof: jwt, expect: deny", "unknown_users: admit"),
        ("user: alice, proof: jwt, expect: deny", "no issuer brings one of this name"),
        ("user: alice, address: here, expect: deny", "here"),
    ] {
        let (code, said) = check(fails);
        assert_eq!(code, Some(1), "{fails}: {said}");
        assert!(said.contains(part) && said.contains("stockade.yaml:"), "{fails}: {said}");
    }
    let both = "user: alice, address: 10.0.0.1, expect: deny }\n  - { user: alice, operation: chat, \
                model: \"llama3.2:3b\", address: 10.0.0.2, expect: deny";
    assert_eq!(check(both).0, Some(0));
}

#[test]
fn a_recorded_request_of_a_user_of_an_issuer_is_explained() {
    let here = directory(NOBODY, "");
    let record = |groups: &[&str]| {
        let line = json!({
            "schema": 1, "request": "req_1", "generation": 1, "peer": "127.0.0.1:9",
            "user": "sso:mia", "groups": groups, "proof": "jwt", "credential": "sso/k1",
            "operation": "chat", "models": [{ "name": "llama3.2:3b", "role": "use" }],
            "decision_input": {
                "at": 1_783_425_600, "api": "native", "address": "127.0.0.1", "transport": "tls",
            },
            "decision": "permit", "outcome": "complete", "status": 200, "bytes": 1, "microseconds": 5,
        });
        said(&["explain", "--record", "-"], here.path(), &line.to_string())
    };
    let (code, said) = record(&["research"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ALLOW: sso:mia chat"), "{said}");
    // A group that the issuer does not give any more is none.
    let (code, said) = record(&["others"]);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn a_token_is_verified_with_the_keys_that_its_issuer_publishes() {
    let issuer = Issuer::new();
    let here = directory(issuer.publish(), "");
    let verify = |kid: &str, change: Value| {
        said(&["token", "verify"], here.path(), &issuer.token(kid, &change))
    };
    let (code, said) = verify("k1", json!({}));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("valid: sso:mia\n"), "{said}");
    for part in ["by sso/k1", "groups research", "room \"2\"", "until 20"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for (kid, change, parts) in [
        ("k2", json!({}), &["kid \"k2\"", "EdDSA", "there are \"k1\""][..]),
        ("k1", json!({ "aud": "other" }), &["aud is \"other\"", "expected \"ollama\""]),
        ("k1", json!({ "iss": "https://sso.example.org" }), &["slash", "https://sso.example.org/"]),
        ("k1", json!({ "exp": 5 }), &["exp has passed"]),
        ("k1", json!({ "sub": 7 }), &["claim \"sub\""]),
    ] {
        let (code, said) = verify(kid, change);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.starts_with("not valid: "), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let long = verify("k1", json!({ "more": "x".repeat(20_000) }));
    assert_eq!(long.0, Some(0), "{}", long.1);
}

#[test]
fn keys_that_are_not_to_be_had_are_no_verdict() {
    let issuer = Issuer::new();
    let here = directory(NOBODY, "");
    let (code, said) = said(&["token", "verify"], here.path(), &issuer.token("k1", &json!({})));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the keys of issuer \"sso\" cannot be fetched"), "{said}");
}
