//! wasmtime, set up: the engines that run guests and those that compile them.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use tokio::sync::Semaphore;
use wasmtime::OptLevel;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::StockadePolicy;
use crate::compile_cache::CompileCache;
use crate::compiler_process::Compiler;
use crate::config::{Bounds, EngineConfig, wasmtime_config};
use crate::error::EngineError;
use crate::sandbox::Sandbox;
use crate::ticker::TickingEngine;

/// A runtime with a bounded number of slots for decisions.
pub(crate) struct SlotPool {
    pub(crate) runtime: Runtime,
    /// One for each slot: whoever holds one finds a slot free.
    pub(crate) permits: CachePadded<Semaphore>,
    /// The most text that one request may hand to a policy.
    pub(crate) max_input_bytes: usize,
}

impl SlotPool {
    /// Makes the slots of a configuration.
    pub(crate) fn new(
        wasmtime: wasmtime::Engine,
        config: &EngineConfig,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            runtime: Runtime::new(wasmtime, config)?,
            permits: CachePadded::new(Semaphore::new(config.slots as usize)),
            max_input_bytes: config.max_input_bytes,
        })
    }
}

/// The parts that are needed to start a guest.
pub(crate) struct Runtime {
    pub(crate) wasmtime: TickingEngine,
    pub(crate) linker: Linker<Sandbox>,
    pub(crate) configure_deadline: Duration,
    /// Copies of an artifact.
    pub(crate) replicas: usize,
}

impl Runtime {
    /// Those in which policies describe themselves and read their settings, once: what they
    /// run is compiled quickly and not to be quick.
    pub(crate) fn compiling(config: &EngineConfig, bounds: Bounds) -> Result<Self, EngineError> {
        let config = config.of_one_slot();
        let mut wasmtime = wasmtime_config(&config, bounds);
        wasmtime.cranelift_opt_level(OptLevel::None);
        let wasmtime =
            wasmtime::Engine::new(&wasmtime).map_err(|error| EngineError::setup(&error))?;
        Self::new(wasmtime, &config)
    }

    /// Gives a wasmtime its clock and the functions that guests may call.
    pub(crate) fn new(
        wasmtime: wasmtime::Engine,
        config: &EngineConfig,
    ) -> Result<Self, EngineError> {
        let mut linker = Linker::new(&wasmtime);
        StockadePolicy::add_to_linker::<_, HasSelf<_>>(&mut linker, |sandbox| sandbox)
            .map_err(|error| EngineError::setup(&error))?;
        let wasmtime = TickingEngine::start(wasmtime).map_err(EngineError::Ticker)?;
        let configure_deadline = config.configure_deadline;
        Ok(Self { wasmtime, linker, configure_deadline, replicas: config.replicas as usize })
    }
}

/// A wasmtime engine whose slots are reserved; where there is too little address
/// space for guard regions, one whose code checks each access instead.
pub(crate) fn reserve(config: &EngineConfig) -> Result<(wasmtime::Engine, Bounds), EngineError> {
    let engine = |bounds| {
        let mut wasmtime = wasmtime_config(config, bounds);
        let engine = match config.compiler {
            Compiler::Here => remembering(&mut wasmtime, config),
            Compiler::Process(_) => wasmtime::Engine::new(&wasmtime),
        };
        engine.map(|engine| (engine, bounds))
    };
    engine(Bounds::Reserved).or_else(|error| {
        tracing::warn!(
            "too little address space for {} sandbox slots with guard regions ({error:#}); \
             every memory access of a policy is checked instead, which is slower",
            config.slots
        );
        engine(Bounds::Checked).map_err(|error| EngineError::setup(&error))
    })
}

/// An engine that compiles for those of this configuration, and runs nothing.
pub(crate) fn compiling(
    config: &EngineConfig,
    bounds: Bounds,
) -> Result<wasmtime::Engine, EngineError> {
    let config = config.of_one_slot();
    remembering(&mut wasmtime_config(&config, bounds), &config)
        .map_err(|error| EngineError::setup(&error))
}

/// An engine that remembers what it has compiled.
fn remembering(
    wasmtime: &mut wasmtime::Config,
    config: &EngineConfig,
) -> wasmtime::Result<wasmtime::Engine> {
    let cache = CompileCache::new(config.compile_cache_bytes);
    wasmtime.enable_incremental_compilation(Arc::new(cache))?;
    wasmtime::Engine::new(wasmtime)
}
