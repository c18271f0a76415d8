//! A policy's code, ready to be given settings.

use std::mem;
use std::time::Duration;

use wasmparser::BinaryReaderError;
use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};

use super::image::compact;
use super::pieces::in_pieces;
use super::prune::{Stage, prune};
use super::snapshot::Instrumented;
use super::step::Facts;
use crate::bindings::exports::stockade::policy::policy::{Guest, GuestIndices, Problem};
use crate::engine::Sandboxes;
use crate::journal::Journal;
use crate::sandbox::{self, Sandbox};
use crate::scan::{self, Kind, Scanned};
use crate::{Failure, LoadError, Metadata, ModuleSource, PolicyLimits};

/// A module that was checked, made a component, compiled with wizer's accessors, and
/// asked what it is.
pub(crate) struct Program {
    component: Vec<u8>,
    instrumented: InstancePre<Sandbox>,
    exports: GuestIndices,
    facts: Facts,
    memory_bytes: usize,
}

impl Program {
    pub(crate) fn load(
        sandboxes: &Sandboxes,
        module: &ModuleSource,
        memory_bytes: usize,
        known: Option<&Facts>,
    ) -> Result<Self, LoadError> {
        let (component, Scanned { contract, imports, .. }) =
            componentize(module.bytes(), memory_bytes)?;
        let instrumented = Instrumented::new(&component)?.component;
        let stage = if known.is_some() { Stage::Configuring } else { Stage::Making };
        let instrumented = prune(&instrumented, stage).map_err(|error| unreadable(&error))?;
        let instrumented = compile(sandboxes, &instrumented)?;
        let exports = GuestIndices::new(&instrumented)
            .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
        let facts = known.cloned().unwrap_or_else(|| Facts {
            metadata: Metadata::default(),
            contract: contract.to_owned(),
            imports,
        });
        let mut program = Self { component, instrumented, exports, facts, memory_bytes };
        if known.is_none() {
            program.facts.metadata = program.describe(sandboxes)?;
        }
        Ok(program)
    }

    pub(crate) const fn facts(&self) -> &Facts {
        &self.facts
    }

    fn describe(&self, sandboxes: &Sandboxes) -> Result<Metadata, LoadError> {
        let mut run = self.start(sandboxes, sandboxes.configure_deadline)?;
        let described = run.guest.call_describe(&mut run.store);
        let metadata =
            described.map_err(|error| LoadError::Describe(run.store.data().failure(&error)))?;
        Metadata::checked(metadata).map_err(LoadError::Describe)
    }

    /// Whether the policy accepts these settings within a time, in an instance of its own.
    pub(super) fn try_settings(
        &self,
        sandboxes: &Sandboxes,
        settings: &[String],
        deadline: Duration,
    ) -> Result<(), Refusal> {
        self.configured(sandboxes, deadline, settings, &mut Journal::default()).map(drop)
    }

    /// Machine code, for an engine, of the component as it is once `configure` has taken these
    /// settings.
    pub(super) fn code(
        &self,
        sandboxes: &Sandboxes,
        engine: &wasmtime::Engine,
        settings: &[String],
        journal: &mut Journal,
    ) -> Result<Vec<u8>, Refusal> {
        let snapshot = self.frozen(sandboxes, settings, journal)?;
        let snapshot = prune(&snapshot, Stage::Deciding)
            .and_then(|pruned| compact(&pruned))
            .map_err(|error| Refusal::Other(unreadable(&error)))?;
        let code = engine.precompile_component(&snapshot);
        code.map_err(|error| Refusal::Other(LoadError::Compile(format!("{error:#}"))))
    }

    /// The component as it is once `configure` has taken these settings.
    pub(crate) fn frozen(
        &self,
        sandboxes: &Sandboxes,
        settings: &[String],
        journal: &mut Journal,
    ) -> Result<Vec<u8>, Refusal> {
        let deadline = sandboxes.configure_deadline;
        let mut run = self.configured(sandboxes, deadline, settings, journal)?;
        let instrumented = Instrumented::new(&self.component).map_err(Refusal::Other)?;
        instrumented
            .snapshot(&mut run.store, run.instance)
            .map_err(|error| Refusal::Failure(run.store.data().failure(&error)))
    }

    fn configured(
        &self,
        sandboxes: &Sandboxes,
        deadline: Duration,
        settings: &[String],
        journal: &mut Journal,
    ) -> Result<Run, Refusal> {
        let mut run = self.start(sandboxes, deadline).map_err(Refusal::Other)?;
        run.store.data_mut().journal = mem::take(journal);
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let answer = run.guest.call_configure(&mut run.store, &settings);
        let answer = answer.map_err(|error| Refusal::Failure(run.store.data().failure(&error)));
        *journal = mem::take(&mut run.store.data_mut().journal);
        match answer? {
            Ok(()) => Ok(run),
            Err(problems) => Err(Refusal::Settings(problems)),
        }
    }

    fn start(&self, sandboxes: &Sandboxes, deadline: Duration) -> Result<Run, LoadError> {
        let limits = PolicyLimits { deadline, memory_bytes: self.memory_bytes };
        let mut store = sandbox::store(&sandboxes.wasmtime, limits);
        let started = self.instrumented.instantiate(&mut store);
        let guest = started.and_then(|instance| {
            let guest = self.exports.load(&mut store, &instance)?;
            Ok((instance, guest))
        });
        match guest {
            Ok((instance, guest)) => Ok(Run { store, instance, guest }),
            Err(error) => Err(LoadError::Start(store.data().failure(&error))),
        }
    }
}

/// An instance that is being prepared.
struct Run {
    store: Store<Sandbox>,
    instance: Instance,
    guest: Guest,
}

/// Why settings did not become a snapshot.
pub(crate) enum Refusal {
    /// The policy says what is wrong with them.
    Settings(Vec<Problem>),
    /// The policy failed on them.
    Failure(Failure),
    /// It is not about the settings.
    Other(LoadError),
}

/// Check a module, and make it a component if it is not one yet.
fn componentize(bytes: &[u8], memory_bytes: usize) -> Result<(Vec<u8>, Scanned), LoadError> {
    let scanned = scan::scan(bytes, memory_bytes)?;
    if scanned.kind == Kind::Component {
        return Ok((bytes.to_vec(), scanned));
    }
    let changed = in_pieces(bytes)?;
    let component = wit_component::ComponentEncoder::default()
        .module(changed.as_deref().unwrap_or(bytes))
        .and_then(|encoder| encoder.validate(false).encode())
        .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
    scan::scan_made(&component, memory_bytes)?;
    Ok((component, scanned))
}

/// wizer has written what cannot be read, which is a fault of ours.
fn unreadable(error: &BinaryReaderError) -> LoadError {
    LoadError::Compile(format!("it cannot be read again: {error}"))
}

/// Machine code for a component, with the host's functions in place.
pub(crate) fn compile(
    sandboxes: &Sandboxes,
    component: &[u8],
) -> Result<InstancePre<Sandbox>, LoadError> {
    let refused = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
    let component = Component::new(&sandboxes.wasmtime, component).map_err(refused)?;
    sandboxes.linker.instantiate_pre(&component).map_err(refused)
}
