//! The facts that policies judge.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::AddAssign;

use crate::{Catalogue, Content, Dialect, ModelRef, Operation, Principal, UnixTime};

/// The most bytes of a policy's module.
pub const LARGEST_MODULE: u64 = 4 << 20;

/// Everything that a policy is told about one request. A policy is a pure function
/// of this, so a recorded input can be judged again.
#[derive(Clone, Debug)]
pub struct PolicyInput<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// The operation that is asked for.
    pub operation: Operation,
    /// The API in which it is asked for.
    pub dialect: Dialect,
    /// Every model that the request names.
    pub models: &'a [ModelRef],
    /// The models that are installed, as far as that is known.
    pub catalogue: &'a Catalogue,
    /// The parameters in the body.
    pub parameters: &'a Parameters,
    /// The texts and tools in the body, where a policy asks for them.
    pub content: Option<&'a Content>,
    /// The labels of the caller's credential.
    pub labels: &'a [(String, String)],
    /// The origin of the call.
    pub client: Client,
    /// The name of the listener, if it has one.
    pub listener: Option<&'a str>,
    /// The time of the call, by the host's clock.
    pub time: LocalTime,
    /// The usage of the caller so far.
    pub usage: Usage,
    /// The canonical body, for policies that asked for it.
    pub body: Option<&'a str>,
}

/// The parameters in a request's body, as far as policies may judge them. `None` means that
/// the caller said nothing. Written down, what is not said is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not a state")]
pub struct Parameters {
    /// True if the answer will be streamed, the route's default applied.
    #[serde(skip_serializing_if = "is_default")]
    pub streaming: bool,
    /// Context length in tokens.
    #[serde(skip_serializing_if = "is_default")]
    pub context: Option<i64>,
    /// Largest number of tokens to produce.
    #[serde(skip_serializing_if = "is_default")]
    pub output: Option<i64>,
    /// Seconds that the model stays loaded; negative means for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub keep_alive: Option<i64>,
    /// Number of images.
    #[serde(skip_serializing_if = "is_default")]
    pub images: u32,
    /// Number of tools offered to the model.
    #[serde(skip_serializing_if = "is_default")]
    pub tools: u32,
    /// True if a tool makes Ollama search the web.
    #[serde(skip_serializing_if = "is_default")]
    pub web_search: bool,
    /// True if the rendered prompt is asked for instead of an answer.
    #[serde(skip_serializing_if = "is_default")]
    pub debug_render: bool,
    /// True if a pull or push asks for plain HTTP.
    #[serde(skip_serializing_if = "is_default")]
    pub insecure: bool,
    /// The remote host of a model being created.
    #[serde(skip_serializing_if = "is_default")]
    pub remote_host: Option<String>,
    /// Blob digests named, as `sha256:<64 hex>`.
    #[serde(skip_serializing_if = "is_default")]
    pub digests: Vec<String>,
    /// Those of them that the caller has not sent, as far as the gateway remembers.
    #[serde(skip_serializing_if = "is_default")]
    pub foreign_digests: Vec<String>,
    /// The value of `think`: `true`, `false`, or a level.
    #[serde(skip_serializing_if = "is_default")]
    pub think: Option<String>,
    /// The value of `format`: `json`, or `schema` for one of the caller's own.
    #[serde(skip_serializing_if = "is_default")]
    pub format: Option<String>,
    /// Options that make Ollama load the model anew, by name, sorted.
    #[serde(skip_serializing_if = "is_default")]
    pub runner_options: Vec<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The transport by which the caller reached the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// HTTP without TLS.
    Plain,
    /// HTTPS.
    Tls,
    /// HTTPS with a client certificate.
    MutualTls,
}

/// The origin of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// The caller's address, trusted proxies already taken into account.
    pub address: IpAddr,
    /// The transport by which it was reached.
    pub transport: Transport,
}

impl Client {
    /// A program on this machine that speaks plain HTTP.
    pub const LOCAL: Self =
        Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), transport: Transport::Plain };
}

/// A moment, also as a wall clock in the configured zone shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// The moment.
    pub unix: UnixTime,
    /// 1 is Monday, 7 is Sunday.
    pub weekday: u8,
    /// Minutes since midnight, 0 to 1439.
    pub minute_of_day: u16,
}

/// The usage in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Counter {
    /// Requests.
    #[serde(skip_serializing_if = "is_default")]
    pub requests: u64,
    /// Tokens, prompt and answer together.
    #[serde(skip_serializing_if = "is_default")]
    pub tokens: u64,
    /// Milliseconds of GPU time.
    #[serde(skip_serializing_if = "is_default")]
    pub gpu_milliseconds: u64,
}

/// Counters stand at their end rather than to begin anew.
impl AddAssign for Counter {
    fn add_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.gpu_milliseconds = self.gpu_milliseconds.saturating_add(other.gpu_milliseconds);
    }
}

/// The usage of the caller, this request not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All of it.
    #[serde(skip_serializing_if = "is_default")]
    pub total: Windows,
    /// With the models of the request.
    #[serde(skip_serializing_if = "is_default")]
    pub with_model: Windows,
}

/// The usage in each window of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Windows {
    /// In the last sixty seconds, and up to ten more.
    pub minute: Counter,
    /// In this hour.
    #[serde(skip_serializing_if = "is_default")]
    pub hour: Counter,
    /// On this day.
    #[serde(skip_serializing_if = "is_default")]
    pub day: Counter,
    /// In this month.
    #[serde(skip_serializing_if = "is_default")]
    pub month: Counter,
}
