//! The number of instructions that a decision takes, for people who write policies.
//!
//! Counting slows a guest down, so it has a wasmtime of its own: the one that serves is
//! compiled without it.

use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::bindings::exports::stockade::policy::policy::{GuestIndices, Request};
use crate::compiler::{Program, Refusal, compile};
use crate::config::{Bounds, wasmtime_config};
use crate::guest_log::GuestLog;
use crate::input::Lists;
use crate::runtime::Runtime;
use crate::sandbox::{self, Sandbox};
use crate::ticker::TickingEngine;
use crate::{EngineConfig, EngineError, Failure, Inputs, LoadError, ModuleSource, PolicyLimits};

/// Far more than any decision takes, and how much there was is not told to guests.
const FUEL: u64 = u64::MAX;
/// Code that counts is slower; what ends in time must not be cut short here.
const SLOWER: u32 = 10;

/// Counts the instructions of one policy.
pub struct Meter {
    compiling: Runtime,
    counting: Runtime,
    program: Program,
    limits: PolicyLimits,
}

impl Meter {
    /// Sets up a wasmtime that counts.
    ///
    /// # Errors
    /// Where the machine cannot give what it needs, or the policy does not load.
    pub fn new(module: &ModuleSource, limits: PolicyLimits) -> Result<Self, MeterError> {
        let config = EngineConfig::default().of_one_slot();
        let mut counting = wasmtime_config(&config, Bounds::Checked);
        counting.consume_fuel(true);
        let wasmtime =
            wasmtime::Engine::new(&counting).map_err(|error| EngineError::setup(&error))?;
        let counting = Runtime::new(wasmtime, &config)?;
        let compiling = Runtime::compiling(&config, Bounds::Checked)?;
        let program = Program::load(&compiling, module, limits.memory_bytes, None)?;
        Ok(Self { compiling, counting, program, limits })
    }

    /// The policy with some settings (JSON) that it accepts.
    ///
    /// # Errors
    /// Where it does not accept them, or takes more of the machine than one that does not
    /// count.
    pub fn metered(&self, settings: &str) -> Result<Metered, LoadError> {
        let settings = [settings.to_owned()];
        let frozen = self.program.frozen(&self.compiling, &settings, &mut GuestLog::default());
        let instance = compile(&self.counting, &frozen.map_err(unexpected)?)?;
        let exports = GuestIndices::new(&instance)
            .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
        let deadline = self.limits.deadline.saturating_mul(SLOWER);
        Ok(Metered {
            wasmtime: self.counting.wasmtime.clone(),
            instance,
            exports,
            limits: PolicyLimits { deadline, ..self.limits },
            inputs: self.program.facts().metadata.inputs,
        })
    }
}

/// The reason why nothing can be counted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeterError {
    /// This machine cannot count.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The policy cannot be used.
    #[error("the policy does not load: {0}")]
    Load(#[from] LoadError),
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
    wasmtime: TickingEngine,
    instance: InstancePre<Sandbox>,
    exports: GuestIndices,
    limits: PolicyLimits,
    inputs: Inputs,
}

impl Metered {
    /// Counts the WebAssembly instructions that it takes to judge a request in a fresh instance:
    /// the same on every machine. What the host does is not counted.
    ///
    /// # Errors
    /// Where the decision fails, which it may do at any point.
    pub fn instructions(&self, input: &stockade_core::PolicyInput<'_>) -> Result<u64, Failure> {
        let lists = Lists::of(input, self.inputs);
        let request = lists.request(input)?;
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
