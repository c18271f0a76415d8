//! The bodies of requests: read whole, or passed on.

pub(crate) mod blob;
pub(crate) mod idle_timeout;
pub(crate) mod memory;
pub(crate) mod readers;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::body::idle_timeout::{BodyError, IdleTimeout};
use crate::body::memory::{NoMemory, Share};
pub(crate) use blob::{BlobBody, BlobReader};

/// The reason why a body was cut.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CutBody {
    #[error("the body broke off")]
    Broken,
    #[error("nothing more of the body came for {} seconds", .0.as_secs_f32())]
    Stalled(Duration),
    #[error("the body is larger than the {0} bytes allowed")]
    TooLarge(u64),
    #[error("the blob's content does not match its digest")]
    DigestMismatch,
    #[error("{0}")]
    NoMemory(#[from] NoMemory),
}

impl CutBody {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Broken | Self::DigestMismatch => StatusCode::BAD_REQUEST,
            Self::Stalled(_) => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoMemory(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The limits on the size of a body and on its pauses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    pub(crate) bytes: u64,
    pub(crate) pause: Duration,
}

/// Refuses a body that says itself that it is too large.
pub(crate) fn check_length(body: &Incoming, limit: u64) -> Result<(), CutBody> {
    if body.size_hint().lower() > limit { Err(CutBody::TooLarge(limit)) } else { Ok(()) }
}

/// The first bytes of a body; none at its end.
pub(crate) async fn beginning(body: Incoming, pause: Duration) -> Result<Bytes, CutBody> {
    let mut body = IdleTimeout::new(body, pause);
    let first = std::future::poll_fn(|context| body.poll_data(context)).await;
    Ok(first.transpose()?.unwrap_or_default())
}

/// Reads a body whole, into memory that is taken from a share before it is used. The share lasts as
/// long as the bytes.
pub(crate) async fn collect(
    body: Incoming,
    limits: BodyLimits,
    share: &Arc<Share>,
) -> Result<Bytes, CutBody> {
    check_length(&body, limits.bytes)?;
    let mut body = IdleTimeout::new(body, limits.pause);
    let mut left = limits.bytes;
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(data) = std::future::poll_fn(|context| body.poll_data(context)).await {
        let data = data?;
        left = left.checked_sub(data.len() as u64).ok_or(CutBody::TooLarge(limits.bytes))?;
        share.take(data.len() as u64)?;
        if first.is_empty() && all.is_empty() {
            // Most bodies come in one piece, which is not copied.
            first = data;
            continue;
        }
        if all.is_empty() {
            let expected = first.len() as u64 + body.remaining() + data.len() as u64;
            all.reserve(usize::try_from(expected.min(limits.bytes)).unwrap_or(0));
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&data);
    }
    Ok(share.held(if all.is_empty() { first } else { all.freeze() }))
}

impl From<BodyError> for CutBody {
    fn from(paused: BodyError) -> Self {
        match paused {
            BodyError::Broken(_) => Self::Broken,
            BodyError::Stalled(pause) => Self::Stalled(pause),
        }
    }
}

/// The body that is sent to Ollama.
pub(crate) enum RequestBody {
    Empty,
    Json(Option<Bytes>),
    Form(Box<FormBody>),
    Blob(Box<BlobBody>),
}

impl RequestBody {
    /// Returns the flag that is set whenever Ollama takes some of a body that takes its time.
    pub(crate) fn progress(&self) -> Option<Arc<AtomicBool>> {
        match self {
            Self::Blob(blob) => Some(blob.progress()),
            Self::Empty | Self::Json(_) | Self::Form(_) => None,
        }
    }

    /// Returns the reader of a blob, for what Ollama does not take of it.
    pub(crate) fn blob(&self) -> Option<BlobReader> {
        match self {
            Self::Blob(blob) => Some(blob.reader()),
            Self::Empty | Self::Json(_) | Self::Form(_) => None,
        }
    }
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
            Self::Form(form) => Poll::Ready(form.pieces.next().map(|piece| Ok(Frame::data(piece)))),
            Self::Blob(blob) => blob.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Json(bytes) => bytes.is_none(),
            Self::Form(form) => form.pieces.len() == 0,
            Self::Blob(blob) => blob.has_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Json(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Form(form) => {
                let pieces = form.pieces.as_slice().iter();
                SizeHint::with_exact(pieces.map(|piece| piece.len() as u64).sum())
            }
            // Always chunked: the end of the body is withheld until the digest is
            // known, so that Ollama never sees a wrong blob complete.
            Self::Blob(_) => SizeHint::default(),
        }
    }
}

/// A form, written by the gateway around the caller's file.
pub(crate) struct FormBody {
    pub(crate) content_type: HeaderValue,
    pub(crate) pieces: std::vec::IntoIter<Bytes>,
}
