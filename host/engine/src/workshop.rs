//! Where policies are made, and what is kept so that the next generation of a
//! configuration makes only what changed.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use crate::artifact::Artifact;
use crate::bindings::exports::stockade::policy::policy::Problem;
use crate::chunk::chunks;
use crate::engine::Sandboxes;
use crate::program::{Program, Refusal};
use crate::snapshot::Instrumented;
use crate::{Digest, Failure, LoadError, ModuleSource, PolicyLimits, SettingsProblem, text};

const LONGEST_PROBLEM: usize = 1024;

/// What makes two programs the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ProgramKey {
    module: Digest,
    memory_bytes: usize,
}

/// What makes two artifacts the same. The deadline is not part of it: it belongs to
/// a decision, not to what decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ArtifactKey {
    program: ProgramKey,
    settings: Digest,
}

/// Everything that is in use, held weakly.
#[derive(Default)]
pub(crate) struct Workshop {
    programs: HashMap<ProgramKey, Weak<Program>>,
    artifacts: HashMap<ArtifactKey, Weak<Artifact>>,
}

/// What a prepared policy is made of.
pub(crate) struct Parts {
    pub(crate) program: Arc<Program>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) artifacts: Artifacts,
}

/// How many artifacts (a module with the settings of some of its bindings, compiled)
/// a policy consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    /// Made for it.
    pub built: usize,
    /// Found in use by an earlier policy that is still there.
    pub reused: usize,
}

/// One artifact and the bindings that it judges for.
pub(crate) struct Chunk {
    pub(crate) bindings: Range<usize>,
    pub(crate) artifact: Arc<Artifact>,
}

impl Workshop {
    /// Make a policy, using again what is there.
    pub(crate) fn prepare(
        &mut self,
        sandboxes: &Sandboxes,
        module: &ModuleSource,
        settings: &[String],
        limits: PolicyLimits,
    ) -> Result<Parts, LoadError> {
        self.forget_unused();
        let key = ProgramKey { module: module.digest(), memory_bytes: limits.memory_bytes };
        let program = if let Some(program) = reusable(&self.programs, &key) {
            program
        } else {
            let program = Arc::new(guarded(|| Program::load(sandboxes, module, limits))?);
            self.programs.insert(key, Arc::downgrade(&program));
            program
        };
        let bench = Bench::new(sandboxes, &program, limits);
        let (chunks, artifacts) = self.chunks(key, bench, settings)?;
        Ok(Parts { program, chunks, artifacts })
    }

    fn forget_unused(&mut self) {
        self.programs.retain(|_, program| program.strong_count() > 0);
        self.artifacts.retain(|_, artifact| artifact.strong_count() > 0);
    }

    /// All artifacts of a policy, or what is wrong with all its settings.
    fn chunks(
        &mut self,
        program: ProgramKey,
        mut bench: Bench<'_>,
        settings: &[String],
    ) -> Result<(Vec<Chunk>, Artifacts), LoadError> {
        let mut counts = Artifacts::default();
        let mut done = Vec::new();
        let mut problems = Vec::new();
        for bindings in chunks(settings) {
            let chunk = &settings[bindings.clone()];
            let key = ArtifactKey { program, settings: Digest::of_texts(chunk) };
            if let Some(artifact) = reusable(&self.artifacts, &key) {
                counts.reused += 1;
                done.push(Chunk { bindings, artifact });
                continue;
            }
            match bench.make(chunk, bindings.start) {
                Ok(artifact) => {
                    counts.built += 1;
                    let artifact = Arc::new(artifact);
                    self.artifacts.insert(key, Arc::downgrade(&artifact));
                    done.push(Chunk { bindings, artifact });
                }
                Err(LoadError::Settings(more)) => problems.extend(more),
                Err(error) => return Err(error),
            }
        }
        if problems.is_empty() { Ok((done, counts)) } else { Err(LoadError::Settings(problems)) }
    }
}

fn reusable<K: Eq + Hash, V>(known: &HashMap<K, Weak<V>>, key: &K) -> Option<Arc<V>> {
    known.get(key).and_then(Weak::upgrade)
}

/// What it takes to make the artifacts of one policy.
struct Bench<'a> {
    sandboxes: &'a Sandboxes,
    program: &'a Program,
    limits: PolicyLimits,
    /// Made with the first artifact, and of use for all.
    instrumented: Option<Instrumented<'a>>,
}

impl<'a> Bench<'a> {
    const fn new(sandboxes: &'a Sandboxes, program: &'a Program, limits: PolicyLimits) -> Self {
        Self { sandboxes, program, limits, instrumented: None }
    }

    fn make(&mut self, settings: &[String], first: usize) -> Result<Artifact, LoadError> {
        let snapshot = guarded(|| {
            let instrumented = match self.instrumented.take() {
                Some(instrumented) => instrumented,
                None => self.program.instrumented()?,
            };
            let snapshot = self.program.snapshot(self.sandboxes, &instrumented, settings);
            self.instrumented = Some(instrumented);
            snapshot.map_err(|refusal| self.explain(refusal, settings, first))
        })?;
        Artifact::new(&self.sandboxes.wasmtime, snapshot, self.limits)
    }

    fn explain(&self, refusal: Refusal, settings: &[String], first: usize) -> LoadError {
        match refusal {
            Refusal::Settings(problems) => attributed(problems, settings.len(), first),
            Refusal::Failure(failure) => LoadError::Configure {
                binding: self.culprit(settings).map(|index| first + index),
                failure,
            },
            Refusal::Other(error) => error,
        }
    }

    /// The settings on which the policy fails even when it gets them alone.
    fn culprit(&self, settings: &[String]) -> Option<usize> {
        settings.iter().position(|one| {
            let alone = self.program.try_settings(self.sandboxes, std::slice::from_ref(one));
            matches!(alone, Err(Refusal::Failure(_)))
        })
    }
}

/// The problems that a policy found, as the caller counts bindings.
fn attributed(problems: Vec<Problem>, count: usize, first: usize) -> LoadError {
    let nonsense =
        |what: String| LoadError::Configure { binding: None, failure: Failure::Nonsense(what) };
    if problems.is_empty() {
        return nonsense("it refuses its settings without naming a problem".to_owned());
    }
    let mut attributed = Vec::with_capacity(problems.len());
    for problem in problems {
        let message = text::one_line(&problem.message, LONGEST_PROBLEM);
        let index = problem.binding as usize;
        if index >= count {
            return nonsense(format!(
                "it names a problem with settings {index}, and was given {count}: {message}"
            ));
        }
        attributed.push(SettingsProblem {
            binding: first + index,
            path: text::one_line(&problem.path, LONGEST_PROBLEM),
            message,
        });
    }
    LoadError::Settings(attributed)
}

/// Run what handles a stranger's module. The libraries that read and rewrite it
/// should refuse what they do not understand; some of them panic.
fn guarded<T>(work: impl FnOnce() -> Result<T, LoadError>) -> Result<T, LoadError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        let message = text::one_line(message, LONGEST_PROBLEM);
        Err(LoadError::Compile(format!("the compiler gave up: {message}")))
    })
}
