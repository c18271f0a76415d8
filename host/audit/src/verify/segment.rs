//! The way through the segments of a log.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use super::{At, Finding, Problem, Proof, Unproven, VerifyOptions};
use crate::end::note_of;
use crate::key::VerifierKey;
use crate::line::{Chain, Envelope, Kind, LineHash};
use crate::note::SignedNote;
use crate::read::ReadError;
use crate::removed::Removed;
use crate::segment::{After, SegmentHead};

const BLOCK: usize = 1 << 20;

/// The knowledge after the lines that were looked at.
pub(super) struct Walk<'a> {
    options: &'a VerifyOptions,
    proof: Proof,
    /// The number and hash of the line before; `None` where none was seen.
    before: Option<(u64, LineHash)>,
    /// The key of the segment.
    key: Option<VerifierKey>,
    /// The key that the segment before has named for the next.
    next_key: Option<VerifierKey>,
    segment: Option<u64>,
    is_trusted: bool,
    /// The last segment that is gone, and whether a line tells that retention removed it.
    removed: Option<(u64, bool)>,
    /// Anchors by the number of their last line.
    anchors: HashMap<u64, Vec<&'a SignedNote>>,
    /// All keys that have signed this log.
    known: Vec<VerifierKey>,
    at: At,
}

impl<'a> Walk<'a> {
    pub(super) fn new(options: &'a VerifyOptions) -> Self {
        let mut anchors: HashMap<u64, Vec<&SignedNote>> = HashMap::new();
        for note in &options.anchors {
            anchors.entry(note.claimed().size).or_default().push(note);
        }
        Self {
            options,
            proof: Proof::default(),
            before: None,
            key: None,
            next_key: None,
            segment: None,
            is_trusted: false,
            removed: None,
            anchors,
            known: Vec::new(),
            at: At { path: std::path::PathBuf::new(), line: 0 },
        }
    }

    fn found(&mut self, problem: Problem) {
        let At { path, line } = self.at.clone();
        self.proof.found(Finding { path, line, problem });
    }

    /// Takes what the closing checkpoints of removed segments vouch for. `first` is the segment with
    /// which the log begins now.
    pub(super) fn begin(&mut self, removed: &[Removed], first: u64) {
        for gone in removed.iter().take_while(|gone| gone.segment < first) {
            let (Ok(key), Some(note)) = (gone.key.parse::<VerifierKey>(), gone.note()) else {
                break;
            };
            let follows = match (&self.next_key, self.segment) {
                (None, None) => gone.segment == 1,
                (next, before) => next.as_ref() == Some(&key) && before == Some(gone.segment - 1),
            };
            let Some(checkpoint) = note.verify(&key).filter(|_| follows).cloned() else { break };
            self.is_trusted |= self.options.keys.contains(&key);
            self.known.push(key);
            // The closing checkpoint is a line itself, whose hash is not kept.
            self.before = None;
            self.next_key = checkpoint.next_key;
            self.segment = Some(gone.segment);
        }
        if let Some(last) = self.segment {
            self.removed = Some((last, false));
            self.proof.unproven.push(Unproven::Removed(last));
        }
    }

