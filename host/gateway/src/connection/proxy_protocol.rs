//! The PROXY protocol's header, taken off a connection before TLS or HTTP begins.

use std::io;
use std::net::SocketAddr;

use stockade_authn::{BadProxyHeader, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The reason why a connection is closed that should have begun with a header.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotProxied {
    /// It is not from a trusted proxy.
    #[error("only those in `trusted_proxies` may connect to a listener with `proxy_protocol`")]
    Untrusted,
    /// It begins with something else.
    #[error("{0}")]
    Bad(#[from] BadProxyHeader),
    /// The header did not come in time.
    #[error("the PROXY protocol's header did not come in time")]
    Late,
    /// The connection broke.
    #[error("the connection broke within the PROXY protocol's header: {0}")]
    Broken(#[from] io::Error),
    /// It was closed without a byte: somebody looked whether the port is open.
    #[error("the connection was closed at once")]
    Closed,
}

impl NotProxied {
    /// Tells whether somebody only looked whether the port is open.
    pub(crate) const fn is_a_look(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

/// Reads the header, and not one byte of what follows it.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, NotProxied> {
    let mut bytes = Vec::new();
    loop {
        let needed = match ProxyHeader::read(&bytes)? {
            ProxyHeader::Complete { source, .. } => return Ok(source),
            ProxyHeader::Incomplete(needed) => needed,
        };
        let missing = needed.saturating_sub(bytes.len()) as u64;
        let read = (&mut *stream).take(missing).read_buf(&mut bytes).await?;
        if read == 0 {
            let closed = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(if bytes.is_empty() { NotProxied::Closed } else { closed.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xcb\0\x71\x07\x7f\0\0\x01\x12\x67\0\x50\x04\0\0";

    #[tokio::test]
    async fn what_follows_the_header_is_left_however_it_arrives() {
        for cut in 1..HEADER.len() {
            let whole = [HEADER, b"GET / HTTP/1.1"].concat();
            let (first, second) = whole.split_at(cut);
            let mut stream = first.chain(second);
            let source = read(&mut stream).await.unwrap();
            assert_eq!(source.unwrap().to_string(), "203.0.113.7:4711");
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            assert_eq!(rest, b"GET / HTTP/1.1");
        }
    }

    #[tokio::test]
    async fn a_connection_that_ends_early_is_no_header() {
        assert!(matches!(read(&mut &b""[..]).await, Err(NotProxied::Closed)));
        let cut = read(&mut &HEADER[..20]).await;
        assert!(matches!(cut, Err(NotProxied::Broken(_))), "{cut:?}");
    }
}
