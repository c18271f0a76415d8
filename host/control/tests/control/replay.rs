//! Requests of the past, judged by a candidate: which have another answer, and why.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use stockade_control::generation::Generation;
use stockade_control::replay::{ChangeKind, ChangeRow, EffectTold, Filter, Lack, Replay, Report};
use stockade_control::{generation, shipped};
use stockade_core::{ModelName, SystemClock, UnixTime, UserId};
use stockade_engine::{Compiler, Engine, EngineConfig};
use tempfile::TempDir;

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::new(EngineConfig::compiling(Compiler::Here)).unwrap());

const DIGEST: &str = "0f3b9c55d1a24e7788aa00bb11cc22dd0f3b9c55d1a24e7788aa00bb11cc22dd";

/// A configuration with these bindings. Policies of all kinds are there.
fn config(bindings: &str) -> String {
    let key = |id: &str, digit: &str| format!("{{ id: {id}, sha256: {}{digit} }}", &DIGEST[1..]);
    format!(
        "users:
  alice: {{ groups: [research], keys: [{}] }}
  bob: {{ keys: [{}] }}
groups: [research]
policies:
  model-access: {{ module: builtin/model-access }}
  request-caps: {{ module: builtin/request-caps }}
  working-hours: {{ module: builtin/working-hours }}
  rules: {{ module: builtin/rules }}
  fresh-rules: {{ module: builtin/fresh-rules }}
bindings:
{bindings}",
        key("laptop", "a"),
        key("phone", "b")
    )
}

fn generation(text: &str) -> Arc<Generation> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stockade.yaml");
    std::fs::write(&path, text).unwrap();
    let loaded = stockade_config::load(&path, shipped::NAMES).unwrap();
    Arc::new(generation::build(1, loaded.config, &ENGINE, &SystemClock).unwrap())
}

