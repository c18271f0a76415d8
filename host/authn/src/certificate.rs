//! Client certificates: which user a certificate that the TLS handshake has verified
//! stands for.
//!
//! Whether it is signed by the right authority, in force and not revoked is for the
//! handshake to say. Here its names are looked up, and names mean exactly what is
//! written: no wildcards, no parts.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use stockade_core::{CredentialId, ProofKind, UnixTime, UserId};

use crate::constraints::Constraints;
use crate::der::{Elements, SEQUENCE};
use crate::error::{AuthnError, Holder};
use crate::user::Directory;
use crate::verified::Verified;

mod names;
mod told;
mod validity;
pub mod version1;

pub use told::{certificate_end, certificate_names, revocation_list_end, revocation_list_issuer};

/// A name by which a certificate can be known.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum CertificateName {
    /// A DNS name among the subject's alternative names, in lower case.
    Dns(String),
    /// A URI among them, such as a SPIFFE ID.
    Uri(String),
    /// An e-mail address among them.
    Email(String),
    /// The common name of its subject, as small authorities issue them.
    CommonName(String),
    /// A user principal name of Windows among the alternative names, in lower case.
    Upn(String),
    /// An IP address among them.
    Ip(IpAddr),
    /// The SHA-256 of the whole certificate in DER.
    Fingerprint([u8; 32]),
}

impl fmt::Debug for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Uri(uri) => write!(f, "uri:{uri}"),
            Self::Email(address) => write!(f, "email:{address}"),
            Self::CommonName(name) => write!(f, "cn:{name}"),
            Self::Upn(name) => write!(f, "upn:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Fingerprint(digest) => write!(f, "sha256:{}", hex::encode(digest)),
        }
    }
}

/// A text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a certificate's fingerprint is its SHA-256 in hex, as \
     `openssl x509 -noout -fingerprint -sha256` prints it"
)]
pub struct InvalidFingerprint;

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// With or without colons and `sha256:`, in either case.
impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text).replace(':', "");
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| InvalidFingerprint)?;
        Ok(Self(digest))
    }
}

/// A certificate as it is configured: a name, and whom it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The name of the entry, for the log.
    pub id: CredentialId,
    /// The user.
    pub user: UserId,
    /// The name by which the certificate is known.
    pub name: CertificateName,
}

/// A certificate that the handshake has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedCertificate {
    names: Arc<[CertificateName]>,
    /// The first second in which it is not valid any more.
    ends: UnixTime,
}

impl PresentedCertificate {
    /// Reads the names of a verified certificate in DER. Names that cannot be read are names that
    /// it does not have; the fingerprint is always there. An end that cannot be read has passed.
    pub fn read(der: &[u8]) -> Self {
        let mut names = names::alternative_names(der).unwrap_or_default();
        names.extend(names::common_name(der).map(CertificateName::CommonName));
        names.push(CertificateName::Fingerprint(Sha256::digest(der).into()));
        let last = validity::not_after(der).map_or(0, UnixTime::as_secs);
        let ends = UnixTime::from_secs(last.saturating_add(1));
        Self { names: names.into(), ends }
    }
}

/// All certificates, by their names.
#[derive(Debug, Default)]
pub(crate) struct Certificates(HashMap<CertificateName, ClientCertificate>);

impl Certificates {
    /// The certificates, and the pairs that have the same name.
    pub(crate) fn new(all: Vec<ClientCertificate>) -> (Self, Vec<(CredentialId, CredentialId)>) {
        let mut by_name: HashMap<_, ClientCertificate> = HashMap::with_capacity(all.len());
        let mut shared = Vec::new();
        for certificate in all {
            let id = certificate.id.clone();
            if let Some(other) = by_name.insert(certificate.name.clone(), certificate) {
                shared.push((other.id, id));
            }
        }
        (Self(by_name), shared)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// `None` for a certificate that stands for nobody.
    pub(crate) fn identify(
        &self,
        presented: &PresentedCertificate,
        users: &Directory,
    ) -> Result<Option<Verified<PresentedCertificate>>, AuthnError> {
        let mut known = presented.names.iter().filter_map(|name| self.0.get(name));
        let Some(certificate) = known.next() else {
            return Ok(None);
        };
        if known.any(|other| other.user != certificate.user) {
            return Err(AuthnError::SeveralUsers);
        }
        let Some(member) = users.get(certificate.user.as_str()) else {
            return Ok(None);
        };
        if member.disabled {
            let (user, credential) = (certificate.user.clone(), certificate.id.clone());
            return Err(AuthnError::Disabled(Holder { user, credential }));
        }
        let principal = member.principal(ProofKind::Mtls, Some(certificate.id.clone()));
        // Whether it is still valid is for the handshake to say; what is made from it must
        // not live longer.
        let terms = Constraints { expires: Some(presented.ends), ..Constraints::default() };
        Ok(Some(Verified { principal, terms: Arc::new(terms), proof: presented.clone() }))
    }
}

/// The parts of what is signed (RFC 5280, section 4.1). The certificate has been verified by
/// a complete implementation before; what is not as expected is not there.
fn to_be_signed(certificate: &[u8]) -> Option<Elements<'_>> {
    let certificate = Elements(certificate).only(SEQUENCE)?;
    Elements(certificate).only(SEQUENCE).map(Elements)
}

#[cfg(test)]
mod tests;
