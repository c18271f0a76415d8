//! The address of a caller: that at the other end of the connection, or the one that a
//! trusted proxy tells.
//!
//! Anybody can write a header. What it says counts only as far as it comes from proxies
//! that the configuration trusts, read from the nearest hop to the furthest: the first
//! address that is no trusted proxy's is the caller's, and what stands behind it was
//! written by the caller and is not looked at.

use std::fmt;
use std::net::IpAddr;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

mod forwarded;
mod proxy_protocol;
mod range;
mod x_forwarded_for;

pub use proxy_protocol::{BadProxyHeader, ProxyHeader};
pub use range::{AddressRange, InvalidRange};

/// The longest header that is looked at, all of its lines together, in bytes.
const LONGEST: usize = 2048;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The address of a caller, trusted proxies already taken into account. Only
/// [`TrustedProxies::client`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientIp(IpAddr);

impl ClientIp {
    /// The address; one of IPv4 is never written as one of IPv6.
    pub const fn address(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The header in which trusted proxies tell whom they speak for. One is chosen, because a
/// proxy that writes one of them passes the other on as the caller wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For: 203.0.113.7, 10.0.0.2`.
    XForwardedFor,
    /// `Forwarded: for=203.0.113.7, for=10.0.0.2` (RFC 7239).
    Forwarded,
}

impl fmt::Display for ForwardingHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::XForwardedFor => "X-Forwarded-For",
            Self::Forwarded => "Forwarded",
        })
    }
}

/// The proxies that are believed when they speak for others; none, if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// The addresses of the proxies.
    pub addresses: Vec<AddressRange>,
    /// The header that they write, if they write one.
    pub header: Option<ForwardingHeader>,
}

/// A trusted proxy says something that cannot be believed. `Display` is for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadForwarding {
    /// Too much.
    #[error("the {0} header is longer than {LONGEST} bytes")]
    TooLong(ForwardingHeader),
    /// Something that is no address where one is needed.
    #[error("the {0} header cannot be read; a trusted proxy must write a list of IP addresses")]
    Malformed(ForwardingHeader),
    /// That it does not know, or does not tell.
    #[error("the Forwarded header does not tell the caller's address")]
    Hidden,
}

impl TrustedProxies {
    /// Tells whether this address is a trusted proxy's.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.addresses.iter().any(|range| range.contains(address))
    }

    /// The caller of a request that came from `peer`: the other end of the connection, or
    /// the address that the PROXY protocol gave for it.
    ///
    /// A trusted proxy that sends no header speaks for itself, and so does the furthest one
    /// where all that are named are trusted.
    ///
    /// # Errors
    /// A trusted proxy sends a header that does not tell an address.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Result<ClientIp, BadForwarding> {
        let peer = peer.to_canonical();
        let Some(header) = self.header.filter(|_| self.trusts(peer)) else {
            return Ok(ClientIp(peer));
        };
        let name = match header {
            ForwardingHeader::XForwardedFor => &X_FORWARDED_FOR,
            ForwardingHeader::Forwarded => &FORWARDED,
        };
        let length: usize = headers.get_all(name).iter().map(http::HeaderValue::len).sum();
        if length > LONGEST {
            return Err(BadForwarding::TooLong(header));
        }
        let mut lines = Vec::new();
        for value in headers.get_all(name) {
            lines.push(value.to_str().map_err(|_| BadForwarding::Malformed(header))?);
        }
        match header {
            ForwardingHeader::XForwardedFor => self.furthest(peer, x_forwarded_for::hops(&lines)),
            ForwardingHeader::Forwarded => self.furthest(peer, forwarded::hops(&lines)?),
        }
    }

    /// The hosts that were asked for, as trusted proxies tell them, perhaps with ports: those
    /// of `X-Forwarded-Host` beside `X-Forwarded-For`, and of `host=` in `Forwarded`. What
    /// cannot be read is left out.
    pub fn hosts(&self, peer: IpAddr, headers: &HeaderMap) -> Vec<String> {
        let Some(header) = self.header.filter(|_| self.trusts(peer)) else {
            return Vec::new();
        };
        let lines = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        match header {
            ForwardingHeader::XForwardedFor => {
                let hosts = lines(&X_FORWARDED_HOST).flat_map(|line| line.split(','));
                hosts.map(|host| host.trim().to_owned()).collect()
            }
            ForwardingHeader::Forwarded => {
                forwarded::hosts(&lines(&FORWARDED).collect::<Vec<_>>()).unwrap_or_default()
            }
        }
    }

    /// The first address that is not trusted, or the last one that there is.
    fn furthest(
        &self,
        nearest: IpAddr,
        hops: impl Iterator<Item = Result<IpAddr, BadForwarding>>,
    ) -> Result<ClientIp, BadForwarding> {
        let mut furthest = nearest;
        for hop in hops {
            furthest = hop?.to_canonical();
            if !self.trusts(furthest) {
                break;
            }
        }
        Ok(ClientIp(furthest))
    }
}

#[cfg(test)]
mod tests;