    pub(super) fn segment(&mut self, number: u64, path: &Path) -> Result<(), ReadError> {
        self.at = At { path: path.to_owned(), line: 1 };
        for missing in self.segment.map_or(1, |before| before + 1)..number {
            self.found(Problem::MissingSegment(missing));
            self.before = None;
        }
        self.finish_last_segment();
        self.proof.segments += 1;
        let file = File::open(path).map_err(ReadError::at(path))?;
        let mut reader = BufReader::with_capacity(BLOCK, file);
        let mut line = Vec::new();
        self.at.line = 0;
        let follows_on = self.segment.is_none_or(|before| before + 1 == number);
        self.segment = Some(number);
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line).map_err(ReadError::at(path))?;
            if line.is_empty() {
                break;
            }
            self.at.line += 1;
            if !line.ends_with(b"\n") {
                let bytes = line.len() as u64;
                self.proof.unproven.push(Unproven::Torn { bytes });
                break;
            }
            self.line(&line, follows_on);
        }
        if self.at.line == 0 {
            self.at.line = 1;
            self.found(Problem::NoHead);
        }
        Ok(())
    }

    /// A torn line is usual at the end of the log, and wrong where another segment follows.
    fn finish_last_segment(&mut self) {
        let torn = |unproven: &Unproven| matches!(unproven, Unproven::Torn { .. });
        let before = self.proof.unproven.len();
        self.proof.unproven.retain(|unproven| !torn(unproven));
        if self.proof.unproven.len() < before {
            self.found(Problem::Incomplete);
        }
    }

    fn line(&mut self, line: &[u8], follows_on: bool) {
        self.proof.lines += 1;
        let hash = LineHash::of(line);
        let Ok(envelope) = Envelope::parse(line) else {
            self.found(Problem::Malformed);
            self.before = self.before.map(|(number, _)| (number + 1, hash));
            return;
        };
        self.chained(&envelope);
        match Kind::of(envelope.kind) {
            _ if self.at.line == 1 => self.head(&envelope, line, follows_on),
            Some(Kind::Segment) => self.found(Problem::NoHead),
            _ if self.next_key.is_some() => self.found(Problem::BehindTheEnd),
            Some(Kind::Checkpoint) => self.checkpoint(&envelope, line),
            Some(Kind::Retention) => self.retention(line),
            _ => {}
        }
        self.before = Some((envelope.seq, hash));
        self.proof.last = envelope.seq;
        self.proof.head = Some(hash);
        self.proof.ended = envelope.written().or(self.proof.ended);
        self.compare_anchors(envelope.seq, hash);
    }

    /// Compares the line with the one before.
    fn chained(&mut self, line: &Envelope<'_>) {
        match self.before {
            Some((number, hash)) => {
                if hash != line.prev {
                    self.found(Problem::Broken);
                }
                if number + 1 != line.seq {
                    self.found(Problem::Number { expected: number + 1, found: line.seq });
                }
            }
            // The very first line.
            None if self.segment == Some(1) && self.at.line == 1 => {
                if line.seq != 1 {
                    self.found(Problem::Number { expected: 1, found: line.seq });
                } else if line.prev != LineHash::NONE {
                    self.found(Problem::Broken);
                }
            }
            None => {}
        }
    }

    /// Looks at the first line of a segment.
    fn head(&mut self, envelope: &Envelope<'_>, line: &[u8], follows_on: bool) {
        let head = serde_json::from_slice::<SegmentHead>(line).ok();
        let head = head.filter(|head| {
            envelope.kind == Kind::Segment.as_str() && Some(head.segment) == self.segment
        });
        let key = head.as_ref().and_then(|head| head.key.parse::<VerifierKey>().ok());
        let (Some(head), Some(key)) = (head, key) else {
            self.found(Problem::NoHead);
            return;
        };
        let named = self.next_key.take();
        let is_given = self.options.keys.contains(&key);
        match (named, head.after) {
            (Some(named), _) if named == key => {}
            (_, Some(After::LostKey)) => {
                if !is_given {
                    self.found(Problem::LostKey);
                }
            }
            (Some(_), _) => self.found(Problem::WrongKey),
            (None, None) if self.key.is_some() && follows_on => self.found(Problem::NotClosed),
            (None, Some(After::Damage)) => {
                self.found(Problem::Abandoned);
                if self.key.as_ref() != Some(&key) {
                    self.found(Problem::WrongKey);
                }
            }
            (None, _) if self.is_first() && !is_given && !self.options.keys.is_empty() => {
                self.found(Problem::UntrustedKey);
            }
            (None, _) => {}
        }
        self.is_trusted |= is_given;
        self.known.push(key.clone());
        self.key = Some(key);
    }

    /// Tells whether nothing of the log was seen before.
    fn is_first(&self) -> bool {
        self.known.is_empty()
    }

    /// Takes the word of a line for the removal of a segment.
    fn retention(&mut self, line: &[u8]) {
        #[derive(serde::Deserialize)]
        struct Members {
            segment: u64,
        }
        let told = serde_json::from_slice(line).map(|members: Members| members.segment);
        if let (Ok(told), Some((last, is_told))) = (told, &mut self.removed) {
            *is_told |= told == *last;
        }
    }

    fn checkpoint(&mut self, envelope: &Envelope<'_>, line: &[u8]) {
        // No other line vouches for the last one: a checkpoint has one form only.
        let note = note_of(line).filter(|note| checkpoint_line(envelope, note) == line);
        let Some(note) = note else { return self.found(Problem::BadCheckpoint) };
        let verified = self.key.as_ref().and_then(|key| note.verify(key));
        let Some(checkpoint) = verified else { return self.found(Problem::Signature) };
        if checkpoint.size + 1 != envelope.seq || checkpoint.root != envelope.prev {
            return self.found(Problem::OtherLines);
        }
        self.proof.checkpoints += 1;
        self.proof.proven = Some((envelope.seq, checkpoint.time));
        self.next_key.clone_from(&checkpoint.next_key);
    }

    /// Compares the line with checkpoints of it that were kept elsewhere.
    fn compare_anchors(&mut self, number: u64, hash: LineHash) {
        for anchor in self.anchors.remove(&number).unwrap_or_default() {
            let claimed = anchor.claimed();
            let (time, size) = (Problem::time(claimed.time), claimed.size);
            if !self.known.iter().any(|key| anchor.verify(key).is_some()) {
                self.found(Problem::ForeignAnchor { time });
            } else if claimed.root == hash {
                self.proof.anchors += 1;
            } else {
                self.found(Problem::OtherHistory { time, size });
            }
        }
    }

    pub(super) fn end(mut self) -> Proof {
        self.leftover_anchors();
        if let Some((last, false)) = self.removed {
            self.at.line = 1;
            self.found(Problem::NoRetention(last));
        }
        let proof = &mut self.proof;
        if self.options.keys.is_empty() {
            proof.unproven.push(Unproven::NoKey);
        }
        let tail = proof.unprotected();
        if tail > 0 {
            proof.unproven.push(Unproven::Tail { lines: tail });
        }
        if proof.anchors == 0 {
            proof.unproven.push(Unproven::End);
        }
        if !self.options.keys.is_empty() && !self.is_trusted && self.proof.holds() {
            self.found(Problem::UntrustedKey);
        }
        self.proof
    }

    /// Anchors of lines that are not there: removed by retention, or cut off.
    fn leftover_anchors(&mut self) {
        let mut left: Vec<&SignedNote> =
            self.anchors.drain().flat_map(|(_, notes)| notes).collect();
        left.sort_by_key(|note| note.claimed().size);
        for anchor in left {
            let claimed = anchor.claimed();
            let (time, size) = (Problem::time(claimed.time), claimed.size);
            let is_known = self.known.iter().any(|key| anchor.verify(key).is_some());
            match (size > self.proof.last, is_known) {
                // A key that signed later than all that is left is not known any more.
                (true, _) if self.known.iter().any(|key| key.origin() == claimed.origin) => {
                    self.found(Problem::CutOff { time, size });
                }
                (_, false) => self.found(Problem::ForeignAnchor { time }),
                (_, true) => {}
            }
        }
    }
}

/// Returns the line that a checkpoint has.
fn checkpoint_line(envelope: &Envelope<'_>, note: &SignedNote) -> Vec<u8> {
    let mut chain = Chain { next: envelope.seq, prev: envelope.prev };
    let mut line = Vec::new();
    chain.append_checkpoint(&mut line, note);
    line
}
