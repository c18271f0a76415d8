//! Takes facts out of a request.

use stockade_policy_sdk::{
    AccessClass, Counter, Day, Dialect, Model, ModelFacts, ModelRole, Presence, ProofKind, Request,
    Text, Transport, Windows,
};

use crate::fact::{Fact, Field};
use crate::value::UNLIMITED;

/// A fact as a request has it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'r> {
    /// Nobody knows.
    Unknown,
    /// There is none, and that is known.
    Missing,
    Truth(bool),
    Number(i64),
    Text(&'r str),
    List(&'r [String]),
    /// The texts of a role, or of all.
    Texts(&'r [Text], Option<&'r str>),
}

impl<'r> Found<'r> {
    fn text(text: Option<&'r str>) -> Self {
        text.map_or(Self::Missing, Self::Text)
    }

    fn number(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// Reads a fact that is one of the whole request.
pub(crate) fn of_request<'r>(fact: &'r Fact, request: &'r Request) -> Found<'r> {
    let key = fact.key.as_deref().unwrap_or_default();
    match fact.field {
        Field::Operation => Found::Text(request.operation().as_str()),
        Field::Access => Found::Text(access(request.access())),
        Field::Api => Found::Text(api(request.dialect())),
        Field::User => Found::Text(request.user()),
        Field::Groups => Found::List(&request.caller().groups),
        Field::Attribute => Found::text(request.attribute(key)),
        Field::Proof => Found::Text(proof(&request.credential().proof)),
        Field::CredentialId => Found::text(request.credential().id.as_deref()),
        Field::CredentialLabel => Found::text(named(&request.credential().labels, key)),
        Field::Tools => Found::List(request.tools()),
        Field::Address => Found::Text(&request.client().address),
        Field::Transport => Found::Text(transport(&request.client().transport)),
        Field::Listener => Found::text(request.client().listener.as_deref()),
        Field::Hour => Found::Number((request.time().minute_of_day / 60).into()),
        Field::TimeOfDay => Found::Number(request.time().minute_of_day.into()),
        Field::Weekday => Day::of(request.time().weekday).map_or(Found::Missing, weekday),
        Field::PromptBytes => Found::number(request.prompt().bytes),
        Field::PromptSystem => Found::Truth(request.prompt().system),
        Field::Texts => Found::Texts(request.texts(), None),
        Field::TextsOf => Found::Texts(request.texts(), Some(key)),
        Field::Usage { of_model, window, what } => {
            let usage = request.usage();
            let windows = if of_model { &usage.with_model } else { &usage.total };
            Found::number(used(window_of(windows, window), what))
        }
        field => of_parameters(field, request),
    }
}

fn named<'r>(pairs: &'r [(String, String)], key: &str) -> Option<&'r str> {
    pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

fn of_parameters(field: Field, request: &Request) -> Found<'_> {
    let sent = request.parameters();
    match field {
        Field::Streaming => Found::Truth(sent.streaming),
        // Ollama takes zero and less as no limit for tokens, and less than zero for the time.
        Field::Context => limit(sent.context, 1),
        Field::Output => limit(sent.output, 1),
        Field::KeepAlive => limit(sent.keep_alive, 0),
        Field::Images => Found::Number(sent.images.into()),
        Field::ToolCount => Found::Number(sent.tools.into()),
        Field::WebSearch => Found::Truth(sent.web_search),
        Field::DebugRender => Found::Truth(sent.debug_render),
        Field::Insecure => Found::Truth(sent.insecure),
        Field::RemoteHost => Found::text(sent.remote_host.as_deref()),
        Field::Think => Found::text(sent.think.as_deref()),
        Field::Format => Found::text(sent.format.as_deref()),
        Field::RunnerOptions => Found::List(&sent.runner_options),
        // Those of a model are read by `of_model`.
        _ => Found::Unknown,
    }
}

fn limit(sent: Option<i64>, smallest: i64) -> Found<'static> {
    match sent {
        Some(number) if number < smallest => Found::Number(UNLIMITED),
        Some(number) => Found::Number(number),
        None => Found::Missing,
    }
}

/// Reads a fact that each model has.
pub(crate) fn of_model(field: Field, model: &Model) -> Found<'_> {
    match field {
        Field::ModelName => Found::Text(&model.name),
        Field::ModelRole => Found::Text(role(&model.role)),
        Field::ModelCloud => Found::Truth(model.cloud),
        field => match model.presence() {
            Presence::Installed(facts) => of_installed(field, facts),
            Presence::Missing if matches!(field, Field::ModelInstalled | Field::ModelLoaded) => {
                Found::Truth(false)
            }
            // What is not here may be of any size.
            Presence::Missing | Presence::Unknown => Found::Unknown,
        },
    }
}

fn of_installed(field: Field, facts: &ModelFacts) -> Found<'_> {
    let text = |text: &'_ Option<String>| text.is_some();
    match field {
        Field::ModelInstalled => Found::Truth(true),
        Field::ModelLoaded => Found::Truth(facts.loaded),
        Field::ModelBytes => facts.bytes.map_or(Found::Unknown, Found::number),
        Field::ModelParameters => facts.parameters.map_or(Found::Unknown, Found::number),
        Field::ModelFamily if text(&facts.family) => Found::text(facts.family.as_deref()),
        Field::ModelQuantization if text(&facts.quantization) => {
            Found::text(facts.quantization.as_deref())
        }
        _ => Found::Unknown,
    }
}

const fn window_of(windows: &Windows, index: usize) -> &Counter {
    match index {
        0 => &windows.minute,
        1 => &windows.hour,
        2 => &windows.day,
        _ => &windows.month,
    }
}

const fn used(counter: &Counter, what: usize) -> u64 {
    match what {
        0 => counter.requests,
        1 => counter.tokens,
        _ => counter.gpu_milliseconds / 1000,
    }
}

const fn access(access: AccessClass) -> &'static str {
    match access {
        AccessClass::Inference => "inference",
        AccessClass::Read => "read",
        AccessClass::Manage => "manage",
        AccessClass::Account => "account",
        AccessClass::Web => "web",
    }
}

fn api(dialect: &Dialect) -> &str {
    match dialect {
        Dialect::Native => "native",
        Dialect::Openai => "openai",
        Dialect::Anthropic => "anthropic",
        Dialect::Other(name) => name,
    }
}

fn proof(proof: &ProofKind) -> &str {
    match proof {
        ProofKind::ApiKey => "api-key",
        ProofKind::Basic => "basic",
        ProofKind::Mtls => "mtls",
        ProofKind::Token => "token",
        ProofKind::Jwt => "jwt",
        ProofKind::OllamaKey => "ollama-key",
        ProofKind::Anonymous => "anonymous",
        ProofKind::Other(name) => name,
    }
}

fn role(role: &ModelRole) -> &str {
    match role {
        ModelRole::Use => "use",
        ModelRole::Target => "target",
        ModelRole::Source => "source",
        ModelRole::Base => "base",
        ModelRole::Destination => "destination",
        ModelRole::Other(name) => name,
    }
}

fn transport(transport: &Transport) -> &str {
    match transport {
        Transport::Plain => "plain",
        Transport::Tls => "tls",
        Transport::MutualTls => "mutual-tls",
        Transport::Other(name) => name,
    }
}

const fn weekday(day: Day) -> Found<'static> {
    Found::Text(match day {
        Day::Mon => "mon",
        Day::Tue => "tue",
        Day::Wed => "wed",
        Day::Thu => "thu",
        Day::Fri => "fri",
        Day::Sat => "sat",
        Day::Sun => "sun",
    })
}
