//! The thread that reloads: it waits for events, for time to pass, and for somebody who asks.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::compile::{Compiled, Compiling};
use super::stillness::Stillness;
use super::watched::Watched;
use super::{Occasion, Reload, Reloader};

/// The times that reloading keeps to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// An editor writes a file in several steps: events are waited for until there have been
    /// none for this long,
    pub(crate) quiet: Duration,
    /// but not longer than this after the first.
    pub(crate) patience: Duration,
    /// The time after a change in which the next one is likely.
    pub(crate) editing: Duration,
    /// The time between two looks at files that no event tells of.
    pub(crate) look: Duration,
    pub(crate) stillness: Stillness,
    /// The time until a candidate that failed for want of something is tried again, at first;
    /// twice as long each time after that.
    pub(crate) retry: Duration,
    /// True if events are listened to. Some file systems tell of none.
    pub(crate) events: bool,
}

/// The longest time until a candidate is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// The time that the end of the gateway waits for a reload that is under way. A read of a file
/// system that is gone may never end.
const FAREWELL: Duration = Duration::from_secs(2);

impl Default for Timing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(20),
            patience: Duration::from_millis(200),
            editing: Duration::from_secs(30),
            look: Duration::from_secs(5),
            stillness: Stillness::default(),
            retry: Duration::from_secs(1),
            events: true,
        }
    }
}

