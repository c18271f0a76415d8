//! The bodies that callers get back: a body of the gateway's own, or Ollama's, passed on as it
//! comes and brought to an honest end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use stockade_authn::AuthnError;
use stockade_core::Dialect;
use stockade_ollama::response::{Ending, Meter, UsageChunkFilter, error_event};

use crate::body::idle_timeout::{BodyError, IdleTimeout};
use crate::decide::catalogue::UpstreamCatalogue;
use crate::identify::revocation::Revocation;
use crate::record::Record;

/// The body of the answer to a caller.
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

/// The reason why an answer has no proper end. Given to hyper as the body's error, it makes it cut
/// the connection, so that no caller takes the part for the whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokenAnswer {
    #[error("Ollama's answer broke off")]
    Broken(#[source] hyper::Error),
    #[error("Ollama's answer stopped before it was complete")]
    Stalled,
    #[error("Ollama's answer ended before it was complete")]
    Incomplete,
    #[error("{}", AuthnError::Revoked.public_message())]
    Revoked,
    #[error("the pull needs more bytes than a quota has left; what was fetched stays with Ollama")]
    QuotaSpent,
}

impl From<BodyError> for BrokenAnswer {
    fn from(paused: BodyError) -> Self {
        match paused {
            BodyError::Broken(error) => Self::Broken(error),
            BodyError::Stalled(_) => Self::Stalled,
        }
    }
}

impl BrokenAnswer {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Broken(_) | Self::Incomplete => StatusCode::BAD_GATEWAY,
            Self::Stalled => StatusCode::GATEWAY_TIMEOUT,
            Self::Revoked => StatusCode::UNAUTHORIZED,
            Self::QuotaSpent => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

/// Ollama's answer, passed on chunk by chunk, with the record that is written when it
/// ends, breaks off, or loses its caller.
pub(crate) struct RelayedBody {
    incoming: IdleTimeout,
    watch: Watch,
    revocation: Revocation,
    record: Box<Record>,
    ended: bool,
}

/// The work on an answer on its way, besides passing it on.
pub(crate) struct Watch {
    /// The API in which an error can be told within a stream.
    pub(crate) dialect: Dialect,
    /// Reads what it cost.
    pub(crate) meter: Meter,
    /// Takes out the usage that only the gateway asked for.
    pub(crate) hide_usage: Option<Box<UsageChunkFilter>>,
    /// True if only the content tells a whole answer from a part of one.
    pub(crate) must_finish: bool,
    /// The time that Ollama may pause.
    pub(crate) pause: Duration,
    /// The most bytes that a pull may fetch, where a quota limits them.
    pub(crate) pull_cap: Option<u64>,
    /// There, if other models are installed when the answer ends.
    pub(crate) changes: Option<Changes>,
}

/// Tells the catalogue, when it is dropped, that models may have changed.
pub(crate) struct Changes(pub(crate) Arc<UpstreamCatalogue>);

impl Drop for Changes {
    fn drop(&mut self) {
        self.0.changed();
    }
}

impl RelayedBody {
    pub(crate) fn new(
        incoming: Incoming,
        watch: Watch,
        revocation: Revocation,
        record: Box<Record>,
    ) -> Self {
        let incoming = IdleTimeout::new(incoming, watch.pause);
        Self { incoming, watch, revocation, record, ended: false }
    }

    fn is_end_stream(&self) -> bool {
        let may_add = self.watch.hide_usage.is_some() || self.watch.must_finish;
        !may_add && self.incoming.incoming().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.watch.hide_usage.is_some() {
            return SizeHint::default();
        }
        self.incoming.incoming().size_hint()
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenAnswer;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relayed(relayed) => relayed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Relayed(relayed) => relayed.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Relayed(relayed) => relayed.size_hint(),
        }
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>>;

impl RelayedBody {
    fn poll(&mut self, context: &mut Context<'_>) -> Polled {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            if self.record.caller().is_some_and(|caller| self.revocation.is_over(caller)) {
                return self.break_off(BrokenAnswer::Revoked);
            }
            if let Some(bytes) = self.watch.hide_usage.as_mut().and_then(|filter| filter.pop()) {
                return self.pass(bytes);
            }
            match ready!(self.incoming.poll_data(context)) {
                Some(Ok(bytes)) => {
                    self.watch.meter.push(&bytes);
                    if self.has_pulled_too_much() {
                        return self.break_off(BrokenAnswer::QuotaSpent);
                    }
                    match &mut self.watch.hide_usage {
                        Some(filter) => filter.push(bytes),
                        None => return self.pass(bytes),
                    }
                }
                Some(Err(paused)) => return self.break_off(paused.into()),
                None => return self.end(),
            }
        }
    }

    fn has_pulled_too_much(&self) -> bool {
        self.watch.pull_cap.is_some_and(|cap| self.watch.meter.finish().pulled > cap)
    }

    /// Charges the caller, once the answer is over.
    fn settle(&mut self) {
        self.record.measured(self.watch.meter.finish(), self.watch.meter.is_stream());
        self.record.settle();
    }

    fn pass(&mut self, bytes: Bytes) -> Polled {
        self.record.passed(bytes.len());
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn end(&mut self) -> Polled {
        if self.watch.must_finish && self.ending() == Ending::CutShort {
            return self.break_off(BrokenAnswer::Incomplete);
        }
        self.ended = true;
        // Before the caller knows that it is over, and asks for what has changed.
        self.watch.changes = None;
        self.record.completed();
        self.settle();
        match self.watch.hide_usage.take().and_then(|mut filter| filter.finish()) {
            Some(rest) => self.pass(rest),
            None => Poll::Ready(None),
        }
    }

    /// Tells the caller that there is no more: by an event of the stream where one can stand, else
    /// by cutting the connection.
    fn break_off(&mut self, broken: BrokenAnswer) -> Polled {
        self.ended = true;
        self.record.broke_off(&broken);
        if !self.event_fits() {
            return Poll::Ready(Some(Err(broken)));
        }
        let id = self.record.id.to_string();
        let event = error_event(self.watch.dialect, broken.status(), &broken.to_string(), &id);
        self.pass(event)
    }

    /// Tells whether the caller has whole lines or events so far, of a body without a length.
    fn event_fits(&self) -> bool {
        let between = match &self.watch.hide_usage {
            // What it still holds is thrown away.
            Some(filter) => filter.at_boundary(),
            None => self.watch.meter.at_boundary(),
        };
        between && self.size_hint().exact().is_none() && self.watch.meter.is_stream()
    }

    fn ending(&self) -> Ending {
        self.watch.meter.finish().ending
    }
}

impl Drop for RelayedBody {
    fn drop(&mut self) {
        let measured = self.watch.meter.finish();
        // hyper does not ask for the end of a body whose length it knows.
        let whole = self.incoming.incoming().is_end_stream() && !self.watch.must_finish;
        if !self.ended && (whole || measured.ending == Ending::Finished) {
            self.record.completed();
        }
        self.record.measured(measured, self.watch.meter.is_stream());
    }
}
