//! Callers who do not take their answers: how long they are waited for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use stockade_control::reload::Current;

/// The time that they are waited for once the gateway stops.
const AT_THE_END: Duration = Duration::from_secs(2);

/// The time that the other end may take nothing, by the generation in force.
#[derive(Clone)]
pub(crate) struct Patience {
    current: Arc<Current>,
    stop: CancellationToken,
}

impl Patience {
    pub(crate) const fn new(current: Arc<Current>, stop: CancellationToken) -> Self {
        Self { current, stop }
    }

    fn limit(&self) -> Duration {
        let limit = self.current.load().config.limits.write_timeout;
        if self.stop.is_cancelled() { limit.min(AT_THE_END) } else { limit }
    }
}

/// A socket that breaks once the other end took nothing for too long. It lies below TLS,
/// where each byte that is taken can be seen.
pub(crate) struct Patient<S> {
    stream: S,
    patience: Patience,
    /// Since when nothing is taken, and when it ends; made when that happens first.
    blocked: Option<Blocked>,
}

struct Blocked {
    since: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    pub(crate) const fn new(stream: S, patience: Patience) -> Self {
        Self { stream, patience, blocked: None }
    }

    pub(crate) const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Returns the result of writing, or an error if it has not gone on for too long.
    fn bound<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.blocked = None;
            return written;
        }
        let limit = self.patience.limit();
        let now = Instant::now();
        let blocked = self.blocked.get_or_insert_with(|| Blocked {
            since: now,
            timer: Box::pin(tokio::time::sleep_until(now + limit)),
        });
        // The limit may be another one now: a new generation, or the gateway stops.
        let deadline = blocked.since + limit;
        if blocked.timer.deadline() != deadline {
            blocked.timer.as_mut().reset(deadline);
        }
        match blocked.timer.as_mut().poll(context) {
            Poll::Ready(()) => {
                let message = "the caller takes nothing of the answer";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bound(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bound(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket has nothing to flush.
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
