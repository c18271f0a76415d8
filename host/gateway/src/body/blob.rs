//! A blob on its way to Ollama: bounded, and hashed as it passes.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use hyper::body::Incoming;
use sha2::{Digest, Sha256};

use super::idle_timeout::IdleTimeout;
use super::{BodyLimits, CutBody};

/// A blob, as it is passed on.
pub(crate) struct BlobBody(BlobReader);

/// Reads a blob, for Ollama as long as that takes it, and then to its end.
pub(crate) struct BlobReader {
    blob: Arc<Mutex<Blob>>,
    progress: Arc<AtomicBool>,
}

/// A blob that is being read.
struct Blob {
    incoming: IdleTimeout,
    left: u64,
    limit: u64,
    hasher: Sha256,
    digest: String,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is passed on to Ollama.
    Passing,
    /// Ollama has answered before it had all of it, and takes no more.
    Proving,
    /// All of it has come, and it has its digest.
    Whole,
    /// It was cut.
    Cut,
}

type Polled = Poll<Option<Result<Bytes, CutBody>>>;

impl BlobBody {
    /// `digest` is what the content must have, as `sha256:<64 lower-case hex digits>`.
    pub(crate) fn new(incoming: Incoming, limits: BodyLimits, digest: &str) -> Self {
        let blob = Blob {
            incoming: IdleTimeout::new(incoming, limits.pause),
            left: limits.bytes,
            limit: limits.bytes,
            hasher: Sha256::new(),
            digest: digest.to_owned(),
            state: State::Passing,
        };
        Self(BlobReader { blob: Arc::new(Mutex::new(blob)), progress: Arc::default() })
    }

    /// Returns the flag that is set whenever Ollama takes some of it.
    pub(super) fn progress(&self) -> Arc<AtomicBool> {
        self.0.progress.clone()
    }

    pub(super) fn reader(&self) -> BlobReader {
        let BlobReader { blob, progress } = &self.0;
        BlobReader { blob: blob.clone(), progress: progress.clone() }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.0.blob().state == State::Whole
    }

    pub(super) fn poll(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        let mut blob = self.0.blob();
        match blob.state {
            State::Passing => {}
            State::Whole => return Poll::Ready(None),
            // What is not whole never looks so to Ollama.
            State::Proving | State::Cut => return Poll::Ready(Some(Err(CutBody::Broken))),
        }
        let data = std::task::ready!(blob.poll(context));
        self.0.progress.store(true, Ordering::Relaxed);
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }
}

impl BlobReader {
    /// Reads what Ollama has not taken, and returns the digest that all of it has.
    ///
    /// # Errors
    /// It breaks off, is too large or has another digest.
    pub(crate) async fn prove(self) -> Result<String, CutBody> {
        {
            let mut blob = self.blob();
            if blob.state == State::Passing {
                blob.state = State::Proving;
            }
        }
        loop {
            let (state, digest) = {
                let blob = self.blob();
                (blob.state, blob.digest.clone())
            };
            match state {
                State::Whole => return Ok(digest),
                State::Cut => return Err(CutBody::Broken),
                State::Passing | State::Proving => {}
            }
            if let Some(data) = poll_fn(|context| self.blob().poll(context)).await {
                data?;
            }
        }
    }

    fn blob(&self) -> MutexGuard<'_, Blob> {
        self.blob.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blob {
    fn poll(&mut self, context: &mut Context<'_>) -> Polled {
        let data = match std::task::ready!(self.incoming.poll_data(context)) {
            Some(Ok(data)) => data,
            Some(Err(paused)) => return self.cut(paused.into()),
            None => return self.finish(),
        };
        let Some(left) = self.left.checked_sub(data.len() as u64) else {
            return self.cut(CutBody::TooLarge(self.limit));
        };
        self.left = left;
        self.hasher.update(&data);
        Poll::Ready(Some(Ok(data)))
    }

    fn finish(&mut self) -> Polled {
        let actual = hex::encode(std::mem::take(&mut self.hasher).finalize());
        if actual != self.digest.trim_start_matches("sha256:") {
            return self.cut(CutBody::DigestMismatch);
        }
        self.state = State::Whole;
        Poll::Ready(None)
    }

    fn cut(&mut self, cut: CutBody) -> Polled {
        self.state = State::Cut;
        Poll::Ready(Some(Err(cut)))
    }
}
