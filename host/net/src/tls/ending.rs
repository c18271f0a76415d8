//! Until when the parts of a listener's TLS are good.

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use stockade_authn::{
    certificate_end, certificate_names, revocation_list_end, revocation_list_issuer,
};
use stockade_core::UnixTime;

/// A part of a listener's TLS that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What it is.
    pub kind: EndingKind,
    /// Whose it is, quoted.
    pub name: String,
    /// The last second of it.
    pub at: UnixTime,
}

/// What ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndingKind {
    /// What the listener presents.
    Certificate,
    /// What client certificates are signed by.
    Authority,
    /// What says which of them are revoked.
    RevocationList,
}

impl Ending {
    /// The end of a certificate, if it can be read.
    pub(super) fn of_certificate(kind: EndingKind, der: &CertificateDer<'_>) -> Option<Self> {
        let at = certificate_end(der)?;
        Some(Self { kind, name: certificate_names(der), at })
    }

    /// When a list has to be replaced, where it says so.
    pub(super) fn of_list(der: &CertificateRevocationListDer<'_>) -> Option<Self> {
        let at = revocation_list_end(der)?;
        let name = revocation_list_issuer(der).unwrap_or_else(|| "an unnamed authority".to_owned());
        Some(Self { kind: EndingKind::RevocationList, name, at })
    }
}
