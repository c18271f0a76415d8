//! The PROXY protocol, versions 1 and 2: what a proxy says about a connection before anything
//! else is sent on it.
//!
//! Source: `HAProxy`, `doc/proxy-protocol.txt`, section 2. Only TCP connections and those of
//! the proxy itself are understood. Version 1 is what nginx' stream module writes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

mod line;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The bytes before the addresses.
const FIXED: usize = 16;

/// The longest header that is read. The addresses take 36 bytes, and what follows them is
/// skipped.
const LONGEST: usize = 2048;

/// A header, as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// More is needed; with so many bytes from the beginning on, more will be known. The
    /// header has at least as many.
    Incomplete(usize),
    /// It ends after so many bytes.
    Complete {
        /// Its length in bytes.
        length: usize,
        /// The address that the proxy speaks for. `None` where it speaks for itself, to see whether
        /// anybody is there.
        source: Option<SocketAddr>,
    },
}

/// Something else. `Display` is for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProxyHeader {
    /// Another protocol.
    #[error("the connection does not begin with a header of the PROXY protocol")]
    Missing,
    /// A line that is none of version 1.
    #[error("the line of the PROXY protocol, version 1, is not as it should be")]
    Line,
    /// A version that does not exist yet.
    #[error("this version of the PROXY protocol is not known: {0}")]
    Version(u8),
    /// Neither LOCAL nor PROXY.
    #[error("the PROXY protocol has no command {0}")]
    Command(u8),
    /// A kind of connection that cannot have led here.
    #[error("the PROXY protocol's header is not for TCP over IPv4 or IPv6: {0:#04x}")]
    Family(u8),
    /// Too short for its addresses.
    #[error("the PROXY protocol's header is too short for its addresses")]
    Short,
    /// Too long.
    #[error("the PROXY protocol's header has {0} bytes; at most {LONGEST} are read")]
    Long(usize),
    /// Fields behind the addresses that do not end where the header does.
    #[error("the PROXY protocol's header has fields that do not fit into it")]
    Fields,
}

impl ProxyHeader {
    /// Reads the bytes that have come of a header; those behind it are not looked at.
    ///
    /// # Errors
    /// As soon as it is clear that this is not one.
    pub fn read(bytes: &[u8]) -> Result<Self, BadProxyHeader> {
        let known = bytes.len().min(SIGNATURE.len());
        if bytes.is_empty() {
            return Ok(Self::Incomplete(line::SHORTEST));
        }
        if bytes[..known] != SIGNATURE[..known] {
            return line::read(bytes);
        }
        let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else {
            return Ok(Self::Incomplete(FIXED));
        };
        let length = FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
        if length > LONGEST {
            return Err(BadProxyHeader::Long(length));
        }
        let command = command(fixed[12])?;
        let Some(body) = rest.get(..length - FIXED) else {
            return Ok(Self::Incomplete(length));
        };
        let source = match command {
            // Whatever stands there is to be ignored.
            Command::Local => None,
            Command::Proxy => Some(source(fixed[13], body)?),
        };
        Ok(Self::Complete { length, source })
    }
}

enum Command {
    Local,
    Proxy,
}

fn command(byte: u8) -> Result<Command, BadProxyHeader> {
    match (byte >> 4, byte & 0xf) {
        (2, 0) => Ok(Command::Local),
        (2, 1) => Ok(Command::Proxy),
        (2, command) => Err(BadProxyHeader::Command(command)),
        (version, _) => Err(BadProxyHeader::Version(version)),
    }
}

/// Source and destination address, source and destination port, fields.
fn source(family: u8, body: &[u8]) -> Result<SocketAddr, BadProxyHeader> {
    let (address, port, fields) = match family {
        0x11 => {
            let (addresses, fields) =
                body.split_first_chunk::<12>().ok_or(BadProxyHeader::Short)?;
            let [a, b, c, d, _, _, _, _, port @ ..] = *addresses;
            (IpAddr::V4(Ipv4Addr::new(a, b, c, d)), [port[0], port[1]], fields)
        }
        0x21 => {
            let (addresses, fields) =
                body.split_first_chunk::<36>().ok_or(BadProxyHeader::Short)?;
            let (source, rest) =
                addresses.split_first_chunk::<16>().ok_or(BadProxyHeader::Short)?;
            (IpAddr::V6(Ipv6Addr::from(*source)), [rest[16], rest[17]], fields)
        }
        other => return Err(BadProxyHeader::Family(other)),
    };
    check_fields(fields)?;
    Ok(SocketAddr::new(address, u16::from_be_bytes(port)))
}

