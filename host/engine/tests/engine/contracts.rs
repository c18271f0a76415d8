//! Policies built for any released version of the contract still run.

use std::path::Path;

use stockade_core::{
    AccessClass, Client, Counter, CredentialId, Dialect, LimitedParameter, LocalTime, ModelName,
    ModelRef, ModelRole, Operation, Outcome, Parameters, PolicyInput, Transport, UnixTime, Usage,
    Verdict,
};
use stockade_engine::{CONTRACTS, LoadError, ModuleSource, PreparedPolicy};

use crate::guest::{ENGINE, Guest, limits};
use crate::request::Request;

/// The module that was built when this version was released.
fn pinned(version: &str) -> ModuleSource {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts");
    let path = directory.join(format!("{version}.wasm"));
    let module = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("each version has its module, {}: {error}", path.display()));
    ModuleSource::new("contract", module)
}

fn prepared(version: &str, settings: &[&str]) -> PreparedPolicy {
    let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
    ENGINE.prepare(&pinned(version), &settings, limits()).unwrap()
}

/// A request in which no field has the value that another one could have.
fn judged(policy: &PreparedPolicy, request: &Request, bindings: &[u32]) -> Vec<Outcome> {
    let mut principal = request.principal.clone();
    principal.credential = Some(CredentialId::new("laptop").unwrap());
    principal.attributes = [("team".to_owned(), "red".to_owned())].into();
    let counter = |n| Counter { requests: n, tokens: n * 10 };
    let input = PolicyInput {
        principal: &principal,
        dialect: Dialect::OpenAi,
        client: Client { address: "2001:db8::7".parse().unwrap(), transport: Transport::MutualTls },
        time: LocalTime { unix: UnixTime::from_secs(1_800_000_001), weekday: 6, minute_of_day: 61 },
        usage: Usage { minute: counter(1), hour: counter(2), day: counter(3), month: counter(4) },
        ..request.input()
    };
    policy.evaluate_blocking(&input, bindings)
}

fn request() -> Request {
    let mut request = Request::ordinary();
    request.operation = Operation::Copy;
    request.body = Some("{\"x\":1}".to_owned());
    request.models.push(ModelRef {
        name: ModelName::parse("mine/big:cloud").unwrap(),
        role: ModelRole::Destination,
    });
    request.parameters = Parameters {
        streaming: true,
        context: Some(11),
        output: Some(12),
        keep_alive: Some(-13),
        images: 14,
        tools: 15,
        web_search: false,
        debug_render: true,
        insecure: false,
        remote_host: Some("far".to_owned()),
        digests: vec!["sha256:ab".to_owned()],
        foreign_digests: Vec::new(),
    };
    request
}

const TOLD: &str = include_str!("../contracts/told.txt");

#[test]
fn a_policy_of_every_released_contract_is_told_everything() {
    assert_eq!(request().operation.access(), AccessClass::Manage);
    for version in CONTRACTS {
        let policy = prepared(version, &["{}", r#"{"from":900}"#]);
        assert_eq!(policy.contract(), *version);
        let imports: Vec<_> = policy.imports().iter().map(String::as_str).collect();
        assert_eq!(imports, [format!("stockade:policy/log@{version}::write")]);
        assert!(policy.metadata().wants_body);
        assert!(policy.metadata().settings_schema.contains("\"oblige\""));
        let part = |outcome: &Outcome| match outcome {
            Outcome::Verdict(Verdict::Deny(part)) => part.clone(),
            Outcome::Verdict(_) | Outcome::Failure(_) => panic!("{outcome:?}"),
        };
        let told: String = judged(&policy, &request(), &[0, 1]).iter().map(part).collect();
        assert_eq!(told, TOLD.trim_end(), "{version}");
    }
}

#[test]
fn every_obligation_of_every_released_contract_is_understood() {
    for version in CONTRACTS {
        let policy = prepared(version, &[r#"{"oblige":true}"#]);
        let outcome = judged(&policy, &request(), &[0]).remove(0);
        let Outcome::Verdict(Verdict::Allow(obligations)) = outcome else { panic!("{outcome:?}") };
        let model = obligations.replace_model.map(|name| name.to_string());
        assert!(model.is_some_and(|model| model.ends_with("llama3.2:1b")));
        let limits: Vec<_> =
            obligations.limits.iter().map(|l| (l.parameter, l.maximum, l.insert)).collect();
        let expected = [
            (LimitedParameter::Context, 4096, false),
            (LimitedParameter::Output, 256, true),
            (LimitedParameter::KeepAlive, 60, false),
        ];
        assert_eq!(limits, expected);
        assert_eq!(obligations.forbid_fields, ["suffix"]);
        assert_eq!(obligations.labels, [("tier".to_owned(), "small".to_owned())]);

        let mut about_nothing = request();
        about_nothing.models.clear();
        let outcome = judged(&policy, &about_nothing, &[0]).remove(0);
        assert_eq!(outcome, Outcome::Verdict(Verdict::Abstain));
    }
}

#[test]
fn settings_are_refused_in_every_released_contract() {
    for version in CONTRACTS {
        let settings = ["{}".to_owned(), r#"{"from":"x"}"#.to_owned()];
        match ENGINE.prepare(&pinned(version), &settings, limits()) {
            Err(LoadError::Settings(problems)) => {
                assert_eq!((problems[0].binding, problems[0].path.as_str()), (1, "from"));
            }
            other => panic!("{version}: {other:?}"),
        }
    }
}

#[test]
fn an_unknown_version_is_told_what_is_served_and_what_to_do() {
    let error = |version| {
        let source = Guest::new().of_contract(version).source();
        ENGINE.prepare(&source, &[], limits()).map(|policy| panic!("accepted: {policy:?}"))
    };
    for (version, remedy) in
        [("1.1.0", "update Stockade"), ("0.9.0", "build the policy again with the policy SDK")]
    {
        let message = error(version).unwrap_err().to_string();
        let start = format!(
            "made for version {version} of the contract stockade:policy, \
             where this host serves {}; ",
            CONTRACTS.join(", ")
        );
        assert!(message.starts_with(&start), "{message}");
        assert!(message.contains(remedy), "{message}");
    }
}
