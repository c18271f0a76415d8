//! A policy together with the settings of a chunk of its bindings, ready to decide.

use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance, InstancePre, TypedFunc};

use crate::bindings::exports::stockade::policy::policy::{
    Answer as WitAnswer, GuestIndices, Request,
};
use crate::contract::newest;
use crate::runtime::Runtime;
use crate::sandbox::{self, Sandbox};
use crate::ticker::TickingEngine;
use crate::{Failure, LoadError, PolicyLimits, code, processor};

type Evaluate<'a> = TypedFunc<(Request<'a>, &'a [u32]), (Vec<WitAnswer>,)>;

/// The same code several times. wasmtime gives an instance the slot that another of the same
/// code has just left, so processors that shared one copy would take each other's slots, and
/// with them memory that lies in the other's cache.
pub(crate) struct Artifact {
    replicas: Box<[Replica]>,
}

/// One copy.
pub(crate) struct Replica {
    instance: InstancePre<Sandbox>,
    /// Of the type [`Evaluate`]: [`Replica::new`] has checked it.
    evaluate: ComponentExportIndex,
}

/// The result of one run, and the log lines that the guest wrote meanwhile.
pub(crate) struct Answer {
    pub(crate) answers: Result<Vec<WitAnswer>, Failure>,
    pub(crate) sandbox: Sandbox,
}

impl Artifact {
    /// Takes the machine code of a snapshot.
    pub(crate) fn new(
        runtime: &Runtime,
        code: &[u8],
        limits: PolicyLimits,
        replicas: usize,
    ) -> Result<Self, LoadError> {
        let replicas = (0..replicas.max(1)).map(|_| Replica::new(runtime, code, limits));
        Ok(Self { replicas: replicas.collect::<Result<_, _>>()? })
    }

    /// The copy for the processor that this thread runs on.
    pub(crate) fn replica(&self) -> &Replica {
        &self.replicas[processor::current() % self.replicas.len()]
    }
}

impl Replica {
    /// Starts it once, so that nothing is left that could go wrong for a reason other than
    /// the request.
    fn new(runtime: &Runtime, code: &[u8], limits: PolicyLimits) -> Result<Self, LoadError> {
        let refused = |error: wasmtime::Error| code::not_compiled(&error);
        let component = code::component(&runtime.wasmtime, code).map_err(refused)?;
        let snapshot = runtime.linker.instantiate_pre(&component).map_err(refused)?;
        let exports = GuestIndices::new(&snapshot)
            .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
        let policy = component.get_export_index(None, policy_interface());
        let evaluate = component
            .get_export_index(policy.as_ref(), "evaluate")
            .ok_or_else(|| LoadError::NotAPolicy("it does not export `evaluate`".to_owned()))?;
        let mut store = sandbox::store(&runtime.wasmtime, limits);
        let started = snapshot.instantiate(&mut store);
        started
            .and_then(|instance| {
                exports.load(&mut store, &instance)?;
                let _: Evaluate<'_> = instance.get_typed_func(&mut store, evaluate)?;
                Ok(())
            })
            .map_err(|error| LoadError::Start(store.data().failure(&error)))?;
        Ok(Self { instance: snapshot, evaluate })
    }

    /// Judges one request, in an instance that nobody used before.
    pub(crate) fn evaluate(
        &self,
        engine: &TickingEngine,
        limits: PolicyLimits,
        request: Request<'_>,
        bindings: &[u32],
    ) -> Answer {
        let mut store = sandbox::store(engine, limits);
        let answers = self
            .instance
            .instantiate(&mut store)
            .and_then(|instance| {
                let evaluate = self.typed(&instance, &mut store)?;
                Ok(evaluate.call(&mut store, (request, bindings))?.0)
            })
            .map_err(|error| store.data().failure(&error));
        Answer { answers, sandbox: store.into_data() }
    }

    /// The function to call, without comparing its type, which takes a microsecond.
    #[expect(unsafe_code, reason = "the type was checked once for all instances")]
    fn typed<'a>(
        &self,
        instance: &Instance,
        store: &mut Store<Sandbox>,
    ) -> wasmtime::Result<Evaluate<'a>> {
        let function = instance
            .get_func(store, self.evaluate)
            .ok_or_else(|| wasmtime::Error::msg("`evaluate` is gone"))?;
        // SAFETY: every instance of one component has the component's types, and `new` has
        // compared this export's type with `Evaluate` in an instance of the same component.
        Ok(unsafe { TypedFunc::new_unchecked(function) })
    }
}

/// The interface that `bindings` was generated for. wasmtime also finds an older minor
/// version under it.
fn policy_interface() -> String {
    format!("stockade:policy/policy@{}", newest())
}
