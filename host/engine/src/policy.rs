//! A policy that can be asked.

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;
use stockade_core::{Outcome, PolicyInput};
use tokio::sync::{AcquireError, SemaphorePermit, TryAcquireError};

use crate::artifact_cache::{Artifacts, Chunk, PolicyParts};
use crate::bindings::stockade::policy::types::{Answer, Request};
use crate::breaker::{Breaker, Leave};
use crate::guest_log::TARGET;
use crate::input::Lists;
use crate::runtime::SlotPool;
use crate::{Digest, Failure, Inputs, Metadata, ModuleSource, PolicyLimits, answer};

/// A policy with the settings of its bindings, ready to judge requests.
///
/// Each decision runs in an instance that begins exactly as `configure` left it and is
/// thrown away afterwards, so that nothing passes from one caller to the next. It is a pure
/// function of its settings and of what it is told, so whoever asks may use an outcome again for
/// as long as it [holds](Judgement::holds).
pub struct PreparedPolicy {
    pool: Arc<SlotPool>,
    name: Arc<str>,
    digest: Digest,
    limits: PolicyLimits,
    parts: PolicyParts,
    breaker: Breaker,
}

/// The outcomes of one question, and for how long they stay the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// One for each binding that was asked for, in the same order.
    pub outcomes: Vec<Outcome>,
    /// The time for which an equal question has the same outcomes.
    pub holds: Holds,
}

/// The time for which an answer to an equal question stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It is not to be used again: the policy failed, or wrote into the log.
    Not,
    /// Until this second since 1970, which is not included.
    Until(u64),
    /// For as long as the policy is in use.
    Always,
}

impl Holds {
    /// Tells for how long a verdict of this second holds by its policy's word.
    fn from(now: u64, valid_until: Option<u64>) -> Self {
        Self::Until(valid_until.unwrap_or(0).max(now + 1))
    }

    /// Returns the shorter of two times.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Not, _) | (_, Self::Not) => Self::Not,
            (Self::Always, holds) | (holds, Self::Always) => holds,
            (Self::Until(one), Self::Until(two)) => Self::Until(one.min(two)),
        }
    }
}

impl PreparedPolicy {
    pub(crate) fn new(
        pool: Arc<SlotPool>,
        module: &ModuleSource,
        limits: PolicyLimits,
        parts: PolicyParts,
    ) -> Self {
        let (name, digest) = (module.shared_name(), module.digest());
        Self { pool, name, digest, limits, parts, breaker: Breaker::default() }
    }

