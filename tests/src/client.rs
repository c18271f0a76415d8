//! A client that shows everything: one connection, one request at a time.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::soon;

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in {:?}", self.body),
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection to the gateway. Dropping it hangs up.
pub struct Connection {
    sender: SendRequest<String>,
    driver: tokio::task::JoinHandle<()>,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// Where nobody listens.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = soon("a connection", TcpStream::connect(address)).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(async move {
            // The test sees a broken connection in its answer.
            connection.await.ok();
        });
        Self { sender, driver }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Panics
    /// Where the connection breaks.
    pub async fn begin(&mut self, mut request: Request<String>) -> Response<Incoming> {
        request
            .headers_mut()
            .entry("host")
            .or_insert_with(|| http::HeaderValue::from_static("gateway"));
        soon("an answer", self.sender.send_request(request)).await.unwrap()
    }

    /// Sends a request and reads its whole answer.
    ///
    /// # Panics
    /// Where the connection breaks.
    pub async fn send(&mut self, request: Request<String>) -> Reply {
        let (head, body) = self.begin(request).await.into_parts();
        let body = soon("the end of an answer", body.collect()).await.unwrap().to_bytes();
        Reply { status: head.status, headers: head.headers, body }
    }

    /// Hangs up at once, whatever is under way.
    pub fn hang_up(self) {
        self.driver.abort();
    }
}

/// Sends bytes as they are, and reads until the gateway closes the connection.
///
/// # Panics
/// Where the connection breaks or is not closed.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = soon("a connection", TcpStream::connect(address)).await.unwrap();
    // The gateway may answer and close before it has read everything.
    stream.write_all(bytes).await.ok();
    let mut answer = Vec::new();
    soon("the end of the connection", stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A POST with a JSON body; `key` as a bearer credential.
///
/// # Panics
/// For a path that is none.
pub fn post(path: &str, key: Option<&str>, body: &str) -> Request<String> {
    request("POST", path, key).body(body.to_owned()).unwrap()
}

/// A GET; `key` as a bearer credential.
///
/// # Panics
/// For a path that is none.
pub fn get(path: &str, key: Option<&str>) -> Request<String> {
    request("GET", path, key).body(String::new()).unwrap()
}

fn request(method: &str, path: &str, key: Option<&str>) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    }
}
