//! The acts of operators, as lines of the audit log.

use serde::Serialize;
use stockade_audit::{AuditLog, Kind};
use stockade_config::ConfigErrors;
use stockade_control::generation::Generation;
use stockade_control::reload::Status;
use stockade_core::mask_keys;

/// Errors of one rejected configuration that are recorded.
const MOST_ERRORS: usize = 20;

/// A configuration that took effect.
#[derive(Serialize)]
struct InForce {
    /// The version of Stockade.
    version: &'static str,
    generation: u64,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    path: String,
    sha256: String,
}

/// A configuration that was rejected.
#[derive(Serialize)]
struct Rejected {
    /// The generation that stays in force.
    generation: u64,
    errors: Vec<Error>,
    #[serde(skip_serializing_if = "is_zero")]
    more_errors: usize,
}

#[derive(Serialize)]
struct Error {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl InForce {
    fn of(generation: &Generation) -> Self {
        let file = |(path, digest): &(std::path::PathBuf, [u8; 32])| File {
            path: path.display().to_string(),
            sha256: hex::encode(digest),
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            generation: generation.number,
            files: generation.config.texts.iter().map(file).collect(),
        }
    }
}

impl Rejected {
    fn new(generation: u64, errors: &ConfigErrors) -> Self {
        let all = errors.iter().count();
        let error = |error: &stockade_config::ConfigError| Error {
            file: error.file().display().to_string(),
            line: error.location().map(|at| at.line().into()),
            message: mask_keys(error.message()).into_owned(),
        };
        Self {
            generation,
            errors: errors.iter().take(MOST_ERRORS).map(error).collect(),
            more_errors: all.saturating_sub(MOST_ERRORS),
        }
    }
}

/// Records the configuration with which the gateway starts.
pub(super) fn started(log: &AuditLog, generation: &Generation) {
    append(log, Kind::Start, &InForce::of(generation));
}

/// Records the result of a change of the configuration.
pub(super) fn reloaded(log: &AuditLog, generation: &Generation, status: &Status) {
    match &status.rejected {
        None => append(log, Kind::Reload, &InForce::of(generation)),
        Some(errors) => {
            append(log, Kind::ReloadRejected, &Rejected::new(status.generation, errors));
        }
    }
}

/// Writes the line of an act.
pub(super) fn append(log: &AuditLog, kind: Kind, act: &impl Serialize) {
    // It has no maps with keys that are no text, and nothing else can fail.
    log.append(kind, &serde_json::to_vec(act).unwrap_or_default());
}
