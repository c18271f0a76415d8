//! One candidate: its files, followed as those of the configuration in force are, and what it said.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stockade_config::{ConfigDigest, ConfigErrors};
use stockade_core::{Clock, UnixTime};
use stockade_engine::Engine;

use super::status::CandidateStatus;
use crate::generation::Generation;
use crate::reload::{Current, Reloader, Watch};
use crate::replay::{Replay, Tally};

/// A candidate.
pub(super) struct Candidate {
    path: PathBuf,
    current: Arc<Current>,
    /// `None` where changes cannot be noticed.
    _watch: Option<Watch>,
    counting: Counting,
}

/// One generation of the candidate beside one in force.
struct Counting {
    candidate: Arc<Generation>,
    live: Arc<Generation>,
    /// The digest of the configuration in force when the candidate was written.
    written_beside: ConfigDigest,
    since: UnixTime,
    replay: Replay,
    tally: Tally,
    /// The number of records so far.
    place: u64,
    /// Of these, those at which the candidate panicked.
    failed: u64,
}

/// A candidate that is to be promoted.
pub(super) struct JudgedCandidate {
    pub(super) path: PathBuf,
    /// The digest of what was judged.
    pub(super) digest: ConfigDigest,
    /// The digest of the configuration in force when the candidate was written.
    pub(super) written_beside: ConfigDigest,
}

impl Candidate {
    /// Loads and proves a candidate. Blocks while its policies compile.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn load(
        path: &Path,
        (engine, clock): (&Arc<Engine>, &Arc<dyn Clock>),
        live: &Current,
    ) -> Result<Self, ConfigErrors> {
        let reloader = Reloader::start_shadow(path, Arc::clone(engine), Arc::clone(clock))?;
        let current = Arc::clone(reloader.current());
        let watch = Watch::start(Arc::new(reloader));
        if let Err(error) = &watch {
            tracing::warn!(%error, "changes of the shadow configuration are not noticed");
        }
        let live = live.load();
        let written_beside = live.config.digest();
        let counting = Counting::new((current.load(), live), written_beside, clock.now());
        Ok(Self { path: path.to_owned(), current, _watch: watch.ok(), counting })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins to count anew where the candidate, or the generation in force, is another one.
    pub(super) fn refresh(&mut self, live: &Current, now: UnixTime) {
        let (candidate, live) = (self.current.load(), live.load());
        let is_edited = !Arc::ptr_eq(&candidate, &self.counting.candidate);
        if !is_edited && Arc::ptr_eq(&live, &self.counting.live) {
            return;
        }
        let written_beside =
            if is_edited { live.config.digest() } else { self.counting.written_beside };
        self.counting = Counting::new((candidate, live), written_beside, now);
    }

    /// Judges a record. A candidate that panics disturbs nobody.
    pub(super) fn judge(&mut self, line: &[u8]) {
        let Counting { replay, tally, place, failed, .. } = &mut self.counting;
        *place += 1;
        let judge = AssertUnwindSafe(|| replay.judge(line, *place, tally));
        if catch_unwind(judge).is_err() {
            *failed += 1;
        }
    }

    pub(super) fn judged(&self) -> JudgedCandidate {
        let Counting { candidate, written_beside, .. } = &self.counting;
        JudgedCandidate {
            path: self.path.clone(),
            digest: candidate.config.digest(),
            written_beside: *written_beside,
        }
    }

    pub(super) fn status(&self, dropped: u64) -> CandidateStatus {
        let Counting { candidate, live, since, tally, failed, .. } = &self.counting;
        let rejected = self.current.status().borrow().rejected.clone();
        CandidateStatus {
            config: self.path.clone(),
            digest: candidate.config.digest().to_string(),
            generation: live.number,
            generation_digest: live.config.digest().to_string(),
            since: since.as_secs(),
            dropped,
            failed: *failed,
            rejected: rejected.map(|errors| errors.iter().map(ToString::to_string).collect()),
            report: tally.clone().report(),
        }
    }
}

impl Counting {
    fn new(
        (candidate, live): (Arc<Generation>, Arc<Generation>),
        written_beside: ConfigDigest,
        since: UnixTime,
    ) -> Self {
        let replay = Replay::beside(Arc::clone(&candidate), live.number);
        let tally = Tally::default();
        Self { candidate, live, written_beside, since, replay, tally, place: 0, failed: 0 }
    }
}
