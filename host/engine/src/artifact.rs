//! A policy together with the settings of a chunk of its bindings, ready to decide.

use wasmtime::Engine;
use wasmtime::component::{ComponentExportIndex, InstancePre, TypedFunc};

use crate::bindings::exports::stockade::policy::policy::{GuestIndices, Request, Verdict};
use crate::sandbox::{self, Sandbox};
use crate::{Failure, LoadError, PolicyLimits};

type Evaluate<'a> = TypedFunc<(Request<'a>, &'a [u32]), (Vec<Verdict>,)>;

pub(crate) struct Artifact {
    instance: InstancePre<Sandbox>,
    evaluate: ComponentExportIndex,
}

/// What came of one run, and what the guest wrote while it ran.
pub(crate) struct Answer {
    pub(crate) verdicts: Result<Vec<Verdict>, Failure>,
    pub(crate) sandbox: Sandbox,
}

impl Artifact {
    /// Take a snapshot and start it once, so that nothing is left that could go wrong
    /// for a reason other than the request.
    pub(crate) fn new(
        engine: &Engine,
        snapshot: InstancePre<Sandbox>,
        limits: PolicyLimits,
    ) -> Result<Self, LoadError> {
        let exports = GuestIndices::new(&snapshot)
            .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
        let mut store = sandbox::store(engine, limits);
        let started = snapshot.instantiate(&mut store);
        started
            .and_then(|instance| exports.load(&mut store, &instance))
            .map_err(|error| LoadError::Start(store.data().failure(&error)))?;
        let policy = snapshot.component().get_export_index(None, POLICY);
        let evaluate = snapshot
            .component()
            .get_export_index(policy.as_ref(), "evaluate")
            .ok_or_else(|| LoadError::NotAPolicy("it does not export `evaluate`".to_owned()))?;
        Ok(Self { instance: snapshot, evaluate })
    }

    /// Judge one request, in an instance that nobody used before.
    pub(crate) fn evaluate(
        &self,
        engine: &Engine,
        limits: PolicyLimits,
        request: Request<'_>,
        bindings: &[u32],
    ) -> Answer {
        let mut store = sandbox::store(engine, limits);
        let verdicts = self
            .instance
            .instantiate(&mut store)
            .and_then(|instance| {
                let evaluate: Evaluate<'_> = instance.get_typed_func(&mut store, self.evaluate)?;
                Ok(evaluate.call(&mut store, (request, bindings))?.0)
            })
            .map_err(|error| store.data().failure(&error));
        Answer { verdicts, sandbox: store.into_data() }
    }
}

const POLICY: &str = "stockade:policy/policy@1.0.0";
