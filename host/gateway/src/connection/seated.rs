//! An answer, and that its connection is busy as long as it goes on.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::connection::connections::Busy;
use crate::forward::answer::{AnswerBody, BrokenAnswer};

/// An answer's body. When hyper has all of it, the connection may make room for others.
pub(crate) struct SeatedBody {
    body: AnswerBody,
    _busy: Busy,
}

impl SeatedBody {
    pub(crate) const fn new(body: AnswerBody, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl Body for SeatedBody {
    type Data = Bytes;
    type Error = BrokenAnswer;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
