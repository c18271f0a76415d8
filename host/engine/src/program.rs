//! A policy's code, ready to be given settings.

use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};

use crate::bindings::exports::stockade::policy::policy::{Guest, GuestIndices, Problem};
use crate::engine::Sandboxes;
use crate::scan::{self, Kind, Scanned};
use crate::snapshot::Instrumented;
use crate::{Failure, LoadError, Metadata, ModuleSource, PolicyLimits, sandbox};

/// A module that was checked, made a component, compiled with wizer's accessors, and
/// asked what it is.
pub(crate) struct Program {
    component: Vec<u8>,
    instrumented: InstancePre<sandbox::Sandbox>,
    exports: GuestIndices,
    metadata: Metadata,
    contract: &'static str,
    imports: Vec<String>,
    limits: PolicyLimits,
}

impl Program {
    pub(crate) fn load(
        sandboxes: &Sandboxes,
        module: &ModuleSource,
        limits: PolicyLimits,
    ) -> Result<Self, LoadError> {
        let (component, Scanned { contract, imports, .. }) =
            componentize(module.bytes(), limits.memory_bytes)?;
        let instrumented = Instrumented::new(&component)?.component;
        let instrumented = compile(sandboxes, &instrumented)?;
        let exports = GuestIndices::new(&instrumented)
            .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
        let metadata = Metadata::default();
        let mut program =
            Self { component, instrumented, exports, metadata, contract, imports, limits };
        program.metadata = program.describe(sandboxes)?;
        Ok(program)
    }

    pub(crate) const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(crate) const fn contract(&self) -> &'static str {
        self.contract
    }

    pub(crate) fn imports(&self) -> &[String] {
        &self.imports
    }

    fn describe(&self, sandboxes: &Sandboxes) -> Result<Metadata, LoadError> {
        let mut run = self.start(sandboxes)?;
        let described = run.guest.call_describe(&mut run.store);
        let metadata =
            described.map_err(|error| LoadError::Describe(run.store.data().failure(&error)))?;
        Metadata::checked(metadata).map_err(LoadError::Describe)
    }

    /// Whether the policy accepts these settings, in an instance of its own.
    pub(crate) fn try_settings(
        &self,
        sandboxes: &Sandboxes,
        settings: &[String],
    ) -> Result<(), Refusal> {
        self.configured(sandboxes, settings).map(drop)
    }

    /// What snapshots are made with.
    pub(crate) fn instrumented(&self) -> Result<Instrumented<'_>, LoadError> {
        Instrumented::new(&self.component)
    }

    /// The component as it is once `configure` has taken these settings.
    pub(crate) fn snapshot(
        &self,
        sandboxes: &Sandboxes,
        instrumented: &Instrumented<'_>,
        settings: &[String],
    ) -> Result<InstancePre<sandbox::Sandbox>, Refusal> {
        let snapshot = self.frozen(sandboxes, instrumented, settings)?;
        compile(sandboxes, &snapshot).map_err(Refusal::Other)
    }

    /// [`snapshot`](Self::snapshot), not compiled.
    pub(crate) fn frozen(
        &self,
        sandboxes: &Sandboxes,
        instrumented: &Instrumented<'_>,
        settings: &[String],
    ) -> Result<Vec<u8>, Refusal> {
        let mut run = self.configured(sandboxes, settings)?;
        instrumented
            .snapshot(&mut run.store, run.instance)
            .map_err(|error| Refusal::Failure(run.store.data().failure(&error)))
    }

    fn configured(&self, sandboxes: &Sandboxes, settings: &[String]) -> Result<Run, Refusal> {
        let mut run = self.start(sandboxes).map_err(Refusal::Other)?;
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let answer = run.guest.call_configure(&mut run.store, &settings);
        run.store.data().journal.flush(&self.metadata.name);
        match answer {
            Ok(Ok(())) => Ok(run),
            Ok(Err(problems)) => Err(Refusal::Settings(problems)),
            Err(error) => Err(Refusal::Failure(run.store.data().failure(&error))),
        }
    }

    fn start(&self, sandboxes: &Sandboxes) -> Result<Run, LoadError> {
        let limits = PolicyLimits { deadline: sandboxes.configure_deadline, ..self.limits };
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
    store: Store<sandbox::Sandbox>,
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
    let component = wit_component::ComponentEncoder::default()
        .module(bytes)
        .and_then(|encoder| encoder.validate(false).encode())
        .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
    scan::scan(&component, memory_bytes)?;
    Ok((component, scanned))
}

/// Machine code for a component, with the host's functions in place.
pub(crate) fn compile(
    sandboxes: &Sandboxes,
    component: &[u8],
) -> Result<InstancePre<sandbox::Sandbox>, LoadError> {
    let refused = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
    let component = Component::new(&sandboxes.wasmtime, component).map_err(refused)?;
    sandboxes.linker.instantiate_pre(&component).map_err(refused)
}
