//! The state of the shadow generation, as it is told to the operator.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::replay::Report;

/// The candidate, if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowStatus {
    /// The one that judges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<CandidateStatus>,
    /// One that is to judge and does not load, with everything that is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<(PathBuf, Vec<String>)>,
}

/// A candidate that judges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateStatus {
    /// Its file.
    pub config: PathBuf,
    /// The SHA-256 of all its files.
    pub digest: String,
    /// The number of the generation in force.
    pub generation: u64,
    /// The SHA-256 of all files of that.
    pub generation_digest: String,
    /// The time since which the report counts, in seconds since 1970: when one of both became what it
    /// is.
    pub since: u64,
    /// Requests that were not judged because the candidate was behind.
    pub dropped: u64,
    /// Requests at which judging itself failed.
    pub failed: u64,
    /// Everything that is wrong with its files as they are now, where they do not load: what loaded
    /// before judges on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Vec<String>>,
    /// The changes.
    pub report: Report,
}
