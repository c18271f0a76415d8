//! Answers that go wrong.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::StatusCode;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::reply::Reply;

/// A way in which an answer fails. The request is received and recorded all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed without a byte.
    CloseBeforeHeaders,
    /// The connection is closed within the headers.
    CloseMidHeaders,
    /// The connection is closed within a chunk, after so many whole ones. Only for
    /// answers that are streamed.
    CloseMidChunk {
        /// The number of chunks that arrive whole.
        after: usize,
    },
    /// The connection is closed after so many chunks, before the end of the answer. Only
    /// for answers that are streamed.
    CloseBetweenChunks {
        /// The number of chunks that arrive.
        after: usize,
    },
    /// The answer ends, properly as far as HTTP is concerned, after so many chunks: the
    /// runner died. Only for answers that are streamed.
    EndEarly {
        /// The number of chunks that arrive.
        after: usize,
    },
    /// Something that is not HTTP, then the connection is closed.
    Garbage,
    /// A streamed answer with status 200 whose only line is an error.
    ErrorLine,
    /// 401 with a `signin_url`: the host is not signed in to Ollama's cloud.
    SignInRequired,
    /// 503: the queue is full.
    Busy,
    /// 500: the runner died.
    RunnerFailed,
}

impl Fault {
    pub(crate) fn reply(self) -> Option<Reply> {
        match self {
            Self::SignInRequired => Some(Reply::sign_in_required()),
            Self::Busy => Some(Reply::native_error(
                StatusCode::SERVICE_UNAVAILABLE,
                "server busy, please try again.  maximum pending requests exceeded",
            )),
            Self::RunnerFailed => Some(Reply::native_error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "llama runner process has terminated: simulated",
            )),
            Self::ErrorLine => Some(Reply::ndjson([json!({"error": "simulated failure"})])),
            _ => None,
        }
    }

    pub(crate) const fn instead_of_headers(self) -> Option<&'static [u8]> {
        match self {
            Self::CloseBeforeHeaders => Some(b""),
            Self::CloseMidHeaders => Some(b"HTTP/1.1 200 OK\r\nContent-Ty"),
            Self::Garbage => Some(b"\x16\x03this is not HTTP\r\n\r\n"),
            _ => None,
        }
    }
}

/// The bytes to send instead of the next write to a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sabotage(Arc<Mutex<Option<&'static [u8]>>>);

impl Sabotage {
    pub(crate) fn arm(&self, bytes: &'static [u8]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    fn take(&self) -> Option<&'static [u8]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A connection that can be sabotaged: it writes something else, and fails.
pub(crate) struct SabotagedStream {
    stream: TcpStream,
    sabotage: Sabotage,
}

impl SabotagedStream {
    pub(crate) const fn new(stream: TcpStream, sabotage: Sabotage) -> Self {
        Self { stream, sabotage }
    }
}

impl AsyncWrite for SabotagedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(instead) = self.sabotage.take() {
            // A handful of bytes always fits into the kernel's buffer.
            let written = self.stream.try_write(instead);
            return Poll::Ready(written.and(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for SabotagedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}
