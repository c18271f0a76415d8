//! How many instructions a decision takes, for people who write policies.
//!
//! Counting slows a guest down, so it has a wasmtime of its own: the one that serves is
//! compiled without it.

use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::bindings::exports::stockade::policy::policy::{GuestIndices, Request};
use crate::config::{Bounds, wasmtime_config};
use crate::engine::Sandboxes;
use crate::input::Lists;
use crate::program::{Refusal, compile};
use crate::sandbox::{self, Sandbox};
use crate::ticker::Clocked;
use crate::{EngineConfig, EngineError, Failure, LoadError, PolicyLimits, PreparedPolicy};

/// Far more than any decision takes, and how much there was is not told to guests.
const FUEL: u64 = u64::MAX;
/// Code that counts is slower; what ends in time must not be cut short here.
const SLOWER: u32 = 10;

/// Counts instructions.
pub struct Meter {
    sandboxes: Sandboxes,
}

impl Meter {
    /// Set up a wasmtime that counts.
    ///
    /// # Errors
    /// Where the machine cannot give what it needs.
    pub fn new() -> Result<Self, EngineError> {
        let config = EngineConfig { slots: 1, ..EngineConfig::default() };
        let mut counting = wasmtime_config(&config, Bounds::Checked);
        counting.consume_fuel(true);
        let wasmtime = wasmtime::Engine::new(&counting)
            .map_err(|error| EngineError::Setup(format!("{error:#}")))?;
        Ok(Self { sandboxes: Sandboxes::new(wasmtime, config.configure_deadline)? })
    }

    /// A policy whose instructions can be counted, with the one settings (JSON) that it was
    /// prepared with.
    ///
    /// # Errors
    /// Where those are not the settings that it has accepted, or the policy takes more of
    /// the machine than one that does not count.
    pub fn metered(&self, policy: &PreparedPolicy, settings: &str) -> Result<Metered, LoadError> {
        let (sandboxes, program, limits) = policy.origin();
        let frozen = program.frozen(sandboxes, &program.instrumented()?, &[settings.to_owned()]);
        let instance = compile(&self.sandboxes, &frozen.map_err(unexpected)?)?;
        let exports = GuestIndices::new(&instance)
            .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
        let limits = PolicyLimits { deadline: limits.deadline.saturating_mul(SLOWER), ..limits };
        let wasmtime = self.sandboxes.wasmtime.clone();
        Ok(Metered {
            wasmtime,
            instance,
            exports,
            limits,
            wants_body: policy.metadata().wants_body,
        })
    }
}

fn unexpected(refusal: Refusal) -> LoadError {
    let failure = match refusal {
        Refusal::Other(error) => return error,
        Refusal::Failure(failure) => failure,
        Refusal::Settings(_) => {
            Failure::Nonsense("it refuses settings that it has accepted before".to_owned())
        }
    };
    LoadError::Configure { binding: Some(0), failure }
}

/// A policy with the settings of one binding, whose instructions are counted.
pub struct Metered {
    wasmtime: Clocked,
    instance: InstancePre<Sandbox>,
    exports: GuestIndices,
    limits: PolicyLimits,
    wants_body: bool,
}

impl Metered {
    /// How many WebAssembly instructions it takes to judge a request in a fresh instance:
    /// the same on every machine. What the host does is not counted.
    ///
    /// # Errors
    /// Where the decision fails, which it may do at any point.
    pub fn instructions(&self, input: &stockade_core::PolicyInput<'_>) -> Result<u64, Failure> {
        let lists = Lists::of(input);
        let request = lists.request(input, input.body.filter(|_| self.wants_body))?;
        let mut store = sandbox::store(&self.wasmtime, self.limits);
        let counted = self.count(&mut store, request);
        counted.map_err(|error| store.data().failure(&error))
    }

    fn count(&self, store: &mut Store<Sandbox>, request: Request<'_>) -> wasmtime::Result<u64> {
        store.set_fuel(FUEL)?;
        let instance = self.instance.instantiate(&mut *store)?;
        let guest = self.exports.load(&mut *store, &instance)?;
        guest.call_evaluate(&mut *store, request, &[0])?;
        Ok(FUEL - store.get_fuel()?)
    }
}
