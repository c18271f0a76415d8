//! Load: callers one after the other, many at once, at a given rate, and in streams.

pub mod client;
pub mod held;
pub mod schedule;
pub mod streams;
pub mod unary;
pub mod upstream;

use std::net::SocketAddr;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;

use self::client::chat;
use crate::peers::{KEY, MODEL};

/// Longer counts as this: a minute in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// Times in nanoseconds.
pub type Times = Histogram<u64>;

fn times() -> anyhow::Result<Times> {
    Ok(Times::new_with_bounds(1, LONGEST, 3)?)
}

/// The server that is asked, a gateway or the upstream itself, and the path of its chats.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The address it listens on.
    pub address: SocketAddr,
    /// `/api/chat`, unless it speaks another API.
    pub path: &'static str,
}

impl Target {
    /// Ollama's own API at an address.
    pub fn native(address: SocketAddr) -> Self {
        Self { address, path: "/api/chat" }
    }

    /// The chat that every gateway permits.
    pub fn chat(self, say: &str, stream: bool) -> Vec<u8> {
        chat(self.path, KEY, MODEL, say, stream)
    }
}

/// Returns the results of so many threads at the same time.
fn all<T: Send>(
    threads: usize,
    one: impl Fn() -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let one = &one;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let done = running.into_iter().map(ScopedJoinHandle::join);
        done.map(|result| result.ok().context("a caller panicked")?).collect()
    })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A quantile in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of milliseconds")]
pub fn milliseconds(times: &Times, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1e6
}

/// A quantile in microseconds.
pub fn microseconds(times: &Times, quantile: f64) -> f64 {
    milliseconds(times, quantile) * 1_000.0
}
