//! The file as it is written: texts and options, no meaning yet.
//!
//! Every field is a [`Slot`], so `default` means "absent" and nothing else; whether
//! something may be absent is for [`validate`](mod@super::validate) to say.

use serde::Deserialize;

use super::settings::Setting;
use super::slot::{Entries, Slot};
use super::types::{LogFormat, LogLevel};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) include: Slot<RawInclude>,
    pub(super) listen: Slot<RawListeners>,
    pub(super) upstream: Slot<RawUpstream>,
    pub(super) allow_plain_http: Slot<bool>,
    pub(super) time_zone: Slot<String>,
    pub(super) limits: Slot<RawLimits>,
    pub(super) cors: Slot<RawCors>,
    pub(super) log: Slot<RawLog>,
    pub(super) authentication: Slot<RawAuthentication>,
    pub(super) tokens: Slot<RawTokens>,
    pub(super) groups: Slot<Vec<Slot<String>>>,
    pub(super) users: Slot<Entries<RawUser>>,
    pub(super) policies: Slot<Entries<RawPolicy>>,
    pub(super) bindings: Slot<Vec<Slot<RawBinding>>>,
    pub(super) tests: Slot<Vec<Slot<RawTest>>>,
    /// Some part could not be read, so a name that nobody defines may not be wrong.
    #[serde(skip)]
    pub(super) incomplete: bool,
}

/// What an included file may say: nothing that concerns the whole gateway.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawFragment {
    pub(super) include: Slot<RawInclude>,
    pub(super) groups: Slot<Vec<Slot<String>>>,
    pub(super) users: Slot<Entries<RawUser>>,
    pub(super) policies: Slot<Entries<RawPolicy>>,
    pub(super) bindings: Slot<Vec<Slot<RawBinding>>>,
    pub(super) tests: Slot<Vec<Slot<RawTest>>>,
}

/// One pattern for files or a list of them.
#[derive(Debug, Deserialize)]
#[serde(rename = "$by-shape")]
pub(super) enum RawInclude {
    #[serde(rename = "scalar")]
    One(Slot<String>),
    #[serde(rename = "sequence")]
    Many(Vec<Slot<String>>),
}

/// One listener or a list of them.
#[derive(Debug, Deserialize)]
#[serde(rename = "$by-shape")]
pub(super) enum RawListeners {
    #[serde(rename = "scalar")]
    One(Slot<String>),
    #[serde(rename = "mapping")]
    With(Box<Slot<RawListener>>),
    #[serde(rename = "sequence")]
    Many(Vec<Slot<RawListen>>),
}

/// An address, alone or with certificates.
#[derive(Debug, Deserialize)]
#[serde(rename = "$by-shape")]
pub(super) enum RawListen {
    #[serde(rename = "scalar")]
    Address(Slot<String>),
    #[serde(rename = "mapping")]
    With(Box<Slot<RawListener>>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawListener {
    pub(super) address: Slot<String>,
    pub(super) tls: Slot<RawTls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) certificate: Slot<String>,
    pub(super) key: Slot<String>,
    pub(super) client_ca: Slot<String>,
    pub(super) client_auth: Slot<ClientAuth>,
    pub(super) crl: Slot<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ClientAuth {
    Required,
    Optional,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawUpstream {
    pub(super) url: Slot<String>,
    pub(super) connect_timeout: Slot<String>,
    pub(super) response_timeout: Slot<String>,
    pub(super) idle_timeout: Slot<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) body: Slot<String>,
    pub(super) json_depth: Slot<u64>,
    pub(super) blob: Slot<String>,
    pub(super) header_timeout: Slot<String>,
    pub(super) body_timeout: Slot<String>,
    pub(super) drain_timeout: Slot<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawCors {
    pub(super) origins: Slot<Vec<Slot<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) level: Slot<LogLevel>,
    pub(super) format: Slot<LogFormat>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawAuthentication {
    pub(super) key_in_path: Slot<bool>,
    pub(super) anonymous: Slot<String>,
    pub(super) remember_passwords: Slot<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawTokens {
    pub(super) secrets: Slot<Vec<Slot<RawTokenSecret>>>,
    pub(super) max_ttl: Slot<String>,
    pub(super) leeway: Slot<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawTokenSecret {
    pub(super) id: Slot<String>,
    pub(super) file: Slot<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawUser {
    pub(super) groups: Slot<Vec<Slot<String>>>,
    pub(super) keys: Slot<Vec<Slot<RawKey>>>,
    pub(super) password_hash: Slot<String>,
    pub(super) certificates: Slot<Vec<Slot<RawCertificate>>>,
    pub(super) ollama_keys: Slot<Vec<Slot<RawOllamaKey>>>,
    pub(super) attributes: Slot<Entries<String>>,
    pub(super) disabled: Slot<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawKey {
    pub(super) id: Slot<String>,
    pub(super) sha256: Slot<String>,
    pub(super) expires: Slot<String>,
    pub(super) labels: Slot<Entries<String>>,
    pub(super) operations: Slot<Vec<Slot<String>>>,
    pub(super) models: Slot<Vec<Slot<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawOllamaKey {
    pub(super) id: Slot<String>,
    pub(super) public_key: Slot<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawCertificate {
    pub(super) id: Slot<String>,
    pub(super) dns: Slot<String>,
    pub(super) uri: Slot<String>,
    pub(super) email: Slot<String>,
    pub(super) sha256: Slot<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawPolicy {
    pub(super) module: Slot<String>,
    pub(super) digest: Slot<String>,
    pub(super) deadline: Slot<String>,
    pub(super) memory: Slot<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawBinding {
    pub(super) name: Slot<String>,
    pub(super) description: Slot<String>,
    pub(super) subjects: Slot<RawSubjects>,
    pub(super) policy: Slot<String>,
    pub(super) settings: Slot<Setting>,
    pub(super) mode: Slot<Mode>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Enforce,
    Shadow,
}

/// `everyone`, or a mapping.
#[derive(Debug, Deserialize)]
#[serde(rename = "$by-shape")]
pub(super) enum RawSubjects {
    #[serde(rename = "scalar")]
    Word(Slot<String>),
    #[serde(rename = "mapping")]
    Chosen(Box<Slot<RawChosen>>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawChosen {
    pub(super) everyone: Slot<bool>,
    pub(super) users: Slot<Vec<Slot<String>>>,
    pub(super) groups: Slot<Vec<Slot<String>>>,
    pub(super) except: Slot<RawExcept>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawExcept {
    pub(super) users: Slot<Vec<Slot<String>>>,
    pub(super) groups: Slot<Vec<Slot<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawTest {
    pub(super) user: Slot<String>,
    pub(super) operation: Slot<String>,
    pub(super) model: Slot<String>,
    pub(super) expect: Slot<Expectation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Expectation {
    Allow,
    Deny,
}