/// The file system cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch the configuration for changes: {0}")]
pub struct WatchError(#[from] notify::Error);

/// A thread that reloads when a file of the configuration changes. It ends when this is
/// dropped.
pub struct Watch {
    signals: Sender<Signal>,
    /// Only the end asks it; locked so that a gateway can be shared.
    ended: Mutex<Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

pub(super) enum Signal {
    Changed,
    /// Somebody wants the files looked at.
    Asked,
    /// The policies of a candidate were compiled.
    Compiled(Box<Compiled>),
    Stop,
}

impl Watch {
    /// Begins to watch.
    pub fn start(reloader: Arc<Reloader>) -> Result<Self, WatchError> {
        Self::start_with(reloader, Timing::default())
    }

    pub(crate) fn start_with(reloader: Arc<Reloader>, timing: Timing) -> Result<Self, WatchError> {
        let (signals, received) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let mut watched = Watched::new(signals.clone())?;
        if timing.events {
            watched.follow(&reloader.last_read());
        }
        let (engine, clock) = (Arc::clone(&reloader.engine), Arc::clone(&reloader.clock));
        let compiling =
            Compiling::start(engine, clock, signals.clone()).map_err(notify::Error::io)?;
        let due = Due::new(&timing);
        let runner = Watcher { reloader, watched, compiling, timing, due, told: false };
        let thread = std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || {
                runner.run(&received);
                end.send(()).ok();
            })
            .map_err(notify::Error::io)?;
        Ok(Self { signals, ended: Mutex::new(ended), thread: Some(thread) })
    }

    /// Looks at the files now, whether or not an event came.
    pub fn check(&self) {
        // A thread that has ended has been told to.
        self.signals.send(Signal::Asked).ok();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.signals.send(Signal::Stop).ok();
        let Some(thread) = self.thread.take() else { return };
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        match ended.recv_timeout(FAREWELL) {
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("a reload is still under way and is not waited for");
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => drop(thread.join()),
        }
    }
}

/// The state of the thread.
struct Watcher {
    reloader: Arc<Reloader>,
    watched: Watched,
    compiling: Compiling,
    timing: Timing,
    due: Due,
    /// True if it was said that a change came without an event.
    told: bool,
}

/// The times at which work is due, besides what signals ask for.
struct Due {
    /// After an edit often comes another, so what compiled the last one is kept until then.
    rest: Option<Instant>,
    look: Instant,
    /// True if the system's word is enough to see that nothing has changed.
    looked_closely: bool,
    unsettled: Option<(Instant, Occasion)>,
    retry: Option<(Instant, Duration)>,
}

/// The reason why the thread woke.
enum Task {
    Attempt(Occasion),
    Conclude(Box<Compiled>),
    Look,
    Rest,
}

impl Due {
    fn new(timing: &Timing) -> Self {
        let now = Instant::now();
        // A configuration was loaded just now.
        let rest = Some(now + timing.editing);
        let look = now + timing.look;
        Self { rest, look, looked_closely: false, unsettled: None, retry: None }
    }

    /// The next task and its time.
    fn next(&self) -> (Instant, Task) {
        let rest = self.rest.map(|at| (at, Task::Rest));
        let unsettled = self.unsettled.map(|(at, occasion)| (at, Task::Attempt(occasion)));
        let retry = self.retry.map(|(at, _)| (at, Task::Attempt(Occasion::Asked)));
        let all = [rest, unsettled, retry].into_iter().flatten();
        all.chain([(self.look, Task::Look)])
            .min_by_key(|(at, _)| *at)
            .unwrap_or((self.look, Task::Look))
    }
}

impl Watcher {
    fn run(mut self, signals: &Receiver<Signal>) {
        while let Some(task) = self.wait(signals) {
            match task {
                Task::Rest => {
                    self.reloader.rest();
                    self.due.rest = None;
                }
                Task::Look => self.look(),
                Task::Attempt(occasion) => self.attempt(occasion),
                Task::Conclude(compiled) => {
                    let outcome = self.reloader.compiled(*compiled);
                    self.concluded(&outcome);
                }
            }
        }
    }

    /// Waits for a signal or for time to pass; nothing when told to stop.
    fn wait(&mut self, signals: &Receiver<Signal>) -> Option<Task> {
        let (at, task) = self.due.next();
        match signals.recv_timeout(at.saturating_duration_since(Instant::now())) {
            Ok(Signal::Compiled(compiled)) => Some(Task::Conclude(compiled)),
            Ok(signal) => self.settle(signal, signals),
            Err(RecvTimeoutError::Timeout) => Some(task),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Waits for the end of a burst of signals; nothing when told to stop.
    fn settle(&mut self, first: Signal, signals: &Receiver<Signal>) -> Option<Task> {
        let mut occasion = Occasion::Event;
        let mut signal = first;
        let end = Instant::now() + self.timing.patience;
        loop {
            match signal {
                Signal::Changed => {}
                Signal::Asked => occasion = Occasion::Asked,
                Signal::Compiled(compiled) => {
                    let outcome = self.reloader.compiled(*compiled);
                    self.concluded(&outcome);
                }
                Signal::Stop => return None,
            }
            if Instant::now() >= end {
                return Some(Task::Attempt(occasion));
            }
            match signals.recv_timeout(self.timing.quiet) {
                Ok(next) => signal = next,
                Err(RecvTimeoutError::Timeout) => return Some(Task::Attempt(occasion)),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Looks at the files although nobody told of a change.
    fn look(&mut self) {
        self.due.look = Instant::now() + self.timing.look;
        if !self.due.looked_closely || self.reloader.last_read().looks_different() {
            self.attempt(Occasion::Look);
            self.due.looked_closely = true;
        }
    }

    fn attempt(&mut self, occasion: Occasion) {
        let Self { reloader, watched, compiling, timing, .. } = self;
        let is_open = |file: &Path| watched.is_open(file);
        let outcome = reloader.attempt(occasion, &timing.stillness, &is_open, Some(compiling));
        self.due.unsettled = match outcome {
            Reload::Unsettled(rest) => Some((Instant::now() + rest, occasion)),
            _ => None,
        };
        match &outcome {
            Reload::Unchanged | Reload::Unsettled(_) => {
                // A retry that found nothing to do is over.
                if occasion == Occasion::Asked {
                    self.due.retry = None;
                }
            }
            Reload::Compiling | Reload::Swapped(_) | Reload::Rejected(_) => {
                self.due.looked_closely = false;
                self.tell(occasion);
                self.concluded(&outcome);
            }
        }
        if self.timing.events {
            self.watched.follow(&self.reloader.last_read());
        }
    }

    /// Plans what is to be done after a candidate was taken or rejected.
    fn concluded(&mut self, outcome: &Reload) {
        let now = Instant::now();
        self.due.rest = Some(now + self.timing.editing);
        if matches!(outcome, Reload::Swapped(_) | Reload::Rejected(_)) {
            self.schedule_retry(outcome, now);
        }
    }

    /// A candidate that failed because the machine was short of something is tried again.
    fn schedule_retry(&mut self, outcome: &Reload, now: Instant) {
        let passing = matches!(outcome, Reload::Rejected(errors) if errors.is_passing());
        self.due.retry = passing.then(|| {
            let before = self.due.retry.map(|(_, wait)| wait);
            let wait = before.map_or(self.timing.retry, |wait| LONGEST_RETRY.min(wait * 2));
            let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                milliseconds,
                "the machine was short of something; the configuration is tried again"
            );
            (now + wait, wait)
        });
    }

    fn tell(&mut self, occasion: Occasion) {
        if occasion == Occasion::Look && !self.told {
            self.told = true;
            let seconds = self.timing.look.as_secs() * 2;
            tracing::warn!(
                seconds,
                "a change was found by looking: the file system of the configuration does not \
                 tell of changes, so they are taken within so many seconds"
            );
        }
    }
}

#[cfg(test)]
mod tests;
