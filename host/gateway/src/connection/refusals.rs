//! Tells of connections and certificates that were refused, as often as a log can bear.

use std::io;
use std::net::SocketAddr;

use crate::bounded::BoundedByAddress;
use stockade_core::Causes;

use crate::connection::info::PeerAddr;
use crate::connection::proxy_protocol::NotProxied;

/// Log lines about refusals, bounded for each kind and address.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog {
    handshakes: BoundedByAddress,
    certificates: BoundedByAddress,
    connections: BoundedByAddress,
}

impl RefusalLog {
    /// A handshake failed; where a client certificate was refused in it, whose that was.
    pub(crate) fn failed(&self, peer: PeerAddr, error: &io::Error, names: Option<&str>) {
        if let Some(names) = names {
            self.refused(peer, names, &Causes(error));
        } else if let Some(left_out) = self.handshakes.admit(peer.0.ip()) {
            let left_out = (left_out > 0).then_some(left_out);
            tracing::warn!(%peer, error = %Causes(error), left_out, "a TLS handshake failed");
        }
    }

    /// A handshake did not end in time.
    pub(crate) fn late(&self, peer: PeerAddr) {
        if let Some(left_out) = self.handshakes.admit(peer.0.ip()) {
            let left_out = (left_out > 0).then_some(left_out);
            tracing::warn!(%peer, left_out, "a TLS handshake took too long");
        }
    }

    /// A connection came without its proxy.
    pub(crate) fn unproxied(&self, peer: PeerAddr, listener: SocketAddr, error: &NotProxied) {
        if error.is_a_look() {
            tracing::debug!(%peer, %listener, "{error}");
        } else if let Some(left_out) = self.connections.admit(peer.0.ip()) {
            let left_out = (left_out > 0).then_some(left_out);
            tracing::warn!(%peer, %listener, left_out, "a connection is refused: {error}");
        }
    }

    /// A client certificate is not accepted, at the handshake or later.
    pub(crate) fn refused(&self, peer: PeerAddr, names: &str, why: &dyn std::fmt::Display) {
        if let Some(left_out) = self.certificates.admit(peer.0.ip()) {
            let left_out = (left_out > 0).then_some(left_out);
            tracing::warn!(%peer, names, error = %why, left_out, "a client certificate is refused");
        }
    }
}
