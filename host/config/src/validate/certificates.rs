//! Certificates that stand for a user.

use std::net::IpAddr;
use std::str::FromStr as _;

use stockade_authn::{CertificateName, ClientCertificate, Fingerprint};
use stockade_core::{CredentialId, UserId};
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned};

use super::names::Unique;
use crate::raw::RawCertificate;

/// The ids that certificates of one user have so far, and the names of all.
pub(super) struct Known {
    ids: Unique<CredentialId>,
    names: Unique<CertificateName>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self { ids: Unique::new(), names: Unique::new() }
    }

    /// Forgets the ids: those of another user may be the same.
    pub(super) fn begin_user(&mut self) {
        self.ids = Unique::new();
    }
}

pub(super) fn certificate(
    user: Option<&UserId>,
    raw: Spanned<RawCertificate>,
    known: &mut Known,
    diagnostics: &mut Diagnostics,
) -> Option<ClientCertificate> {
    let Spanned { at, value: raw } = raw;
    let id = raw.id.required("id", at, diagnostics).and_then(|text| {
        let id = text.check(diagnostics, |id| CredentialId::new(id))?;
        let what = format!("the certificate id {id:?}");
        known.ids.check(id.clone(), &what, text.at, diagnostics);
        Some(id)
    });
    let all = [&raw.dns, &raw.uri, &raw.email, &raw.cn, &raw.upn, &raw.ip, &raw.sha256];
    let broken = all.iter().any(|slot| slot.is_invalid());
    let mut names = Vec::new();
    let mut name = |slot: Field<String>, make: fn(String) -> CertificateName| {
        names.extend(slot.optional().map(|text| Spanned::new(text.at, make(text.value))));
    };
    name(raw.dns, |name| CertificateName::Dns(name.to_ascii_lowercase()));
    name(raw.uri, CertificateName::Uri);
    name(raw.email, CertificateName::Email);
    name(raw.cn, CertificateName::CommonName);
    name(raw.upn, |name| CertificateName::Upn(name.to_lowercase()));
    if let Some(text) = raw.ip.optional() {
        let address = text.check(diagnostics, |text| text.parse::<IpAddr>())?;
        names.push(Spanned::new(text.at, CertificateName::Ip(address)));
    }
    let fingerprint = raw.sha256.optional().map(|text| {
        let Some(read) = text.check(diagnostics, |text| Fingerprint::from_str(text)) else {
            // It may be a key.
            diagnostics.mask(text.at);
            return None;
        };
        Some(Spanned::new(text.at, CertificateName::Fingerprint(read.0)))
    });
    if let Some(fingerprint) = fingerprint {
        names.push(fingerprint?);
    }
    let name = if broken { None } else { only(names, at, diagnostics) }?;
    let what = "this certificate";
    known.names.check(name.value.clone(), what, name.at, diagnostics);
    Some(ClientCertificate { id: id?, user: user?.clone(), name: name.value })
}

fn only(
    mut names: Vec<Spanned<CertificateName>>,
    at: Location,
    diagnostics: &mut Diagnostics,
) -> Option<Spanned<CertificateName>> {
    let name = names.pop();
    if name.is_none() || !names.is_empty() {
        let problem = Problem::new(at, "a certificate is known by one name");
        diagnostics.add(
            problem.help("write one of `dns`, `uri`, `email`, `cn`, `upn`, `ip` and `sha256`"),
        );
        return None;
    }
    name
}
