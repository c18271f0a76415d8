//! Streamed answers: one write for each chunk.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::{Body, Frame};

use crate::fault::Sabotage;
use crate::gate::Plan;
use crate::journal::{Ending, Presence};

/// The pauses and faults between chunks.
pub(crate) struct Pace {
    pub(crate) delay: Duration,
    pub(crate) plan: Plan,
    pub(crate) presence: Presence,
    pub(crate) sabotage: Sabotage,
}

/// A body that gives out its chunks one at a time.
pub(crate) fn paced(
    chunks: Vec<Bytes>,
    pace: Pace,
) -> impl Body<Data = Bytes, Error = Infallible> + Send + use<> {
    let script = (VecDeque::from(chunks), 0_usize, pace);
    StreamBody::new(stream::unfold(script, async |(mut left, sent, mut pace)| {
        pace.before_chunk(sent).await;
        let next = if pace.plan.ends_after(sent) { None } else { left.pop_front() };
        let Some(chunk) = next else {
            pace.presence.end(Ending::Answered);
            return None;
        };
        Some((Ok(Frame::data(chunk)), (left, sent + 1, pace)))
    }))
}

impl Pace {
    async fn before_chunk(&mut self, sent: usize) {
        if self.delay.is_zero() {
            // hyper writes out what it has when there is nothing more to be had at once.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(self.delay).await;
        }
        // Only now: what came before has been written out, so it cannot be held or broken.
        self.plan.after_chunks(sent, &self.sabotage).await;
    }
}
