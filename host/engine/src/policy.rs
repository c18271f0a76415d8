//! A policy that can be asked.

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;
use stockade_core::{Outcome, PolicyInput};
use tokio::sync::{AcquireError, SemaphorePermit, TryAcquireError};

use crate::artifact_cache::{Artifacts, Chunk, PolicyParts};
use crate::bindings::stockade::policy::types::{Request, Verdict};
use crate::breaker::{Breaker, Leave};
use crate::engine::Shared;
use crate::guest_log::TARGET;
use crate::input::Lists;
use crate::memo::{Memo, Question};
use crate::{Digest, Failure, Metadata, ModuleSource, PolicyLimits, answer};

/// A policy with the settings of its bindings, ready to judge requests.
///
/// Each decision runs in an instance that begins exactly as `configure` left it and is
/// thrown away afterwards, so that nothing passes from one caller to the next. A policy
/// that [remembers](Self::remembering) runs once for all equal questions of one second.
pub struct PreparedPolicy {
    engine: Arc<Shared>,
    name: Arc<str>,
    digest: Digest,
    limits: PolicyLimits,
    parts: PolicyParts,
    memo: Option<Memo>,
    breaker: Breaker,
}

/// The result of one run.
struct Judged {
    outcomes: Vec<Outcome>,
    /// True if the policy wrote into the log.
    logged: bool,
}

impl PreparedPolicy {
    pub(crate) fn new(
        engine: Arc<Shared>,
        module: &ModuleSource,
        limits: PolicyLimits,
        parts: PolicyParts,
    ) -> Self {
        let (name, digest) = (module.shared_name(), module.digest());
        Self { engine, name, digest, limits, parts, memo: None, breaker: Breaker::default() }
    }

    /// Answers a question that was answered in the same second without asking again, for
    /// at most so many different questions.
    ///
    /// The answer is the one that the policy would give: it is a pure function of what it
    /// is told, which is compared as a whole. What it would write into the log, and
    /// requests whose body it is shown, are never remembered.
    #[must_use]
    pub fn remembering(self, answers: usize) -> Self {
        Self { memo: Some(Memo::new(answers)), ..self }
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
    pub async fn evaluate(&self, input: &PolicyInput<'_>, bindings: &[u32]) -> Vec<Outcome> {
        // A policy is shown what it asked for and nothing else.
        let body = input.body.filter(|_| self.metadata().wants_body);
        let input = &PolicyInput { body, ..input.clone() };
        let memo = self.memo.as_ref();
        let asked = memo.and_then(|memo| Some((memo, Question::of(input, bindings)?)));
        let Some((memo, question)) = asked else {
            return self.run(input, bindings).await.outcomes;
        };
        if let Some(known) = memo.answer(&question) {
            return known;
        }
        let Judged { outcomes, logged } = self.run(input, bindings).await;
        if !logged {
            memo.keep(question, &outcomes);
        }
        outcomes
    }

    /// [`evaluate`](Self::evaluate) for callers without a runtime: waits by blocking.
    pub fn evaluate_blocking(&self, input: &PolicyInput<'_>, bindings: &[u32]) -> Vec<Outcome> {
        pollster::block_on(self.evaluate(input, bindings))
    }

    /// Asks in a fresh instance.
    async fn run(&self, input: &PolicyInput<'_>, bindings: &[u32]) -> Judged {
        if let Leave::Spare(in_a_row) = self.breaker.leave() {
            // It was said when it began, and is not for each request.
            let outcome = Outcome::Failure(Failure::Spared(in_a_row).to_string());
            return Judged { outcomes: vec![outcome; bindings.len()], logged: true };
        }
        match self.permit().await {
            Ok(_permit) => self.judge(input, bindings),
            Err(closed) => self.fail(&Failure::Engine(closed.to_string()), bindings.len()),
        }
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        match self.engine.permits.try_acquire() {
            Ok(permit) => Ok(permit),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                self.engine.permits.acquire().await
            }
        }
    }

    fn judge(&self, input: &PolicyInput<'_>, bindings: &[u32]) -> Judged {
        let lists = Lists::of(input);
        let size = lists.bytes(input, input.body);
        let most = self.engine.config.max_input_bytes;
        let request = if size > most {
            let text = format!("{size} bytes, where a policy is shown {most} at most");
            Err(Failure::Input(text))
        } else {
            lists.request(input, input.body)
        };
        match request {
            Ok(request) => self.ask(&request, bindings),
            Err(failure) => self.fail(&failure, bindings.len()),
        }
    }

    fn ask(&self, request: &Request<'_>, bindings: &[u32]) -> Judged {
        let mut logged = false;
        // Every binding is in exactly one chunk; what stays is one that does not exist.
        let unknown = || Outcome::Failure(String::new());
        let mut outcomes: Vec<_> = bindings.iter().map(|_| unknown()).collect();
        for chunk in &self.parts.chunks {
            let places = places(chunk, bindings);
            if !places.is_empty() {
                logged |= self.ask_chunk(chunk, request, &places, &mut outcomes);
            }
        }
        for (outcome, binding) in outcomes.iter_mut().zip(bindings) {
            if *outcome == unknown() {
                let text = format!("binding {binding}, where there are {}", self.bindings());
                *outcome = Outcome::Failure(Failure::Input(text).to_string());
            }
        }
        Judged { outcomes, logged }
    }

    /// Asks for the bindings of one chunk, and tells whether the policy wrote into the log.
    fn ask_chunk(
        &self,
        chunk: &Chunk,
        request: &Request<'_>,
        places: &Places,
        outcomes: &mut [Outcome],
    ) -> bool {
        let locals: SmallVec<[u32; 16]> = places.iter().map(|place| place.local).collect();
        let wasmtime = &self.engine.runtime.wasmtime;
        let answer =
            chunk.artifact.replica().evaluate(wasmtime, self.limits, request.clone(), &locals);
        answer.sandbox.guest_log.flush(&self.name);
        match self.verdicts(answer.verdicts, places.len()) {
            Ok(verdicts) => {
                for (place, verdict) in places.iter().zip(verdicts) {
                    outcomes[place.global] = answer::outcome(verdict);
                }
            }
            Err(failure) => {
                let text = failure.to_string();
                for place in places {
                    outcomes[place.global] = Outcome::Failure(text.clone());
                }
            }
        }
        answer.sandbox.guest_log.has_lines()
    }

    fn verdicts(
        &self,
        answer: Result<Vec<Verdict>, Failure>,
        asked: usize,
    ) -> Result<Vec<Verdict>, Failure> {
        let verdicts = answer.and_then(|verdicts| {
            if verdicts.len() == asked {
                return Ok(verdicts);
            }
            let given = verdicts.len();
            let text = format!("{given} verdicts, where {asked} were asked for");
            Err(Failure::Nonsense(text))
        });
        match &verdicts {
            Ok(_) => self.breaker.answered(),
            Err(failure) => self.failed(failure),
        }
        verdicts
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

    fn fail(&self, failure: &Failure, count: usize) -> Judged {
        self.log(failure);
        Judged { outcomes: vec![Outcome::Failure(failure.to_string()); count], logged: true }
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
