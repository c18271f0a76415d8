//! One GET for the keys of an issuer: no redirects, no second tries, little time and space.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use stockade_authn::{InvalidJwtKey, KeySet};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// For all of it, from the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// A key takes about half a kilobyte.
const LONGEST: usize = 256 << 10;

/// Why there are no new keys. It does not tell the URL, which may have a secret in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the server cannot be reached")]
    Connect(#[source] io::Error),
    #[error("its name leads to another machine, and the URL is http")]
    NotHere,
    #[error("this is no name for a server")]
    Name(#[from] InvalidDnsNameError),
    #[error("no TLS connection is made")]
    Tls(#[source] io::Error),
    #[error("the server does not speak HTTP as it should")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be written")]
    Unwritable(#[from] http::Error),
    #[error("the answer is {0}, which is not followed: write the address that it leads to")]
    Redirected(StatusCode),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("the answer is longer than {LONGEST} bytes, or breaks off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it takes longer than {} seconds", PATIENCE.as_secs())]
    Slow,
    #[error("the keys cannot be used: {0}")]
    Keys(#[from] InvalidJwtKey),
}

/// Where keys are.
pub(crate) struct JwksSource {
    uri: Uri,
    tls: Option<Arc<ClientConfig>>,
    /// What `tls` was made of.
    authority: Option<Vec<u8>>,
}

impl PartialEq for JwksSource {
    fn eq(&self, other: &Self) -> bool {
        self.uri == other.uri && self.authority == other.authority
    }
}

impl JwksSource {
    /// On this machine.
    pub(crate) const fn plain(uri: Uri) -> Self {
        Self { uri, tls: None, authority: None }
    }

    pub(crate) const fn over_tls(
        uri: Uri,
        client: Arc<ClientConfig>,
        authority: Option<Vec<u8>>,
    ) -> Self {
        Self { uri, tls: Some(client), authority }
    }

    fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 })
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, http::Error> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        Request::get(path)
            .header(HOST, host)
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, "stockade")
            .body(Empty::new())
    }
}

/// The keys as the issuer publishes them now.
pub(super) async fn fetch(source: &JwksSource) -> Result<KeySet, FetchError> {
    let document = tokio::time::timeout(PATIENCE, download(source)).await;
    let document = document.map_err(|_| FetchError::Slow)??;
    Ok(KeySet::from_jwks(&document)?)
}

async fn download(source: &JwksSource) -> Result<Bytes, FetchError> {
    let stream = TcpStream::connect((source.host(), source.port())).await;
    let stream = stream.map_err(FetchError::Connect)?;
    let Some(client) = &source.tls else {
        let peer = stream.peer_addr().map_err(FetchError::Connect)?;
        if !peer.ip().to_canonical().is_loopback() {
            return Err(FetchError::NotHere);
        }
        return ask(stream, source).await;
    };
    let name = ServerName::try_from(source.host().to_owned())?;
    let stream = TlsConnector::from(Arc::clone(client)).connect(name, stream).await;
    ask(stream.map_err(FetchError::Tls)?, source).await
}

async fn ask<S>(stream: S, source: &JwksSource) -> Result<Bytes, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with this function, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender.send_request(source.request()?).await?;
    match answer.status() {
        StatusCode::OK => {}
        status if status.is_redirection() => return Err(FetchError::Redirected(status)),
        status => return Err(FetchError::Status(status)),
    }
    let body = Limited::new(answer.into_body(), LONGEST).collect().await;
    Ok(body.map_err(FetchError::Body)?.to_bytes())
}
