//! New connections, and what becomes of those that there is no room for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use stockade_control::reload::Current;
use stockade_core::Dialect;
use stockade_ollama::response::{ERROR_CONTENT_TYPE, error_body};
use tokio::net::TcpStream;

use crate::bounded::Bounded;
use crate::connection::connections::{Connected, Connections, Full};
use crate::connection::listener::ListenerConfig;
use crate::connection::patience::Patient;

/// The number of idle connections that make room where descriptors ran out all the same.
const SHED: usize = 16;
/// The time to wait for descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes new connections in while there is room.
pub(crate) struct Acceptor {
    current: Arc<Current>,
    connections: Arc<Connections>,
    turned_away: Bounded<1>,
    starved: Bounded<1>,
}

impl Acceptor {
    pub(crate) fn new(current: Arc<Current>, connections: Arc<Connections>) -> Self {
        let (turned_away, starved) = (Bounded::default(), Bounded::default());
        Self { current, connections, turned_away, starved }
    }

    /// Takes a new connection in, if there is room.
    pub(crate) fn admit(&self) -> Result<Connected, Full> {
        let generation = self.current.load();
        self.connections.admit(self.connections.most(&generation.config.limits))
    }

    /// Closes a connection that there is no room for; its caller is told where HTTP begins at
    /// once and the socket takes it.
    pub(crate) fn turn_away(
        &self,
        stream: &Patient<TcpStream>,
        entrance: &ListenerConfig,
        full: Full,
    ) {
        if let Some(left_out) = self.turned_away.admit() {
            let times = left_out + 1;
            tracing::warn!(times, "connections are refused: {full}");
        }
        if entrance.is_plain() {
            stream.get_ref().try_write(&answer(full)).ok();
        }
    }

    /// Lets go of connections that nobody uses where descriptors ran out all the same, and
    /// waits.
    pub(crate) async fn pause_after(&self, error: &io::Error) {
        if let Some(left_out) = self.starved.admit() {
            let times = left_out + 1;
            tracing::warn!(%error, times, "cannot accept connections");
        }
        self.connections.shed(SHED);
        tokio::time::sleep(PAUSE).await;
    }
}

fn answer(full: Full) -> Vec<u8> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let body = error_body(Dialect::Native, status, &full.to_string(), "");
    let mut answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {ERROR_CONTENT_TYPE}\r\n\
         content-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    answer
}
