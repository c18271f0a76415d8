//! The thread that writes: it chains lines, signs checkpoints, and begins and removes segments.

mod rotation;
mod sync;

use std::fs::File;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use stockade_core::UnixTime;

use crate::health::{Step, Trouble};
use crate::key::SigningKey;
use crate::key_file::KeyFile;
use crate::line::{Chain, Kind, stamp};
use crate::note::{Checkpoint, SignedNote};
use crate::open::{Opened, Position};
use crate::queue::{Lines, Shared};
use crate::retention::Expired;
use crate::rules::AuditSettings;
use crate::segment::After;
use crate::segment_file::SegmentFile;
pub(crate) use sync::Syncer;

/// Room that is always kept for lines that are promised, in bytes, and for each of them.
const RESERVE: u64 = 4 << 20;
const RESERVE_EACH: u64 = 2 << 10;
/// The time between two checkpoints, where lines were written.
const CHECKPOINT: Duration = Duration::from_secs(1);
/// The time between two looks whether the file is at its place.
const LOOK: Duration = Duration::from_millis(100);
/// The time between two attempts while there is trouble.
const AGAIN: Duration = Duration::from_millis(100);

/// A segment that is still to be made, and the key that it will have.
struct Begin {
    segment: u64,
    after: Option<After>,
    key: SigningKey,
}

/// The writer of a log.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    syncer: Arc<Syncer>,
    settings: AuditSettings,
    keys: KeyFile,
    origin: String,
    chain: Chain,
    /// The segment that is written, with its key and the time of its first line. `None` until the
    /// first one is made.
    segment: Option<(SegmentFile, SigningKey, UnixTime)>,
    /// The next segment, while it cannot be made or is not made yet.
    begin: Option<Begin>,
    /// Lines that are taken and not written.
    taken: Lines,
    /// Segments to be removed, once the lines that tell of it are written.
    expired: Vec<Expired>,
    /// The memory in which they are chained.
    buffer: Vec<u8>,
    /// The trouble that was told of.
    told: Option<Trouble>,
    /// The first line that no checkpoint is behind.
    unsigned: u64,
    signed: Instant,
    looked: Instant,
    _lock: File,
}

impl Writer {
    pub(crate) fn new(
        opened: Opened,
        settings: AuditSettings,
        shared: Arc<Shared>,
        syncer: Arc<Syncer>,
    ) -> Self {
        let Opened { lock, origin, key, chain, at, remarks } = opened;
        for (kind, members) in &remarks {
            shared.push(*kind, members.as_bytes());
        }
        let (segment, begin) = match at {
            Position::New { segment, after } => (None, Some(Begin { segment, after, key })),
            Position::Within { file, since } => {
                (Some((file, key, since.unwrap_or_else(|| shared.clock.now()))), None)
            }
        };
        let now = Instant::now();
        Self {
            shared,
            syncer,
            keys: KeyFile::new(&settings.directory),
            settings,
            origin,
            unsigned: chain.next,
            chain,
            segment,
            begin,
            taken: Lines::default(),
            expired: Vec::new(),
            buffer: Vec::new(),
            told: None,
            signed: now,
            looked: now,
            _lock: lock,
        }
    }

    /// Writes until the log is closed.
    pub(crate) fn run(mut self) {
        // Segments may have become too old while nobody wrote.
        self.retain();
        loop {
            let mut lines = Lines::default();
            let work = self.shared.take(&mut lines);
            self.taken.extend(lines);
            if let Some(settings) = work.settings {
                self.syncer.set(settings.sync);
                self.settings = AuditSettings { directory: self.settings.directory, ..settings };
            }
            let shared = self.shared.clone();
            let done = shared.health.timed(Step::Write, || self.step(work.signs));
            let done = done.and_then(|()| match work.flush {
                Some(asked) => self.sync().map(|()| shared.flushed(asked)),
                None => Ok(()),
            });
            let troubled = done.is_err();
            self.tell(done.err().as_ref());
            if work.is_closing {
                break;
            }
            if troubled {
                thread::sleep(AGAIN);
            } else if self.taken.each.is_empty() {
                self.shared.wait();
            }
        }
        self.syncer.close();
    }

    /// Brings everything that is taken into the file, and keeps room for what is to come.
    fn step(&mut self, signs: bool) -> Result<(), Trouble> {
        self.look(signs)?;
        self.begin_segment()?;
        self.write_taken()?;
        self.remove_expired();
        if self.is_checkpoint_due(signs) {
            self.checkpoint(None)?;
        }
        self.rotate_if_due()?;
        self.make_room()?;
        match self.syncer.failed() {
            Some(reason) => Err(Trouble::NotSynced(reason)),
            None => Ok(()),
        }
    }

