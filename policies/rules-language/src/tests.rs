//! Tests of the language: what conditions mean, and what is wrong with others.

mod mistakes;
mod printing;
mod unknown;

use stockade_policy_sdk::prelude::*;

use crate::evaluate::Truth;
use crate::{Condition, RuleSet, Settings};

fn holds(condition: &str, request: &Request) -> Option<bool> {
    let parsed = Condition::parse(condition).unwrap_or_else(|e| panic!("{condition}: {e}"));
    match parsed.holds(request) {
        Truth::Yes => Some(true),
        Truth::No => Some(false),
        Truth::Unknown(_) => None,
    }
}

fn rules(settings: &str) -> Result<RuleSet, Problem> {
    let settings: Settings = serde_json::from_str(settings).unwrap();
    RuleSet::new(&settings, Input::ALL)
}

fn facts() -> ModelFacts {
    ModelFacts {
        digest: None,
        bytes: Some(5_000_000_000),
        parameters: Some(8_200_000_000),
        quantization: Some("Q4_K_M".to_owned()),
        family: Some("qwen3".to_owned()),
        loaded: true,
    }
}

fn full() -> Request {
    Request::builder()
        .user("alice@example.com")
        .group("ops")
        .group("research")
        .attribute("team", "blue")
        .proof(ProofKind::Jwt)
        .credential_id("laptop")
        .credential_label("kind", "job")
        .model("qwen3:8b")
        .presence(Presence::Installed(facts()))
        .tool("read_file")
        .text("system", "You are Helpful.")
        .text("user", "Tell me of Project Aurora")
        .address("10.1.2.3")
        .listener("lan")
        .parameters(|sent| {
            sent.context = Some(8192);
            sent.output = Some(-1);
            sent.keep_alive = Some(300);
            sent.images = 2;
            sent.think = Some("high".to_owned());
            sent.runner_options = vec!["num_gpu".to_owned()];
        })
        .usage(|usage| {
            usage.total.minute.requests = 3;
            usage.total.day.tokens = 50_000;
            usage.with_model.hour.gpu_milliseconds = 61_000;
        })
        .weekday_at(2, 8, 30)
        .build()
}

#[test]
fn conditions_hold() {
    for condition in [
        "operation = chat",
        "operation is chat and access in [inference, read] and api == native",
        "operation != pull and operation is not pull and operation not in [pull, push]",
        "user = alice@example.com and user like \"*@example.com\" and user not like 'bob*'",
        "groups contains ops and ops in groups and 'research' in groups",
        "groups contains [interns, research] and groups not contains interns",
        "interns not in groups",
        "tools in [read_file, write_file] and groups not in [ops] and groups in [ops, research]",
        "attributes.team = blue and attributes.floor is missing and attributes.floor != 3",
        "credential.proof = jwt and credential.id = laptop and credential.labels.kind = job",
        "model.name = qwen3:8b and model.name like qwen3:* and model.name not like hf.co/*",
        "model.name in [llama3.2, QWEN3:8B]",
        "model.role = use and not model.cloud and model.cloud = false and model.cloud != true",
        "model.installed and model.loaded = true and any model.loaded",
        "model.bytes < 20 GB and model.bytes >= 5GB and model.bytes = 5000000000",
        "model.parameters <= 8.2B and model.parameters > 8 B and model.parameters > 300M",
        "model.family = Qwen3 and model.quantization = q4_k_m and model.quantization like Q4*",
        "parameters.context > 4_096 and parameters.context in [4096, 8192]",
        "parameters.output > 1000000 and parameters.output = unlimited",
        "parameters.keep_alive = 5m and parameters.keep_alive < 1h30m and parameters.keep_alive > 4 m",
        "parameters.images = 2 and parameters.tools >= 1 and not parameters.web_search",
        "parameters.think in [high, \"true\"] and parameters.format is missing",
        "parameters.runner_options contains num_gpu and tools contains read_file",
        "client.address in 10.0.0.0/8 and client.address not in [192.168.0.0/16, fd00::/8, ::1]",
        "client.transport = plain and client.listener = lan and client.listener is not missing",
        "time.hour = 8 and time.of_day >= 08:30 and time.of_day < 24:00 and time.weekday = tue",
        "prompt.system and prompt.bytes > 10",
        "texts contains Aurora and texts contains \"you are helpful.\" and texts not contains auroral",
        "texts contains aurora and texts.user contains 'project AURORA'",
        "texts.system not contains aurora and texts contains ['nothing', 'helpful.']",
        "usage.day.tokens >= 50000 and usage.model.hour.gpu_seconds = 61",
        "usage.minute.requests = 3 and usage.hour.requests = 0",
        "NOT (operation = pull OR access = manage) AND groups contains ops",
        "operation = pull or operation = push or operation = chat and not not groups contains ops",
    ] {
        assert_eq!(holds(condition, &full()), Some(true), "{condition}");
        assert_eq!(holds(&format!("not ({condition})"), &full()), Some(false), "{condition}");
    }
}

#[test]
fn and_binds_more_closely_than_or() {
    let request = Request::builder().operation(Operation::Chat).build();
    assert_eq!(holds("operation = chat or user = x and user = y", &request), Some(true));
    assert_eq!(holds("(operation = chat or user = x) and user = y", &request), Some(false));
}