/// The record of a chat of alice that was permitted, with some members of its own.
fn chat(id: &str, more: &Value) -> Value {
    let mut line = json!({
        "schema": 1, "request": id, "generation": 1, "peer": "127.0.0.1:9",
        "user": "alice", "groups": ["research"], "proof": "api-key", "credential": "laptop",
        "operation": "chat", "models": [{ "name": "llama3.2:3b", "role": "use" }],
        "decision_input": {
            "at": 1_783_425_600, "api": "native", "address": "127.0.0.1", "transport": "plain",
            "parameters": { "context": 8192 },
            "catalogue": [{ "name": "llama3.2:3b", "facts": { "bytes": 2_000_000_000 } }],
            "prompt": { "bytes": 12 },
        },
        "decision": "permit", "allowed_by": ["all"],
        "outcome": "complete", "status": 200, "bytes": 1, "microseconds": 5,
    });
    for (name, value) in more.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

struct Logged(TempDir);

impl Logged {
    fn of(lines: &[Value]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
        std::fs::write(directory.path().join("gateway.log"), text).unwrap();
        Self(directory)
    }

    fn paths(&self) -> [PathBuf; 1] {
        [self.0.path().join("gateway.log")]
    }

    fn replay(&self, bindings: &str) -> Report {
        Replay::of(generation(&config(bindings))).run(&self.paths(), 2).unwrap()
    }
}

fn only(report: &Report) -> &ChangeRow {
    assert_eq!(report.changes.len(), 1, "{report:?}");
    &report.changes[0]
}

const ALL: &str =
    "  - { name: all, subjects: everyone, policy: model-access, settings: { allow: ['*'] } }\n";

fn rule(policy: &str, when: &str) -> String {
    format!(
        "{ALL}  - {{ name: house, subjects: everyone, policy: {policy}, \
         settings: {{ rules: [{{ when: {when}, then: deny, reason: no }}] }} }}\n"
    )
}

#[test]
fn a_new_refusal_names_user_model_binding_and_the_first_requests() {
    let mut lines: Vec<_> = (0..9).map(|n| chat(&format!("req_{n}"), &json!({}))).collect();
    lines.push(json!({ "level": "INFO", "message": "listening" }));
    lines.push(chat("req_x", &json!({ "user": "bob", "credential": "phone", "groups": [] })));
    let logged = Logged::of(&lines);
    let report = logged.replay(&rule("rules", "groups contains research"));
    assert_eq!((report.requests, report.judged, report.refusals), (10, 10, 9));
    let row = only(&report);
    assert_eq!((row.change, row.user.as_str()), (ChangeKind::Refusal, "alice"));
    assert_eq!((&*row.models, row.binding.as_ref().unwrap().as_str()), ("llama3.2:3b", "house"));
    assert_eq!(
        (row.requests, &row.examples[..]),
        (9, &["req_0", "req_1", "req_2"].map(str::to_owned)[..])
    );
    let EffectTold::Refuse { reason, .. } = &row.after else { panic!("{row:?}") };
    assert_eq!(reason, "no");
    let EffectTold::Permit { allowed_by, .. } = &row.before else { panic!("{row:?}") };
    assert_eq!(allowed_by[0].as_str(), "all");
    // The same configuration changes nothing.
    assert!(logged.replay(ALL).changes_nothing());
}

#[test]
fn a_new_permission_and_other_obligations_are_told() {
    let refused = json!({
        "decision": "refuse", "cause": "denied", "reason": "not now", "binding": "old",
        "policy": "rules", "outcome": "refused", "allowed_by": null,
    });
    let capped = json!({ "obligations": { "limits": [{ "parameter": "context", "maximum": 4096, "insert": 4096 }] } });
    let mut refused = chat("req_1", &refused);
    refused.as_object_mut().unwrap().remove("allowed_by");
    let logged = Logged::of(&[refused, chat("req_2", &capped)]);
    let caps = |tokens: u32| {
        format!(
            "{ALL}  - {{ name: caps, subjects: everyone, policy: request-caps, settings: {{ context: {tokens} }} }}\n"
        )
    };
    let report = logged.replay(&caps(4096));
    let permissions: Vec<_> =
        report.changes.iter().map(|row| (row.change, &*row.examples[0])).collect();
    assert_eq!(permissions, [(ChangeKind::Permission, "req_1")], "{report:?}");
    let report = logged.replay(&caps(2048));
    assert_eq!((report.refusals, report.permissions, report.obligations), (0, 1, 1));
    let row = report.changes.iter().find(|row| row.change == ChangeKind::Obligations).unwrap();
    assert_eq!(row.binding.as_ref().unwrap().as_str(), "caps");
    let limit = |told: &EffectTold| match told {
        EffectTold::Permit { obligations, .. } => obligations.limits[0].maximum,
        EffectTold::Refuse { .. } => None,
    };
    assert_eq!((limit(&row.before), limit(&row.after)), (Some(4096), Some(2048)));
}

#[test]
fn a_policy_is_told_what_the_record_holds_and_what_it_lacks_is_named() {
    let logged = Logged::of(&[chat("req_1", &json!({}))]);
    for (policy, when, refusals) in [
        ("rules", "any model.bytes > 1 GB", 1),
        ("rules", "any model.bytes > 3 GB", 0),
        ("fresh-rules", "prompt.bytes > 11", 1),
        ("fresh-rules", "prompt.bytes > 12", 0),
        ("rules", "time.weekday = tue", 1),
    ] {
        let report = logged.replay(&rule(policy, when));
        assert_eq!(report.refusals, refusals, "{when}: {report:?}");
    }
    let report = logged.replay(&rule("fresh-rules", "texts contains secret"));
    assert_eq!((report.judged, report.unjudged[0].lacks), (0, Lack::Texts), "{report:?}");
    let bare = json!({ "decision_input": {
        "at": 1_783_425_600, "api": "native", "address": "127.0.0.1", "transport": "plain",
    } });
    let report = Logged::of(&[chat("req_1", &bare)]).replay(&rule("rules", "any model.loaded"));
    let row = &report.unjudged[0];
    assert_eq!((row.policy.as_str(), row.lacks, row.requests), ("rules", Lack::Catalogue, 1));
    assert_eq!((report.requests, report.judged, report.unjudged()), (1, 0, 1));
}

#[test]
fn whoever_has_no_credential_any_more_is_refused() {
    let lines = [
        chat("req_1", &json!({})),
        chat("req_2", &json!({ "credential": "old" })),
        chat("req_3", &json!({ "user": "carol" })),
        chat("req_4", &json!({ "proof": "basic", "credential": null })),
    ];
    let report = Logged::of(&lines).replay(ALL);
    assert_eq!((report.judged, report.refusals), (4, 3), "{report:?}");
    for row in &report.changes {
        let EffectTold::Refuse { reason, .. } = &row.after else { panic!("{row:?}") };
        assert!(reason.contains("in this configuration"), "{reason}");
    }
}

#[test]
fn time_counts_where_a_policy_is_told_of_it() {
    let hours = format!(
        "{ALL}  - {{ name: hours, subjects: everyone, policy: working-hours, \
         settings: {{ hours: [{{ days: [tue], from: '08:00', to: '18:00' }}] }} }}\n"
    );
    // A Tuesday and a Wednesday, at noon.
    let at = |id, at: u64| {
        let mut line = chat(id, &json!({}));
        line["decision_input"]["at"] = at.into();
        line
    };
    let logged = Logged::of(&[at("req_1", 1_783_425_600), at("req_2", 1_783_512_000)]);
    let report = logged.replay(&hours);
    assert_eq!((report.refusals, &*report.changes[0].examples[0]), (1, "req_2"));
    assert_eq!((report.from, report.until), (Some(1_783_425_600), Some(1_783_512_000)));
}

#[test]
fn a_candidate_is_compared_with_another_and_only_what_is_asked_for_is_judged() {
    let lines = [
        chat("req_1", &json!({})),
        chat("req_2", &json!({ "user": "bob", "credential": "phone" })),
        chat("req_3", &json!({ "models": [{ "name": "qwen3:8b", "role": "use" }] })),
        chat(
            "req_4",
            &json!({ "decision": "refuse", "cause": "unproven", "user": null, "allowed_by": null }),
        ),
    ];
    let logged = Logged::of(&lines);
    let nothing = rule("rules", "operation = chat");
    let replay = || Replay::of(generation(&config(&nothing)));
    let against = replay().against(generation(&config(&nothing)));
    let report = against.run(&logged.paths(), 2).unwrap();
    assert!(report.changes_nothing(), "{report:?}");
    let filters = [
        (Filter { users: vec![UserId::new("bob").unwrap()], ..Filter::default() }, 1),
        (Filter { models: vec![ModelName::parse("qwen3:8b").unwrap()], ..Filter::default() }, 1),
        (Filter { since: Some(UnixTime::from_secs(1_783_425_601)), ..Filter::default() }, 0),
        (Filter { until: Some(UnixTime::from_secs(1_783_425_601)), ..Filter::default() }, 3),
        (Filter::default(), 3),
    ];
    for (filter, expected) in filters {
        let report = replay().only(filter.clone()).run(&logged.paths(), 2).unwrap();
        assert_eq!(report.refusals, expected, "{filter:?}: {report:?}");
    }
}
