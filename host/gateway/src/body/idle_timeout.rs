//! Bodies that arrive, and how long they may pause.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

/// The reason why no more of a body comes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("it broke off: {0}")]
    Broken(#[from] hyper::Error),
    #[error("nothing came for {} seconds", .0.as_secs_f32())]
    Stalled(Duration),
}

/// A body whose next piece must come in time. Only time spent waiting counts: a reader
/// who is slow does not make the sender late.
pub(crate) struct IdleTimeout {
    incoming: Incoming,
    pause: Duration,
    /// Runs while the body is waited for, and is made when that happens first.
    late: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl IdleTimeout {
    pub(crate) const fn new(incoming: Incoming, pause: Duration) -> Self {
        Self { incoming, pause, late: None, waiting: false }
    }

    /// Returns the number of bytes that are certain to come.
    pub(crate) fn remaining(&self) -> u64 {
        self.incoming.size_hint().lower()
    }

    pub(crate) const fn incoming(&self) -> &Incoming {
        &self.incoming
    }

    /// The next bytes. Trailers mean nothing in Ollama's API and are left out.
    pub(crate) fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match Pin::new(&mut self.incoming).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.waiting = false;
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return self.wait(context).map(|late| Some(Err(late))),
            }
        }
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<BodyError> {
        let late = match &mut self.late {
            Some(late) => {
                if !self.waiting {
                    late.as_mut().reset(Instant::now() + self.pause);
                }
                late
            }
            None => self.late.insert(Box::pin(tokio::time::sleep(self.pause))),
        };
        self.waiting = true;
        late.as_mut().poll(context).map(|()| BodyError::Stalled(self.pause))
    }
}
