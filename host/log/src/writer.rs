//! The thread that writes log lines, so that nobody else waits for standard error.
//!
//! Whoever logs puts whole lines into a bounded queue. Where nobody reads them, or the disk
//! is full, lines are lost and counted, and the gateway goes on.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::plain::plain;

/// Bytes of lines that may wait to be written.
const MOST: usize = 4 << 20;
/// Bytes that are written at once: a reader who takes this much is alive.
const PIECE: usize = 16 << 10;
/// The time for which lines are gathered before they are written: each write is a system call.
const GATHER: Duration = Duration::from_millis(2);
/// The number of looks for lines before the writer waits to be woken. Waking it is a system call
/// for whoever logs next, and where somebody logged just now, somebody soon will.
const LOOKS: u32 = 10;
/// The time that one piece may take until the log counts as stuck.
const PATIENCE_MILLISECONDS: u64 = 1_000;
/// The time to wait for a file that says "not now" without blocking.
const AGAIN: Duration = Duration::from_millis(10);

/// Takes lines that another thread writes.
#[derive(Clone)]
pub(crate) struct Sink(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write.
    filled: Condvar,
    /// Everything is written.
    drained: Condvar,
    /// The room for lines, in bytes.
    most: usize,
    /// The time when the writer started.
    start: Instant,
    /// The time when the piece that is being written was begun, in milliseconds after the start and
    /// one; 0 between two pieces.
    writing_since: AtomicU64,
    /// More than half of the room is taken.
    crowded: AtomicBool,
    /// The last write failed.
    broken: AtomicBool,
}

#[derive(Default)]
struct Queue {
    pending: Vec<u8>,
    /// Lines that were lost and not told of yet.
    lost: u64,
    /// The writer has written all that it has taken.
    settled: bool,
    /// The writer waits to be woken.
    asleep: bool,
}

impl Sink {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// Where there can be no further thread.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        Self::with_room(out, MOST)
    }

    fn with_room(out: impl Write + Send + 'static, most: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            most,
            start: Instant::now(),
            writing_since: AtomicU64::new(0),
            crowded: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        });
        let writer = Writer { shared: Arc::clone(&shared), out };
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
        Ok(Self(shared))
    }

    /// Tells whether lines do not get to where they belong: they are not taken, or cannot be
    /// written.
    pub(crate) fn is_stuck(&self) -> bool {
        let shared = &self.0;
        let since = shared.writing_since.load(Ordering::Relaxed);
        shared.broken.load(Ordering::Relaxed)
            || shared.crowded.load(Ordering::Relaxed)
            || since > 0 && shared.now() > since + PATIENCE_MILLISECONDS
    }

    /// Waits until everything is written, but not for longer than this.
    pub(crate) fn flush(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut queue = self.0.lock();
        while !(queue.settled && queue.pending.is_empty()) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.0.drained.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn push(&self, lines: &[u8]) {
        let shared = &self.0;
        let mut queue = shared.lock();
        let length = queue.pending.len() + lines.len();
        if length > shared.most {
            queue.lost += count(lines);
            return;
        }
        queue.pending.extend_from_slice(lines);
        if length > shared.most / 2 {
            shared.crowded.store(true, Ordering::Relaxed);
        }
        if std::mem::take(&mut queue.asleep) {
            shared.filled.notify_one();
        }
    }
}

/// Each write is of whole lines; what a reader cannot see in them is written as an escape.
impl Write for Sink {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.push(&plain(lines));
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX) + 1
    }
}

struct Writer<W> {
    shared: Arc<Shared>,
    out: W,
}

impl<W: Write> Writer<W> {
    fn run(mut self) {
        let mut lines = Vec::new();
        loop {
            self.wait();
            self.take(&mut lines);
            match self.write(&lines) {
                Ok(()) => self.recovered(),
                Err(written) => self.failed(&lines[written..]),
            }
        }
    }

    /// Waits until there is something to write, and has been for a moment.
    fn wait(&self) {
        self.settle();
        for _ in 0..LOOKS {
            thread::sleep(GATHER);
            if !self.shared.lock().pending.is_empty() {
                return;
            }
        }
        let mut queue = self.shared.lock();
        while queue.pending.is_empty() {
            queue.asleep = true;
            queue = self.shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.asleep = false;
        drop(queue);
        thread::sleep(GATHER);
    }

    /// Tells whoever waits for it that everything which was taken is written.
    fn settle(&self) {
        self.shared.lock().settled = true;
        self.shared.drained.notify_all();
    }

    fn take(&self, lines: &mut Vec<u8>) {
        lines.clear();
        // What a burst needed is given back.
        lines.shrink_to(4 * PIECE);
        let mut queue = self.shared.lock();
        std::mem::swap(&mut queue.pending, lines);
        queue.settled = false;
        drop(queue);
        self.shared.crowded.store(false, Ordering::Relaxed);
    }

    /// Writes lines; returns how much was written where not all of it could be.
    fn write(&mut self, lines: &[u8]) -> Result<(), usize> {
        let mut written = 0;
        while written < lines.len() {
            let piece = &lines[written..lines.len().min(written + PIECE)];
            self.shared.writing_since.store(self.shared.now(), Ordering::Relaxed);
            let taken = self.piece(piece);
            self.shared.writing_since.store(0, Ordering::Relaxed);
            match taken {
                Ok(taken @ 1..) => written += taken,
                Ok(0) | Err(_) => return Err(written),
            }
        }
        Ok(())
    }

    fn piece(&mut self, piece: &[u8]) -> io::Result<usize> {
        loop {
            match self.out.write(piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another program has switched the shared terminal or pipe to that.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(AGAIN),
                done => return done,
            }
        }
    }

    fn recovered(&self) {
        self.shared.broken.store(false, Ordering::Relaxed);
        let lost = std::mem::take(&mut self.shared.lock().lost);
        if lost > 0 {
            tracing::error!(lines = lost, "lines of the log were lost, for nobody took them");
        }
    }

    /// The next lines are tried again: a full disk may have room then.
    fn failed(&self, unwritten: &[u8]) {
        self.shared.broken.store(true, Ordering::Relaxed);
        self.shared.lock().lost += count(unwritten);
    }
}

#[cfg(test)]
mod tests;
