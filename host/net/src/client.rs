//! One request: no redirects, no second tries, little time and space.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::Scheme;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// For all of it, from the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer, in bytes.
const LONGEST: usize = 256 << 10;

/// The reason why there is no answer. It does not tell the URL, which may have a secret in it.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection is made.
    #[error("the server cannot be reached")]
    Connect(#[source] io::Error),
    /// The name is of another machine.
    #[error("its name leads to another machine, and the URL is http")]
    NotHere,
    /// The name cannot be verified.
    #[error("this is no name for a server")]
    Name(#[from] InvalidDnsNameError),
    /// The TLS handshake failed.
    #[error("no TLS connection is made")]
    Tls(#[source] io::Error),
    /// The server broke the protocol.
    #[error("the server does not speak HTTP as it should")]
    Http(#[from] hyper::Error),
    /// The request cannot be made of this URL.
    #[error("the request cannot be written")]
    Unwritable(#[from] http::Error),
    /// The server named another place.
    #[error("the answer is {0}, which is not followed: write the address that it leads to")]
    Redirected(StatusCode),
    /// The server refused.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// The body is not whole.
    #[error("the answer is longer than {LONGEST} bytes, or breaks off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server took too long.
    #[error("it takes longer than {} seconds", PATIENCE.as_secs())]
    Slow,
}

/// A URL, and how its server is verified.
pub struct Endpoint {
    uri: Uri,
    tls: Option<Arc<ClientConfig>>,
    /// The authorities that `tls` was made of, in PEM.
    authority: Option<Vec<u8>>,
}

/// Without the path, which may have a secret in it.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("host", &self.uri.host()).finish_non_exhaustive()
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.uri == other.uri && self.authority == other.authority
    }
}

impl Endpoint {
    /// A server on this machine, without TLS. Another machine's answer is not taken.
    pub const fn plain(uri: Uri) -> Self {
        Self { uri, tls: None, authority: None }
    }

    /// A server that is verified by `client`, which was made of `authority`, in PEM.
    pub const fn over_tls(uri: Uri, client: Arc<ClientConfig>, authority: Option<Vec<u8>>) -> Self {
        Self { uri, tls: Some(client), authority }
    }

    /// The same server's word for another place: verified by the same authorities, and never
    /// without TLS where this one has it. Nothing for a URL that cannot be asked like that.
    pub fn elsewhere(&self, uri: Uri) -> Option<Self> {
        let authority = uri.authority()?.as_str();
        let with_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let alike = with_tls == self.tls.is_some()
            && (with_tls || uri.scheme() == Some(&Scheme::HTTP))
            && !authority.contains('@')
            && uri.host().is_some_and(|host| !host.is_empty());
        alike.then(|| Self { uri, tls: self.tls.clone(), authority: self.authority.clone() })
    }

    fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 })
    }

    fn request(&self, question: Question) -> Result<Request<Full<Bytes>>, http::Error> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        let request =
            Request::builder().uri(path).header(HOST, host).header(USER_AGENT, "stockade");
        match question {
            Question::Get { accept } => request.header(ACCEPT, accept).body(Full::default()),
            Question::Post { content_type, body } => {
                let request = request.method(Method::POST).header(CONTENT_TYPE, content_type);
                request.body(Full::new(body))
            }
        }
    }
}

/// A question, or something to tell.
enum Question {
    Get { accept: &'static str },
    Post { content_type: &'static str, body: Bytes },
}

/// Asks for the content of a URL, as one of the media types of `accept`.
///
/// # Errors
/// Anything but a whole answer with status 200 within ten seconds.
pub async fn get(endpoint: &Endpoint, accept: &'static str) -> Result<Bytes, FetchError> {
    in_time(endpoint, Question::Get { accept }).await
}

/// Tells a URL something.
///
/// # Errors
/// Anything but a whole answer with a status of success within ten seconds.
pub async fn post(
    endpoint: &Endpoint,
    content_type: &'static str,
    body: Bytes,
) -> Result<(), FetchError> {
    in_time(endpoint, Question::Post { content_type, body }).await.map(|_| ())
}

async fn in_time(endpoint: &Endpoint, question: Question) -> Result<Bytes, FetchError> {
    let answer = tokio::time::timeout(PATIENCE, exchange(endpoint, question)).await;
    answer.map_err(|_| FetchError::Slow)?
}

async fn exchange(endpoint: &Endpoint, question: Question) -> Result<Bytes, FetchError> {
    let stream = TcpStream::connect((endpoint.host(), endpoint.port())).await;
    let stream = stream.map_err(FetchError::Connect)?;
    let Some(client) = &endpoint.tls else {
        let peer = stream.peer_addr().map_err(FetchError::Connect)?;
        if !peer.ip().to_canonical().is_loopback() {
            return Err(FetchError::NotHere);
        }
        return ask(stream, endpoint, question).await;
    };
    let name = ServerName::try_from(endpoint.host().to_owned())?;
    let stream = TlsConnector::from(Arc::clone(client)).connect(name, stream).await;
    ask(stream.map_err(FetchError::Tls)?, endpoint, question).await
}

async fn ask<S>(stream: S, endpoint: &Endpoint, question: Question) -> Result<Bytes, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with this function, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let takes_any_success = matches!(question, Question::Post { .. });
    let answer = sender.send_request(endpoint.request(question)?).await?;
    match answer.status() {
        StatusCode::OK => {}
        status if takes_any_success && status.is_success() => {}
        status if status.is_redirection() => return Err(FetchError::Redirected(status)),
        status => return Err(FetchError::Status(status)),
    }
    let body = Limited::new(answer.into_body(), LONGEST).collect().await;
    Ok(body.map_err(FetchError::Body)?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_place_is_never_less_protected() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let plain = Endpoint::plain(uri("http://127.0.0.1:1/a"));
        assert!(plain.elsewhere(uri("http://127.0.0.1:2/keys")).is_some());
        assert!(plain.elsewhere(uri("https://sso.example.org/keys")).is_none());
        let builder =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let client = builder
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let tls = Endpoint::over_tls(uri("https://sso.example.org/a"), Arc::new(client), None);
        assert!(tls.elsewhere(uri("https://keys.example.org/keys")).is_some());
        for refused in ["http://127.0.0.1/keys", "https://u:p@sso.example.org/keys", "/keys"] {
            assert!(tls.elsewhere(uri(refused)).is_none(), "{refused}");
        }
    }
}