    /// Looks whether the file is at its place, if it is time or must be known now, and puts it back
    /// where it is not.
    fn look(&mut self, now: bool) -> Result<(), Trouble> {
        let Some((file, _, _)) = &mut self.segment else { return Ok(()) };
        if self.looked.elapsed() < LOOK && self.told.is_none() && !now {
            return Ok(());
        }
        self.looked = Instant::now();
        let Err(trouble) = file.look() else { return Ok(()) };
        // Until the file is back, nothing is forwarded.
        self.shared.health.set(Some(trouble.clone()));
        match trouble {
            Trouble::Gone | Trouble::Replaced => {
                file.put_back().map_err(|_| trouble.clone())?;
                self.remark(Kind::Tampered, &json!({"what": trouble.as_str(), "restored": true}));
            }
            Trouble::Changed => {
                let number = file.number + 1;
                let what = json!({"what": trouble.as_str(), "segment": file.number});
                self.abandon(number);
                self.remark(Kind::Tampered, &what);
            }
            trouble => return Err(trouble),
        }
        Ok(())
    }

    /// Appends a line of the log's own, behind what is taken.
    fn remark(&mut self, kind: Kind, members: &serde_json::Value) {
        let time = self.shared.clock.now();
        self.taken.push(time, kind, members.to_string().as_bytes());
    }

    /// Chains what is taken, and writes it. Where that fails, nothing has happened.
    fn write_taken(&mut self) -> Result<(), Trouble> {
        if self.taken.each.is_empty() {
            return Ok(());
        }
        let (mut chain, mut buffer) = (self.chain, std::mem::take(&mut self.buffer));
        for (line, members) in self.taken.iter() {
            chain.append(&mut buffer, line.time, line.kind, members);
        }
        let written = self.write(&buffer, chain);
        buffer.clear();
        buffer.shrink_to(1 << 20);
        self.buffer = buffer;
        written.map(|()| self.taken.clear())
    }

    /// Writes lines after which the chain goes on with `chain`.
    fn write(&mut self, lines: &[u8], chain: Chain) -> Result<(), Trouble> {
        let Some((file, _, _)) = &mut self.segment else { return Err(Trouble::Gone) };
        file.write(lines).map_err(Trouble::of)?;
        self.syncer.wrote(file.file());
        self.chain = chain;
        Ok(())
    }

    fn is_checkpoint_due(&self, now: bool) -> bool {
        let has_unsigned = self.chain.next > self.unsigned;
        has_unsigned && (now || self.signed.elapsed() >= CHECKPOINT)
    }

    /// Signs what is written, and names the key of the next segment where this one ends.
    fn checkpoint(&mut self, next: Option<&SigningKey>) -> Result<(), Trouble> {
        let Some((_, key, _)) = &self.segment else { return Ok(()) };
        let time = self.shared.clock.now();
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size: self.chain.next - 1,
            root: self.chain.prev,
            time,
            next_key: next.map(|next| next.verifier(&self.origin)),
        };
        let note = SignedNote::sign(checkpoint, key);
        let (mut chain, mut line) = (self.chain, Vec::new());
        chain.append_checkpoint(&mut line, &note);
        self.write(&line, chain)?;
        self.unsigned = self.chain.next;
        self.signed = Instant::now();
        self.shared.set_checkpoint(note);
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), Trouble> {
        let Some((file, _, _)) = &mut self.segment else { return Ok(()) };
        let promised = self.shared.promised() as u64;
        file.make_room(RESERVE + promised * RESERVE_EACH)
    }

    fn sync(&self) -> Result<(), Trouble> {
        let Some((file, _, _)) = &self.segment else { return Ok(()) };
        file.file().sync_data().map_err(|error| Trouble::NotSynced(error.to_string()))
    }

    /// Lets others know how it went. What was missed is told by a line once it is over.
    fn tell(&mut self, trouble: Option<&Trouble>) {
        match (trouble, &self.told) {
            (Some(trouble), told) if told.as_ref() != Some(trouble) => {
                tracing::error!(reason = trouble.as_str(), "{trouble}");
            }
            (None, Some(told)) => {
                tracing::info!(reason = told.as_str(), "the audit log is written again");
            }
            _ => {}
        }
        self.shared.health.set(trouble.cloned());
        self.told = trouble.cloned();
        if trouble.is_none()
            && let Some(gap) = self.shared.health.take_gap()
        {
            let from = stamp(gap.from);
            let (reason, requests) = (gap.reason.as_str(), gap.requests);
            self.remark(Kind::Gap, &json!({"reason": reason, "from": from, "requests": requests}));
        }
    }
}
