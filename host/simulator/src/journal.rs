//! The requests that were received, and how each ended.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::sync::watch;

/// The number of requests that are remembered.
const LONGEST: usize = 10_000;

/// A request as it was received.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// Its method.
    pub method: Method,
    /// Its target as it was sent: the path with its escapes, and the query.
    pub target: String,
    /// All of its headers.
    pub headers: HeaderMap,
    /// Its body without the framing; as much of it as came.
    pub body: Bytes,
    /// The models that it is about, as Ollama reads and prints them; empty where Ollama
    /// would refuse it before that.
    pub models: Vec<String>,
    pub(crate) ending: watch::Receiver<Option<Ending>>,
}

impl RecordedRequest {
    /// Waits until it has ended.
    pub async fn ending(&self) -> Ending {
        ended(self.ending.clone()).await
    }
}

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The whole answer was handed to the connection.
    Answered,
    /// The caller went away, or the connection was broken, before that.
    Abandoned,
}

pub(crate) async fn ended(mut ending: watch::Receiver<Option<Ending>>) -> Ending {
    let ending = ending.wait_for(Option::is_some).await;
    // Without a sender, there is no request any more either.
    ending.ok().and_then(|ending| *ending).unwrap_or(Ending::Abandoned)
}

/// Lives as long as a request does, and tells when it is gone.
#[derive(Debug)]
pub(crate) struct Presence(watch::Sender<Option<Ending>>);

impl Default for Presence {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Presence {
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Ending>> {
        self.0.subscribe()
    }

    /// Sets how it ended; the first call counts.
    pub(crate) fn end(&self, how: Ending) {
        self.0.send_if_modified(|ending| {
            let first = ending.is_none();
            ending.get_or_insert(how);
            first
        });
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.end(Ending::Abandoned);
    }
}

/// The requests of a simulator.
#[derive(Debug)]
pub(crate) struct Journal {
    enabled: bool,
    requests: Mutex<VecDeque<RecordedRequest>>,
    count: watch::Sender<usize>,
}

impl Journal {
    pub(crate) fn new(enabled: bool) -> Self {
        Self { enabled, requests: Mutex::default(), count: watch::Sender::new(0) }
    }

    pub(crate) fn push(&self, request: impl FnOnce() -> RecordedRequest) {
        if !self.enabled {
            return;
        }
        let mut requests = self.lock();
        if requests.len() == LONGEST {
            requests.pop_front();
        }
        requests.push_back(request());
        drop(requests);
        self.count.send_modify(|count| *count += 1);
    }

    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().iter().cloned().collect()
    }

    pub(crate) async fn received(&self, count: usize) -> Vec<RecordedRequest> {
        let mut received = self.count.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = received.wait_for(|received| *received >= count).await;
        self.requests()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<RecordedRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
