//! A cache of what is compiled and still in use, so that the next generation of a configuration
//! compiles only what changed.
//!
//! The cache is never locked while something compiles: a policy that needs nothing new is
//! prepared at once, whatever else is under way.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::artifact::Artifact;
use crate::chunk::chunks;
use crate::compiler::{Compiled, CompilerBackend, ProgramFacts, ProgramKey};
use crate::runtime::Runtime;
use crate::{Digest, LoadError, ModuleSource, PolicyLimits};

/// Chunks of a policy of which each has a copy for several processors.
const MOST_COPIED: usize = 4;

/// The identity of an artifact. The deadline is not part of it: it belongs to
/// a decision, not to what decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ArtifactKey {
    program: ProgramKey,
    settings: Digest,
}

/// Everything that is in use, held weakly.
#[derive(Default)]
pub(crate) struct ArtifactCache(Mutex<Known>);

#[derive(Default)]
struct Known {
    programs: HashMap<ProgramKey, Weak<ProgramFacts>>,
    artifacts: HashMap<ArtifactKey, Weak<Artifact>>,
}

/// The parts of a prepared policy.
pub(crate) struct PolicyParts {
    pub(crate) program: Arc<ProgramFacts>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) artifacts: Artifacts,
}

/// The numbers of artifacts (modules with the settings of some of their bindings, compiled) of
/// which a policy consists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    /// Compiled for it.
    pub built: usize,
    /// Found in use by an earlier policy that is still there.
    pub reused: usize,
}

/// One artifact and the bindings that it judges for.
pub(crate) struct Chunk {
    pub(crate) bindings: Range<usize>,
    pub(crate) artifact: Arc<Artifact>,
}

/// A chunk, and its artifact if there is one already.
struct Planned {
    bindings: Range<usize>,
    key: ArtifactKey,
    known: Option<Arc<Artifact>>,
}

/// A policy that is to be prepared.
pub(crate) struct Wanted<'a> {
    pub(crate) module: &'a ModuleSource,
    pub(crate) settings: &'a [String],
    pub(crate) limits: PolicyLimits,
}

impl Wanted<'_> {
    fn key(&self) -> ProgramKey {
        ProgramKey { module: self.module.digest(), memory_bytes: self.limits.memory_bytes }
    }
}

impl ArtifactCache {
    /// A policy of which everything is there; nothing where something has to be compiled.
    pub(crate) fn ready(&self, wanted: &Wanted<'_>) -> Option<PolicyParts> {
        let key = wanted.key();
        let mut known = self.known();
        known.forget_unused();
        let program = reusable(&known.programs, &key)?;
        let plan = known.plan(key, wanted.settings);
        let chunk =
            |planned: Planned| Some(Chunk { bindings: planned.bindings, artifact: planned.known? });
        let chunks: Vec<_> = plan.into_iter().map(chunk).collect::<Option<_>>()?;
        let artifacts = Artifacts { built: 0, reused: chunks.len() };
        Some(PolicyParts { program, chunks, artifacts })
    }

    /// Compiles what is not there yet.
    pub(crate) fn compile(
        &self,
        compiler: &mut CompilerBackend,
        runtime: &Runtime,
        wanted: &Wanted<'_>,
    ) -> Result<PolicyParts, LoadError> {
        let key = wanted.key();
        let (plan, known) = {
            let known = self.known();
            (known.plan(key, wanted.settings), reusable(&known.programs, &key))
        };
        let Wanted { module, settings, limits } = *wanted;
        let facts = compiler.load(module, limits.memory_bytes, known.as_deref())?;
        let program = known.unwrap_or_else(|| Arc::new(facts));
        self.known().programs.insert(key, Arc::downgrade(&program));
        // What has many chunks has them in place of copies: both want slots of their own.
        let replicas = if plan.len() <= MOST_COPIED { runtime.replicas } else { 1 };
        let job = Job { cache: self, runtime, program: &program, limits, replicas };
        let (chunks, artifacts) = job.chunks(compiler, plan, settings)?;
        Ok(PolicyParts { program, chunks, artifacts })
    }

    /// Forgets what nobody uses any more.
    pub(crate) fn forget_unused(&self) {
        self.known().forget_unused();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // It holds only what can be made again, and each step leaves it complete.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget_unused(&mut self) {
        self.programs.retain(|_, program| program.strong_count() > 0);
        self.artifacts.retain(|_, artifact| artifact.strong_count() > 0);
    }

    fn plan(&self, program: ProgramKey, settings: &[String]) -> Vec<Planned> {
        let planned = |bindings: Range<usize>| {
            let settings = Digest::of_texts(&settings[bindings.clone()]);
            let key = ArtifactKey { program, settings };
            Planned { bindings, key, known: reusable(&self.artifacts, &key) }
        };
        chunks(settings).into_iter().map(planned).collect()
    }
}

/// The parts that all artifacts of one policy share.
struct Job<'a> {
    cache: &'a ArtifactCache,
    runtime: &'a Runtime,
    program: &'a ProgramFacts,
    limits: PolicyLimits,
    replicas: usize,
}

impl Job<'_> {
    /// All artifacts of a policy, or what is wrong with all its settings.
    fn chunks(
        &self,
        compiler: &mut CompilerBackend,
        plan: Vec<Planned>,
        settings: &[String],
    ) -> Result<(Vec<Chunk>, Artifacts), LoadError> {
        let mut counts = Artifacts::default();
        let mut done = Vec::new();
        let mut problems = Vec::new();
        for Planned { bindings, key, known } in plan {
            if let Some(artifact) = known {
                counts.reused += 1;
                done.push(Chunk { bindings, artifact });
                continue;
            }
            match self.make(compiler, key, &settings[bindings.clone()]) {
                Ok(artifact) => {
                    counts.built += 1;
                    done.push(Chunk { bindings, artifact });
                }
                Err(error) => match error.counted_from(bindings.start) {
                    LoadError::Settings(more) => problems.extend(more),
                    error => return Err(error),
                },
            }
        }
        if problems.is_empty() { Ok((done, counts)) } else { Err(LoadError::Settings(problems)) }
    }

    fn make(
        &self,
        compiler: &mut CompilerBackend,
        key: ArtifactKey,
        settings: &[String],
    ) -> Result<Arc<Artifact>, LoadError> {
        let Compiled { code, guest_log } =
            compiler.make(&self.runtime.wasmtime, key.program, settings);
        guest_log.flush(&self.program.metadata.name);
        let artifact = Artifact::new(self.runtime, &code?, self.limits, self.replicas)?;
        let artifact = Arc::new(artifact);
        self.cache.known().artifacts.insert(key, Arc::downgrade(&artifact));
        Ok(artifact)
    }
}

fn reusable<K: Eq + Hash, V>(known: &HashMap<K, Weak<V>>, key: &K) -> Option<Arc<V>> {
    known.get(key).and_then(Weak::upgrade)
}
