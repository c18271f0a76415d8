//! The connection of a caller.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use stockade_authn::ClientIp;
use stockade_core::Transport;

use crate::identify::certificate::PeerCertificate;

/// The address at the other end of a connection: the last proxy's, if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddr(pub(crate) SocketAddr);

/// Tells whether the caller itself is at the other end.
impl PartialEq<PeerAddr> for ClientIp {
    fn eq(&self, peer: &PeerAddr) -> bool {
        self.address() == peer.0.ip().to_canonical()
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The connection of a caller.
pub(crate) struct ConnectionInfo {
    pub(crate) peer: PeerAddr,
    /// The address that a trusted proxy says the connection is for.
    pub(crate) proxied_source: Option<SocketAddr>,
    pub(crate) transport: Transport,
    /// The address that the listener has in the configuration.
    pub(crate) listener: SocketAddr,
    /// The client's certificate, if it has one.
    pub(crate) certificate: Option<Arc<PeerCertificate>>,
    /// True if the gateway was reached at an address that only this machine has. A proxy on this
    /// machine is at one, whomever it speaks for, and whatever headers say.
    pub(crate) loopback: bool,
}

impl ConnectionInfo {
    /// Returns where requests come from, as far as it can be told without looking at them.
    pub(crate) fn source(&self) -> IpAddr {
        self.proxied_source.unwrap_or(self.peer.0).ip()
    }

    /// Tells whether nobody on the way can read a password.
    pub(crate) fn is_confidential(&self) -> bool {
        self.loopback || self.transport != Transport::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_travel_by_loopback_or_tls_only() {
        let address = SocketAddr::from(([192, 0, 2, 7], 4711));
        for (transport, loopback, kept) in [
            (Transport::Plain, false, false),
            (Transport::Plain, true, true),
            (Transport::Tls, false, true),
            (Transport::MutualTls, false, true),
        ] {
            let (peer, listener) = (PeerAddr(address), address);
            // Whomever a proxy speaks for, also if that is somebody on this machine.
            for proxied_source in
                [None, Some(address), Some(SocketAddr::from(([127, 0, 0, 1], 80)))]
            {
                let certificate = None;
                let link = ConnectionInfo {
                    peer,
                    proxied_source,
                    transport,
                    listener,
                    certificate,
                    loopback,
                };
                assert_eq!(link.is_confidential(), kept);
            }
        }
    }
}
