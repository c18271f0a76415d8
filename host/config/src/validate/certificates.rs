//! Certificates that stand for a user.

use std::net::IpAddr;
use std::str::FromStr as _;

use stockade_authn::{CertificateName, ClientCertificate, Fingerprint};
use stockade_core::{CredentialId, UserId};
use stockade_yaml::{Located, Location, Problem, Report, Slot};

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
    raw: Located<RawCertificate>,
    known: &mut Known,
    report: &mut Report,
) -> Option<ClientCertificate> {
    let Located { at, value: raw } = raw;
    let id = raw.id.required("id", at, report).and_then(|text| {
        let id = text.check(report, |id| CredentialId::new(id))?;
        let what = format!("the certificate id {id:?}");
        known.ids.check(id.clone(), &what, text.at, report);
        Some(id)
    });
    let all = [&raw.dns, &raw.uri, &raw.email, &raw.cn, &raw.upn, &raw.ip, &raw.sha256];
    let broken = all.iter().any(|slot| slot.is_broken());
    let mut names = Vec::new();
    let mut name = |slot: Slot<String>, make: fn(String) -> CertificateName| {
        names.extend(slot.optional().map(|text| Located::new(text.at, make(text.value))));
    };
    name(raw.dns, |name| CertificateName::Dns(name.to_ascii_lowercase()));
    name(raw.uri, CertificateName::Uri);
    name(raw.email, CertificateName::Email);
    name(raw.cn, CertificateName::CommonName);
    name(raw.upn, |name| CertificateName::Upn(name.to_lowercase()));
    if let Some(text) = raw.ip.optional() {
        let address = text.check(report, |text| text.parse::<IpAddr>())?;
        names.push(Located::new(text.at, CertificateName::Ip(address)));
    }
    let fingerprint = raw.sha256.optional().map(|text| {
        let Some(read) = text.check(report, |text| Fingerprint::from_str(text)) else {
            // It may be a key.
            report.mask(text.at);
            return None;
        };
        Some(Located::new(text.at, CertificateName::Fingerprint(read.0)))
    });
    if let Some(fingerprint) = fingerprint {
        names.push(fingerprint?);
    }
    let name = if broken { None } else { only(names, at, report) }?;
    let what = "this certificate";
    known.names.check(name.value.clone(), what, name.at, report);
    Some(ClientCertificate { id: id?, user: user?.clone(), name: name.value })
}

fn only(
    mut names: Vec<Located<CertificateName>>,
    at: Location,
    report: &mut Report,
) -> Option<Located<CertificateName>> {
    let name = names.pop();
    if name.is_none() || !names.is_empty() {
        let problem = Problem::new(at, "a certificate is known by one name");
        report.add(
            problem.help("write one of `dns`, `uri`, `email`, `cn`, `upn`, `ip` and `sha256`"),
        );
        return None;
    }
    name
}
