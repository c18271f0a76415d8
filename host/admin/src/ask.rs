//! The end of a command.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
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
    #[error("the gateway at {} does not answer within {} seconds", path.display(), PATIENCE.as_secs())]
    Slow {
        /// The socket.
        path: PathBuf,
    },
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
    let path = directory.join(SOCKET);
    let odd = |reason: String| AskError::Odd { path: path.clone(), reason };
    let stream = match timeout(PATIENCE, UnixStream::connect(&path)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(source)) => return Err(AskError::NotThere { path, source }),
        Err(_) => return Err(AskError::Slow { path }),
    };
    let exchange = async {
        let (mut sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(connection);
        let request = Request::get(target).header("host", "stockade").body(Empty::<Bytes>::new());
        let request = request.map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        driver.abort();
        if status != StatusCode::OK {
            return Err(format!("status {status}"));
        }
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    };
    match timeout(PATIENCE, exchange).await {
        Ok(answer) => answer.map_err(odd),
        Err(_) => Err(AskError::Slow { path }),
    }
}
