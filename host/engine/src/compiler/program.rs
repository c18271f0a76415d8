//! A policy's code, ready to be given settings.

use std::mem;
use std::time::Duration;

use wasmparser::BinaryReaderError;
use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};

use super::message::ProgramFacts;
use super::prune::{Stage, prune};
use super::snapshot::Instrumented;
use crate::bindings::exports::stockade::policy::policy::{Guest, GuestIndices, Problem};
use crate::embed::contract_section;
use crate::guest_log::GuestLog;
use crate::runtime::Runtime;
use crate::sandbox::{self, Sandbox};
use crate::scan::{self, Kind, Scanned};
use crate::{Failure, LoadError, Metadata, ModuleSource, PolicyLimits};

/// A module that was checked, made a component, compiled with wizer's accessors, and
/// asked what it is.
pub(crate) struct Program {
    component: Vec<u8>,
    instrumented: InstancePre<Sandbox>,
    exports: GuestIndices,
    facts: ProgramFacts,
    memory_bytes: usize,
}

impl Program {
    pub(crate) fn load(
        runtime: &Runtime,
        module: &ModuleSource,
        memory_bytes: usize,
        known: Option<&ProgramFacts>,
    ) -> Result<Self, LoadError> {
        let (component, Scanned { contract, imports, .. }) =
            componentize(module.bytes(), memory_bytes)?;
        let instrumented = Instrumented::new(&component)?.component;
        let stage = if known.is_some() { Stage::Configuring } else { Stage::Making };
        let instrumented = prune(&instrumented, stage).map_err(|error| unreadable(&error))?;
        let instrumented = compile(runtime, &instrumented)?;
        let exports = GuestIndices::new(&instrumented)
            .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
        let facts = known.cloned().unwrap_or_else(|| ProgramFacts {
            metadata: Metadata::default(),
            contract: contract.to_owned(),
            imports,
        });
        let mut program = Self { component, instrumented, exports, facts, memory_bytes };
        if known.is_none() {
            program.facts.metadata = program.describe(runtime)?;
        }
        Ok(program)
    }

    pub(crate) const fn facts(&self) -> &ProgramFacts {
        &self.facts
    }

    fn describe(&self, runtime: &Runtime) -> Result<Metadata, LoadError> {
        let mut run = self.start(runtime, runtime.configure_deadline)?;
        let described = run.guest.call_describe(&mut run.store);
        let metadata =
            described.map_err(|error| LoadError::Describe(run.store.data().failure(&error)))?;
        Metadata::checked(metadata).map_err(LoadError::Describe)
    }

    /// Tests whether the policy accepts these settings within a time, in an instance of its own.
    pub(super) fn try_settings(
        &self,
        runtime: &Runtime,
        settings: &[String],
        deadline: Duration,
    ) -> Result<(), Refusal> {
        self.configured(runtime, deadline, settings, &mut GuestLog::default()).map(drop)
    }

    /// Machine code, for an engine, of the component as it is once `configure` has taken these
    /// settings.
    pub(super) fn code(
        &self,
        runtime: &Runtime,
        engine: &wasmtime::Engine,
        settings: &[String],
        guest_log: &mut GuestLog,
    ) -> Result<Vec<u8>, Refusal> {
        let snapshot = self.frozen(runtime, settings, guest_log)?;
        let snapshot = prune(&snapshot, Stage::Deciding)
            .map_err(|error| Refusal::Other(unreadable(&error)))?;
        let code = engine.precompile_component(&snapshot);
        code.map_err(|error| Refusal::Other(LoadError::Compile(format!("{error:#}"))))
    }

    /// The component as it is once `configure` has taken these settings.
    pub(crate) fn frozen(
        &self,
        runtime: &Runtime,
        settings: &[String],
        guest_log: &mut GuestLog,
    ) -> Result<Vec<u8>, Refusal> {
        let deadline = runtime.configure_deadline;
        let mut run = self.configured(runtime, deadline, settings, guest_log)?;
        let instrumented = Instrumented::new(&self.component).map_err(Refusal::Other)?;
        instrumented
            .snapshot(&mut run.store, run.instance)
            .map_err(|error| Refusal::Failure(run.store.data().failure(&error)))
    }

    fn configured(
        &self,
        runtime: &Runtime,
        deadline: Duration,
        settings: &[String],
        guest_log: &mut GuestLog,
    ) -> Result<Run, Refusal> {
        let mut run = self.start(runtime, deadline).map_err(Refusal::Other)?;
        run.store.data_mut().guest_log = mem::take(guest_log);
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let answer = run.guest.call_configure(&mut run.store, &settings);
        let answer = answer.map_err(|error| Refusal::Failure(run.store.data().failure(&error)));
        *guest_log = mem::take(&mut run.store.data_mut().guest_log);
        match answer? {
            Ok(()) => Ok(run),
            Err(problems) => Err(Refusal::Settings(problems)),
        }
    }

    fn start(&self, runtime: &Runtime, deadline: Duration) -> Result<Run, LoadError> {
        let limits = PolicyLimits { deadline, memory_bytes: self.memory_bytes };
        let mut store = sandbox::store(&runtime.wasmtime, limits);
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

/// The reason why settings did not become a snapshot.
pub(crate) enum Refusal {
    /// The policy says what is wrong with them.
    Settings(Vec<Problem>),
    /// The policy failed on them.
    Failure(Failure),
    /// It is not about the settings.
    Other(LoadError),
}

/// Checks a module, and makes it a component if it is not one yet.
fn componentize(bytes: &[u8], memory_bytes: usize) -> Result<(Vec<u8>, Scanned), LoadError> {
    let scanned = scan::scan(bytes, memory_bytes)?;
    if scanned.kind == Kind::Component {
        return Ok((bytes.to_vec(), scanned));
    }
    if contract_section(bytes).is_none() {
        return Err(LoadError::NoContract);
    }
    let component = wit_component::ComponentEncoder::default()
        .module(bytes)
        .and_then(|encoder| encoder.validate(false).encode())
        .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
    scan::scan(&component, memory_bytes)?;
    Ok((component, scanned))
}

/// wizer has written what cannot be read, which is a fault of ours.
fn unreadable(error: &BinaryReaderError) -> LoadError {
    LoadError::Compile(format!("it cannot be read again: {error}"))
}

/// Machine code for a component, with the host's functions in place.
pub(crate) fn compile(
    runtime: &Runtime,
    component: &[u8],
) -> Result<InstancePre<Sandbox>, LoadError> {
    let refused = |error: wasmtime::Error| crate::code::not_compiled(&error);
    let component = Component::new(&runtime.wasmtime, component).map_err(refused)?;
    runtime.linker.instantiate_pre(&component).map_err(refused)
}
