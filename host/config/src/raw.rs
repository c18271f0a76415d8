//! The file as it is written: texts and options, no meaning yet.
//!
//! Every field is a [`Field`], so `default` means "absent" and nothing else; whether
//! something may be absent is for [`validate`](mod@super::validate) to say. The comments on
//! fields are what an editor shows: they go into the schema.

mod access;
mod accounts;
mod audit;
mod authentication;
mod issuers;
mod quotas;
mod secret_files;
mod shadow;

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_yaml::{Entries, Field};

pub(super) use self::access::{
    Expectation, Mode, RawBinding, RawChosen, RawExcept, RawPolicy, RawSubjects, RawTest,
};
pub(super) use self::accounts::{RawCertificate, RawKey, RawOllamaKey, RawUser};
pub(super) use self::audit::{RawAnchors, RawAudit, RawRetention, RawSegment};
pub(super) use self::authentication::{
    ForwardingHeader, RawAuthentication, RawOnBehalf, RawThrottle, RawTokenSecret, RawTokens,
    RawTrustedProxies,
};
pub(super) use self::issuers::{RawAudience, RawIssuer, UnknownUsers};
pub(super) use self::quotas::{
    Damaged, Exceeding, PerSubject, RawCounts, RawQueue, RawQuota, RawRequests, RawSizes, RawStore,
    RawTimes, RawUsage, RawUsed, StoreLoss,
};
pub(super) use self::secret_files::{Permissions, RawSecretFiles};
pub(super) use self::shadow::RawShadow;
use super::types::{LogFormat, LogLevel, WhenStuck};
use crate::value_schema;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Stockade configuration", extend("patternProperties" = { "^x-": true }))]
pub(super) struct RawConfig {
    /// More files, such as `bindings.d/*.yaml`, with groups, users, policies, bindings,
    /// quotas and tests.
    pub(super) include: Field<RawInclude>,
    /// The addresses to listen on: one address, or a mapping with `tls`, or a list of them.
    pub(super) listen: Field<RawListeners>,
    /// The address of Ollama, and the time that it may take.
    pub(super) upstream: Field<RawUpstream>,
    /// True to listen elsewhere than on loopback without TLS.
    pub(super) allow_plain_http: Field<bool>,
    /// The proxies that are believed when they tell whom they speak for.
    pub(super) trusted_proxies: Field<RawTrustedProxies>,
    /// The IANA name of the zone in which policies see weekday and hour, such as Europe/Paris.
    pub(super) time_zone: Field<String>,
    /// Limits on what a caller may send, and on how slowly.
    pub(super) limits: Field<RawLimits>,
    /// The web pages that may call.
    pub(super) cors: Field<RawCors>,
    /// The level and the form of the log.
    pub(super) log: Field<RawLog>,
    /// The directory for what must outlive the gateway; `$STATE_DIRECTORY`, if nothing is said.
    pub(super) state_directory: Field<String>,
    /// The files of secrets that are taken.
    pub(super) secret_files: Field<RawSecretFiles>,
    /// The ways in which callers may say who they are.
    pub(super) authentication: Field<RawAuthentication>,
    /// The secrets that sign expiring tokens, and the rules for these.
    pub(super) tokens: Field<RawTokens>,
    /// The issuers of JWTs, by a name for logs.
    pub(super) issuers: Field<Entries<RawIssuer>>,
    /// Groups that exist, with or without members. Those of users exist too.
    pub(super) groups: Field<Vec<Field<String>>>,
    /// The users, by name.
    pub(super) users: Field<Entries<RawUser>>,
    /// The policies that bindings name.
    pub(super) policies: Field<Entries<RawPolicy>>,
    /// The bindings: each names a policy and those whom it judges.
    pub(super) bindings: Field<Vec<Field<RawBinding>>>,
    /// The quotas: each says how much its subjects may use, and when again.
    pub(super) quotas: Field<Vec<Field<RawQuota>>>,
    /// The rules for the account of who used what.
    pub(super) usage: Field<RawUsage>,
    /// The audit log: who asked for what and what became of it, in a form that proves itself.
    pub(super) audit: Field<RawAudit>,
    /// The configuration that is tried out beside this one, without an effect.
    pub(super) shadow: Field<RawShadow>,
    /// Requests and their decisions: run on every load, and a failing one rejects the change.
    pub(super) tests: Field<Vec<Field<RawTest>>>,
    /// Some part could not be read, so a name that nobody defines may not be wrong.
    #[serde(skip)]
    pub(super) incomplete: bool,
}

/// The content that an included file may have: nothing that concerns the whole gateway.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawFragment {
    pub(super) include: Field<RawInclude>,
    pub(super) groups: Field<Vec<Field<String>>>,
    pub(super) users: Field<Entries<RawUser>>,
    pub(super) policies: Field<Entries<RawPolicy>>,
    pub(super) bindings: Field<Vec<Field<RawBinding>>>,
    pub(super) quotas: Field<Vec<Field<RawQuota>>>,
    pub(super) tests: Field<Vec<Field<RawTest>>>,
}

/// One pattern for files or a list of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "$by-shape")]
#[schemars(rename = "Include", untagged)]
pub(super) enum RawInclude {
    #[serde(rename = "scalar")]
    One(Field<String>),
    #[serde(rename = "sequence")]
    Many(Vec<Field<String>>),
}

/// One listener or a list of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "$by-shape")]
#[schemars(rename = "Listeners", untagged)]
pub(super) enum RawListeners {
    #[serde(rename = "scalar")]
    One(Field<String>),
    #[serde(rename = "mapping")]
    With(Box<Field<RawListener>>),
    #[serde(rename = "sequence")]
    Many(Vec<Field<RawListen>>),
}

