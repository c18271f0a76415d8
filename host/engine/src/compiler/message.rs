//! The steps of compiling a policy, as a gateway asks for them and a compiler answers.

use serde::{Deserialize, Serialize};
use tracing::Level;

use crate::config::Bounds;
use crate::guest_log::{GuestLog, level};
use crate::{Digest, EngineConfig, LoadError, Metadata};

/// The identity of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ProgramKey {
    pub(crate) module: Digest,
    pub(crate) memory_bytes: usize,
}

/// The facts known of a program that was loaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProgramFacts {
    pub(crate) metadata: Metadata,
    pub(crate) contract: String,
    pub(crate) imports: Vec<String>,
}

/// The settings that a compiler needs before its first step, so that its code fits the engine
/// that runs it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) config: EngineConfig,
    pub(super) bounds: Bounds,
    pub(super) limits: super::limits::Limits,
}

/// One thing to do. A step that has bytes brings them as blobs of its frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum CompileRequest {
    /// The blob is a module. What is known of it need not be asked again.
    Load { memory_bytes: usize, known: Option<ProgramFacts> },
    /// Configures the program that was made of this module. What it writes is kept up to a
    /// level.
    Make {
        program: ProgramKey,
        settings: Vec<String>,
        #[serde(with = "level")]
        log: Level,
    },
    /// The blob is a core module, and no policy.
    Own,
}

/// The result of one step. Machine code comes as the blob of its frame.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum CompileResponse {
    Loaded(Result<ProgramFacts, LoadError>),
    Compiled(Result<(), LoadError>, GuestLog),
}

/// The result of configuring a program.
pub(crate) struct Compiled {
    /// Machine code.
    pub(crate) code: Result<Vec<u8>, LoadError>,
    /// The log lines that the guest wrote meanwhile.
    pub(crate) guest_log: GuestLog,
}
