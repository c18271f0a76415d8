//! The end of a command.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::SOCKET;

/// The longest time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer, in bytes.
const LONGEST: usize = 64 << 20;

/// The reason why a running gateway gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error(
        "no gateway answers at {}: is it running, with this `state_directory`, as a user whose \
         files you may open?", path.display()
    )]
    NotThere {
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It takes too long.
    #[error("the gateway at {} does not answer within {} seconds", path.display(), patience.as_secs())]
    Slow {
        /// The socket.
        path: PathBuf,
        /// The time that was waited.
        patience: Duration,
    },
    /// It answers that it does not do so.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// It is no answer of a gateway of this version.
    #[error("the gateway at {} answers what this version does not understand: {reason}", path.display())]
    Odd {
        /// The socket.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
}

/// Tells whether a gateway runs that has a state directory.
pub fn is_running(directory: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(directory.join(SOCKET)).is_ok()
}

/// Asks the gateway that has a state directory.
///
/// # Errors
/// Where it does not answer, or not with JSON.
pub async fn ask(directory: &Path, target: &str) -> Result<Value, AskError> {
    order(directory, (Method::GET, target), &Value::Null, PATIENCE).await
}

/// Orders something of the gateway that has a state directory, and waits for the answer.
///
/// # Errors
/// Where it does not answer in time, refuses, or does not answer with JSON.
pub async fn order(
    directory: &Path,
    (method, target): (Method, &str),
    body: &Value,
    patience: Duration,
) -> Result<Value, AskError> {
    let path = directory.join(SOCKET);
    let odd = |reason: String| AskError::Odd { path: path.clone(), reason };
    let slow = || AskError::Slow { path: path.clone(), patience };
    let stream = match timeout(PATIENCE, UnixStream::connect(&path)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(source)) => return Err(AskError::NotThere { path, source }),
        Err(_) => return Err(slow()),
    };
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let request = Request::builder().method(method).uri(target).header("host", "stockade");
    let request = request.body(Full::from(body)).map_err(|error| odd(error.to_string()))?;
    let exchanged = timeout(patience, exchange(stream, request)).await.map_err(|_| slow())?;
    let (status, value) = exchanged.map_err(odd)?;
    match (status, value["errors"].as_array()) {
        (StatusCode::OK, _) => Ok(value),
        (_, Some(errors)) => {
            let text = |error: &Value| error.as_str().unwrap_or_default().to_owned();
            Err(AskError::Refused(errors.iter().map(text).collect()))
        }
        (status, None) => Err(odd(format!("status {status}"))),
    }
}

/// Sends a request, and reads the status and the JSON of the answer.
async fn exchange(
    stream: UnixStream,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Value), String> {
    let text = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(text)?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(text)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    driver.abort();
    let value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    Ok((status, value))
}