#[test]
fn of_several_models_each_counts_unless_any_is_enough() {
    let two = Request::builder().model("qwen3:8b").model("gpt-oss:cloud").build();
    assert_eq!(holds("model.cloud", &two), Some(false));
    assert_eq!(holds("any model.cloud", &two), Some(true));
    assert_eq!(holds("not model.cloud", &two), Some(true), "not each of them");
    assert_eq!(holds("model.cloud = false", &two), Some(false), "each is none");
    let none = Request::builder().operation(Operation::List).build();
    for condition in ["model.cloud", "model.cloud = false", "any model.name like *"] {
        assert_eq!(holds(condition, &none), Some(false), "{condition}");
    }
    assert_eq!(holds("not model.cloud", &none), Some(true));
}

fn verdict(settings: &str, request: &Request) -> Verdict {
    rules(settings).unwrap().evaluate(request)
}

#[test]
fn the_first_rule_that_holds_decides() {
    let settings = r#"{ "rules": [
        { "when": "operation = pull", "then": "deny", "reason": "no", "note": "rule of the house" },
        { "when": "operation = show", "then": "abstain", "note": "ask somebody" },
        { "when": "access = inference and groups contains ops", "then": "allow",
          "cap": { "output": 7, "keep_alive": "5m" }, "labels": { "a": "b" } },
        { "then": "restrict", "cap": { "context": 8 }, "strip_fields": ["think"], "strip_tools": ["web_search"],
          "forbid_fields": ["raw"], "priority": "low", "host_group": "slow" }] }"#;
    let ask = |operation: &str, group: &str| {
        verdict(settings, &Request::builder().operation(operation).group(group).build())
    };
    let denied = stockade_policy_sdk::Denial::new("no").note("rule of the house");
    assert_eq!(ask("pull", "ops"), denied.into());
    assert_eq!(ask("show", "ops"), Verdict::abstain_because("ask somebody"));
    let obliged = Obligations::new()
        .cap_or_insert(LimitedParameter::Output, 7)
        .cap_or_insert(LimitedParameter::KeepAlive, 300)
        .label("a", "b");
    assert_eq!(ask("chat", "ops"), obliged.into());
    let restricted = Obligations::new()
        .cap_or_insert(LimitedParameter::Context, 8)
        .strip_field("think")
        .strip_tools("web_search")
        .forbid_field("raw")
        .priority("low")
        .host_group("slow");
    assert_eq!(ask("chat", "interns"), Verdict::restrict(restricted));
    let none = r#"{ "rules": [{ "when": "user = bob", "then": "deny" }] }"#;
    assert_eq!(verdict(none, &full()), Verdict::abstain());
}

#[test]
fn an_allow_covers_what_its_condition_speaks_of() {
    let open =
        r#"{ "rules": [{ "when": "access in [inference, manage, web]", "then": "allow" }] }"#;
    let note = |request: &Request| match verdict(open, request) {
        Verdict::Abstain(Some(note)) => note,
        other => panic!("{other:?}"),
    };
    assert_eq!(verdict(open, &Request::builder().model("qwen3").build()), Verdict::allow());
    assert!(note(&Request::builder().model("gpt-oss:cloud").build()).starts_with("cloud models"));
    let asks = |change: fn(&mut Parameters)| note(&Request::builder().parameters(change).build());
    assert!(asks(|sent| sent.web_search = true).contains("search the web"));
    assert!(asks(|sent| sent.debug_render = true).contains("rendered"));
    assert!(asks(|sent| sent.insecure = true).contains("plain HTTP"));
    assert!(asks(|sent| sent.remote_host = Some("x".to_owned())).contains("another host"));
    assert!(note(&Request::builder().operation("dream").build()).contains("newer"));
    let role = ModelRole::Other("dreamt".to_owned());
    assert!(note(&Request::builder().model_as(role, "x").build()).contains("newer"));
    let cloud =
        r#"{ "rules": [{ "when": "access = inference and model.cloud", "then": "allow" }] }"#;
    assert_eq!(verdict(cloud, &Request::builder().model("x:cloud").build()), Verdict::allow());
}

#[test]
fn a_verdict_holds_until_a_time_of_the_rules() {
    let until = |condition: &str, hour, minute| {
        let settings = format!(r#"{{ "rules": [{{ "when": "{condition}", "then": "deny" }}] }}"#);
        let request = Request::builder().weekday_at(1, hour, minute).unix_seconds(1_767_600_017);
        let until = rules(&settings).unwrap().valid_until(&request.build()).unwrap();
        if until == u64::MAX { 0 } else { (until - 1_767_600_000) / 60 }
    };
    assert_eq!(until("user = x", 8, 0), 0, "for ever");
    assert_eq!(until("time.of_day >= 08:10", 8, 0), 10);
    assert_eq!(until("time.of_day > 08:10", 8, 10), 1);
    assert_eq!(until("time.of_day >= 18:00 or user = x", 8, 7), 23);
    assert_eq!(until("time.hour = 9", 8, 59), 1);
    assert_eq!(until("time.weekday = sat", 23, 45), 15);
}
