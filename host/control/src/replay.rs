//! Requests of the past, judged by a candidate: which of them would have another answer.
//!
//! What policies were told of a request stands in its record, but for its texts. A candidate is asked
//! each question once; most lines of a log ask what others have asked.

mod credential;
mod effect;
mod judge;
mod line;
mod report;
mod sources;
mod tally;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use stockade_core::record::Decision;
use stockade_core::{ModelName, UnixTime, UserId};

use crate::generation::Generation;
use effect::Effect;
use judge::{Judge, Unjudged};
use line::{Line, Told};
pub use report::{ChangeKind, ChangeRow, EffectTold, Lack, Report, UnjudgedRow};
use sources::Block;
pub use sources::UnreadableLog;
use tally::Key;
pub(crate) use tally::Tally;

/// Blocks that wait for a thread: 256 KiB each.
const WAITING: usize = 8;

/// The requests that are looked at: all, unless something is said.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this time on.
    pub since: Option<UnixTime>,
    /// Before this time.
    pub until: Option<UnixTime>,
    /// Those of these users; of all, if there are none.
    pub users: Vec<UserId>,
    /// Those with one of these models; with any, if there are none.
    pub models: Vec<ModelName>,
}

/// A candidate, and what it is compared with.
pub struct Replay {
    candidate: Judge,
    /// `None` to compare with what was recorded.
    against: Option<Judge>,
    filter: Filter,
    /// Only what this generation decided.
    generation: Option<u64>,
}

impl Replay {
    /// Compares a candidate with what was decided then.
    pub fn of(candidate: Arc<Generation>) -> Self {
        Self::with(Judge::of_logs(candidate), None)
    }

    /// Compares it with what a generation decides that is in force.
    pub(crate) fn beside(candidate: Arc<Generation>, generation: u64) -> Self {
        Self::with(Judge::of_traffic(candidate), Some(generation))
    }

    fn with(candidate: Judge, generation: Option<u64>) -> Self {
        Self { candidate, against: None, filter: Filter::default(), generation }
    }

    /// Compares it with what another generation decides about the same requests.
    #[must_use]
    pub fn against(self, other: Arc<Generation>) -> Self {
        Self { against: Some(Judge::of_logs(other)), ..self }
    }

    /// Looks at some requests only.
    #[must_use]
    pub fn only(self, filter: Filter) -> Self {
        Self { filter, ..self }
    }

    /// Judges the requests of logs and of directories with audit segments, by several threads. What
    /// is kept in memory does not grow with the logs.
    ///
    /// # Errors
    /// A log cannot be read.
    pub fn run(&self, paths: &[PathBuf], threads: usize) -> Result<Report, UnreadableLog> {
        let files = sources::files(paths)?;
        let (blocks, waiting) = sync_channel::<Block>(WAITING);
        let waiting = Mutex::new(waiting);
        let all = Mutex::new(Tally::default());
        thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    let tally = self.judge_blocks(&waiting);
                    all.lock().unwrap_or_else(PoisonError::into_inner).merge(tally);
                });
            }
            let read = sources::read(&files, |block| blocks.send(block).is_ok());
            drop(blocks);
            read
        })?;
        Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner).report())
    }

    fn judge_blocks(&self, waiting: &Mutex<Receiver<Block>>) -> Tally {
        let mut tally = Tally::default();
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
        while let Some(Block { first, lines }) = next() {
            let lines = lines.split(|byte| *byte == b'\n');
            for (place, line) in (first..).zip(lines) {
                self.judge(line, place, &mut tally);
            }
        }
        tally
    }

    /// Judges the request of a line, if it tells of one, and counts it. Examples are those with the
    /// lowest places.
    pub(crate) fn judge(&self, line: &[u8], place: u64, tally: &mut Tally) {
        let line = match Line::read(line) {
            Ok(Some(line)) => line,
            Ok(None) => return,
            Err(_) => return tally.unreadable(),
        };
        if self.generation.is_some_and(|generation| generation != line.generation) {
            return;
        }
        match self.compare(&line, place, tally) {
            Ok(()) => {}
            Err(Unjudged::Unreadable) => tally.unreadable(),
            Err(Unjudged::Undecided) => tally.undecided(),
            Err(Unjudged::Lacks(policy, lack)) => {
                tally.lacking(policy, lack, (place, &line.request));
            }
        }
    }

    fn compare(&self, line: &Line<'_>, place: u64, tally: &mut Tally) -> Result<(), Unjudged> {
        let told = line.told()?;
        if !self.filter.takes(line, told.as_ref())? {
            return Ok(());
        }
        tally.request();
        let told = told.ok_or(Unjudged::Undecided)?;
        let before = match &self.against {
            Some(against) => Some(against.judge(line, &told)?),
            None if line.was_decided() => None,
            None => return Err(Unjudged::Undecided),
        };
        let after = self.candidate.judge(line, &told)?;
        tally.judged(told.at);
        let was_permitted =
            before.as_ref().map_or(line.was_permitted(), |effect| effect.is_permit());
        let change = match (was_permitted, after.is_permit()) {
            (true, false) => ChangeKind::Refusal,
            (false, true) => ChangeKind::Permission,
            (true, true) if before.is_some() || !after.demands_as(line) => ChangeKind::Obligations,
            _ => return Ok(()),
        };
        let recorded = || Effect::recorded(line).map(Arc::new).ok_or(Unjudged::Unreadable);
        let before = before.map_or_else(recorded, Ok)?;
        // A record of what was refused later does not tell which model was to be forwarded.
        let is_whole = self.against.is_some() || line.decision == Decision::Permit;
        if change == ChangeKind::Obligations && before.demands_the_same(&after, is_whole) {
            return Ok(());
        }
        let user = line::read(line.user)?.ok_or(Unjudged::Undecided)?;
        let names: Vec<_> = line.models()?.iter().map(|model| model.name.to_string()).collect();
        let key =
            Key { change, user, models: names.join(", "), binding: after.binding(change).cloned() };
        tally.changed(key, (&before, &after), (place, &line.request));
        Ok(())
    }
}

impl Filter {
    fn takes(&self, line: &Line<'_>, told: Option<&Told<'_>>) -> Result<bool, Unjudged> {
        let Self { since, until, users, models } = self;
        let is_within = match told {
            Some(told) => {
                let at = UnixTime::from_secs(told.at);
                since.is_none_or(|since| since <= at) && until.is_none_or(|until| at < until)
            }
            None => since.is_none() && until.is_none(),
        };
        if !is_within {
            return Ok(false);
        }
        if !users.is_empty() {
            let user: Option<UserId> = line::read(line.user)?;
            if !user.is_some_and(|user| users.contains(&user)) {
                return Ok(false);
            }
        }
        let named =
            || line.models().map(|named| named.iter().any(|one| models.contains(&one.name)));
        Ok(models.is_empty() || named()?)
    }
}
