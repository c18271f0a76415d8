use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connection::{self, Shared};
use crate::fault::Fault;
use crate::gate::{Gate, Hold, Plans};
use crate::journal::{Journal, RecordedRequest};
use crate::store::{Remote, Store};

/// The settings of a simulated Ollama.
#[derive(Clone, Debug)]
pub struct Builder {
    models: Vec<String>,
    chunks: usize,
    chunk_delay: Duration,
    record: bool,
    apart: Option<String>,
    remotes: Vec<Remote>,
}

impl Builder {
    /// The models that are installed, in any spelling that Ollama takes.
    #[must_use]
    pub fn models<M: Into<String>>(mut self, models: impl IntoIterator<Item = M>) -> Self {
        self.models = models.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the number of pieces of a generated text, each a token and, if it is streamed, a write
    /// of its own. 10 if nothing is said.
    #[must_use]
    pub const fn chunks(mut self, chunks: usize) -> Self {
        self.chunks = chunks;
        self
    }

    /// Sets the time to wait before each streamed piece. By default there is no wait.
    #[must_use]
    pub const fn chunk_delay(mut self, delay: Duration) -> Self {
        self.chunk_delay = delay;
        self
    }

    /// Sets whether to remember requests, bodies included. Off if nothing is said; of a great many
    /// requests only the last 10,000 are kept.
    #[must_use]
    pub const fn record(mut self, record: bool) -> Self {
        self.record = record;
        self
    }

    /// Remembers the requests of this user agent apart from all others: those that a gateway sends
    /// for itself. They are in [`Simulator::requests_apart`].
    #[must_use]
    pub fn record_apart(mut self, agent: impl Into<String>) -> Self {
        self.apart = Some(agent.into());
        self
    }

    /// Installs a model that stands for one in a cloud, under a name of its own, as
    /// `ollama cp gpt-oss:20b-cloud helper` does.
    #[must_use]
    pub fn cloud_model(mut self, name: impl Into<String>, remote_model: impl Into<String>) -> Self {
        self.remotes.push(Remote { name: name.into(), model: remote_model.into() });
        self
    }

    /// Listens and answers until the [`Simulator`] is dropped.
    ///
    /// # Errors
    /// Where the address cannot be listened on, or a model's name is none.
    pub async fn start(self, listen: SocketAddr) -> io::Result<Simulator> {
        let store = Store::new(&self.models, &self.remotes)
            .map_err(|name| io::Error::other(format!("{name:?} is not a model name")))?;
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            store,
            chunks: self.chunks,
            chunk_delay: self.chunk_delay,
            plans: Plans::default(),
            journal: Journal::new(self.record, self.apart),
            connections: watch::Sender::new(0),
            listening: watch::Sender::new(true),
        });
        let listening = shared.listening.subscribe();
        let server = tokio::spawn(connection::serve(listener, listening, Arc::clone(&shared)));
        Ok(Simulator { addr, shared, server })
    }
}

/// A simulated Ollama that is listening. Dropping it closes everything.
#[derive(Debug)]
pub struct Simulator {
    addr: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Simulator {
    /// One with no models, ten pieces a text, no delays and no memory of requests.
    pub const fn builder() -> Builder {
        Builder {
            models: Vec::new(),
            chunks: 10,
            chunk_delay: Duration::ZERO,
            record: false,
            apart: None,
            remotes: Vec::new(),
        }
    }

    /// Returns the address it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The models that are installed now, as Ollama prints them.
    pub fn models(&self) -> Vec<String> {
        self.shared.store.names()
    }

    /// Returns the requests received so far, oldest first. Always empty without
    /// [`Builder::record`].
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.journal.requests()
    }

    /// Returns the requests of the user agent of [`Builder::record_apart`], oldest first.
    pub fn requests_apart(&self) -> Vec<RecordedRequest> {
        self.shared.journal.requests_apart()
    }

    /// Waits until so many requests have been received completely since the start, and returns
    /// them. Needs [`Builder::record`].
    pub async fn received(&self, count: usize) -> Vec<RecordedRequest> {
        self.shared.journal.received(count).await
    }

    /// Holds the answer to the next request for this path, until the [`Gate`] is released.
    pub fn hold(&self, path: &str, hold: Hold) -> Gate {
        self.shared.plans.hold(path, hold)
    }

    /// Breaks the answer to the next request for this path.
    pub fn fail(&self, path: &str, fault: Fault) {
        self.shared.plans.fail(path, fault);
    }

    /// Returns the number of open connections.
    pub fn connections(&self) -> usize {
        *self.shared.connections.borrow()
    }

    /// Waits until no connection is open.
    pub async fn connections_closed(&self) {
        let mut connections = self.shared.connections.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = connections.wait_for(|open| *open == 0).await;
    }

    /// Stops listening, for good: new connections are refused, open ones go on.
    pub async fn refuse_connections(&self) {
        self.shared.listening.send_replace(false);
        // The listener is closed when its task has let go of its receiver.
        self.shared.listening.closed().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}
