//! The configuration as the gateway uses it: everything checked, nothing left as text
//! that means something.

mod audit;
mod origin;
mod policies;
mod quotas;
mod subjects;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade_authn::{
    ApiKey, ClientCertificate, JwtIssuer, OllamaKey, OnBehalf, Password, PasswordRules,
    SupposedCaller, ThrottleRules, TokenRules, TokenSecret, TrustedProxies, User,
};
use stockade_core::{
    Client, CredentialId, Dialect, ModelName, Operation, ProofKind, Transport, UnixTime, UserId,
};
use stockade_net::tls::Ending;
use stockade_net::{Endpoint, Tls};
use stockade_usage::Amounts;
use stockade_usage::turn::QueueSettings;
use stockade_yaml::{ConfigError, Location, Sources};

pub use self::audit::{Anchors, AuditRules, OnFailure};
pub(super) use self::origin::InvalidOrigin;
pub use self::origin::{OriginPattern, PRIVATE_DOMAINS};
pub use self::policies::{Binding, ModuleBytes, ModuleLocation, PolicySource};
pub use self::quotas::{QuotaRule, Store, UsageRules};
pub use self::subjects::{Exceptions, Subjects};

/// A configuration that is right in itself. Whether its policies load and its tests
/// hold is found out when a generation is built from it.
#[derive(Debug)]
pub struct Config {
    /// The listeners; at least one.
    pub listen: Vec<Listener>,
    /// The address of Ollama, and the time that it may take.
    pub upstream: Upstream,
    /// The proxies that are believed when they speak for others.
    pub trusted_proxies: TrustedProxies,
    /// Limits on what a caller may send, and on how slowly.
    pub limits: Limits,
    /// The web pages that may read answers.
    pub cors: Cors,
    /// The level and the form of the log.
    pub log: Log,
    /// The directory for what must outlive the gateway, if there is one.
    pub state_directory: Option<PathBuf>,
    /// The zone in which policies see weekdays and hours.
    pub time_zone: TimeZone,
    /// The users.
    pub users: Vec<User>,
    /// The ways in which callers may say who they are.
    pub authentication: Authentication,
    /// The keys of the users.
    pub api_keys: Vec<ApiKey>,
    /// The passwords of the users.
    pub passwords: Vec<Password>,
    /// The Ollama keys of the users.
    pub ollama_keys: Vec<OllamaKey>,
    /// The client certificates of the users.
    pub certificates: Vec<ClientCertificate>,
    /// The secrets that sign tokens.
    pub token_secrets: Vec<TokenSecret>,
    /// The rules that tokens must keep to.
    pub token_rules: TokenRules,
    /// The issuers of JWTs.
    pub issuers: Vec<Issuer>,
    /// The policies, by distinct names.
    pub policies: Vec<PolicySource>,
    /// The bindings of policies to subjects; names are distinct and policies are known.
    pub bindings: Vec<Binding>,
    /// The quotas, by distinct names.
    pub quotas: Vec<QuotaRule>,
    /// The rules for the account of who used what.
    pub usage: UsageRules,
    /// The audit log, if there is one.
    pub audit: Option<AuditRules>,
    /// The store by which several gateways share quotas, if they do.
    pub store: Option<Store>,
    /// The file of the configuration that is tried out beside this one, if there is one.
    pub shadow: Option<PathBuf>,
    /// The tests that every generation must pass.
    pub tests: Vec<ConfigTest>,
    /// The files of the configuration itself, each with the SHA-256 of its content.
    pub texts: Vec<(PathBuf, [u8; 32])>,
    /// The place of each user in the file.
    pub(super) user_places: HashMap<UserId, Location>,
    /// Keys that expire.
    pub(super) key_ends: Vec<KeyEnd>,
    /// Warnings from reading: what may be meant so, and probably is not.
    pub(super) read_warnings: Vec<ConfigError>,
    pub(super) digest: ConfigDigest,
    pub(super) sources: Sources,
}

/// The SHA-256 of everything that a configuration is made of, file by file. Files that it names, such as
/// modules and secrets, belong to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigDigest(pub(super) [u8; 32]);

impl fmt::Display for ConfigDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Config {
    /// Returns the digest of everything that it is made of; zeros where it was not read from files.
    pub const fn digest(&self) -> ConfigDigest {
        self.digest
    }

    /// Returns the main file.
    pub fn main_file(&self) -> &Path {
        self.sources.main()
    }

    /// An error found later, at a place in the file if it has one.
    pub fn error(&self, at: Option<Location>, message: impl AsRef<str>) -> ConfigError {
        match at {
            Some(at) => self.sources.error(at, message.as_ref()),
            None => ConfigError::new(self.sources.main(), message.as_ref()),
        }
    }
}

/// A key that expires, and where that is written.
#[derive(Clone, Debug)]
pub(super) struct KeyEnd {
    pub(super) at: Location,
    pub(super) user: UserId,
    pub(super) key: CredentialId,
    pub(super) ends: UnixTime,
}

/// An address to listen on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The address.
    pub address: SocketAddr,
    /// Its name, which policies are told.
    pub name: Option<Arc<str>>,
    /// The certificates that are presented there; without them, HTTP is plain.
    pub tls: Option<Tls>,
    /// True if each connection must begin with a header of the PROXY protocol, from a trusted
    /// proxy.
    pub proxy_protocol: bool,
    /// Names by which it is reached besides those that every listener has, in lower case.
    pub hosts: Vec<String>,
    /// The parts of `tls` that end, each at the place that names its file.
    pub(super) endings: Vec<(Location, Ending)>,
}

