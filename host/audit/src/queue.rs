//! Lines on their way to the thread that writes them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use stockade_core::{Clock, UnixTime};

use crate::health::Health;
use crate::line::Kind;
use crate::note::SignedNote;
use crate::rules::AuditSettings;

/// The time for which lines are gathered before they are written: each write is a system call.
const GATHER: Duration = Duration::from_micros(500);
/// The number of looks for lines before the writer waits to be woken, which is a system call for
/// whoever writes next.
const LOOKS: u32 = 20;
/// The longest wait: as often, the writer looks whether the file is at its place.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The state that the log, its slots and its threads share.
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    /// There is something to do.
    filled: Condvar,
    /// Everything that was asked for is done.
    served: Condvar,
    pub(crate) health: Health,
    pub(crate) clock: Arc<dyn Clock>,
    /// Lines that were promised and are not in the queue yet.
    promised: AtomicUsize,
    checkpoint: Mutex<Option<SignedNote>>,
}

struct Queue {
    lines: Lines,
    /// The number of flushes that were asked for, and of those that are done.
    asked: u64,
    done: u64,
    settings: Option<AuditSettings>,
    /// True if a checkpoint is wanted now.
    signs: bool,
    is_closing: bool,
    is_asleep: bool,
}

/// Lines that are not chained yet: their members one behind the other.
#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) members: Vec<u8>,
    pub(crate) each: Vec<Line>,
}

/// One of them.
pub(crate) struct Line {
    pub(crate) time: UnixTime,
    pub(crate) kind: Kind,
    /// The end of its members.
    pub(crate) end: usize,
}

/// The work that is to be done besides writing lines.
pub(crate) struct Work {
    pub(crate) settings: Option<AuditSettings>,
    /// The number of the flush to be done, if it is another than the last one.
    pub(crate) flush: Option<u64>,
    /// True if a checkpoint is wanted now.
    pub(crate) signs: bool,
    pub(crate) is_closing: bool,
}

impl Shared {
    pub(crate) fn new(deadline: Duration, clock: Arc<dyn Clock>) -> Self {
        let queue = Queue {
            lines: Lines::default(),
            asked: 0,
            done: 0,
            settings: None,
            signs: false,
            is_closing: false,
            is_asleep: false,
        };
        Self {
            queue: Mutex::new(queue),
            filled: Condvar::new(),
            served: Condvar::new(),
            health: Health::new(deadline),
            clock,
            promised: AtomicUsize::new(0),
            checkpoint: Mutex::default(),
        }
    }

    pub(crate) fn promise(&self) {
        self.promised.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn release(&self) {
        self.promised.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns the number of lines that are still to come.
    pub(crate) fn promised(&self) -> usize {
        self.promised.load(Ordering::Relaxed)
    }

    /// Puts a line into the queue, as of now.
    pub(crate) fn push(&self, kind: Kind, members: &[u8]) {
        let time = self.clock.now();
        let mut queue = self.lock();
        queue.lines.push(time, kind, members);
        self.wake(queue);
    }

    pub(crate) fn set(&self, settings: AuditSettings) {
        self.health.set_deadline(settings.deadline);
        let mut queue = self.lock();
        queue.settings = Some(settings);
        self.wake(queue);
    }

    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.is_closing = true;
        self.wake(queue);
    }

    /// Waits until what was pushed before is on the disk, and signed if `signs`, or for as long as
    /// this; tells whether it is.
    pub(crate) fn flush(&self, patience: Duration, signs: bool) -> bool {
        let mut queue = self.lock();
        queue.signs |= signs;
        queue.asked += 1;
        let asked = queue.asked;
        if std::mem::take(&mut queue.is_asleep) {
            self.filled.notify_one();
        }
        let waiting = |queue: &mut Queue| queue.done < asked;
        let waited = self.served.wait_timeout_while(queue, patience, waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.done >= asked
    }

    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        if std::mem::take(&mut queue.is_asleep) {
            drop(queue);
            self.filled.notify_one();
        }
    }

    /// Waits until there is something to do, and has been for a moment; for a second at most.
    pub(crate) fn wait(&self) {
        for _ in 0..LOOKS {
            thread::sleep(GATHER);
            if self.lock().has_work() {
                return;
            }
        }
        let mut queue = self.lock();
        queue.is_asleep = !queue.has_work();
        if queue.is_asleep {
            let idle = |queue: &mut Queue| queue.is_asleep;
            let waited = self.filled.wait_timeout_while(queue, LONGEST_WAIT, idle);
            waited.unwrap_or_else(PoisonError::into_inner).0.is_asleep = false;
        }
    }

    /// Takes what is to be done. `lines` is empty.
    pub(crate) fn take(&self, lines: &mut Lines) -> Work {
        let mut queue = self.lock();
        std::mem::swap(&mut queue.lines, lines);
        Work {
            settings: queue.settings.take(),
            flush: (queue.asked > queue.done).then_some(queue.asked),
            signs: std::mem::take(&mut queue.signs) || queue.is_closing,
            is_closing: queue.is_closing,
        }
    }

    pub(crate) fn flushed(&self, asked: u64) {
        self.lock().done = asked;
        self.served.notify_all();
    }

    pub(crate) fn set_checkpoint(&self, note: SignedNote) {
        *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
    }

    /// Returns the last checkpoint.
    pub(crate) fn checkpoint(&self) -> Option<SignedNote> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn has_work(&self) -> bool {
        let is_flush_due = self.asked > self.done;
        !self.lines.each.is_empty() || is_flush_due || self.settings.is_some() || self.is_closing
    }
}

impl Lines {
    /// Returns each line with its members.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Line, &[u8])> {
        let begins = std::iter::once(0).chain(self.each.iter().map(|line| line.end));
        self.each.iter().zip(begins).map(|(line, begin)| (line, &self.members[begin..line.end]))
    }

    pub(crate) fn push(&mut self, time: UnixTime, kind: Kind, members: &[u8]) {
        self.members.extend_from_slice(members);
        self.each.push(Line { time, kind, end: self.members.len() });
    }

    /// Appends others.
    pub(crate) fn extend(&mut self, others: Self) {
        if self.each.is_empty() {
            *self = others;
            return;
        }
        let offset = self.members.len();
        self.members.extend_from_slice(&others.members);
        let moved = others.each.into_iter().map(|line| Line { end: line.end + offset, ..line });
        self.each.extend(moved);
    }

    pub(crate) fn clear(&mut self) {
        self.members.clear();
        self.each.clear();
        // What a burst needed is given back.
        self.members.shrink_to(1 << 20);
        self.each.shrink_to(1 << 10);
    }
}
