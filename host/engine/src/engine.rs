//! The engine: one wasmtime, one pool of slots, one clock of deadlines.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use tokio::sync::Semaphore;
use wasmtime::OptLevel;
use wasmtime::component::{HasSelf, Linker};

use crate::artifact_cache::{ArtifactCache, Wanted};
use crate::bindings::StockadePolicy;
use crate::compiler::{CompileCache, Compiler, CompilerBackend, LocalCompiler, Remote};
use crate::config::{Bounds, wasmtime_config};
use crate::sandbox::Sandbox;
use crate::ticker::TickingEngine;
use crate::{
    EngineConfig, EngineError, LoadError, ModuleSource, PolicyLimits, PreparedPolicy, heap,
    self_test,
};
use crossbeam_utils::CachePadded;

/// Runs policies. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// The state that the engine shares with all its policies.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) runtime: Runtime,
    /// One for each slot: whoever holds one finds a slot free.
    pub(crate) permits: CachePadded<Semaphore>,
    artifacts: ArtifactCache,
    compiler: Mutex<CompilerBackend>,
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

impl Engine {
    /// Sets up the sandbox: reserves its memory, compiles nothing yet.
    ///
    /// # Errors
    /// Where the machine cannot give what `config` asks for.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let (wasmtime, bounds) = reserve(&config)?;
        let compiler = match &config.compiler {
            Compiler::Here => CompilerBackend::Here(LocalCompiler::new(&config, bounds)?),
            Compiler::Process(process) => {
                CompilerBackend::Process(Remote::new(process.clone(), config.clone(), bounds))
            }
        };
        let shared = Shared {
            permits: CachePadded::new(Semaphore::new(config.slots as usize)),
            runtime: Runtime::new(wasmtime, &config)?,
            artifacts: ArtifactCache::default(),
            compiler: Mutex::new(compiler),
            config,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Returns the configuration that the engine was set up with.
    pub fn config(&self) -> &EngineConfig {
        &self.shared.config
    }

    /// Makes a policy ready to judge for some bindings, given the settings of each as
    /// JSON. What an earlier policy that is still in use has in common with it is not
    /// made again.
    ///
    /// This compiles, for tens of milliseconds or more: call it off the threads that
    /// answer requests. One policy is compiled at a time; one of which
    /// everything is there waits for none.
    ///
    /// # Errors
    /// See [`LoadError`]; wrong settings of all bindings are reported together.
    pub fn prepare(
        &self,
        module: &ModuleSource,
        settings: &[String],
        limits: PolicyLimits,
    ) -> Result<PreparedPolicy, LoadError> {
        self.check(limits)?;
        let Shared { artifacts, runtime, .. } = &*self.shared;
        let wanted = Wanted { module, settings, limits };
        let ready =
            |parts| Ok(PreparedPolicy::new(Arc::clone(&self.shared), module, limits, parts));
        if let Some(parts) = artifacts.ready(&wanted) {
            return ready(parts);
        }
        let mut compiler = self.compiler();
        // Somebody else may have compiled the same meanwhile.
        if let Some(parts) = artifacts.ready(&wanted) {
            return ready(parts);
        }
        match artifacts.compile(&mut compiler, runtime, &wanted) {
            // Somebody else ended it, or the system for want of memory. Once may be chance.
            Err(LoadError::CompilerEnded(_)) => {
                ready(artifacts.compile(&mut compiler, runtime, &wanted)?)
            }
            parts => ready(parts?),
        }
    }

    /// Tells whether [`prepare`](Self::prepare) would compile nothing, so that it takes no time.
    pub fn is_ready(
        &self,
        module: &ModuleSource,
        settings: &[String],
        limits: PolicyLimits,
    ) -> bool {
        self.shared.artifacts.ready(&Wanted { module, settings, limits }).is_some()
    }

    /// Proves that the limits of the sandbox hold here and now: that guests which loop,
    /// take memory, or recurse without end are stopped, each for its own reason.
    ///
    /// # Errors
    /// Names the limit that does not hold. Nothing should be served then.
    pub fn self_test(&self) -> Result<(), EngineError> {
        // Held to the end: the test takes the place of a policy that is being prepared.
        let mut compiler = self.compiler();
        let code = compiler.own(&self.shared.runtime.wasmtime, self_test::HOSTILE)?;
        self_test::run(&self.shared.runtime.wasmtime, &code)
    }

    /// Announces that policies will soon be prepared: the first one then takes less long.
    pub fn wake(&self) {
        // Whoever compiles at this moment has woken it.
        if let Some(mut compiler) = self.compiler_if_idle() {
            compiler.wake();
        }
    }

    /// Frees what is only needed while policies are prepared, and gives the free memory back to the
    /// system. The next one takes longer.
    pub fn rest(&self) {
        self.shared.artifacts.forget_unused();
        if let Some(mut compiler) = self.compiler_if_idle() {
            compiler.rest();
        }
        heap::give_memory_back();
    }

    fn compiler(&self) -> MutexGuard<'_, CompilerBackend> {
        // It holds only what can be made again, and each step leaves it complete.
        self.shared.compiler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compiler_if_idle(&self) -> Option<MutexGuard<'_, CompilerBackend>> {
        match self.shared.compiler.try_lock() {
            Ok(compiler) => Some(compiler),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn check(&self, limits: PolicyLimits) -> Result<(), LoadError> {
        let most = self.shared.config.max_memory_bytes;
        if limits.memory_bytes > most {
            return Err(LoadError::Limits(format!(
                "a policy may have at most {most} bytes of memory, not {}",
                limits.memory_bytes
            )));
        }
        if limits.deadline.is_zero() {
            return Err(LoadError::Limits(
                "a policy needs a deadline longer than nothing".to_owned(),
            ));
        }
        Ok(())
    }
}

/// A wasmtime engine whose slots are reserved; where there is too little address
/// space for guard regions, one whose code checks each access instead.
fn reserve(config: &EngineConfig) -> Result<(wasmtime::Engine, Bounds), EngineError> {
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
