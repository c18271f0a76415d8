//! Where policies are made, and what is kept so that the next generation of a
//! configuration makes only what changed.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;
use std::sync::{Arc, Weak};

use crate::artifact::Artifact;
use crate::chunk::chunks;
use crate::compiler::{Facts, Made, Maker, ProgramKey};
use crate::engine::Sandboxes;
use crate::{Digest, LoadError, ModuleSource, PolicyLimits};

/// Chunks of a policy of which each has a copy for several processors.
const MOST_COPIED: usize = 4;

/// What makes two artifacts the same. The deadline is not part of it: it belongs to
/// a decision, not to what decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ArtifactKey {
    program: ProgramKey,
    settings: Digest,
}

/// Everything that is in use, held weakly, and what makes more of it.
pub(crate) struct Workshop {
    maker: Maker,
    programs: HashMap<ProgramKey, Weak<Facts>>,
    artifacts: HashMap<ArtifactKey, Weak<Artifact>>,
}

/// What a prepared policy is made of.
pub(crate) struct Parts {
    pub(crate) program: Arc<Facts>,
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

/// A chunk, and its artifact if there is one already.
struct Planned {
    bindings: Range<usize>,
    key: ArtifactKey,
    known: Option<Arc<Artifact>>,
}

impl Workshop {
    pub(crate) fn new(maker: Maker) -> Self {
        Self { maker, programs: HashMap::new(), artifacts: HashMap::new() }
    }

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
        let plan = self.plan(key, settings);
        let known = reusable(&self.programs, &key);
        let program = match known {
            Some(program) if plan.iter().all(|planned| planned.known.is_some()) => program,
            known => {
                let facts = self.maker.load(module, limits.memory_bytes, known.as_deref())?;
                known.unwrap_or_else(|| Arc::new(facts))
            }
        };
        self.programs.insert(key, Arc::downgrade(&program));
        // What has many chunks has them in place of copies: both want slots of their own.
        let lanes = if plan.len() <= MOST_COPIED { sandboxes.lanes } else { 1 };
        let job = Job { sandboxes, program: &program, limits, lanes };
        let (chunks, artifacts) = self.chunks(&job, plan, settings)?;
        Ok(Parts { program, chunks, artifacts })
    }

    /// Machine code of a core module of ours.
    pub(crate) fn own(
        &mut self,
        sandboxes: &Sandboxes,
        module: &'static [u8],
    ) -> Result<Vec<u8>, LoadError> {
        self.maker.own(&sandboxes.wasmtime, module)
    }

    /// Be ready to make policies.
    pub(crate) fn wake(&mut self) {
        self.maker.wake();
    }

    /// Let go of what is only needed to make policies.
    pub(crate) fn rest(&mut self) {
        self.forget_unused();
        self.maker.rest();
    }

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

    /// All artifacts of a policy, or what is wrong with all its settings.
    fn chunks(
        &mut self,
        job: &Job<'_>,
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
            match self.make(job, key, &settings[bindings.clone()]) {
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
        &mut self,
        job: &Job<'_>,
        key: ArtifactKey,
        settings: &[String],
    ) -> Result<Arc<Artifact>, LoadError> {
        let Made { code, journal } =
            self.maker.make(&job.sandboxes.wasmtime, key.program, settings);
        journal.flush(&job.program.metadata.name);
        let artifact = Arc::new(Artifact::new(job.sandboxes, &code?, job.limits, job.lanes)?);
        self.artifacts.insert(key, Arc::downgrade(&artifact));
        Ok(artifact)
    }
}

/// What the artifacts of one policy have in common.
struct Job<'a> {
    sandboxes: &'a Sandboxes,
    program: &'a Facts,
    limits: PolicyLimits,
    lanes: usize,
}

fn reusable<K: Eq + Hash, V>(known: &HashMap<K, Weak<V>>, key: &K) -> Option<Arc<V>> {
    known.get(key).and_then(Weak::upgrade)
}
