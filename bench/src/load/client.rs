//! A caller with as little cost of its own as can be: one blocking connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::Target;

/// No answer may keep a measurement waiting for longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// One kept-alive connection.
pub struct Connection {
    stream: TcpStream,
    /// The bytes that have been read and not yet been used.
    pending: Vec<u8>,
    chunk: Box<[u8; 16 * 1024]>,
}

/// The way in which the body of an answer ends.
enum Framing {
    Length(usize),
    Chunked,
}

impl Connection {
    /// Connects to a gateway, or to the upstream itself.
    ///
    /// # Errors
    /// Where nobody listens.
    pub fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, pending: Vec::new(), chunk: Box::new([0; 16 * 1024]) })
    }

    /// Sends a request and reads its whole answer.
    ///
    /// # Errors
    /// Where the answer does not come, or is not HTTP.
    pub fn ask(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.ask_in_parts(request, |_| true)
    }

    /// Sends a request; every part of the body is handed over as it arrives, until the answer ends
    /// or no more is wanted.
    ///
    /// # Errors
    /// Where the answer does not come, or is not HTTP.
    pub fn ask_in_parts(
        &mut self,
        request: &[u8],
        mut part: impl FnMut(&[u8]) -> bool,
    ) -> anyhow::Result<u16> {
        self.stream.write_all(request)?;
        let (status, framing) = self.head()?;
        match framing {
            Framing::Length(length) => self.exactly(length, &mut part)?,
            Framing::Chunked => self.chunks(&mut part)?,
        };
        Ok(status)
    }

    fn more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read(&mut self.chunk[..])?;
        if read == 0 {
            bail!("the connection was closed");
        }
        self.pending.extend_from_slice(&self.chunk[..read]);
        Ok(())
    }

    fn head(&mut self) -> anyhow::Result<(u16, Framing)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut answer = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(length) = answer.parse(&self.pending)? {
                let status = answer.code.context("no status")?;
                let framing = framing(answer.headers)?;
                self.pending.drain(..length);
                return Ok((status, framing));
            }
            self.more()?;
        }
    }

    /// The next so many bytes of the body; whether more is wanted.
    fn exactly(
        &mut self,
        mut length: usize,
        part: &mut impl FnMut(&[u8]) -> bool,
    ) -> anyhow::Result<bool> {
        while length > 0 {
            if self.pending.is_empty() {
                self.more()?;
            }
            let now = length.min(self.pending.len());
            let wanted = part(&self.pending[..now]);
            self.pending.drain(..now);
            length -= now;
            if !wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn chunks(&mut self, part: &mut impl FnMut(&[u8]) -> bool) -> anyhow::Result<bool> {
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(line.trim(), 16).context("not a chunk size")?;
            if size > 0 && !self.exactly(size, part)? {
                return Ok(false);
            }
            self.line()?;
            if size == 0 {
                return Ok(true);
            }
        }
    }

    fn line(&mut self) -> anyhow::Result<String> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&self.pending[..end]).into_owned();
                self.pending.drain(..end + 2);
                return Ok(line);
            }
            self.more()?;
        }
    }
}

fn framing(headers: &[httparse::Header<'_>]) -> anyhow::Result<Framing> {
    let value = |name: &str| {
        let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    };
    match (value("transfer-encoding"), value("content-length")) {
        (Some("chunked"), _) => Ok(Framing::Chunked),
        (None, Some(length)) => Ok(Framing::Length(length.parse()?)),
        _ => bail!("an answer without length"),
    }
}

/// A chat as the callers send it.
pub fn chat(path: &str, key: &str, model: &str, say: &str, stream: bool) -> Vec<u8> {
    let body = format!(
        "{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{say}\"}}],\
         \"stream\":{stream}}}"
    );
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\ncontent-type: \
         application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A request for the list of models.
pub fn list(key: &str) -> Vec<u8> {
    format!("GET /api/tags HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n\r\n")
        .into_bytes()
}

/// A chat whose body has exactly so many bytes.
///
/// # Errors
/// Where it cannot have so few.
pub fn chat_of(target: Target, bytes: usize) -> anyhow::Result<Vec<u8>> {
    let body = |request: &[u8]| {
        let head = request.windows(4).position(|four| four == b"\r\n\r\n");
        head.map_or(0, |head| request.len() - head - 4)
    };
    let least = body(&target.chat("", false));
    let more = bytes.checked_sub(least).with_context(|| format!("a chat has {least} bytes"))?;
    Ok(target.chat(&"x".repeat(more), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_as_large_as_wanted() {
        let target = Target::native(([127, 0, 0, 1], 1).into());
        let request = String::from_utf8(chat_of(target, 1_024).unwrap()).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), 1_024);
        assert!(head.contains("content-length: 1024"));
        assert!(chat_of(target, 3).is_err());
    }
}
