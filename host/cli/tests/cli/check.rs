//! `stockade check`: everything at once, and what may be meant so.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stockade_config as config;
use tempfile::TempDir;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

fn check(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(["check"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn warnings(yaml: &str) -> Vec<String> {
    let directory = directory(&[("stockade.yaml", yaml)]);
    let path = directory.path().join("stockade.yaml");
    let loaded = config::load(&path, stockade_control::shipped::NAMES).unwrap();
    let line = |warning: &config::ConfigError| {
        let at = warning.location().map_or(0, config::Location::line);
        let help = warning.help().unwrap_or_default();
        format!("{at}: {} ({help})", warning.message())
    };
    loaded.config.warnings().iter().map(line).collect()
}

const DIGEST: &str = "896673a8dfcd3dbb5946942cd556983c7b9119997fd15a4f26aaeb6e3dd9a3e7";

/// Two users with a key each, a third who is disabled.
fn with_bindings(bindings: &str) -> String {
    let other = DIGEST.replace("89", "98");
    format!(
        "groups: [empty]\nusers:\n\
         \x20 alice: {{ groups: [staff], keys: [{{ id: a, sha256: \"{DIGEST}\" }}] }}\n\
         \x20 bob: {{ groups: [staff, ops], keys: [{{ id: b, sha256: \"{other}\" }}] }}\n\
         \x20 carol: {{ groups: [gone], disabled: true }}\n\
         policies: {{ p: {{ module: builtin/model-access }} }}\n\
         bindings:\n{bindings}"
    )
}

#[test]
fn a_configuration_without_doubts_has_no_warnings() {
    let all = "- { name: all, subjects: everyone, policy: p, settings: { allow: [\"*\"] } }\n\
               - { name: ops, subjects: { groups: [ops] }, policy: p, settings: { allow: [a] } }\n\
               - { name: new, subjects: { groups: [ops] }, policy: p, settings: {}, mode: shadow }\n";
    assert_eq!(warnings(&with_bindings(all)), [""; 0]);
}

#[test]
fn bindings_that_never_apply_are_noticed() {
    let binding = |subjects: &str| {
        let all = "- { name: all, subjects: everyone, policy: p, settings: { allow: [b] } }\n";
        warnings(&with_bindings(&format!(
            "{all}- {{ name: x, subjects: {subjects}, policy: p }}\n"
        )))
    };
    let expected = [
        ("{ groups: [empty] }", "applies to nobody (nobody is in \"empty\")"),
        ("{ groups: [gone] }", "applies to nobody (everybody whom it names is disabled)"),
        ("{ users: [carol] }", "applies to nobody (everybody whom it names is disabled)"),
        (
            "{ groups: [ops], except: { users: [bob] } }",
            "applies to nobody (everybody whom it names is also excepted)",
        ),
        (
            "{ everyone: true, except: { groups: [staff, gone] } }",
            "applies to nobody (everybody whom it names is also excepted)",
        ),
        ("{ groups: [ops, empty] }", "nobody is in \"empty\", which this binding names"),
        (
            "{ users: [alice, bob], except: { groups: [ops] } }",
            "user \"bob\" is named here and excepted too",
        ),
    ];
    for (subjects, warning) in expected {
        let found = binding(subjects);
        assert_eq!(found.len(), 1, "{subjects}: {found:?}");
        assert!(found[0].starts_with("9: ") && found[0].contains(warning), "{subjects}: {found:?}");
    }
}

#[test]
fn bindings_that_say_nothing_new_are_noticed() {
    let two = |first: &str, second: &str| {
        let binding = |name, rest| {
            format!("- {{ name: {name}, policy: p, settings: {{ allow: [a] }}, {rest} }}\n")
        };
        let bindings = binding("one", first) + &binding("two", second);
        let found = warnings(&with_bindings(&bindings));
        let repeats = found.iter().filter(|warning| warning.contains("says nothing that"));
        repeats.map(|warning| warning[..1].to_owned()).collect::<String>()
    };
    assert_eq!(two("subjects: everyone", "subjects: everyone"), "9");
    assert_eq!(two("subjects: { groups: [ops] }", "subjects: everyone"), "8");
    assert_eq!(two("subjects: everyone", "subjects: { users: [bob] }, mode: shadow"), "9");
    assert_eq!(two("subjects: { groups: [ops, staff] }", "subjects: { groups: [ops] }"), "9");
    for (one, other) in [
        ("subjects: { groups: [ops] }", "subjects: { users: [bob] }"),
        ("subjects: everyone, mode: shadow", "subjects: { users: [bob] }"),
        (
            "subjects: { everyone: true, except: { users: [alice] } }",
            "subjects: { groups: [staff] }",
        ),
    ] {
        assert_eq!(two(one, other), "", "{one} / {other}");
    }
}

#[test]
fn groups_of_hosts_are_noticed_where_they_are_named() {
    let settings = "\x20 settings:
    rules:
    - { when: access = inference, then: restrict, priority: low }
    - when: access = inference
      then: restrict
      host_group: fast
    - { then: abstain }
";
    let bound = |module: &str| {
        let binding = format!("- name: x\n  subjects: everyone\n  policy: p\n{settings}");
        warnings(&with_bindings(&binding).replace("builtin/model-access", module))
    };
    let expected = "16: a group of hosts has no effect yet \
                    (there is one upstream, which answers everybody)";
    assert_eq!(bound("builtin/rules"), [expected]);
    assert_eq!(bound("builtin/fresh-rules"), [expected]);
    assert_eq!(bound("builtin/model-access"), [""; 0]);
}

#[test]
fn users_and_policies_that_do_nothing_are_noticed() {
    let alone = with_bindings("- { name: x, subjects: { users: [alice] }, policy: p }\n")
        .replace("policies: {", "policies: { q: { module: builtin/pull-guard },");
    let found = warnings(&alone);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("4: everything that user \"bob\" asks for is refused"));
    assert!(found[1].starts_with("6: no binding names policy \"q\""));
    let all = with_bindings("- { name: x, subjects: everyone, policy: p }\n");
    let found = warnings(&all.replace("users:\n", "users:\n  dave: {}\n"));
    assert_eq!(
        found,
        ["3: user \"dave\" has no credential (give them a key, a password or a certificate)"]
    );
}

#[test]
fn issuers_of_jwts_bring_users_and_groups() {
    let yaml = with_bindings("- { name: x, subjects: { groups: [empty] }, policy: p }\n")
        .replace("users:\n", "users:\n  dave: {}\n");
    let found = |more: &str| {
        let issuer = "issuer: sso, audience: a, jwks_url: \"http://127.0.0.1:9/\"";
        warnings(&format!("issuers: {{ sso: {{ {issuer}, groups_claim: g{more} }} }}\n{yaml}"))
    };
    assert_eq!(found(""), [""; 0]);
    let named = found(", user_prefix: \"sso:\"");
    assert!(named.len() == 1 && named[0].contains("\"dave\" has no credential"), "{named:?}");
    let others = found(", groups: { theirs: ops }");
    assert!(others.iter().any(|warning| warning.contains("applies to nobody")), "{others:?}");
}

#[test]
fn warnings_are_shown_and_can_be_held_against_it() {
    let yaml = with_bindings(
        "- { name: all, subjects: everyone, policy: p, settings: { allow: [a] } }\n\
         - { name: none, subjects: { groups: [empty] }, policy: p, settings: { allow: [b] } }\n",
    );
    let here = directory(&[
        ("stockade.yaml", &format!("include: more/*.yaml\n{yaml}")),
        ("more/.keep", ""),
    ]);
    let (code, said, noted) = check(here.path(), &[]);
    assert_eq!(code, Some(0), "{noted}");
    assert!(said.contains("is good"), "{said}");
    assert!(
        noted.contains("warning: this binding applies to nobody\n  --> stockade.yaml:10:3"),
        "{noted}"
    );
    assert!(
        noted.contains("warning: no file has such a name yet\n  --> stockade.yaml:1:10"),
        "{noted}"
    );
    assert_eq!(check(here.path(), &["--strict"]).0, Some(1));
    let (_, json, _) = check(here.path(), &["--json"]);
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&value["ok"], value["warnings"].as_array().unwrap().len()), (&true.into(), 2));
}

