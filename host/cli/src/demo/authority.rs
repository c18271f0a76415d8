//! Certificates for one run of the demo, by an authority that is forgotten afterwards.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};

/// Makes an authority, a certificate for the gateway and one for each user, in files that are
/// called after them.
pub(super) fn write(
    directory: &Path,
    gateway: std::net::IpAddr,
    users: &[&str],
) -> anyhow::Result<()> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Stockade demo authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    std::fs::write(directory.join("ca.pem"), params.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(params, key);
    issue(directory, &issuer, "gateway", SanType::IpAddress(gateway))?;
    for user in users {
        let name = SanType::DnsName(format!("{user}.demo").try_into()?);
        issue(directory, &issuer, user, name)?;
    }
    Ok(())
}

fn issue(
    directory: &Path,
    issuer: &Issuer<'_, KeyPair>,
    name: &str,
    known_by: SanType,
) -> anyhow::Result<()> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = vec![known_by];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?.pem();
    std::fs::write(directory.join(format!("{name}.pem")), certificate)?;
    let path = directory.join(format!("{name}.key"));
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
    file.write_all(key.serialize_pem().as_bytes()).with_context(|| path.display().to_string())
}