/// An address, alone or with certificates.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "$by-shape")]
#[schemars(rename = "Listen", untagged)]
pub(super) enum RawListen {
    #[serde(rename = "scalar")]
    Address(Field<String>),
    #[serde(rename = "mapping")]
    With(Box<Field<RawListener>>),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Listener", extend("required" = ["address"]))]
pub(super) struct RawListener {
    /// Address and port, such as 127.0.0.1:11435.
    pub(super) address: Field<String>,
    /// Its name, which policies are told: letters, digits, `-`, `_` and `.`.
    pub(super) name: Field<String>,
    /// The certificates that are presented there; without them, HTTP is plain.
    pub(super) tls: Field<RawTls>,
    /// `required` if each connection must begin with a header of the PROXY protocol, else `off`.
    pub(super) proxy_protocol: Field<ProxyProtocol>,
    /// Names by which callers without a credential reach it, such as ollama.example.org. IP
    /// addresses and names of private networks need not be told.
    pub(super) hosts: Field<Vec<Field<String>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ProxyProtocol {
    Off,
    Required,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Tls", extend("required" = ["certificate", "key"]))]
pub(super) struct RawTls {
    /// The file with the certificate and those above it, in PEM.
    pub(super) certificate: Field<String>,
    /// The file with its private key, in PEM, that only its owner can read.
    pub(super) key: Field<String>,
    /// The file with the authorities of client certificates, in PEM.
    pub(super) client_ca: Field<String>,
    /// `required` if every caller must have a certificate, else `optional`.
    pub(super) client_auth: Field<ClientAuth>,
    /// The file with revocation lists, in PEM.
    pub(super) crl: Field<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ClientAuth {
    Required,
    Optional,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Upstream")]
pub(super) struct RawUpstream {
    /// The URL of Ollama, such as `http://127.0.0.1:11434`.
    pub(super) url: Field<String>,
    /// The longest time that a connection may take to be made.
    #[schemars(schema_with = "value_schema::duration")]
    pub(super) connect_timeout: Field<String>,
    /// The longest time that Ollama may take to begin an answer, loading the model included.
    #[schemars(schema_with = "value_schema::duration")]
    pub(super) response_timeout: Field<String>,
    /// The longest pause in an answer that has begun.
    #[schemars(schema_with = "value_schema::duration")]
    pub(super) idle_timeout: Field<String>,
    /// The number of requests that Ollama works on at once, as `OLLAMA_NUM_PARALLEL` says it there.
    /// Where it is written, others wait in the gateway for a fair turn.
    #[schemars(schema_with = "value_schema::count")]
    pub(super) slots: Field<u64>,
    /// The bounds for those who wait.
    pub(super) queue: Field<RawQueue>,
    /// The list of the models that are installed there.
    pub(super) catalogue: Field<RawCatalogue>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Catalogue")]
pub(super) struct RawCatalogue {
    /// The time after which Ollama is asked again which models it has: 30s, if nothing is said.
    /// It is also asked after each change through the gateway and for each unknown name.
    #[schemars(schema_with = "value_schema::duration")]
    pub(super) refresh: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub(super) struct RawLimits {
    /// The largest JSON body.
    #[schemars(schema_with = "value_schema::size")]
    pub(super) body: Field<String>,
    /// The deepest nesting of a JSON body.
    #[schemars(schema_with = "value_schema::depth")]
    pub(super) json_depth: Field<u64>,
    /// The largest blob upload.
    #[schemars(schema_with = "value_schema::size")]
    pub(super) blob: Field<String>,
    /// The longest time that a request's head may take.
    #[schemars(schema_with = "value_schema::duration")]
    pub(super) header_timeout: Field<String>,
    /// The longest pause of a caller within a body.
    #[schemars(schema_with = "value_schema::duration")]
    pub(super) body_timeout: Field<String>,
    /// The longest time that answers may go on after the gateway was told to stop.
    #[schemars(schema_with = "value_schema::duration")]
    pub(super) drain_timeout: Field<String>,
    /// The longest time in which a caller may take nothing of an answer.
    #[schemars(schema_with = "value_schema::duration")]
    pub(super) write_timeout: Field<String>,
    /// The memory for all bodies in flight; a quarter of the machine's, if nothing is said.
    #[schemars(schema_with = "value_schema::size")]
    pub(super) bodies: Field<String>,
    /// One user's share of that memory; a quarter, if nothing is said.
    #[schemars(schema_with = "value_schema::size")]
    pub(super) bodies_per_user: Field<String>,
    /// The most connections; as many as descriptors allow, if nothing is said.
    #[schemars(schema_with = "value_schema::count")]
    pub(super) connections: Field<u64>,
    /// The most connections from one address; half of all, if nothing is said.
    #[schemars(schema_with = "value_schema::count")]
    pub(super) connections_per_address: Field<u64>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Cors")]
pub(super) struct RawCors {
    /// Origins of the pages, such as `https://chat.example.org`, `https://*.example.org` or
    /// `moz-extension://*`.
    pub(super) origins: Field<Vec<Field<String>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Log")]
pub(super) struct RawLog {
    /// The level from which on lines are logged.
    pub(super) level: Field<LogLevel>,
    /// The form of the lines.
    pub(super) format: Field<LogFormat>,
    /// The treatment of requests while standard error takes no lines.
    pub(super) when_stuck: Field<WhenStuck>,
}
