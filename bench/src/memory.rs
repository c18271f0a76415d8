//! The memory of a gateway: idle, per idle connection, per open stream.

use anyhow::Context as _;

use crate::load::client::Connection;
use crate::load::upstream::HELD_OPEN;
use crate::peers::Gateway;

/// Resident memory in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// After the start and a few requests.
    pub idle: f64,
    /// For each connection on which nothing happens.
    pub connection: f64,
    /// For each answer that is being streamed.
    pub stream: f64,
}

/// Opens so many connections, then so many streams, and holds them all.
///
/// # Errors
/// Where one of them fails.
#[expect(clippy::cast_precision_loss, reason = "thousands of connections")]
pub fn measure(gateway: &Gateway, count: usize) -> anyhow::Result<Memory> {
    let unary = gateway.target.chat("hello", false);
    Connection::open(gateway.target.address)?.ask(&unary)?;
    let idle = gateway.process.resident()?;
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = Connection::open(gateway.target.address)?;
        connection.ask(&unary)?;
        held.push(connection);
    }
    let connected = gateway.process.resident()?;
    let streamed = gateway.target.chat(HELD_OPEN, true);
    for connection in &mut held {
        // The first chunk has come; the answer stays open.
        connection.ask_in_parts(&streamed, |_| false).context("no first chunk")?;
    }
    let streaming = gateway.process.resident()?;
    let each = |more: f64, less: f64| (more - less) / count as f64;
    // The stream uses the connection that was idle before.
    let stream = each(streaming, idle);
    Ok(Memory { idle, connection: each(connected, idle), stream })
}
