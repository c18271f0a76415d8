//! The bodies that travel: what callers send on, and what they get back.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use sha2::{Digest, Sha256};
use stockade_ollama::response::{Ending, Meter, UsageChunkFilter};

use super::record::Record;

/// Why a body that was being forwarded was cut.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CutBody {
    #[error("the caller's body broke off: {0}")]
    Broken(hyper::Error),
    #[error("the caller's body is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the blob's content does not match its digest")]
    DigestMismatch,
}

/// Read a body whole, up to a limit.
pub(crate) async fn collect(body: Incoming, limit: u64) -> Result<Bytes, CutBody> {
    if body.size_hint().lower() > limit {
        return Err(CutBody::TooLarge(limit));
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(broken) => CutBody::Broken(*broken),
            Err(_) => CutBody::TooLarge(limit),
        }),
    }
}

/// What is sent to Ollama.
pub(crate) enum RequestBody {
    Empty,
    Json(Option<Bytes>),
    Blob(Box<BlobBody>),
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = CutBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Json(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Blob(blob) => blob.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Json(bytes) => bytes.is_none(),
            Self::Blob(blob) => blob.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Json(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            // Always chunked: the end of the body is withheld until the digest is
            // known, so that Ollama never sees a wrong blob complete.
            Self::Blob(_) => SizeHint::default(),
        }
    }
}

/// A blob on its way to Ollama: bounded, and hashed as it passes.
pub(crate) struct BlobBody {
    incoming: Incoming,
    left: u64,
    limit: u64,
    hasher: Sha256,
    digest: String,
    ended: bool,
}

impl BlobBody {
    /// `digest` is what the content must have, as `sha256:<64 lower-case hex digits>`.
    pub(crate) fn new(incoming: Incoming, limit: u64, digest: &str) -> Self {
        let digest = digest.trim_start_matches("sha256:").to_owned();
        Self { incoming, left: limit, limit, hasher: Sha256::new(), digest, ended: false }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = match ready!(Pin::new(&mut self.incoming).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return self.cut(CutBody::Broken(error)),
            None => return self.finish(),
        };
        // Trailers mean nothing to Ollama and are not forwarded.
        let Ok(data) = frame.into_data() else {
            return self.finish();
        };
        let Some(left) = self.left.checked_sub(data.len() as u64) else {
            return self.cut(CutBody::TooLarge(self.limit));
        };
        self.left = left;
        self.hasher.update(&data);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn finish(&mut self) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        self.ended = true;
        let actual = hex::encode(std::mem::take(&mut self.hasher).finalize());
        if actual == self.digest { Poll::Ready(None) } else { self.cut(CutBody::DigestMismatch) }
    }

    fn cut(&mut self, cut: CutBody) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        self.ended = true;
        Poll::Ready(Some(Err(cut)))
    }
}

/// What a caller gets back.
pub(crate) enum AnswerBody {
    Whole(Option<Bytes>),
    Relayed(Box<RelayedBody>),
}

impl AnswerBody {
    pub(crate) fn empty() -> Self {
        Self::Whole(None)
    }

    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }
}

/// Ollama's answer, passed on chunk by chunk, with the record that is written when it
/// ends, breaks off, or loses its caller.
pub(crate) struct RelayedBody {
    incoming: Incoming,
    watch: Watch,
    record: Record,
    ended: bool,
}

/// What is done to an answer on its way, besides passing it on.
pub(crate) struct Watch {
    /// Reads what it cost.
    pub(crate) meter: Meter,
    /// Takes out the usage that only the gateway asked for.
    pub(crate) hide_usage: Option<UsageChunkFilter>,
}

impl RelayedBody {
    pub(crate) fn new(incoming: Incoming, watch: Watch, record: Record) -> Self {
        Self { incoming, watch, record, ended: false }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relayed(relayed) => relayed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Relayed(relayed) => {
                relayed.watch.hide_usage.is_none() && relayed.incoming.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Relayed(relayed) if relayed.watch.hide_usage.is_some() => SizeHint::default(),
            Self::Relayed(relayed) => relayed.incoming.size_hint(),
        }
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, hyper::Error>>>;

impl RelayedBody {
    fn poll(&mut self, context: &mut Context<'_>) -> Polled {
        loop {
            if let Some(bytes) = self.watch.hide_usage.as_mut().and_then(UsageChunkFilter::pop) {
                return self.pass(bytes);
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.incoming).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // Trailers mean nothing in Ollama's API and are dropped.
                    let Ok(bytes) = frame.into_data() else {
                        continue;
                    };
                    self.watch.meter.push(&bytes);
                    match &mut self.watch.hide_usage {
                        Some(filter) => filter.push(bytes),
                        None => return self.pass(bytes),
                    }
                }
                Some(Err(error)) => {
                    self.record.upstream_broke(&error);
                    return Poll::Ready(Some(Err(error)));
                }
                None => return self.end(),
            }
        }
    }

    fn pass(&mut self, bytes: Bytes) -> Polled {
        self.record.passed(bytes.len());
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn end(&mut self) -> Polled {
        self.ended = true;
        self.record.completed();
        match self.watch.hide_usage.take().and_then(|mut filter| filter.finish()) {
            Some(rest) => self.pass(rest),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for RelayedBody {
    fn drop(&mut self) {
        let measured = self.watch.meter.finish();
        // hyper does not ask for the end of a body whose length it knows.
        if self.incoming.is_end_stream() || measured.ending == Ending::Finished {
            self.record.completed();
        }
        self.record.used(measured.usage);
    }
}
