//! The audit log, as the gateway writes it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade_audit::AuditSettings;
use stockade_net::Endpoint;

/// The rules for the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRules {
    /// The log itself.
    pub log: AuditSettings,
    /// The rule for requests of which no line can be written.
    pub on_failure: OnFailure,
    /// The places to which checkpoints go.
    pub anchors: Anchors,
}

/// The places outside of the log to which checkpoints go, so that nobody can shorten the log unseen.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchors {
    /// The time between two of them.
    pub every: Duration,
    /// True where the gateway's own log is one.
    pub log: bool,
    /// A file to which they are appended.
    pub file: Option<PathBuf>,
    /// A server to which they are posted.
    pub server: Option<Arc<Endpoint>>,
}

/// The rule for requests of which no line can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// They are refused.
    #[default]
    Refuse,
    /// They are served, and the log tells how many they were.
    Continue,
}
