//! The facts that policies were told of a request, besides the caller and the operation: they stand
//! in the request's record, so that the request can be judged again.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Catalogue, Client, Content, Dialect, MASK, ModelFacts, ModelName, Parameters, PolicyInput,
    Presence, Prompt, Transport, UnixTime, Usage, mask_keys,
};

/// Everything but the texts of the body, which are never recorded, and the caller and the models,
/// which stand beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedInput {
    /// The time, in seconds since 1970.
    pub at: u64,
    /// The API.
    pub api: Dialect,
    /// The caller's address.
    pub address: IpAddr,
    /// The transport by which the caller is connected.
    pub transport: Transport,
    /// The name of the listener, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// The parameters of the request, as far as they are recorded.
    #[serde(default)]
    pub parameters: Parameters,
    /// The number of digests that the request names and that are not recorded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub digests_left_out: usize,
    /// The models that the request names, as Ollama's list told of them; `None` where there was no
    /// list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<Vec<RecordedModel>>,
    /// The names of the tools, in their order, as far as they are recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// The number of tools whose names are not recorded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tools_left_out: usize,
    /// The outline of the texts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prompt: Prompt,
    /// The usage of the caller before; `None` where no policy was told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// A model as Ollama's list told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedModel {
    /// Its name.
    pub name: ModelName,
    /// Its facts; `None` where it was not installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<ModelFacts>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Digests that are recorded of one request.
const MOST_DIGESTS: usize = 16;
/// Names of tools that are recorded of one request, and the longest, in bytes: agents offer some
/// dozens, and OpenAI takes names of 64 letters.
const MOST_TOOLS: usize = 64;
const LONGEST_TOOL: usize = 64;
/// The longest name of a host, in bytes (RFC 1035, section 2.3.4), with a scheme and a port.
const LONGEST_HOST: usize = 300;

impl RecordedInput {
    /// Takes what policies were told, but for the usage.
    pub fn of(input: &PolicyInput<'_>) -> Self {
        let (parameters, digests_left_out) = recorded(input.parameters);
        let content = input.content.unwrap_or(Content::NONE);
        let tools = content.tools.iter().filter(|name| is_word(name)).take(MOST_TOOLS);
        let tools: Vec<String> = tools.cloned().collect();
        Self {
            at: input.time.unix.as_secs(),
            api: input.dialect,
            address: input.client.address,
            transport: input.client.transport,
            listener: input.listener.map(str::to_owned),
            parameters,
            digests_left_out,
            catalogue: catalogued(input),
            tools_left_out: content.tools.len() - tools.len(),
            tools,
            prompt: content.prompt,
            usage: None,
        }
    }

    /// Returns what is known of the content: no texts.
    pub fn content(&self) -> Content {
        Content { tools: self.tools.clone(), texts: Vec::new(), prompt: self.prompt }
    }

    /// Returns what is known of the models.
    pub fn catalogue(&self) -> Catalogue {
        let Some(models) = &self.catalogue else { return Catalogue::default() };
        Catalogue::of_some(models.iter().map(|model| (model.name.clone(), model.facts.clone())))
    }

    /// Returns the caller's address and transport.
    pub const fn client(&self) -> Client {
        Client { address: self.address, transport: self.transport }
    }

    /// Returns the time of the request.
    pub const fn time(&self) -> UnixTime {
        UnixTime::from_secs(self.at)
    }
}

/// Tells whether a name of a tool is one that a program could give it: what else stands there may be
/// anything.
fn is_word(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    name.len() <= LONGEST_TOOL && name.bytes().all(is_plain) && !mask_keys(name).contains(MASK)
}

/// Finds what is known of the models. A key in the place of a name is not told.
fn catalogued(input: &PolicyInput<'_>) -> Option<Vec<RecordedModel>> {
    input.catalogue.count()?;
    let plain = input.models.iter().map(|model| &model.name);
    let plain = plain.filter(|name| !mask_keys(name.as_str()).contains(MASK));
    let facts = |name: &ModelName| match input.catalogue.find(name) {
        Presence::Installed(_, facts) => Some(facts.clone()),
        Presence::Missing | Presence::Unknown => None,
    };
    Some(plain.map(|name| RecordedModel { name: name.clone(), facts: facts(name) }).collect())
}

/// The parameters, and how many digests are not among them: a caller does not decide how
/// long a line of the log is.
fn recorded(parameters: &Parameters) -> (Parameters, usize) {
    let host = parameters.remote_host.as_deref();
    let digests: Vec<String> = parameters.digests.iter().take(MOST_DIGESTS).cloned().collect();
    let foreign = parameters.foreign_digests.iter().filter(|digest| digests.contains(digest));
    let recorded = Parameters {
        foreign_digests: foreign.cloned().collect(),
        digests,
        remote_host: host.map(|host| match host.len() {
            ..=LONGEST_HOST => host.to_owned(),
            // No host has such a name; it is content.
            longer => format!("({longer} bytes)"),
        }),
        think: parameters.think.clone(),
        format: parameters.format.clone(),
        runner_options: parameters.runner_options.clone(),
        ..*parameters
    };
    (recorded, parameters.digests.len().saturating_sub(MOST_DIGESTS))
}
