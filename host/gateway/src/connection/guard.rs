//! The guard between a socket and hyper: it looks at a request's head as bytes, before anybody
//! reads it more generously than other programs do.
//!
//! A head that is refused never reaches hyper. In its place hyper gets a request that
//! nobody can send from outside, so that the refusal is answered, recorded and shaped like
//! every other one. It is the last request of its connection, and says nothing but that:
//! what is known of the refused head goes to the service beside hyper.

mod heads;
mod verdict;

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use http::StatusCode;
use stockade_ollama::{BadHead, BodyFraming, HeadScanner, method_of_head, path_of_head};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::body::memory::Share;
pub(crate) use heads::Heads;
pub(crate) use verdict::RefusedHead;
pub(crate) use verdict::Verdict;

/// The method of the request that stands in for a refused one. The scanner takes capital
/// letters only, so no caller can send it.
pub(crate) const REFUSED: &str = "STOCKADE-REFUSED";

/// The bytes that are read at once while a head is awaited.
const READ: usize = 4 << 10;
/// Heads up to this many bytes are few enough, and others take memory that is for bodies.
const USUAL_HEAD: usize = 16 << 10;
/// The time that a connection that was answered early may go on sending what nobody reads. A caller
/// who gets a reset instead of an end may never see the answer.
const LINGER: Duration = Duration::from_secs(5);

/// A connection whose requests are looked at.
pub(crate) struct HeadGuard<S> {
    stream: S,
    state: State,
    /// The bytes that were read and are not given on yet.
    held: BytesMut,
    verdict: Verdict,
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    heads: Heads,
    /// The memory of a large head.
    share: Option<Arc<Share>>,
}

enum State {
    /// A head is being read.
    Head(HeadScanner),
    /// So many bytes belong to a request that was let through.
    Within(u64),
    /// The rest of the connection belongs to one: where chunks end is for hyper to say,
    /// and such a request is the last of its connection.
    Rest,
    /// A head was refused, and this much of the request that stands in for it is left.
    Refused(BytesMut),
    /// The answer was given, and what still comes is thrown away.
    Lingering,
}

impl<S> HeadGuard<S> {
    /// `timeout` is how long a head may take from its first byte on.
    pub(crate) fn new(stream: S, timeout: Duration, verdict: Verdict, heads: Heads) -> Self {
        let state = State::Head(HeadScanner::default());
        let held = BytesMut::new();
        Self { stream, state, held, verdict, timeout, timer: None, heads, share: None }
    }

    /// Looks at what is held, in search of a head.
    fn scan(&mut self) {
        let State::Head(scanner) = &mut self.state else {
            return;
        };
        match scanner.scan(&self.held) {
            Ok(None) => {}
            Ok(Some(head)) => {
                self.timer = None;
                self.share = None;
                self.held.advance(head.start);
                let length = (head.end - head.start) as u64;
                self.state = match head.body {
                    BodyFraming::Length(body) => State::Within(length.saturating_add(body)),
                    BodyFraming::Chunked => State::Rest,
                };
            }
            Err(bad) => self.refuse(bad),
        }
    }

    fn refuse(&mut self, bad: BadHead) {
        self.timer = None;
        self.share = None;
        let method = method_of_head(&self.held).and_then(|text| text.parse().ok());
        let path = path_of_head(&self.held).map(str::to_owned);
        self.verdict.set(RefusedHead { bad: Some(bad), method, path });
        let instead = format!("{REFUSED} / HTTP/1.1\r\nhost: refused\r\n\r\n");
        self.state = State::Refused(BytesMut::from(instead.as_str()));
        self.held = BytesMut::new();
    }

    fn late(&mut self, context: &mut Context<'_>) -> bool {
        if self.held.is_empty() {
            return false;
        }
        let timeout = self.timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        timer.as_mut().poll(context).is_ready()
    }
}

impl<S: AsyncRead + Unpin> HeadGuard<S> {
    /// Reads more of a head. Returns `true` at the end of the stream.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if let Poll::Ready(read) = self.poll_held(context)? {
            if self.has_memory(read) {
                self.scan();
            } else {
                self.refuse(BadHead {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    message: "too many large heads are being sent; try again",
                });
            }
            return Poll::Ready(Ok(read == 0));
        }
        if self.late(context) {
            self.refuse(BadHead {
                status: StatusCode::REQUEST_TIMEOUT,
                message: "the request's head did not come in time",
            });
            return Poll::Ready(Ok(false));
        }
        Poll::Pending
    }

    /// Tells whether there is memory for what was read of a head.
    fn has_memory(&mut self, read: usize) -> bool {
        if self.held.len() <= USUAL_HEAD {
            return true;
        }
        let share = self.share.get_or_insert_with(|| self.heads.share());
        share.take(read as u64).is_ok()
    }

    /// Reads into what is held. Memory is taken only where something is to be read.
    fn poll_held(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); READ];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        self.held.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Gives on at most `most` bytes of a request that was let through, and returns how many.
    fn poll_within(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        most: u64,
    ) -> Poll<io::Result<u64>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if !self.held.is_empty() {
            return Poll::Ready(Ok(give(&mut self.held, buffer, most)));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        if read > most {
            // The next request came along.
            self.held.extend_from_slice(&buffer.filled()[before + most..]);
            buffer.set_filled(before + most);
        }
        Poll::Ready(Ok(read.min(most) as u64))
    }

    /// Throws away what still comes, for a while.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        loop {
            let mut space = [MaybeUninit::uninit(); READ];
            let mut buffer = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

/// Moves bytes into the reader's buffer, and returns how many there were.
fn give(held: &mut BytesMut, buffer: &mut ReadBuf<'_>, most: usize) -> u64 {
    let length = held.len().min(most).min(buffer.remaining());
    buffer.put_slice(&held[..length]);
    held.advance(length);
    if held.is_empty() {
        // An idle connection keeps no memory.
        *held = BytesMut::new();
    }
    length as u64
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadGuard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        loop {
            match &mut guard.state {
                State::Head(_) => {
                    if ready!(guard.poll_head(context))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                State::Within(0) => {
                    guard.state = State::Head(HeadScanner::default());
                    guard.scan();
                }
                State::Within(left) => {
                    let left = *left;
                    let given = ready!(guard.poll_within(context, buffer, left))?;
                    guard.verdict.more_to_come(left - given);
                    guard.state = State::Within(left - given);
                    return Poll::Ready(Ok(()));
                }
                State::Rest => {
                    ready!(guard.poll_within(context, buffer, u64::MAX))?;
                    return Poll::Ready(Ok(()));
                }
                // Nothing follows but hyper's answer; an end would make it give up that.
                State::Refused(instead) if instead.is_empty() => return Poll::Pending,
                State::Refused(instead) => {
                    give(instead, buffer, usize::MAX);
                    return Poll::Ready(Ok(()));
                }
                State::Lingering => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for HeadGuard<S> {
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
        let guard = self.get_mut();
        if !matches!(guard.state, State::Lingering) {
            ready!(Pin::new(&mut guard.stream).poll_shutdown(context))?;
            if matches!(guard.state, State::Head(_) | State::Within(0)) {
                return Poll::Ready(Ok(()));
            }
            guard.state = State::Lingering;
            guard.timer = None;
        }
        guard.poll_linger(context).map(Ok)
    }
}
