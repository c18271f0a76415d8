//! TLS to the gateway, from files that are read again when they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use stockade_authn::{certificate_end, certificate_names};
use stockade_core::{Secret, UnixTime};

use crate::CertificateFiles;
use crate::private_file::{FileError, LARGEST_PEM, Stamp, read_private, read_public, stamp};

/// The reason why no TLS connection can be made. It quotes nothing of a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error("{0}")]
    File(#[from] FileError),
    /// A file does not hold what it should.
    #[error("{}: {reason}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// Nothing can be verified.
    #[error("this machine knows no authorities; name a file with the gateway's by --ca")]
    NoAuthorities,
}

/// The files that TLS is made of.
pub(crate) struct TlsFiles {
    ca: Option<PathBuf>,
    client: Option<CertificateFiles>,
    loaded: Mutex<Option<Loaded>>,
}

/// The result of the files as they were.
#[derive(Clone)]
struct Loaded {
    stamps: Vec<Stamp>,
    tls: Arc<Tls>,
}

/// The way in which the gateway is verified, and what is shown to it.
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) certificate: Option<ShownCertificate>,
}

/// The client certificate as messages name it.
#[derive(Clone, Debug)]
pub(crate) struct ShownCertificate {
    pub(crate) path: PathBuf,
    /// The names of its owner, quoted.
    pub(crate) names: String,
    /// Its last second.
    pub(crate) end: Option<UnixTime>,
}

impl TlsFiles {
    pub(crate) const fn new(ca: Option<PathBuf>, client: Option<CertificateFiles>) -> Self {
        Self { ca, client, loaded: Mutex::new(None) }
    }

    /// The file that the gateway is verified by, if that is not the machine's own list.
    pub(crate) fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// The certificate's file, if there is one.
    pub(crate) fn certificate(&self) -> Option<&Path> {
        self.client.as_ref().map(|files| files.certificate.as_path())
    }

    /// TLS by the files as they are now. Certificate and key that do not fit together are being
    /// replaced: those before them are used meanwhile. It looks at the files, so it may block.
    ///
    /// # Errors
    /// A file is not there or not safe, or nothing was ever made of the files.
    pub(crate) fn current(&self) -> Result<Arc<Tls>, TlsError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = self.stamps();
        if let Some(known) = loaded.as_ref().filter(|known| known.stamps == stamps) {
            return Ok(Arc::clone(&known.tls));
        }
        match (self.load(), loaded.as_mut()) {
            (Ok(tls), before) => {
                if before.is_some() {
                    tracing::info!("certificates have changed and are used from now on");
                }
                let tls = Arc::new(tls);
                *loaded = Some(Loaded { stamps, tls: Arc::clone(&tls) });
                Ok(tls)
            }
            (Err(error @ TlsError::Content { .. }), Some(known)) => {
                tracing::warn!("{error}; what was there before is used until that is mended");
                known.stamps = stamps;
                Ok(Arc::clone(&known.tls))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Has the machine's list of authorities read again for the next connection.
    pub(crate) fn forget(&self) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn stamps(&self) -> Vec<Stamp> {
        let client = self.client.iter().flat_map(|files| [&files.certificate, &files.key]);
        self.ca.iter().chain(client).map(|path| stamp(path)).collect()
    }

    fn load(&self) -> Result<Tls, TlsError> {
        let roots = match &self.ca {
            Some(path) => authorities(path)?,
            None => authorities_of_this_machine()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsError::NoAuthorities)?
            .with_root_certificates(roots);
        let (mut config, certificate) = match &self.client {
            None => (builder.with_no_client_auth(), None),
            Some(files) => {
                let (chain, key) = client_certificate(files)?;
                let shown = ShownCertificate::of(&files.certificate, &chain);
                let config = builder.with_client_auth_cert(chain, key);
                let config = config.map_err(|error| {
                    let reason = format!(
                        "it does not belong to the key in {}: {error}",
                        files.key.display()
                    );
                    TlsError::Content { path: files.certificate.clone(), reason }
                })?;
                (config, Some(shown))
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls { config: Arc::new(config), certificate })
    }
}

impl ShownCertificate {
    fn of(path: &Path, chain: &[CertificateDer<'_>]) -> Self {
        let leaf = chain.first();
        Self {
            path: path.to_owned(),
            names: leaf.map(|leaf| certificate_names(leaf)).unwrap_or_default(),
            end: leaf.and_then(|leaf| certificate_end(leaf)),
        }
    }
}

fn client_certificate(
    files: &CertificateFiles,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let (_, key) = read_private(&files.key, LARGEST_PEM)?;
    let (_, pem) = read_public(&files.certificate, LARGEST_PEM)?;
    let chain = certificates(&files.certificate, &pem)?;
    Ok((chain, private_key(&files.key, &key)?))
}

fn private_key(path: &Path, pem: &Secret<Vec<u8>>) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| {
        let encrypted = pem.expose().windows(9).any(|window| window == b"ENCRYPTED");
        let reason = if encrypted {
            "the key is encrypted; write it without a password, for its owner only: `openssl pkey`"
        } else {
            "there is no private key in this file, in PKCS#8, PKCS#1 or SEC1 PEM"
        };
        TlsError::Content { path: path.to_owned(), reason: reason.to_owned() }
    })
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Content { path: path.to_owned(), reason };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(chain) if chain.is_empty() => Err(wrong("there is no certificate in PEM".to_owned())),
        Ok(chain) => Ok(chain),
        Err(error) => Err(wrong(format!("there is no certificate in PEM: {error}"))),
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let (_, pem) = read_public(path, LARGEST_PEM)?;
    let mut roots = RootCertStore::empty();
    for authority in certificates(path, &pem)? {
        roots.add(authority).map_err(|error| TlsError::Content {
            path: path.to_owned(),
            reason: format!("there is no usable authority: {error}"),
        })?;
    }
    Ok(roots)
}

/// Those that cannot be read are left out.
fn authorities_of_this_machine() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoAuthorities) } else { Ok(roots) }
}
