//! A client that writes exactly what it is told to.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail tests")]

use serde_json::Value;
use stockade_simulator::Simulator;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A simulator with two models that remembers its requests.
pub(crate) async fn simulator() -> Simulator {
    Simulator::builder()
        .models(["llama3.2:3b", "qwen3:8b"])
        .chunks(4)
        .record(true)
        .start("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap()
}

/// A connection with a request on it.
pub(crate) async fn connect(ollama: &Simulator, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(ollama.addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// A request in full, after which the connection is to be closed.
pub(crate) fn request(line: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Reads until the connection is closed, whether cleanly or not.
pub(crate) async fn everything(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

/// Reads until the text has appeared so many times.
pub(crate) async fn read_until(stream: &mut TcpStream, text: &str, times: usize) -> String {
    let mut read = String::new();
    while read.matches(text).count() < times {
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).await.unwrap();
        assert_ne!(length, 0, "closed after {read}");
        read.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    read
}

/// An answer taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) chunks: Vec<String>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        self.chunks.concat()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The events of a stream: name, or nothing, and data.
    pub(crate) fn events(&self) -> Vec<(String, String)> {
        let field = |event: &str, name: &str| {
            let line = event.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().to_owned()
        };
        self.text()
            .split_terminator("\n\n")
            .map(|event| (field(event, "event: "), field(event, "data: ")))
            .collect()
    }

    pub(crate) fn content_type(&self) -> &str {
        let name = "content-type: ";
        let line = self.head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default()
    }
}

/// Sends one request and takes its answer apart.
pub(crate) async fn send(ollama: &Simulator, line: &str, body: &str) -> Answer {
    send_raw(ollama, &request(line, body)).await
}

/// The same for a request that is written out.
pub(crate) async fn send_raw(ollama: &Simulator, request: &str) -> Answer {
    let bytes = everything(connect(ollama, request).await).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.contains("transfer-encoding: chunked");
    Answer {
        status,
        head: head.to_owned(),
        chunks: if chunked { dechunk(body) } else { vec![body.to_owned()] },
    }
}

fn dechunk(mut body: &str) -> Vec<String> {
    let mut chunks = Vec::new();
    loop {
        let (length, rest) = body.split_once("\r\n").unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return chunks;
        }
        chunks.push(rest[..length].to_owned());
        body = rest[length..].strip_prefix("\r\n").unwrap();
    }
}
