//! The engine: one wasmtime, one pool of slots, one clock of deadlines.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::artifact_cache::{ArtifactCache, Wanted};
use crate::compiler::{CompilerBackend, LocalCompiler, Remote};
use crate::compiler_process::Compiler;
use crate::config::EngineConfig;
use crate::error::{EngineError, LoadError};
use crate::limits::PolicyLimits;
use crate::module::ModuleSource;
use crate::policy::PreparedPolicy;
use crate::runtime::{self, SlotPool};
use crate::{heap, self_test};

/// Runs policies. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// The state of an engine.
struct Shared {
    config: EngineConfig,
    /// Shared with all its policies.
    pool: Arc<SlotPool>,
    artifacts: ArtifactCache,
    compiler: Mutex<CompilerBackend>,
}

impl Engine {
    /// Sets up the sandbox: reserves its memory, compiles nothing yet.
    ///
    /// # Errors
    /// Where the machine cannot give what `config` asks for.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let (wasmtime, bounds) = runtime::reserve(&config)?;
        let compiler = match &config.compiler {
            Compiler::Here => CompilerBackend::Here(LocalCompiler::new(&config, bounds)?),
            Compiler::Process(process) => {
                CompilerBackend::Process(Remote::new(process.clone(), config.clone(), bounds))
            }
        };
        let shared = Shared {
            pool: Arc::new(SlotPool::new(wasmtime, &config)?),
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
        let Shared { artifacts, pool, .. } = &*self.shared;
        let runtime = &pool.runtime;
        let wanted = Wanted { module, settings, limits };
        let ready = |parts| Ok(PreparedPolicy::new(Arc::clone(pool), module, limits, parts));
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
        let wasmtime = &self.shared.pool.runtime.wasmtime;
        let code = compiler.own(wasmtime, self_test::HOSTILE)?;
        self_test::run(wasmtime, &code)
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
