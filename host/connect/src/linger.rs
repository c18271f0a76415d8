//! Connections that are answered before their request was read to its end: a program that gets a
//! reset instead of an end may never see the answer.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// The time for which bytes that nobody reads are taken.
const LINGER: Duration = Duration::from_secs(5);
/// The number of bytes that are read at once.
const READ: usize = 16 << 10;

/// Tells that what still comes on a connection is to be taken and thrown away.
#[derive(Clone, Default)]
pub(crate) struct AnsweredEarly(Arc<AtomicBool>);

impl AnsweredEarly {
    /// The answer is given, and the request was perhaps not read.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A socket that, once it is closed for writing, takes what still comes for a while.
pub(crate) struct Lingering<S> {
    stream: S,
    early: AnsweredEarly,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Lingering<S> {
    pub(crate) const fn new(stream: S, early: AnsweredEarly) -> Self {
        Self { stream, early, timer: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.timer.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !this.early.0.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut space = [MaybeUninit::uninit(); READ];
            let mut buffer = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
