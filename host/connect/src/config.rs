//! The configuration of a local end.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::GatewayUrl;

/// The address on which Ollama would listen, and where every client looks for it.
pub const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 11434);

/// Tells whether the pages of an origin may ask.
pub type OriginMatcher = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The gateway, and the credential with which it is asked. Secrets are named by their files, which
/// are read again whenever they change.
#[derive(Clone)]
pub struct Config {
    /// The gateway.
    pub gateway: GatewayUrl,
    /// The addresses to listen on: loopback addresses.
    pub listen: Vec<SocketAddr>,
    /// The credential that is sent in `Authorization`.
    pub bearer: Option<BearerSource>,
    /// The client certificate that is shown.
    pub certificate: Option<CertificateFiles>,
    /// A file with the authorities that the gateway's certificate is verified by, in place of those
    /// of this machine.
    pub ca: Option<PathBuf>,
    /// Web pages that may ask, besides those of applications on this machine.
    pub origins: OriginMatcher,
    /// True if the credential may be sent to another machine without TLS.
    pub unencrypted: bool,
}

/// A file with a secret, which nobody but its owner may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BearerSource {
    /// A key, or anything else that is sent as it is.
    Key(PathBuf),
    /// A token of the gateway, which is renewed and written back before it ends.
    Token(PathBuf),
}

/// The files of a client certificate, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its key, which nobody but its owner may read. It may be the same file.
    pub key: PathBuf,
}
