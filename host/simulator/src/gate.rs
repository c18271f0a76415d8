//! The plans of a test for certain requests.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use crate::fault::{Fault, Sabotage};
use crate::journal::{Ending, Presence, ended};
use crate::reply::Reply;

/// The point at which an answer is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The request has been received; not even the status has been sent.
    BeforeHeaders,
    /// Headers and so many chunks have been sent. Only for answers that are streamed.
    AfterChunks(usize),
}

/// Holds one answer. Dropping it lets the answer go on.
#[derive(Debug)]
pub struct Gate {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
    ending: watch::Receiver<Option<Ending>>,
}

impl Gate {
    /// Waits until the answer is held. Returns `false` where it never will be, because the request
    /// ended before that.
    pub async fn reached(&mut self) -> bool {
        (&mut self.reached).await.is_ok()
    }

    /// Lets the answer go on, and reports how it ends.
    pub fn release(self) -> impl Future<Output = Ending> + Send + use<> {
        // Nobody receives it where the caller is gone already.
        let _ = self.release.send(());
        ended(self.ending)
    }

    /// Waits until the request has ended, while the answer is held: that is how a test learns that
    /// the caller went away.
    pub async fn ending(&self) -> Ending {
        ended(self.ending.clone()).await
    }
}

/// One request's part of what tests planned.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    held: Option<Held>,
    fault: Option<Fault>,
    presence: Option<Presence>,
}

#[derive(Debug)]
struct Held {
    at: Hold,
    reached: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
}

impl Held {
    async fn wait(self) {
        // Nobody receives it where the test only wants to hold; and where the gate was
        // dropped, there is nothing to wait for.
        let _ = self.reached.send(());
        let _ = self.released.await;
    }
}

impl Plan {
    /// The request's presence, which a gate may be watching.
    pub(crate) fn presence(&mut self) -> Presence {
        self.presence.take().unwrap_or_default()
    }

    /// The answer of a fault that is one.
    pub(crate) fn instead_of_the_answer(&self) -> Option<Reply> {
        self.fault.and_then(Fault::reply)
    }

    pub(crate) async fn before_headers(&mut self, sabotage: &Sabotage) {
        if let Some(held) = self.held.take_if(|held| held.at == Hold::BeforeHeaders) {
            held.wait().await;
        }
        if let Some(bytes) = self.fault.and_then(Fault::instead_of_headers) {
            sabotage.arm(bytes);
        }
    }

    pub(crate) async fn after_chunks(&mut self, sent: usize, sabotage: &Sabotage) {
        if let Some(held) = self.held.take_if(|held| held.at == Hold::AfterChunks(sent)) {
            held.wait().await;
        }
        if self.fault == Some(Fault::CloseMidChunk { after: sent }) {
            sabotage.arm(b"40\r\n{\"model");
        }
        if self.fault == Some(Fault::CloseBetweenChunks { after: sent }) {
            sabotage.arm(b"40\r\n");
        }
    }

    /// Tells whether the answer ends here, though there would be more.
    pub(crate) fn ends_after(&self, sent: usize) -> bool {
        self.fault == Some(Fault::EndEarly { after: sent })
    }
}

/// Everything that is planned and has not happened yet.
#[derive(Debug, Default)]
pub(crate) struct Plans(Mutex<Vec<(String, Plan)>>);

impl Plans {
    pub(crate) fn hold(&self, path: &str, at: Hold) -> Gate {
        let (reached, when_reached) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let presence = Presence::default();
        let gate = Gate { reached: when_reached, release, ending: presence.watch() };
        let held = Held { at, reached, released };
        let plan = Plan { held: Some(held), fault: None, presence: Some(presence) };
        self.lock().push((path.to_owned(), plan));
        gate
    }

    pub(crate) fn fail(&self, path: &str, fault: Fault) {
        let plan = Plan { fault: Some(fault), ..Plan::default() };
        self.lock().push((path.to_owned(), plan));
    }

    /// Takes the oldest plan for a request of this path, or an empty one.
    pub(crate) fn take(&self, path: &str) -> Plan {
        let mut plans = self.lock();
        let next = plans.iter().position(|(planned, _)| planned == path);
        next.map(|next| plans.remove(next).1).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Plan)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
