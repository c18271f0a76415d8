//! Turns for tasks: waiting is a future, a turn is a value, and dropping either one ends it.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use stockade_core::ModelName;
use tokio::sync::oneshot;

use super::clock::Monotonic;
use super::queue::Queue;
use super::request::{Class, QueueFull, QueueSettings, Ticket, TurnEnd, TurnRequest};
use super::snapshot::{Place, QueueSnapshot};

/// The turns of one upstream.
pub struct Turns<C: Monotonic>(Arc<Shared<C>>);

impl<C: Monotonic> Clone for Turns<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Shared<C> {
    state: Mutex<State>,
    clock: C,
}

struct State {
    queue: Queue,
    waiters: HashMap<Ticket, oneshot::Sender<()>>,
}

/// The reason why a request gets no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTurn {
    /// No more requests may wait.
    #[error("{full}")]
    Full {
        /// The bound that is reached.
        full: QueueFull,
        /// The time after which it is worth to ask again.
        retry_after: Duration,
    },
    /// It has waited for as long as it may.
    #[error("no turn within {} seconds", .waited.as_secs())]
    TimedOut {
        /// The time that it waited.
        waited: Duration,
        /// The time after which it is worth to ask again.
        retry_after: Duration,
    },
}

impl NoTurn {
    /// Returns the time after which it is worth to ask again, at least a second.
    pub fn retry_after(&self) -> Duration {
        let (Self::Full { retry_after, .. } | Self::TimedOut { retry_after, .. }) = self;
        (*retry_after).max(Duration::from_secs(1))
    }
}

impl<C: Monotonic> Turns<C> {
    /// The turns of an upstream that does nothing yet.
    pub fn new(settings: QueueSettings, clock: C) -> Self {
        let state = State { queue: Queue::new(settings), waiters: HashMap::new() };
        Self(Arc::new(Shared { state: Mutex::new(state), clock }))
    }

    /// Waits for a turn. Dropping the future leaves the queue at once.
    ///
    /// # Errors
    /// Where no more may wait, or after the time that one may.
    pub async fn turn(&self, request: TurnRequest) -> Result<Turn<C>, NoTurn> {
        let now = self.0.clock.now();
        let (mut turn, granted) = self.join(request, now)?;
        turn.wait(granted, None).await?;
        Ok(turn)
    }

    /// Sets other bounds; whoever waits or runs already stays.
    pub fn set_settings(&self, settings: QueueSettings) {
        let mut state = self.0.lock();
        if *state.queue.settings() == settings {
            return;
        }
        let now = self.0.clock.now();
        state.queue.set_settings(settings);
        state.give_turns(now);
    }

    /// Notes which models the upstream has in memory.
    pub fn set_loaded(&self, models: Vec<ModelName>) {
        let now = self.0.clock.now();
        self.0.lock().queue.set_loaded(models, now);
    }

    /// Describes the queue.
    pub fn snapshot(&self) -> QueueSnapshot {
        let now = self.0.clock.now();
        self.0.lock().queue.snapshot(now)
    }

    /// Returns the time that somebody would wait who came now, roughly.
    pub fn expected_wait(&self) -> Duration {
        self.0.lock().queue.expected_wait()
    }

    fn join(
        &self,
        request: TurnRequest,
        now: Instant,
    ) -> Result<(Turn<C>, oneshot::Receiver<()>), NoTurn> {
        let mut state = self.0.lock();
        let joined = state.queue.join(request, now);
        let ticket = joined.map_err(|full| {
            let retry_after = state.queue.expected_wait();
            NoTurn::Full { full, retry_after }
        })?;
        let granted = state.watch(ticket);
        state.give_turns(now);
        let place = state.queue.place(ticket, now);
        drop(state);
        let lease = Lease { shared: Arc::clone(&self.0), ticket, end: TurnEnd::Nothing };
        Ok((Turn { lease, place, joined: now, began: now }, granted))
    }
}

impl<C: Monotonic> Shared<C> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn watch(&mut self, ticket: Ticket) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.waiters.insert(ticket, sender);
        receiver
    }

    /// Gives turns as long as there are free slots. A waiter that is just being dropped gives its
    /// turn back by that.
    fn give_turns(&mut self, now: Instant) {
        while let Some(ticket) = self.queue.next_turn(now) {
            if let Some(waiter) = self.waiters.remove(&ticket) {
                let _ = waiter.send(());
            }
        }
    }
}

