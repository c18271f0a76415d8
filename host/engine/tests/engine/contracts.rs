//! Policies built for any released version of the contract still run.

use std::path::Path;

use stockade_core::{
    AccessClass, Catalogue, Client, Content, Counter, CredentialId, DenialKind, Dialect, FieldPath,
    FieldRule, Limit, LimitedParameter, LocalTime, ModelFacts, ModelName, ModelRef, ModelRole,
    Obligations, Operation, Outcome, Parameters, PolicyInput, Priority, Text, ToolSelector,
    Transport, UnixTime, Usage, Verdict, Windows,
};
use stockade_engine::{
    CONTRACTS, Holds, Inputs, Judgement, LoadError, ModuleSource, PreparedPolicy,
};

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
fn judged(policy: &PreparedPolicy, request: &Request, bindings: &[u32]) -> Judgement {
    let mut principal = request.principal.clone();
    principal.credential = Some(CredentialId::new("laptop").unwrap());
    principal.attributes = [("team".to_owned(), "red".to_owned())].into();
    let counter = |n| Counter { requests: n, tokens: n * 10, gpu_milliseconds: n * 100 };
    let windows = |n| Windows {
        minute: counter(n),
        hour: counter(n + 1),
        day: counter(n + 2),
        month: counter(n + 3),
    };
    let text = |role: &str, text: &str| Text { role: role.to_owned(), text: text.to_owned() };
    let content = Content::of(
        vec!["search".to_owned(), "shell".to_owned()],
        vec![text("system", "be brief"), text("user", "hello")],
    );
    let input = PolicyInput {
        principal: &principal,
        dialect: Dialect::OpenAi,
        catalogue: &catalogue(),
        content: Some(&content),
        labels: &[("owner".to_owned(), "lab".to_owned())],
        client: Client { address: "2001:db8::7".parse().unwrap(), transport: Transport::MutualTls },
        listener: Some("children"),
        time: LocalTime { unix: UnixTime::from_secs(1_800_000_001), weekday: 6, minute_of_day: 61 },
        usage: Usage { total: windows(1), with_model: windows(5) },
        ..request.input()
    };
    policy.evaluate_blocking(&input, bindings)
}

fn catalogue() -> Catalogue {
    let facts = ModelFacts {
        digest: Some("abcd".into()),
        bytes: Some(2_019_393_189),
        parameters: Some(3_200_000_000),
        quantization: Some("Q4_K_M".into()),
        family: Some("llama".into()),
        cloud: false,
        loaded: true,
    };
    Catalogue::of([(ModelName::parse("llama3.2:3b").unwrap(), facts)])
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
        digests: vec!["sha256:ab".to_owned(), "sha256:cd".to_owned()],
        foreign_digests: vec!["sha256:cd".to_owned()],
        think: Some("high".to_owned()),
        format: Some("json".to_owned()),
        runner_options: vec!["num_gpu".to_owned()],
    };
    request
}

const TOLD: &str = include_str!("../contracts/told.txt");

/// Settings with which it denies, telling a part of what it was told.
fn parts() -> Vec<String> {
    (0..4).map(|part| format!(r#"{{"verdict":"deny","from":{}}}"#, part * 900)).collect()
}

#[test]
fn a_policy_of_every_released_contract_is_told_everything() {
    assert_eq!(request().operation.access(), AccessClass::Manage);
    for version in CONTRACTS {
        let parts = parts();
        let settings: Vec<_> = parts.iter().map(String::as_str).collect();
        let policy = prepared(version, &settings);
        assert_eq!(policy.contract(), *version);
        let imports: Vec<_> = policy.imports().iter().map(String::as_str).collect();
        assert_eq!(imports, [format!("stockade:policy/log@{version}::write")]);
        assert!(Inputs::EACH.iter().all(|(_, input)| policy.metadata().inputs.has(*input)));
        assert!(policy.metadata().settings_schema.contains("\"verdict\""));
        let part = |outcome: &Outcome| match outcome {
            Outcome::Verdict(Verdict::Deny(deny)) => {
                assert_eq!(deny.note.as_deref(), Some("told"));
                let from = UnixTime::from_secs(1_800_000_061);
                assert_eq!(deny.kind, DenialKind::Later(Some(from)));
                deny.reason.clone()
            }
            Outcome::Verdict(_) | Outcome::Failure(_) => panic!("{outcome:?}"),
        };
        let judgement = judged(&policy, &request(), &[0, 1, 2, 3]);
        assert_eq!(judgement.holds, Holds::Until(1_800_000_031));
        let told: String = judgement.outcomes.iter().map(part).collect();
        assert_eq!(told.trim_end_matches(NOTHING), TOLD.trim_end(), "{version}");
    }
}

/// The reason of a denial that gives none.
const NOTHING: &str = "the policy refuses this request and gives no reason";

#[test]
fn every_verdict_and_obligation_of_every_released_contract_is_understood() {
    for version in CONTRACTS {
        let settings =
            ["allow", "restrict", "abstain"].map(|verdict| format!(r#"{{"verdict":"{verdict}"}}"#));
        let policy = prepared(version, &settings.each_ref().map(String::as_str));
        let outcomes = judged(&policy, &request(), &[0, 1, 2]).outcomes;
        let note = Some("it was asked to".to_owned());
        let verdicts = [
            Verdict::Allow(obligations()),
            Verdict::Restrict(obligations()),
            Verdict::Abstain(note),
        ];
        assert_eq!(outcomes, verdicts.map(Outcome::Verdict), "{version}");
    }
}

/// Those that the policy of this contract demands.
fn obligations() -> Obligations {
    let path = |path: &str| FieldPath::new(path).unwrap();
    let at_most = Limit::at_most;
    Obligations {
        replace_model: Some(ModelName::parse("llama3.2:1b").unwrap()),
        limits: vec![
            at_most(LimitedParameter::Context, 4096),
            Limit { insert: Some(256), ..at_most(LimitedParameter::Output, 256) },
            Limit {
                minimum: Some(10),
                insert: Some(30),
                ..at_most(LimitedParameter::KeepAlive, 60)
            },
            at_most(LimitedParameter::Field(path("options.num_batch")), 512),
        ],
        fields: vec![
            FieldRule::Forbid(path("suffix")),
            FieldRule::Strip(path("options.num_gpu")),
            FieldRule::Insert(path("think"), "false".to_owned()),
            FieldRule::StripTools(ToolSelector::WebSearch),
            FieldRule::StripTools(ToolSelector::Named("shell".into())),
        ],
        labels: vec![("tier".to_owned(), "small".to_owned())],
        priority: Some(Priority::Low),
        host_group: Some("fast".to_owned()),
    }
}

#[test]
fn settings_are_refused_in_every_released_contract() {
    for version in CONTRACTS {
        let settings = [r#"{"verdict":"allow"}"#, r#"{"verdict":"allow","from":"x"}"#];
        let settings = settings.map(str::to_owned);
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
