//! The shipped policies as modules: embedded, bound in YAML, asked in the sandbox.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use stockade_authn::Scope;
use stockade_control::generation::{self, Asker, Generation, Hypothetical, Refusal};
use stockade_core::{
    Client, Content, Dialect, FixedClock, ModelName, ModelRef, ModelRole, Obligations, Operation,
    Parameters, SystemClock, Transport, UnixTime,
};
use stockade_engine::{Compiler, Engine, EngineConfig};

const CONFIG: &str = r#"
time_zone: Europe/Berlin
users:
  staff: { groups: [staff] }
  intern: { groups: [interns] }
  service: { groups: [services] }
  owner: { groups: [owners] }
policies:
  model-access: { module: builtin/model-access }
  endpoint-access: { module: builtin/endpoint-access }
  request-caps: { module: builtin/request-caps }
  working-hours: { module: builtin/working-hours }
bindings:
  - name: models
    subjects: { groups: [staff, interns, services] }
    policy: model-access
    settings: { allow: ["llama3.2:*"] }
  - name: office hours
    subjects: { groups: [staff] }
    policy: working-hours
    settings: { hours: [{ days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00" }] }
  - name: small answers
    subjects: { groups: [interns] }
    policy: request-caps
    settings: { context: 8192, output: 1024, keep_alive: 300 }
  - name: services speak OpenAI
    subjects: { groups: [services] }
    policy: endpoint-access
    settings: { only: [chat, embed, list], apis: [openai] }
  - name: the account
    subjects: { groups: [owners] }
    policy: endpoint-access
    settings: { allow: [whoami] }
"#;

struct Case {
    user: &'static str,
    operation: Operation,
    model: Option<&'static str>,
    api: Dialect,
    context: Option<i64>,
    /// In UTC.
    at: &'static str,
}

const NOON: &str = "2026-07-07T10:00:00Z";

impl Case {
    fn of(user: &'static str, operation: Operation) -> Self {
        Self { user, operation, model: None, api: Dialect::Native, context: None, at: NOON }
    }

    fn chat(user: &'static str) -> Self {
        Self { model: Some("llama3.2:3b"), ..Self::of(user, Operation::Chat) }
    }

    /// Returns the decision: the obligations, or the binding that refuses and why.
    fn decided(&self, generation: &Generation) -> Result<Obligations, String> {
        let principal = generation.authenticator.principal_of(self.user).unwrap();
        let role = ModelRole::of(self.operation);
        let name = |name: &str| ModelRef { name: ModelName::parse(name).unwrap(), role };
        let request = Hypothetical {
            operation: self.operation,
            models: self.model.into_iter().map(name).collect(),
            dialect: self.api,
            parameters: Parameters { context: self.context, ..Parameters::default() },
            content: Content::default(),
        };
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let client = Client { address, transport: Transport::Plain };
        let now = self.at.parse::<jiff::Timestamp>().unwrap().as_second();
        let clock = FixedClock(UnixTime::from_secs(now.try_into().unwrap()));
        let time = generation.local_time(&clock);
        let scope = Scope::default();
        let asker = Asker { client, ..Asker::supposed(&principal, &scope, time) };
        match generation.decide_blocking(asker, request).result {
            Ok(permit) => Ok(permit.into_parts().1),
            Err(Refusal::Denied(denial)) => Err(format!("{:?}: {}", denial.binding, denial.reason)),
            Err(other) => Err(other.to_string()),
        }
    }
}

#[test]
fn they_decide_as_their_readmes_say() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stockade.yaml");
    std::fs::write(&path, CONFIG).unwrap();
    let config = stockade_config::load(&path, stockade_control::shipped::NAMES).unwrap().config;
    let engine = stockade_gateway::proven_engine(Compiler::Here).unwrap();
    let generation = generation::build(1, config, &engine, &SystemClock).unwrap();
    let refused = |case: Case| case.decided(&generation).unwrap_err();
    let allowed = |case: Case| case.decided(&generation).unwrap();
    // A Tuesday in summer: 06:30 UTC is 08:30 in Berlin, 05:30 UTC is 07:30.
    allowed(Case { at: "2026-07-07T06:30:00Z", ..Case::chat("staff") });
    for closed in ["2026-07-07T05:30:00Z", "2026-07-11T09:00:00Z"] {
        assert!(refused(Case { at: closed, ..Case::chat("staff") }).contains("office hours"));
    }
    for context in [None, Some(4096), Some(32768)] {
        let obligations = allowed(Case { context, ..Case::chat("intern") });
        let caps = format!("{obligations:?}");
        assert!(caps.contains("8192") && caps.contains("1024") && caps.contains("300"), "{caps}");
    }
    refused(Case { model: Some("llama3.3:70b"), ..Case::chat("intern") });
    allowed(Case { api: Dialect::OpenAi, ..Case::chat("service") });
    assert!(refused(Case::chat("service")).contains("services speak OpenAI"));
    let show = Case { operation: Operation::Show, api: Dialect::OpenAi, ..Case::chat("service") };
    assert!(refused(show).contains("services speak OpenAI"));
    allowed(Case::of("owner", Operation::WhoAmI));
    refused(Case::of("staff", Operation::WhoAmI));
}

/// The reference of the settings in a README has each of them, and nothing that is none.
#[test]
fn their_readmes_list_their_settings() {
    let engine = Engine::new(EngineConfig::default()).unwrap();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    for (name, schema) in stockade_control::shipped::settings_schemas(&engine).unwrap() {
        let readme = std::fs::read_to_string(policies.join(name).join("README.md")).unwrap();
        let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
        let listed: BTreeSet<_> = rows
            .filter_map(|row| row.split_once(" |"))
            .flat_map(|(names, _)| names.split(", "))
            .map(|name| name.trim_matches('`'))
            // Parts of a setting are listed as `hours[].from` and `….requests`.
            .filter(|name| !name.contains('.'))
            .collect();
        let known: BTreeSet<_> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(listed, known, "{name}");
    }
}
