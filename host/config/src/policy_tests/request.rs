//! The request of a case.

use std::net::{IpAddr, Ipv4Addr};

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use stockade_core::{
    Catalogue, Client, Counter, Dialect, GroupName, LocalTime, ModelName, ModelRef, ModelRole,
    Operation, Parameters, PolicyInput, Principal, ProofKind, Transport, UnixTime, Usage, UserId,
};
use stockade_yaml::{Diagnostics, Entries, Field, Location, Spanned};

use super::RawCase;
use crate::local_time;
use crate::{quantity, schema, validate};

/// Everything that a policy is told.
pub struct Facts {
    principal: Principal,
    operation: Operation,
    dialect: Dialect,
    models: Vec<ModelRef>,
    parameters: Parameters,
    client: Client,
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
            catalogue: Catalogue::UNKNOWN,
            clouds_hidden: false,
            parameters: &self.parameters,
            client: self.client,
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
    #[schemars(schema_with = "schema::role")]
    role: Field<ModelRole>,
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
    /// Blobs that are named.
    digests: Field<Vec<Field<String>>>,
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
            digests: texts(raw.digests),
            foreign_digests: Vec::new(),
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

impl From<RawUsage> for Usage {
    fn from(raw: RawUsage) -> Self {
        let counter = |slot: Field<RawCounter>| {
            let raw = slot.value().unwrap_or_default();
            let number = |slot: Field<u64>| slot.value().unwrap_or_default();
            Counter { requests: number(raw.requests), tokens: number(raw.tokens) }
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
        Some(Self {
            principal: Principal { proof, ..principal? },
            operation: operation?,
            dialect: raw.api.value().unwrap_or(Dialect::Native),
            models: models?,
            parameters: raw.parameters.value().unwrap_or_default().into(),
            client: Client {
                address: address?,
                transport: raw.transport.value().unwrap_or(Transport::Plain),
            },
            time: local_time(time?, zone),
            usage: raw.usage.value().unwrap_or_default().into(),
            body: raw.body.value(),
        })
    }
}

fn texts(slot: Field<Vec<Field<String>>>) -> Vec<String> {
    slot.value().unwrap_or_default().into_iter().filter_map(Field::value).collect()
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
    let attributes = attributes.value().unwrap_or_default().0.into_iter();
    let attributes = attributes.filter_map(|(name, value)| Some((name.value, value.value()?)));
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort();
    Some(Principal {
        user,
        groups: groups.into(),
        proof: ProofKind::ApiKey,
        credential: None,
        attributes: attributes.into(),
    })
}

/// `model` is in the role that fits the operation; `models` say theirs.
fn models(
    operation: Operation,
    one: Field<String>,
    more: Field<Vec<Field<RawModel>>>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<ModelRef>> {
    let usual = ModelRole::of(operation);
    let mut named: Vec<_> = one.optional().map(|name| (name, usual)).into_iter().collect();
    for raw in more.value().unwrap_or_default().into_iter().filter_map(Field::optional) {
        let Spanned { at, value: raw } = raw;
        let role = raw.role.value().unwrap_or(usual);
        named.extend(raw.name.required("name", at, diagnostics).map(|name| (name, role)));
    }
    let models = named.into_iter().map(|(name, role)| {
        let name = name.check(diagnostics, |name| ModelName::parse(name))?;
        Some(ModelRef { name, role })
    });
    models.collect::<Vec<_>>().into_iter().collect()
}