impl Listener {
    /// Plain HTTP at an address, and nothing more.
    pub const fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            name: None,
            tls: None,
            proxy_protocol: false,
            hosts: Vec::new(),
            endings: Vec::new(),
        }
    }

    /// Returns the transport of a caller who comes here with this proof.
    pub fn transport(&self, proof: Option<ProofKind>) -> Transport {
        match (&self.tls, proof) {
            (None, _) => Transport::Plain,
            (Some(_), Some(ProofKind::Mtls)) => Transport::MutualTls,
            (Some(_), _) => Transport::Tls,
        }
    }
}

/// The ways in which callers may say who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// True if a key may stand in front of the path: `/k/<key>/api/chat`.
    pub key_in_path: bool,
    /// The user that callers without a credential are, if they are anybody.
    pub anonymous: Option<UserId>,
    /// The front ends that may speak for others, if any.
    pub on_behalf: Option<OnBehalf>,
    /// The time for which passwords are believed.
    pub password_rules: PasswordRules,
    /// The rules that make callers wait after failures, if any.
    pub throttle: Option<ThrottleRules>,
    /// True if an answer that is under way is cut when its caller's credential ends.
    pub terminate_streams: bool,
}

/// An issuer of JWTs.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The rules for its tokens, and its keys, unless they are fetched.
    pub rules: JwtIssuer,
    /// The source of its keys, if they are fetched.
    pub fetched: Option<FetchedKeys>,
}

/// Keys that an issuer publishes.
#[derive(Clone, Debug)]
pub struct FetchedKeys {
    /// The URL: of the keys, or of the configuration that the issuer publishes.
    pub endpoint: Arc<Endpoint>,
    /// The issuer whose configuration says where the keys are; nothing where that is known.
    pub discovered_from: Option<String>,
    /// The time after which they are fetched again.
    pub refresh: Duration,
}

/// The address of Ollama, and the time that it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Host and port, to be spoken to by plain HTTP.
    pub authority: Authority,
    /// The longest time that a connection may take to be made.
    pub connect_timeout: Duration,
    /// The longest time that Ollama may take to begin an answer, loading the model included, and
    /// without a stream also producing it.
    pub response_timeout: Duration,
    /// The longest pause in an answer that has begun.
    pub idle_timeout: Duration,
    /// The time after which Ollama is asked again which models it has.
    pub catalogue_refresh: Duration,
    /// The bounds for those who wait for a turn, where somebody may have to.
    pub queue: Option<QueueSettings>,
}

/// Limits on what a caller may send, and on how slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest JSON body, in bytes.
    pub body: u64,
    /// The deepest nesting of a JSON body.
    pub json_depth: usize,
    /// The largest blob upload, in bytes.
    pub blob: u64,
    /// The longest time that a request's head may take.
    pub header_timeout: Duration,
    /// The longest pause of a caller within a body.
    pub body_timeout: Duration,
    /// The longest time that answers may go on after the gateway was told to stop.
    pub drain_timeout: Duration,
    /// The longest time in which a caller may take nothing of an answer.
    pub write_timeout: Duration,
    /// The memory for all bodies in flight, in bytes; a quarter of the machine's, if nothing
    /// is said.
    pub bodies: Option<u64>,
    /// One user's share of it; a quarter, if nothing is said.
    pub bodies_per_user: Option<u64>,
    /// The most connections; as many as descriptors allow, if nothing is said.
    pub connections: Option<u64>,
    /// The most connections from one address; half of all, if nothing is said.
    pub connections_per_address: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            json_depth: 64,
            blob: 64 << 30,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            bodies: None,
            bodies_per_user: None,
            connections: None,
            connections_per_address: None,
        }
    }
}

/// The web pages that may read answers: none, if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Their origins.
    pub origins: Vec<OriginPattern>,
}

/// The level and the form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The level from which on lines are logged.
    pub level: LogLevel,
    /// The form of the lines.
    pub format: LogFormat,
    /// The treatment of requests while standard error takes no lines.
    pub when_stuck: WhenStuck,
}

/// The least gravity of a line that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something may fail.
    Warn,
    /// Something happened that an operator wants to know.
    #[default]
    Info,
    /// Details for whoever looks for a mistake.
    Debug,
    /// Everything.
    Trace,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object for each line.
    Json,
}

/// The treatment of requests while nobody reads the log, or it cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhenStuck {
    /// They are served, and lines that find no room are lost and counted.
    #[default]
    Drop,
    /// They are refused with 503 before anything is forwarded.
    Refuse,
}

/// Something that must hold of every generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigTest {
    /// The request.
    pub asked: TestRequest,
    /// True if it must be allowed, false if it must be denied.
    pub allowed: bool,
    /// The place of the test in the file.
    pub at: Location,
}

/// The request of a test.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TestRequest {
    /// The caller.
    pub caller: SupposedCaller,
    /// The caller's address, and the kind of listener.
    pub client: Client,
    /// The name of the listener, if one is meant that has a name.
    pub listener: Option<Arc<str>>,
    /// The operation.
    pub operation: Operation,
    /// The model, for an operation that names one.
    pub model: Option<ModelName>,
    /// The API.
    pub api: Dialect,
    /// The time; that of loading, if nothing is said.
    pub time: Option<UnixTime>,
    /// The amounts that the caller has used in this hour.
    pub after: Amounts,
}

#[cfg(test)]
mod tests;
