//! An issuer of JWTs: keys that sign, and a server that publishes them, or does worse.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use stockade_core::{Clock as _, SystemClock};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// A key that signs tokens.
pub struct Signer {
    kid: String,
    key: Ed25519KeyPair,
}

impl Signer {
    /// A new one.
    pub fn new(kid: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { kid: kid.to_owned(), key: Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap() }
    }

    /// The public key.
    pub fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.kid, "x": x })
    }

    /// A token for a user of issuer `sso`, good for ten minutes, with more claims.
    pub fn token(&self, user: &str, more: &Value) -> String {
        let exp = SystemClock.now().as_secs() + 600;
        let mut claims = json!({ "iss": "sso", "aud": "ollama", "sub": user, "exp": exp });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.kid });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes())))
    }
}

/// The answer of the server.
#[derive(Clone)]
pub enum Published {
    /// These keys.
    Keys(Vec<Value>),
    /// These keys, and where they are in the issuer's configuration: this text, with `KEYS` in
    /// the place of their URL.
    Discovered(String, Vec<Value>),
    /// This text.
    Text(String),
    /// This status, and for a redirect where it leads to.
    Status(u16),
}

/// A server of keys on a port of its own. It stops when it is dropped.
pub struct KeyServer {
    address: SocketAddr,
    published: Arc<Mutex<Published>>,
    answered: watch::Receiver<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl KeyServer {
    /// By plain HTTP.
    pub async fn start(published: Published) -> Self {
        Self::listen(published, None).await
    }

    /// By HTTPS, with `<name>.pem` and `<name>.key` of a directory.
    pub async fn start_tls(published: Published, directory: &Path, name: &str) -> Self {
        let file = |kind: &str| directory.join(format!("{name}.{kind}"));
        let chain = vec![CertificateDer::from_pem_file(file("pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::listen(published, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(published: Published, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let published = Arc::new(Mutex::new(published));
        let (count, answered) = watch::channel(0);
        let now = published.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let scheme = if tls.is_some() { "https" } else { "http" };
                let keys = format!("{scheme}://{address}/keys");
                let published = now.lock().unwrap().clone();
                let answer = |path: &str| render(&published, path, &keys);
                let Some(tls) = &tls else {
                    serve(stream, answer).await;
                    count.send_modify(|count| *count += 1);
                    continue;
                };
                // Whoever does not trust the certificate asks nothing.
                if let Ok(stream) = tls.accept(stream).await {
                    serve(stream, answer).await;
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Self { address, published, answered, task }
    }

    /// The address, for the URL of an issuer.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the keys, without a scheme.
    pub fn place(&self) -> String {
        format!("{}/keys", self.address)
    }

    /// Answers otherwise from now on.
    pub fn publish(&self, published: Published) {
        *self.published.lock().unwrap() = published;
    }

    /// Returns how often it was asked.
    pub fn asked(&self) -> u64 {
        *self.answered.borrow()
    }

    /// Waits until it was asked so often.
    pub async fn asked_often(&self, times: u64) {
        let mut answered = self.answered.clone();
        crate::soon("the keys to be fetched", answered.wait_for(|count| *count >= times))
            .await
            .unwrap();
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn render(published: &Published, path: &str, url: &str) -> String {
    let (status, more, body) = match published {
        Published::Discovered(configuration, _) if path == DISCOVERY => {
            (200, "", configuration.replace("KEYS", url))
        }
        Published::Keys(keys) | Published::Discovered(_, keys) => {
            (200, "", json!({ "keys": keys }).to_string())
        }
        Published::Text(text) => (200, "", text.clone()),
        Published::Status(status) => (*status, "location: /elsewhere\r\n", String::new()),
    };
    let mut answer = format!("HTTP/1.1 {status} OK\r\n{more}connection: close\r\n");
    write!(answer, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    answer
}

const DISCOVERY: &str = "/realm/.well-known/openid-configuration";

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: impl FnOnce(&str) -> String,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let answer = answer(head.split(' ').nth(1).unwrap_or_default());
    // The gateway may have read enough before the end.
    stream.write_all(answer.as_bytes()).await.ok();
    stream.shutdown().await.ok();
}
