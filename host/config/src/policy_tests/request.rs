//! The request of a case.

use std::net::{IpAddr, Ipv4Addr};

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use stockade_core::{
    Catalogue, Client, Content, Counter, Dialect, GroupName, LocalTime, ModelFacts, ModelName,
    ModelRef, ModelRole, Operation, Parameters, PolicyInput, Principal, ProofKind, Text, Transport,
    UnixTime, Usage, UserId, Windows,
};
use stockade_yaml::{Diagnostics, Entries, Field, Location, Spanned};

use super::RawCase;
use crate::local_time;
use crate::{quantity, validate, value_schema};

/// Everything that a policy is told.
pub struct Facts {
    principal: Principal,
    operation: Operation,
    dialect: Dialect,
    models: Vec<ModelRef>,
    catalogue: Catalogue,
    parameters: Parameters,
    content: Content,
    labels: Vec<(String, String)>,
    client: Client,
    listener: Option<String>,
    time: LocalTime,
    usage: Usage,
    body: Option<String>,
}

impl Facts {
    /// The same as a policy is told it.
    pub fn input(&self) -> PolicyInput<'_> {
        PolicyInput {
            principal: &self.principal,
            operation: self.operation,
            dialect: self.dialect,
            models: &self.models,
            catalogue: &self.catalogue,
            parameters: &self.parameters,
            content: Some(&self.content),
            labels: &self.labels,
            client: self.client,
            listener: self.listener.as_deref(),
            time: self.time,
            usage: self.usage,
            body: self.body.as_deref(),
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Model", extend("required" = ["name"]))]
pub(super) struct RawModel {
    /// Its name.
    name: Field<String>,
    /// Its role in the request; the usual one for the operation, if left out.
    #[schemars(schema_with = "value_schema::role")]
    role: Field<ModelRole>,
    /// True if it is installed, false if it is not; if neither is said of any model of the request,
    /// the policy is told that nobody knows.
    installed: Field<bool>,
    /// Its size on disk in bytes.
    bytes: Field<u64>,
    /// The number of its parameters.
    parameters: Field<u64>,
    /// Its quantization, such as `Q4_K_M`.
    quantization: Field<String>,
    /// Its family, such as `qwen3`.
    family: Field<String>,
    /// True if it is in memory.
    loaded: Field<bool>,
    /// True if it runs in the cloud, whatever its name says.
    cloud: Field<bool>,
}

impl RawModel {
    /// The facts about it; `None` where it is not said to be installed.
    fn facts(self) -> (Option<bool>, ModelFacts) {
        let installed = self.installed.value();
        let facts = ModelFacts {
            digest: None,
            bytes: self.bytes.value(),
            parameters: self.parameters.value(),
            quantization: self.quantization.value().map(String::into_boxed_str),
            family: self.family.value().map(String::into_boxed_str),
            cloud: self.cloud.value().unwrap_or_default(),
            loaded: self.loaded.value().unwrap_or_default(),
        };
        let told = facts != ModelFacts::default();
        (installed.or(told.then_some(true)), facts)
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Text", extend("required" = ["role", "text"]))]
pub(super) struct RawText {
    /// `system`, `user`, `assistant`, `tool`, `prompt`, …
    role: Field<String>,
    /// The text.
    text: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Blob", extend("required" = ["digest"]))]
pub(super) struct RawBlob {
    /// The digest: `sha256:` and 64 hexadecimal digits.
    digest: Field<String>,
    /// True if the caller has sent it.
    uploaded: Field<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Parameters")]
pub(super) struct RawParameters {
    /// True if the answer is streamed.
    streaming: Field<bool>,
    /// Tokens of context.
    context: Field<i64>,
    /// Most tokens to produce.
    output: Field<i64>,
    /// Seconds that the model stays loaded; negative means for ever.
    keep_alive: Field<i64>,
    /// The number of images.
    images: Field<u32>,
    /// The number of tools that are offered to the model.
    tools: Field<u32>,
    /// True if a tool searches the web.
    web_search: Field<bool>,
    /// True if the rendered prompt is asked for.
    debug_render: Field<bool>,
    /// True if a pull or push asks for plain HTTP.
    insecure: Field<bool>,
    /// The remote host of a model that is created.
    remote_host: Field<String>,
    /// The value of `think`: `true`, `false`, or a level.
    think: Field<String>,
    /// The value of `format`: `json`, or `schema`.
    format: Field<String>,
    /// Options that make Ollama load the model anew, such as `num_gpu`.
    runner_options: Field<Vec<Field<String>>>,
}

impl From<RawParameters> for Parameters {
    fn from(raw: RawParameters) -> Self {
        Self {
            streaming: raw.streaming.value().unwrap_or_default(),
            context: raw.context.value(),
            output: raw.output.value(),
            keep_alive: raw.keep_alive.value(),
            images: raw.images.value().unwrap_or_default(),
            tools: raw.tools.value().unwrap_or_default(),
            web_search: raw.web_search.value().unwrap_or_default(),
            debug_render: raw.debug_render.value().unwrap_or_default(),
            insecure: raw.insecure.value().unwrap_or_default(),
            remote_host: raw.remote_host.value(),
            think: raw.think.value(),
            format: raw.format.value(),
            runner_options: texts(raw.runner_options),
            ..Self::default()
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Usage")]
pub(super) struct RawUsage {
    minute: Field<RawCounter>,
    hour: Field<RawCounter>,
    day: Field<RawCounter>,
    month: Field<RawCounter>,
}

impl From<RawUsage> for Windows {
    fn from(raw: RawUsage) -> Self {
        let counter = |slot: Field<RawCounter>| {
            let raw = slot.value().unwrap_or_default();
            let number = |slot: Field<u64>| slot.value().unwrap_or_default();
            Counter {
                requests: number(raw.requests),
                tokens: number(raw.tokens),
                gpu_milliseconds: number(raw.gpu_milliseconds),
            }
        };
        Self {
            minute: counter(raw.minute),
            hour: counter(raw.hour),
            day: counter(raw.day),
            month: counter(raw.month),
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Counter")]
struct RawCounter {
    requests: Field<u64>,
    tokens: Field<u64>,
    gpu_milliseconds: Field<u64>,
}

/// Monday, 5 January 2026, noon in UTC: when a case happens that does not say.
const USUAL_TIME: UnixTime = UnixTime::from_secs(1_767_614_400);

impl Facts {
    pub(super) fn read(
        raw: RawCase,
        at: Location,
        zone: &TimeZone,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let proof = raw.proof.value().unwrap_or(ProofKind::ApiKey);
        let principal = principal(raw.user, raw.groups, raw.attributes, diagnostics);
        let operation = raw.operation.required("operation", at, diagnostics);
        let operation = operation.and_then(|text| validate::operation(&text, diagnostics));
        let address = match raw.address.optional() {
            Some(text) => text.check(diagnostics, |text| text.parse::<IpAddr>()),
            None => Some(Ipv4Addr::LOCALHOST.into()),
        };
        let time = match raw.time.optional() {
            Some(text) => text.check(diagnostics, |text| quantity::local_time(text, zone)),
            None => Some(USUAL_TIME),
        };
        let models = operation.and_then(|op| models(op, raw.model, raw.models, diagnostics));
        let (models, catalogue) = models?;
        let content = Content::of(texts(raw.tools), content(raw.texts));
        let mut parameters = Parameters::from(raw.parameters.value().unwrap_or_default());
        parameters.tools = parameters.tools.max(u32::try_from(content.tools.len()).unwrap_or(0));
        (parameters.digests, parameters.foreign_digests) = blobs(raw.blobs);
        Some(Self {
            principal: Principal { proof, ..principal? },
            operation: operation?,
            dialect: raw.api.value().unwrap_or(Dialect::Native),
            models,
            catalogue,
            parameters,
            content,
            labels: pairs(raw.labels),
            listener: raw.listener.value(),
            client: Client {
                address: address?,
                transport: raw.transport.value().unwrap_or(Transport::Plain),
            },
            time: local_time(time?, zone),
            usage: Usage {
                total: raw.usage.value().unwrap_or_default().into(),
                with_model: raw.usage_with_model.value().unwrap_or_default().into(),
            },
            body: raw.body.value(),
        })
    }
}

fn texts(slot: Field<Vec<Field<String>>>) -> Vec<String> {
    slot.value().unwrap_or_default().into_iter().filter_map(Field::value).collect()
}

fn pairs(slot: Field<Entries<String>>) -> Vec<(String, String)> {
    let entries = slot.value().unwrap_or_default().0.into_iter();
    let pairs = entries.filter_map(|(name, value)| Some((name.value, value.value()?)));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    pairs
}

fn content(slot: Field<Vec<Field<RawText>>>) -> Vec<Text> {
    let texts = slot.value().unwrap_or_default().into_iter().filter_map(Field::value);
    let text = |raw: RawText| Some(Text { role: raw.role.value()?, text: raw.text.value()? });
    texts.filter_map(text).collect()
}

/// The digests, and those of them that the caller has not sent.
fn blobs(slot: Field<Vec<Field<RawBlob>>>) -> (Vec<String>, Vec<String>) {
    let blobs = slot.value().unwrap_or_default().into_iter().filter_map(Field::value);
    let (mut all, mut foreign) = (Vec::new(), Vec::new());
    for RawBlob { digest, uploaded } in blobs {
        let Some(digest) = digest.value() else { continue };
        if uploaded.value() != Some(true) {
            foreign.push(digest.clone());
        }
        all.push(digest);
    }
    (all, foreign)
}

fn principal(
    user: Field<String>,
    groups: Field<Vec<Field<String>>>,
    attributes: Field<Entries<String>>,
    diagnostics: &mut Diagnostics,
) -> Option<Principal> {
    let user = match user.optional() {
        Some(user) => user.check(diagnostics, |user| UserId::new(user))?,
        None => UserId::new("alice").ok()?,
    };
    let groups = groups.value().unwrap_or_default().into_iter().filter_map(Field::optional);
    let groups: Vec<_> = groups.map(|g| g.check(diagnostics, |g| GroupName::new(g))).collect();
    let mut groups = groups.into_iter().collect::<Option<Vec<_>>>()?;
    groups.sort();
    groups.dedup();
    Some(Principal {
        user,
        groups: groups.into(),
        proof: ProofKind::ApiKey,
        credential: None,
        attributes: pairs(attributes).into(),
    })
}

/// The models of a request, and what Ollama tells about them. `model` is in the role that fits the
/// operation; `models` say theirs.
fn models(
    operation: Operation,
    one: Field<String>,
    more: Field<Vec<Field<RawModel>>>,
    diagnostics: &mut Diagnostics,
) -> Option<(Vec<ModelRef>, Catalogue)> {
    let usual = ModelRole::of(operation);
    let parse = |name: Spanned<String>, diagnostics: &mut Diagnostics| {
        name.check(diagnostics, |name| ModelName::parse(name))
    };
    let mut all_right = true;
    let (mut models, mut installed, mut known) = (Vec::new(), Vec::new(), false);
    if let Some(name) = one.optional() {
        match parse(name, diagnostics) {
            Some(name) => models.push(ModelRef { name, role: usual }),
            None => all_right = false,
        }
    }
    for raw in more.value().unwrap_or_default().into_iter().filter_map(Field::optional) {
        let Spanned { at, value: mut raw } = raw;
        let role = std::mem::take(&mut raw.role).value().unwrap_or(usual);
        let name = std::mem::take(&mut raw.name).required("name", at, diagnostics);
        let Some(name) = name.and_then(|name| parse(name, diagnostics)) else {
            all_right = false;
            continue;
        };
        let (is_installed, facts) = raw.facts();
        known |= is_installed.is_some();
        if is_installed == Some(true) {
            installed.push((name.clone(), facts));
        }
        models.push(ModelRef { name, role });
    }
    let catalogue = if known { Catalogue::of(installed) } else { Catalogue::default() };
    all_right.then_some((models, catalogue))
}
