//! `X-Forwarded-For`: addresses, the furthest first. No standard describes it; proxies
//! append the address of whoever connected to them, some with its port.

use std::net::{IpAddr, SocketAddr};

use super::{BadForwarding, ForwardingHeader};

/// The addresses from the nearest to the furthest. Each is read only when it is asked for:
/// what the caller wrote itself may be anything.
pub(super) fn hops<'a>(
    lines: &'a [&'a str],
) -> impl Iterator<Item = Result<IpAddr, BadForwarding>> + 'a {
    lines.iter().rev().flat_map(|line| line.rsplit(',')).map(|text| {
        let text = text.trim_matches([' ', '\t']);
        address(text).ok_or(BadForwarding::Malformed(ForwardingHeader::XForwardedFor))
    })
}

/// `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().filter(without_zone);
    text.parse().ok().or_else(bracketed).or_else(|| with_port().map(|address| address.ip()))
}

/// A zone means something to one machine only.
fn without_zone(address: &SocketAddr) -> bool {
    !matches!(address, SocketAddr::V6(address) if address.scope_id() != 0)
}
