//! Makes artifacts in this process.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::Level;

use super::message::{Compiled, ProgramFacts, ProgramKey};
use super::program::{Program, Refusal};
use crate::bindings::exports::stockade::policy::policy::Problem;
use crate::config::Bounds;
use crate::guest_log::GuestLog;
use crate::runtime::Runtime;
use crate::{
    EngineConfig, EngineError, Failure, LoadError, ModuleSource, SettingsProblem, guest_text,
};

const LONGEST_PROBLEM: usize = 1024;
/// Enough for any settings on which a policy does not hang.
const SHORTEST_SHARE: Duration = Duration::from_millis(50);
/// Programs that are kept for the next settings. When there are more, all are forgotten:
/// to know which is worth keeping would cost more than it saves.
const MOST_PROGRAMS: usize = 16;

/// Programs that were loaded, ready to be given settings.
pub(crate) struct LocalCompiler {
    compiling: Runtime,
    programs: HashMap<ProgramKey, Program>,
}

impl LocalCompiler {
    /// One that makes code for engines of this configuration.
    pub(crate) fn new(config: &EngineConfig, bounds: Bounds) -> Result<Self, EngineError> {
        Ok(Self { compiling: Runtime::compiling(config, bounds)?, programs: HashMap::new() })
    }

    pub(crate) fn load(
        &mut self,
        module: &ModuleSource,
        memory_bytes: usize,
        known: Option<&ProgramFacts>,
    ) -> Result<ProgramFacts, LoadError> {
        let key = ProgramKey { module: module.digest(), memory_bytes };
        if let Some(program) = self.programs.get(&key) {
            return Ok(program.facts().clone());
        }
        if self.programs.len() == MOST_PROGRAMS {
            self.forget();
        }
        let program = guarded(|| Program::load(&self.compiling, module, memory_bytes, known))?;
        let facts = program.facts().clone();
        self.programs.insert(key, program);
        Ok(facts)
    }

    pub(crate) fn make(
        &self,
        engine: &wasmtime::Engine,
        key: ProgramKey,
        settings: &[String],
        log: Level,
    ) -> Compiled {
        let mut guest_log = GuestLog::up_to(log);
        let code = self.program(key).and_then(|program| {
            guarded(|| {
                let code = program.code(&self.compiling, engine, settings, &mut guest_log);
                code.map_err(|refusal| explain(&self.compiling, program, refusal, settings))
            })
        });
        Compiled { code, guest_log }
    }

    fn program(&self, key: ProgramKey) -> Result<&Program, LoadError> {
        self.programs.get(&key).ok_or_else(|| {
            LoadError::CompilerEnded("a new one does not have the module".to_owned())
        })
    }

    pub(crate) fn forget(&mut self) {
        self.programs.clear();
    }
}

/// Machine code of a core module of ours.
pub(super) fn own(engine: &wasmtime::Engine, module: &[u8]) -> Result<Vec<u8>, LoadError> {
    let code = engine.precompile_module(module);
    code.map_err(|error| LoadError::Compile(format!("{error:#}")))
}

fn explain(
    runtime: &Runtime,
    program: &Program,
    refusal: Refusal,
    settings: &[String],
) -> LoadError {
    match refusal {
        Refusal::Settings(problems) => attributed(problems, settings.len()),
        Refusal::Failure(failure) => {
            LoadError::Configure { binding: failing_settings(runtime, program, settings), failure }
        }
        Refusal::Other(error) => error,
    }
}

/// The settings on which the policy fails even when it gets them alone. Each gets its share
/// of the time that all had together, so that the search ends in time as well.
fn failing_settings(runtime: &Runtime, program: &Program, settings: &[String]) -> Option<usize> {
    let count = u32::try_from(settings.len()).unwrap_or(u32::MAX).max(1);
    let share = (runtime.configure_deadline / count).max(SHORTEST_SHARE);
    settings.iter().position(|one| {
        let alone = program.try_settings(runtime, std::slice::from_ref(one), share);
        matches!(alone, Err(Refusal::Failure(_)))
    })
}

/// The problems that a policy found with some settings.
fn attributed(problems: Vec<Problem>, count: usize) -> LoadError {
    let nonsense =
        |what: String| LoadError::Configure { binding: None, failure: Failure::Nonsense(what) };
    if problems.is_empty() {
        return nonsense("it refuses its settings without naming a problem".to_owned());
    }
    let mut attributed = Vec::with_capacity(problems.len());
    for problem in problems {
        let message = guest_text::one_line(&problem.message, LONGEST_PROBLEM);
        let index = problem.binding as usize;
        if index >= count {
            return nonsense(format!(
                "it names a problem with settings {index}, and was given {count}: {message}"
            ));
        }
        attributed.push(SettingsProblem {
            binding: index,
            path: guest_text::one_line(&problem.path, LONGEST_PROBLEM),
            message,
        });
    }
    LoadError::Settings(attributed)
}

/// Runs what handles a stranger's module. The libraries that read and rewrite it
/// should refuse what they do not understand; some of them panic.
fn guarded<T>(work: impl FnOnce() -> Result<T, LoadError>) -> Result<T, LoadError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        let message = guest_text::one_line(message, LONGEST_PROBLEM);
        Err(LoadError::Compile(format!("the compiler gave up: {message}")))
    })
}