/// A typing mistake in one file does not hide what a policy thinks of the settings in another.
#[test]
fn every_error_of_every_file_is_told_at_once() {
    let yaml =
        with_bindings("- { name: x, subjects: everyone, policy: p, settings: { alow: [a] } }\n");
    let here = directory(&[
        ("stockade.yaml", &format!("include: more/*.yaml\n{yaml}")),
        ("more/a.yaml", "bindings:\n  - { name: y, subject: everyone, policy: q }\n"),
        ("more/b.yaml", "policies:\n  broken: { module: broken.wasm }\ntests: [\n"),
        (
            "more/c.yaml",
            "policies:\n  broken: { module: broken.wasm }\nbindings:\n  - { name: z, subjects: everyone, policy: broken }\n",
        ),
        ("more/broken.wasm", "this is not wasm"),
    ]);
    let (code, _, errors) = check(here.path(), &[]);
    assert_eq!(code, Some(1));
    for expected in [
        "does not accept `settings",
        "stockade.yaml:9:",
        "unknown key \"subject\"",
        "did you mean `subjects`?",
        "this is not YAML",
        "policy \"broken\" does not load",
        "--> more/c.yaml:2:",
        "included from stockade.yaml:1:10",
    ] {
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
    let (_, json, _) = check(here.path(), &["--json"]);
    let value: Value = serde_json::from_str(&json).unwrap();
    let first = &value["errors"][0];
    assert_eq!((&first["file"], &first["line"]), (&"stockade.yaml".into(), &9.into()), "{value:#}");
}

/// Working hours can be held to, whenever the configuration is loaded.
#[test]
fn tests_may_say_when() {
    let tests = |expect: &str| {
        let bindings = "- { name: all, subjects: everyone, policy: p, settings: { allow: [\"*\"] } }\n\
            - { name: hours, subjects: everyone, policy: h, settings: { hours: [{ days: [tue], from: \"08:00\", to: \"18:00\" }] } }\n";
        let yaml = with_bindings(bindings)
            .replace("policies: {", "policies: { h: { module: builtin/working-hours },");
        format!(
            "time_zone: Europe/Berlin\n{yaml}tests:\n\
             - {{ user: alice, operation: chat, model: a, time: 2026-07-07T08:30, expect: allow }}\n\
             - {{ user: alice, operation: chat, model: a, time: \"2026-07-07T06:30:00Z\", expect: allow }}\n\
             - {{ user: alice, operation: chat, model: a, time: 2026-07-07T07:30, expect: deny }}\n\
             - {{ user: alice, operation: chat, model: a, time: 2026-07-08T12:00, expect: {expect} }}\n"
        )
    };
    let good = directory(&[("stockade.yaml", &tests("deny"))]);
    let (code, _, errors) = check(good.path(), &[]);
    assert_eq!(code, Some(0), "{errors}");
    let bad = directory(&[("stockade.yaml", &tests("allow"))]);
    let (code, _, errors) = check(bad.path(), &[]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("stockade.yaml:15:3") && errors.contains("expects allow"), "{errors}");
}

#[test]
fn a_key_that_has_expired_is_told() {
    let yaml =
        with_bindings("  - { name: n, subjects: everyone, policy: p, settings: { allow: [x] } }");
    let yaml = yaml.replacen(" }]", ", expires: \"2020-01-02T03:04:05Z\" }]", 1);
    let directory = directory(&[("stockade.yaml", &yaml)]);
    let (code, _, told) = check(directory.path(), &["--config", "stockade.yaml"]);
    assert_eq!(code, Some(0), "{told}");
    let expected = "key \"a\" of user \"alice\" expired at 2020-01-02T03:04:05Z: it is refused";
    assert!(told.contains(expected), "{told}");
    let (code, ..) = check(directory.path(), &["--strict", "--config", "stockade.yaml"]);
    assert_eq!(code, Some(1));
}

#[test]
fn passwords_that_stand_out_by_their_cost_are_told() {
    let user = |name: &str, cost: &str| {
        let hash = "c29tZSByYW5kb20gc2FsdA$T0Y7Jb5pVQ2vV0n1n4G0dBqk0c2m0QvJx3w6v9yZ1aA";
        format!("  {name}: {{ groups: [g], password_hash: \"$argon2id$v=19${cost}${hash}\" }}\n")
    };
    let usual = "m=19456,t=2,p=1";
    let users = [user("alice", usual), user("bob", usual), user("carol", "m=65536,t=3,p=4")];
    let rest = "policies: { p: { module: builtin/model-access } }\nbindings:\n  \
                - { name: g, subjects: { groups: [g] }, policy: p, settings: { allow: [x] } }\n";
    let found = warnings(&format!("users:\n{}{rest}", users.concat()));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("4: ") && found[0].contains("\"carol\""), "{found:?}");
}
