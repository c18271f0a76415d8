//! The time until which each part of a listener's TLS is good.

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use stockade_authn::{
    certificate_end, certificate_names, revocation_list_end, revocation_list_issuer,
};
use stockade_core::UnixTime;

/// A part of a listener's TLS that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The kind of part.
    pub kind: EndingKind,
    /// The owner, quoted.
    pub name: String,
    /// The last second of it.
    pub at: UnixTime,
}

/// The kind of part that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndingKind {
    /// The listener's own certificate, or one of its chain.
    Certificate,
    /// An authority that signs client certificates.
    Authority,
    /// A list of client certificates that are revoked.
    RevocationList,
}

impl Ending {
    /// The end of a certificate, if it can be read.
    pub(super) fn of_certificate(kind: EndingKind, der: &CertificateDer<'_>) -> Option<Self> {
        let at = certificate_end(der)?;
        Some(Self { kind, name: certificate_names(der), at })
    }

    /// Returns the time when a list has to be replaced, where it says so.
    pub(super) fn of_list(der: &CertificateRevocationListDer<'_>) -> Option<Self> {
        let at = revocation_list_end(der)?;
        let name = revocation_list_issuer(der).unwrap_or_else(|| "an unnamed authority".to_owned());
        Some(Self { kind: EndingKind::RevocationList, name, at })
    }
}
