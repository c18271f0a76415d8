//! The compiler of modules that others have written: in this process, or in one that can be stopped.
//!
//! wasmtime promises that a *running* guest cannot harm the host. It does not promise that
//! compiling one is cheap, so a gateway compiles in a process of its own, bounded in memory
//! and time. Both kinds do the same steps and hand over the same bytes.

mod frame;
mod limits;
mod local;
mod message;
mod process;
mod program;
mod progress;
mod prune;
mod sections;
mod serve;
mod snapshot;

pub(crate) use local::LocalCompiler;
pub(crate) use message::{Compiled, ProgramFacts, ProgramKey};
pub(crate) use process::Remote;
pub(crate) use program::{Program, Refusal, compile};
pub use serve::{ServeError, serve_compiler};

use crate::error::LoadError;
use crate::guest_log;
use crate::module::ModuleSource;

/// The compiler of artifacts, and what it keeps for the next one.
pub(crate) enum CompilerBackend {
    Here(LocalCompiler),
    Process(Remote),
}

impl CompilerBackend {
    /// Makes a module ready to be given settings, if it is not yet. One that was loaded
    /// before is not asked again what it is.
    pub(crate) fn load(
        &mut self,
        module: &ModuleSource,
        memory_bytes: usize,
        known: Option<&ProgramFacts>,
    ) -> Result<ProgramFacts, LoadError> {
        match self {
            Self::Here(local) => local.load(module, memory_bytes, known),
            Self::Process(remote) => remote.load(module, memory_bytes, known),
        }
    }

    /// Machine code, for this engine, of a loaded module once `configure` has taken these
    /// settings.
    pub(crate) fn make(
        &mut self,
        engine: &wasmtime::Engine,
        key: ProgramKey,
        settings: &[String],
    ) -> Compiled {
        let log = guest_log::most_verbose();
        match self {
            Self::Here(local) => local.make(engine, key, settings, log),
            Self::Process(remote) => remote.make(key, settings, log),
        }
    }

    /// Machine code, for this engine, of a core module of ours.
    pub(crate) fn own(
        &mut self,
        engine: &wasmtime::Engine,
        module: &'static [u8],
    ) -> Result<Vec<u8>, LoadError> {
        match self {
            Self::Here(_) => local::own(engine, module),
            Self::Process(remote) => remote.own(module),
        }
    }

    /// Gets ready to make something.
    pub(crate) fn wake(&mut self) {
        match self {
            Self::Here(_) => {}
            Self::Process(remote) => remote.wake(),
        }
    }

    /// Frees everything that only compiling needs.
    pub(crate) fn rest(&mut self) {
        match self {
            Self::Here(local) => local.forget(),
            Self::Process(remote) => remote.rest(),
        }
    }
}
