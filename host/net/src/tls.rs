//! TLS: from the files of a listener to what rustls works with.
//!
//! Everything here belongs to one generation of the configuration. A connection made
//! under an earlier one keeps its keys, but its client certificate is verified again.

mod ending;
mod refused;
mod version1;

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime as VerificationTime,
};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use stockade_core::{Secret, UnixTime};

pub use ending::{Ending, EndingKind};
use refused::Noting;
pub use refused::noting;
use version1::WithVersion1;

/// The TLS of a listener: its certificate, and the verifier of its clients' certificates.
#[derive(Clone)]
pub struct Tls {
    server: Arc<ServerConfig>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    endings: Arc<[Ending]>,
}

/// The contents of a listener's files, in PEM.
pub struct TlsFiles {
    /// The listener's chain, its own certificate first.
    pub certificate: Vec<u8>,
    /// The certificate's private key.
    pub key: Secret<Vec<u8>>,
    /// The files for the certificates of clients; `None` where they present nothing.
    pub clients: Option<ClientFiles>,
}

/// The files that client certificates are verified against.
pub struct ClientFiles {
    /// The authorities that sign client certificates.
    pub authority: Vec<u8>,
    /// Their revocation lists.
    pub revoked: Option<Vec<u8>>,
    /// True if nobody is served without a certificate.
    pub required: bool,
}

/// The reason why TLS cannot be set up: a file, in most cases. `Display` does not quote it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate of the listener.
    #[error("there is no certificate in this file: {0}")]
    Certificate(String),
    /// Its private key.
    #[error("there is no private key in this file, in PKCS#8, PKCS#1 or SEC1 PEM: {0}")]
    Key(String),
    /// Its private key, which needs a passphrase.
    #[error(
        "the private key in this file is encrypted, and nobody is there to type its passphrase; \
         write it decrypted into a file that only the gateway reads: \
         `(umask 077; openssl pkey -in ENCRYPTED -out DECRYPTED)`"
    )]
    EncryptedKey,
    /// Both together.
    #[error("the key does not belong to the certificate, or is of a kind that is not used: {0}")]
    Pair(rustls::Error),
    /// An authority.
    #[error("there is no usable authority in this file: {0}")]
    Authority(String),
    /// The authorities of this machine, of which there are none.
    #[error("this machine knows no authorities; name a file with `ca`")]
    NoAuthorities,
    /// A revocation list.
    #[error("there is no usable revocation list in this file: {0}")]
    Revoked(String),
}

impl Tls {
    /// Reads a listener's files.
    ///
    /// # Errors
    /// Names the file that is not what it should be.
    pub fn new(files: &TlsFiles) -> Result<Self, TlsError> {
        let chain = certificates(&files.certificate).map_err(TlsError::Certificate)?;
        let key = private_key(files.key.expose())?;
        let mut endings: Vec<_> = chain
            .iter()
            .filter_map(|der| Ending::of_certificate(EndingKind::Certificate, der))
            .collect();
        let clients = match &files.clients {
            Some(files) => Some(verifier(files, &mut endings)?),
            None => None,
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?;
        let builder = match &clients {
            Some(verifier) => {
                builder.with_client_cert_verifier(Arc::new(Noting(Arc::clone(verifier))))
            }
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_single_cert(chain, key).map_err(TlsError::Pair)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { server: Arc::new(server), clients, endings: endings.into() })
    }

    /// Returns the settings that rustls serves with.
    pub const fn server(&self) -> &Arc<ServerConfig> {
        &self.server
    }

    /// Returns its parts that end, each with its time.
    pub fn endings(&self) -> &[Ending] {
        &self.endings
    }

    /// Tells whether a client's chain, leaf first, is good at this time.
    pub fn accepts(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> bool {
        let Some((verifier, (leaf, others))) = self.clients.as_ref().zip(chain.split_first())
        else {
            return false;
        };
        let now = VerificationTime::since_unix_epoch(now.as_duration());
        verifier.verify_client_cert(leaf, others, now).is_ok()
    }
}

/// The marks in the PEM of a key with a passphrase: in PKCS#8, and in the older forms.
const ENCRYPTED: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    if ENCRYPTED.iter().any(|mark| pem.windows(mark.len()).any(|window| window == *mark)) {
        return Err(TlsError::EncryptedKey);
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| TlsError::Key(error.to_string()))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(chain) if chain.is_empty() => Err("it has no PEM section of that kind".to_owned()),
        Ok(chain) => Ok(chain),
        Err(error) => Err(error.to_string()),
    }
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    trusted(certificates(pem).map_err(TlsError::Authority)?)
}

fn trusted(authorities: Vec<CertificateDer<'static>>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|error| TlsError::Authority(error.to_string()))?;
    }
    Ok(roots)
}

/// The authorities that this machine trusts. Those that cannot be read are left out.
fn authorities_of_this_machine() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoAuthorities) } else { Ok(roots) }
}

/// Returns the settings by which the gateway itself verifies a server: by the authorities in a
/// file, or by those of this machine.
///
/// # Errors
/// Where there is no authority that can be used.
pub fn client(authority: Option<&[u8]>) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = authority.map_or_else(authorities_of_this_machine, authorities)?;
    let mut client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(client))
}

fn verifier(
    files: &ClientFiles,
    endings: &mut Vec<Ending>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let authorities = certificates(&files.authority).map_err(TlsError::Authority)?;
    let ending = |der| Ending::of_certificate(EndingKind::Authority, der);
    endings.extend(authorities.iter().filter_map(ending));
    let roots = Arc::new(trusted(authorities)?);
    let provider = Arc::new(default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider);
    if let Some(pem) = &files.revoked {
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(pem).collect();
        let lists = lists.map_err(|error| TlsError::Revoked(error.to_string()))?;
        if lists.is_empty() {
            return Err(TlsError::Revoked("it has no PEM section of that kind".to_owned()));
        }
        endings.extend(lists.iter().filter_map(Ending::of_list));
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    if !files.required {
        builder = builder.allow_unauthenticated();
    }
    let others = builder.build().map_err(|error| match error {
        rustls::server::VerifierBuilderError::InvalidCrl(error) => {
            TlsError::Revoked(format!("{error:?}"))
        }
        other => TlsError::Authority(other.to_string()),
    })?;
    let revocable = files.revoked.is_some();
    Ok(Arc::new(WithVersion1 { others, authorities: roots, algorithms, revocable }))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = self.clients.as_ref().map(|verifier| verifier.client_auth_mandatory());
        f.debug_struct("Tls").field("client_certificate_required", &clients).finish_non_exhaustive()
    }
}
