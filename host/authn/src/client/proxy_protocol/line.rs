//! Version 1 of the PROXY protocol: one line of text (section 2.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::{BadProxyHeader, ProxyHeader};

const BEGINNING: &[u8; 6] = b"PROXY ";
/// `PROXY UNKNOWN`, with the line's end.
pub(super) const SHORTEST: usize = 15;
/// With two IPv6 addresses written out, and the line's end.
const LONGEST: usize = 107;

pub(super) fn read(bytes: &[u8]) -> Result<ProxyHeader, BadProxyHeader> {
    if !BEGINNING.starts_with(&bytes[..bytes.len().min(BEGINNING.len())]) {
        return Err(BadProxyHeader::Missing);
    }
    let line = &bytes[..bytes.len().min(LONGEST)];
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        let printable = |byte: &u8| (b' '..=b'~').contains(byte);
        if line.len() == LONGEST || !text.iter().all(printable) {
            return Err(BadProxyHeader::Line);
        }
        // Not one byte more than the line must have is read.
        let missing = if text.len() < line.len() { 1 } else { 2 };
        return Ok(ProxyHeader::Incomplete(SHORTEST.max(line.len() + missing)));
    };
    let text = std::str::from_utf8(&line[..end]).map_err(|_| BadProxyHeader::Line)?;
    Ok(ProxyHeader::Complete { length: end + 2, source: source(text)? })
}

fn source(line: &str) -> Result<Option<SocketAddr>, BadProxyHeader> {
    let words: Vec<_> = line.split(' ').collect();
    match *words {
        // What else stands there is to be ignored.
        ["PROXY", "UNKNOWN", ..] => Ok(None),
        ["PROXY", "TCP4", from, to, port, to_port] => {
            pair::<Ipv4Addr>(from, to, port, to_port).map(Some)
        }
        ["PROXY", "TCP6", from, to, port, to_port] => {
            pair::<Ipv6Addr>(from, to, port, to_port).map(Some)
        }
        _ => Err(BadProxyHeader::Line),
    }
}

fn pair<A: FromStr + Into<IpAddr>>(
    from: &str,
    to: &str,
    port: &str,
    to_port: &str,
) -> Result<SocketAddr, BadProxyHeader> {
    let address = |text: &str| text.parse::<A>().map_err(|_| BadProxyHeader::Line);
    let (from, _) = (address(from)?, address(to)?);
    let (port, _) = (number(port)?, number(to_port)?);
    Ok(SocketAddr::new(from.into(), port))
}

fn number(text: &str) -> Result<u16, BadProxyHeader> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or(BadProxyHeader::Line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_whom_the_proxy_speaks_for_however_it_arrives() {
        for (line, source) in [
            ("PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n", Some("203.0.113.7:4711")),
            ("PROXY TCP4 1.1.1.1 1.1.1.1 1 0\r\n", Some("1.1.1.1:1")),
            ("PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", Some("[2001:db8::7]:4711")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
        ] {
            let source = source.map(|source| source.parse().unwrap());
            let complete = ProxyHeader::Complete { length: line.len(), source };
            for rest in ["", "GET / HTTP/1.1\r\n"] {
                let bytes = format!("{line}{rest}");
                assert_eq!(ProxyHeader::read(bytes.as_bytes()), Ok(complete), "{line}");
            }
            for end in 0..line.len() {
                let read = ProxyHeader::read(&line.as_bytes()[..end]).unwrap();
                let ProxyHeader::Incomplete(needed) = read else {
                    panic!("{end} bytes are not all of {line}");
                };
                assert!(needed > end && needed <= line.len(), "{line} {end} {needed}");
            }
        }
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "PROXY TCP4 203.0.113.7 127.0.0.1 4711\r\n",
            "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80 1\r\n",
            "PROXY TCP4  203.0.113.7 127.0.0.1 4711 80\r\n",
            "PROXY TCP4 2001:db8::7 ::1 4711 443\r\n",
            "PROXY TCP6 203.0.113.7 127.0.0.1 4711 80\r\n",
            "PROXY TCP4 203.0.113.7 127.0.0.1 04711 80\r\n",
            "PROXY TCP4 203.0.113.7 127.0.0.1 +471 80\r\n",
            "PROXY TCP4 203.0.113.7 127.0.0.1 70000 80\r\n",
            "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\n\r\n",
            "PROXY UDP4 203.0.113.7 127.0.0.1 4711 80\r\n",
            "PROXY tcp4 203.0.113.7 127.0.0.1 4711 80\r\n",
            "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\n",
            &format!("PROXY UNKNOWN {}", "a".repeat(100)),
        ] {
            assert_eq!(ProxyHeader::read(line.as_bytes()), Err(BadProxyHeader::Line), "{line}");
        }
        assert_eq!(ProxyHeader::read(b"PROXIED"), Err(BadProxyHeader::Missing));
    }
}
