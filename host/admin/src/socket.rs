//! The end of the gateway.

use std::convert::Infallible;
use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde_json::json;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::operated::Operated;
use crate::{PROMOTE, QUEUE, SHADOW, shadow};

/// The name of the socket in the state directory.
pub const SOCKET: &str = "admin.sock";
/// The longest time that the head of a request may take.
const HEAD: Duration = Duration::from_secs(5);
/// The time to wait where the system has no descriptor left.
const SHORT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// The socket, as long as the gateway runs. Dropping it removes it.
#[derive(Debug)]
pub struct AdminSocket {
    path: PathBuf,
    serving: JoinHandle<()>,
}

impl AdminSocket {
    /// Listens in a directory that exists. A socket that a process before has left is replaced:
    /// the ledger beside it belongs to one gateway only.
    ///
    /// # Errors
    /// Where the socket cannot be made.
    pub fn start(directory: &Path, operated: Operated) -> io::Result<Self> {
        let path = directory.join(SOCKET);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let serving = tokio::spawn(serve(listener, operated));
        Ok(Self { path, serving })
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        self.serving.abort();
        // Where it is gone already, nothing is left to do.
        std::fs::remove_file(&self.path).ok();
    }
}

/// Answers until it is aborted, and with it every connection.
async fn serve(listener: UnixListener, operated: Operated) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, operated.clone()));
            }
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection of the operator");
                tokio::time::sleep(SHORT_OF_DESCRIPTORS).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: UnixStream, operated: Operated) {
    let service = service_fn(|request: Request<Incoming>| {
        let operated = operated.clone();
        async move { Ok::<_, Infallible>(answer(request, &operated).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    // Whoever asked has gone away, and has no use for an error.
    http.serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn answer(request: Request<Incoming>, operated: &Operated) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, QUEUE) => json(StatusCode::OK, &operated.metering.queue()),
        (_, SHADOW) => {
            let (status, value) = shadow::answer(request, operated).await;
            json(status, &value)
        }
        (_, PROMOTE) => {
            let (status, value) = shadow::promote(request, operated).await;
            json(status, &value)
        }
        (_, QUEUE) => {
            let error = json!({ "error": "this path answers to GET only" });
            json(StatusCode::METHOD_NOT_ALLOWED, &error)
        }
        _ => json(StatusCode::NOT_FOUND, &json!({ "error": "this gateway has no such path" })),
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    // Only maps with keys that are no text cannot be written, and there are none.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