/// A place in the queue or at work, left by dropping it.
struct Lease<C: Monotonic> {
    shared: Arc<Shared<C>>,
    ticket: Ticket,
    end: TurnEnd,
}

impl<C: Monotonic> Drop for Lease<C> {
    fn drop(&mut self) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        state.waiters.remove(&self.ticket);
        state.queue.leave(self.ticket, self.end, now);
        state.give_turns(now);
    }
}

/// A turn: the upstream has a slot for the request until this is dropped.
#[must_use = "dropping a turn ends it"]
pub struct Turn<C: Monotonic> {
    lease: Lease<C>,
    place: Option<Place>,
    joined: Instant,
    began: Instant,
}

impl<C: Monotonic> Turn<C> {
    /// Returns the place that the request had when it came, `None` if it had not to wait.
    pub const fn place(&self) -> Option<Place> {
        self.place
    }

    /// Returns the time that the request waited.
    pub fn waited(&self) -> Duration {
        self.began.saturating_duration_since(self.joined)
    }

    /// Ends the turn with the GPU time that it took by the upstream's own account. A turn that is
    /// dropped counts with the time that it lasted.
    pub fn end(mut self, gpu: Duration) {
        self.lease.end = TurnEnd::Gpu(gpu);
    }

    /// Ends a turn in which nothing has run.
    pub fn cancel(mut self) {
        self.lease.end = TurnEnd::Nothing;
    }

    /// Gives the turn back, because the upstream was busy and nothing has run, and waits for the
    /// next one at the place that the request had. Nobody else gets a turn meanwhile, but when
    /// another one ends.
    ///
    /// # Errors
    /// After the time that a request may wait, this time included.
    pub async fn put_back(mut self, pause: Duration) -> Result<Self, NoTurn> {
        let now = self.lease.shared.clock.now();
        let granted = {
            let mut state = self.lease.shared.lock();
            state.queue.put_back(self.lease.ticket, pause, now);
            state.watch(self.lease.ticket)
        };
        self.lease.end = TurnEnd::Nothing;
        self.wait(granted, Some(now + pause)).await?;
        Ok(self)
    }

    /// Gives the turn back, of which nothing has run, and waits for the next one in another class.
    ///
    /// # Errors
    /// After the time that a request may wait, this time included.
    pub async fn wait_in(mut self, class: Class) -> Result<Self, NoTurn> {
        let now = self.lease.shared.clock.now();
        let granted = {
            let mut state = self.lease.shared.lock();
            state.queue.wait_in(self.lease.ticket, class);
            let granted = state.watch(self.lease.ticket);
            state.give_turns(now);
            granted
        };
        self.lease.end = TurnEnd::Nothing;
        self.wait(granted, None).await?;
        Ok(self)
    }

    /// Waits until a turn is granted; gives turns itself once a pause is over.
    async fn wait(
        &mut self,
        mut granted: oneshot::Receiver<()>,
        mut pause: Option<Instant>,
    ) -> Result<(), NoTurn> {
        let shared = Arc::clone(&self.lease.shared);
        let wait = shared.lock().queue.settings().wait;
        let deadline = self.joined + wait;
        loop {
            let until = pause.map_or(deadline, |pause| pause.min(deadline));
            let end = first(&mut granted, pin!(shared.clock.sleep_until(until))).await;
            if end == First::Granted {
                self.lease.end = TurnEnd::Elapsed;
                self.began = shared.clock.now();
                return Ok(());
            }
            if until == deadline {
                let retry_after = shared.lock().queue.expected_wait();
                return Err(NoTurn::TimedOut { waited: wait, retry_after });
            }
            pause = None;
            shared.lock().give_turns(shared.clock.now().max(until));
        }
    }
}

/// The one of two that came first.
#[derive(PartialEq, Eq)]
enum First {
    Granted,
    TimeIsUp,
}

/// Waits for a turn or for the time. The sender lives as long as the lease does.
async fn first<F: Future<Output = ()>>(
    granted: &mut oneshot::Receiver<()>,
    mut time: Pin<&mut F>,
) -> First {
    poll_fn(|context| {
        if let Poll::Ready(Ok(())) = Pin::new(&mut *granted).poll(context) {
            return Poll::Ready(First::Granted);
        }
        time.as_mut().poll(context).map(|()| First::TimeIsUp)
    })
    .await
}

#[cfg(test)]
mod tests;