/// Each has a type of one byte, a length of two, and so many bytes.
fn check_fields(mut fields: &[u8]) -> Result<(), BadProxyHeader> {
    while !fields.is_empty() {
        let [_, high, low, rest @ ..] = fields else {
            return Err(BadProxyHeader::Fields);
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        fields = rest.get(length..).ok_or(BadProxyHeader::Fields)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds the header that `HAProxy` sends for a connection from 127.0.0.1:56324 to
    /// 127.0.0.1:443, by the layout of section 2.2.
    fn tcp4(command: u8, family: u8, more: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        let length = u16::try_from(12 + more.len()).unwrap().to_be_bytes();
        bytes.extend([command, family, length[0], length[1]]);
        bytes.extend([127, 0, 0, 1, 127, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb]);
        bytes.extend(more);
        bytes
    }

    fn tcp6() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0x21, 0x21, 0, 36]);
        bytes.extend("2001:db8::7".parse::<Ipv6Addr>().unwrap().octets());
        bytes.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        bytes.extend([0x12, 0x67, 0x01, 0xbb]);
        bytes
    }

    fn complete(length: usize, source: Option<&str>) -> ProxyHeader {
        let source = source.map(|source| source.parse().unwrap());
        ProxyHeader::Complete { length, source }
    }

    #[test]
    fn it_tells_whom_the_proxy_speaks_for() {
        let plain = tcp4(0x21, 0x11, b"");
        assert_eq!(ProxyHeader::read(&plain), Ok(complete(28, Some("127.0.0.1:56324"))));
        let fields = tcp4(0x21, 0x11, b"\x01\0\x02h2\x04\0\0");
        assert_eq!(ProxyHeader::read(&fields), Ok(complete(36, Some("127.0.0.1:56324"))));
        assert_eq!(ProxyHeader::read(&tcp6()), Ok(complete(52, Some("[2001:db8::7]:4711"))));
        let followed = [&plain[..], b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(ProxyHeader::read(&followed), Ok(complete(28, Some("127.0.0.1:56324"))));
    }

    #[test]
    fn a_proxy_that_speaks_for_itself_tells_nobody() {
        let local = [&SIGNATURE[..], &[0x20, 0, 0, 0]].concat();
        assert_eq!(ProxyHeader::read(&local), Ok(complete(16, None)));
        assert_eq!(ProxyHeader::read(&tcp4(0x20, 0x11, b"\xff")), Ok(complete(29, None)));
    }

    #[test]
    fn it_may_come_in_pieces() {
        for whole in [tcp4(0x21, 0x11, b"\x04\0\x01x"), tcp6(), tcp4(0x20, 0, b"")] {
            for end in 0..whole.len() {
                let read = ProxyHeader::read(&whole[..end]).unwrap();
                let ProxyHeader::Incomplete(needed) = read else {
                    panic!("{end} bytes are not all of it");
                };
                assert!(needed > end && needed <= whole.len(), "{end} {needed}");
            }
        }
    }

    #[test]
    fn what_is_something_else_is_refused_at_once() {
        use BadProxyHeader as Bad;
        for (bytes, expected) in [
            (b"GET / HTTP/1.1\r\n".to_vec(), Bad::Missing),
            (b"G".to_vec(), Bad::Missing),
            (b"\x16\x03\x01".to_vec(), Bad::Missing),
            (b"\r\n\r\n\0\r\nQUIT ".to_vec(), Bad::Missing),
            (tcp4(0x11, 0x11, b""), Bad::Version(1)),
            (tcp4(0x31, 0x11, b""), Bad::Version(3)),
            (tcp4(0x22, 0x11, b""), Bad::Command(2)),
            (tcp4(0x21, 0x00, b""), Bad::Family(0)),
            (tcp4(0x21, 0x12, b""), Bad::Family(0x12)),
            (tcp4(0x21, 0x31, b""), Bad::Family(0x31)),
            (tcp4(0x21, 0x21, b""), Bad::Short),
            (tcp4(0x21, 0x11, b"\x04"), Bad::Fields),
            (tcp4(0x21, 0x11, b"\x04\0\x02x"), Bad::Fields),
            (tcp4(0x21, 0x11, &[0; 2048]), Bad::Long(2076)),
        ] {
            assert_eq!(ProxyHeader::read(&bytes), Err(expected), "{bytes:?}");
        }
    }
}