    /// Returns the policy's description of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.parts.program.metadata
    }

    /// The version of the contract that it is made for; one of
    /// [`CONTRACTS`](crate::CONTRACTS).
    pub fn contract(&self) -> &str {
        &self.parts.program.contract
    }

    /// Returns the imports of its module, by name: all that it can call.
    pub fn imports(&self) -> &[String] {
        &self.parts.program.imports
    }

    /// The digest of its module.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Tells how many of its artifacts were made, and how many were there before.
    pub const fn artifacts(&self) -> Artifacts {
        self.parts.artifacts
    }

    /// Returns the number of bindings that it was given settings for.
    pub fn bindings(&self) -> usize {
        self.parts.chunks.last().map_or(0, |chunk| chunk.bindings.end)
    }

    /// Judges a request for some of the bindings, given as indices into the settings
    /// that the policy was prepared with. There is one outcome for each, in the same
    /// order. Waits for a free slot, then runs the guest on this thread, for
    /// microseconds usually and for the policy's deadline at most.
    pub async fn evaluate(&self, input: &PolicyInput<'_>, bindings: &[u32]) -> Judgement {
        self.evaluate_told(input, self.metadata().inputs, bindings).await
    }

    /// [`evaluate`](Self::evaluate) for bindings that need to be told some of the policy's inputs
    /// only.
    pub async fn evaluate_told(
        &self,
        input: &PolicyInput<'_>,
        told: Inputs,
        bindings: &[u32],
    ) -> Judgement {
        if let Leave::Spare(in_a_row) = self.breaker.leave() {
            // It was said when it began, and is not for each request.
            let outcome = Outcome::Failure(Failure::Spared(in_a_row).to_string());
            return Judgement { outcomes: vec![outcome; bindings.len()], holds: Holds::Not };
        }
        match self.permit().await {
            Ok(_permit) => self.judge(input, told, bindings),
            Err(closed) => self.fail(&Failure::Engine(closed.to_string()), bindings.len()),
        }
    }

    /// [`evaluate`](Self::evaluate) for callers without a runtime: waits by blocking.
    pub fn evaluate_blocking(&self, input: &PolicyInput<'_>, bindings: &[u32]) -> Judgement {
        pollster::block_on(self.evaluate(input, bindings))
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        match self.pool.permits.try_acquire() {
            Ok(permit) => Ok(permit),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                self.pool.permits.acquire().await
            }
        }
    }

    fn judge(&self, input: &PolicyInput<'_>, told: Inputs, bindings: &[u32]) -> Judgement {
        let lists = Lists::of(input, told);
        let size = lists.bytes(input);
        let most = self.pool.max_input_bytes;
        let request = if size > most {
            let text = format!("{size} bytes, where a policy is shown {most} at most");
            Err(Failure::Input(text))
        } else {
            lists.request(input)
        };
        match request {
            Ok(request) => {
                let now = told.has(Inputs::TIME).then(|| input.time.unix.as_secs());
                self.ask(&request, now, bindings)
            }
            Err(failure) => self.fail(&failure, bindings.len()),
        }
    }

    /// Asks each chunk. `now` is the second that the policy is told, if it is.
    fn ask(&self, request: &Request<'_>, now: Option<u64>, bindings: &[u32]) -> Judgement {
        // Every binding is in exactly one chunk; what stays is one that does not exist.
        let unknown = || Outcome::Failure(String::new());
        let mut judgement = Judgement {
            outcomes: bindings.iter().map(|_| unknown()).collect(),
            holds: Holds::Always,
        };
        for chunk in &self.parts.chunks {
            let places = places(chunk, bindings);
            if !places.is_empty() {
                self.ask_chunk(chunk, (request, now), &places, &mut judgement);
            }
        }
        for (outcome, binding) in judgement.outcomes.iter_mut().zip(bindings) {
            if *outcome == unknown() {
                let text = format!("binding {binding}, where there are {}", self.bindings());
                *outcome = Outcome::Failure(Failure::Input(text).to_string());
                judgement.holds = Holds::Not;
            }
        }
        judgement
    }

    /// Asks for the bindings of one chunk.
    fn ask_chunk(
        &self,
        chunk: &Chunk,
        (request, now): (&Request<'_>, Option<u64>),
        places: &Places,
        judgement: &mut Judgement,
    ) {
        let locals: SmallVec<[u32; 16]> = places.iter().map(|place| place.local).collect();
        let wasmtime = &self.pool.runtime.wasmtime;
        let run =
            chunk.artifact.replica().evaluate(wasmtime, self.limits, request.clone(), &locals);
        run.sandbox.guest_log.flush(&self.name);
        if run.sandbox.guest_log.has_lines() {
            judgement.holds = Holds::Not;
        }
        match self.answers(run.answers, places.len()) {
            Ok(answers) => {
                for (place, answer) in places.iter().zip(answers) {
                    let holds =
                        now.map_or(Holds::Always, |now| Holds::from(now, answer.valid_until));
                    let outcome = answer::outcome(answer.verdict);
                    let failed = matches!(outcome, Outcome::Failure(_));
                    judgement.holds = judgement.holds.and(if failed { Holds::Not } else { holds });
                    judgement.outcomes[place.global] = outcome;
                }
            }
            Err(failure) => {
                judgement.holds = Holds::Not;
                let text = failure.to_string();
                for place in places {
                    judgement.outcomes[place.global] = Outcome::Failure(text.clone());
                }
            }
        }
    }

    fn answers(
        &self,
        answers: Result<Vec<Answer>, Failure>,
        asked: usize,
    ) -> Result<Vec<Answer>, Failure> {
        let answers = answers.and_then(|answers| {
            if answers.len() == asked {
                return Ok(answers);
            }
            let given = answers.len();
            let text = format!("{given} verdicts, where {asked} were asked for");
            Err(Failure::Nonsense(text))
        });
        match &answers {
            Ok(_) => self.breaker.answered(),
            Err(failure) => self.failed(failure),
        }
        answers
    }

    fn failed(&self, failure: &Failure) {
        self.log(failure);
        if !matches!(failure, Failure::Timeout(_)) {
            self.breaker.answered();
        } else if let Some(in_a_row) = self.breaker.timed_out() {
            let (policy, digest) = (&*self.name, self.digest);
            tracing::error!(
                target: TARGET, policy, %digest, in_a_row,
                "it takes too long each time: it is not asked for a second, and what it judges \
                 is refused"
            );
        }
    }

    fn fail(&self, failure: &Failure, count: usize) -> Judgement {
        self.log(failure);
        let outcomes = vec![Outcome::Failure(failure.to_string()); count];
        Judgement { outcomes, holds: Holds::Not }
    }

    fn log(&self, failure: &Failure) {
        if matches!(failure, Failure::Nonsense(_)) {
            return;
        }
        let policy = &*self.name;
        let digest = self.digest;
        tracing::error!(target: TARGET, policy, %digest, "{failure}");
    }
}

/// One binding's place in the answer, and its number in its chunk.
struct Place {
    global: usize,
    local: u32,
}

type Places = SmallVec<[Place; 16]>;

fn places(chunk: &Chunk, bindings: &[u32]) -> Places {
    let place = |(global, binding): (usize, &u32)| {
        let index = usize::try_from(*binding).ok()?;
        let local = index.checked_sub(chunk.bindings.start)?;
        (local < chunk.bindings.len())
            .then_some(Place { global, local: u32::try_from(local).ok()? })
    };
    bindings.iter().enumerate().filter_map(place).collect()
}

impl fmt::Debug for PreparedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedPolicy")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .field("limits", &self.limits)
            .field("bindings", &self.bindings())
            .finish_non_exhaustive()
    }
}
