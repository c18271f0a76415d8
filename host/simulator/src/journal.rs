//! The requests that were received, and how each ended.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::USER_AGENT;
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
    /// The user agent whose requests are remembered apart from all others.
    apart: Option<String>,
    requests: Requests,
    requests_apart: Requests,
    count: watch::Sender<usize>,
}

impl Journal {
    pub(crate) fn new(enabled: bool, apart: Option<String>) -> Self {
        let (requests, requests_apart) = (Mutex::default(), Mutex::default());
        Self { enabled, apart, requests, requests_apart, count: watch::Sender::new(0) }
    }

    pub(crate) fn push(&self, request: impl FnOnce() -> RecordedRequest) {
        if !self.enabled {
            return;
        }
        let request = request();
        let agent = request.headers.get(USER_AGENT);
        if let (Some(agent), Some(apart)) = (agent, &self.apart)
            && agent.as_bytes() == apart.as_bytes()
        {
            return remember(&self.requests_apart, request);
        }
        remember(&self.requests, request);
        self.count.send_modify(|count| *count += 1);
    }

    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.requests).iter().cloned().collect()
    }

    pub(crate) fn requests_apart(&self) -> Vec<RecordedRequest> {
        lock(&self.requests_apart).iter().cloned().collect()
    }

    pub(crate) async fn received(&self, count: usize) -> Vec<RecordedRequest> {
        let mut received = self.count.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = received.wait_for(|received| *received >= count).await;
        self.requests()
    }
}

type Requests = Mutex<VecDeque<RecordedRequest>>;

fn remember(requests: &Requests, request: RecordedRequest) {
    let mut requests = lock(requests);
    if requests.len() == LONGEST {
        requests.pop_front();
    }
    requests.push_back(request);
}

fn lock(requests: &Requests) -> MutexGuard<'_, VecDeque<RecordedRequest>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}
