//! The facts that warnings and logs tell of certificates and revocation lists. Whether one is
//! accepted is decided elsewhere, by a complete implementation.

use stockade_core::{Quoted, UnixTime};

use super::{CertificateName, names, to_be_signed, validity};
use crate::der::{Elements, SEQUENCE};

const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
/// Alternative names that are told.
const MOST_NAMES: usize = 4;

/// The last second of a certificate in DER, if it can be read.
pub fn certificate_end(der: &[u8]) -> Option<UnixTime> {
    validity::not_after(der)
}

/// Returns the time when a revocation list in DER has to be replaced, if it says so (RFC 5280,
/// section 5.1.2).
pub fn revocation_list_end(der: &[u8]) -> Option<UnixTime> {
    // The version, the algorithm, the issuer and this update come before.
    let mut parts = revocation_list(der)?.skip_while(|(tag, _)| *tag == INTEGER);
    let (tag, text) = parts.nth(3)?;
    validity::time(tag, text)
}

/// Returns the issuer that has signed a revocation list in DER, quoted.
pub fn revocation_list_issuer(der: &[u8]) -> Option<String> {
    let mut parts = revocation_list(der)?.skip_while(|(tag, _)| *tag == INTEGER);
    common_name(parts.nth(1)?.1)
}

fn revocation_list(der: &[u8]) -> Option<Elements<'_>> {
    to_be_signed(der)
}

/// Returns the names in a certificate in DER: its common name and some alternative names, quoted,
/// fit for a log whoever has written them.
pub fn certificate_names(der: &[u8]) -> String {
    let subject = names::subject(der).and_then(common_name);
    let others = names::alternative_names(der).unwrap_or_default();
    let others = others.iter().filter_map(|name| match name {
        CertificateName::Dns(text) | CertificateName::Uri(text) | CertificateName::Email(text) => {
            Some(Quoted(text).to_string())
        }
        CertificateName::Upn(text) => Some(Quoted(text).to_string()),
        CertificateName::Ip(address) => Some(address.to_string()),
        CertificateName::CommonName(_) | CertificateName::Fingerprint(_) => None,
    });
    let told: Vec<_> = subject.into_iter().chain(others.take(MOST_NAMES)).collect();
    if told.is_empty() { "a certificate without a name".to_owned() } else { told.join(", ") }
}

/// The first common name among the parts of a name, whatever kind of text it is written in.
fn common_name(name: &[u8]) -> Option<String> {
    let sets = Elements(name).filter(|(tag, _)| *tag == SET);
    let mut pairs = sets.filter_map(|(_, set)| Elements(set).only(SEQUENCE));
    pairs.find_map(|pair| {
        let mut pair = Elements(pair);
        let (_, kind) = pair.next()?;
        let (_, text) = pair.next().filter(|_| kind == names::COMMON_NAME)?;
        Some(Quoted(&String::from_utf8_lossy(text)).to_string())
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{
        CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
        KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
    };

    use super::*;

    #[test]
    fn a_certificate_tells_its_end_and_its_names() {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(2030, 1, 2);
        params.distinguished_name.push(DnType::CommonName, "ali\u{1b}[31mce\u{202e}");
        let mail = SanType::Rfc822Name("alice@example.org".try_into().unwrap());
        params.subject_alt_names = vec![mail; 9];
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let der = certificate.der();
        assert_eq!(certificate_end(der), Some(UnixTime::from_secs(1_893_542_400)));
        let names = certificate_names(der);
        assert!(names.starts_with(r#""ali\u{1b}[31mce\u{202e}", "alice@"#), "{names}");
        assert_eq!(names.matches("alice@example.org").count(), MOST_NAMES, "{names}");
    }

    #[test]
    fn a_revocation_list_tells_its_end_and_its_issuer() {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "our authority");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        let issuer = Issuer::new(params, KeyPair::generate().unwrap());
        for (year, seconds) in [(2027, 1_798_761_600), (2050, 2_524_608_000)] {
            let list = CertificateRevocationListParams {
                this_update: date_time_ymd(2025, 1, 1),
                next_update: date_time_ymd(year, 1, 1),
                crl_number: SerialNumber::from(1),
                issuing_distribution_point: None,
                revoked_certs: Vec::new(),
                key_identifier_method: KeyIdMethod::Sha256,
            };
            let list = list.signed_by(&issuer).unwrap();
            let der = list.der();
            assert_eq!(revocation_list_end(der), Some(UnixTime::from_secs(seconds)));
            assert_eq!(revocation_list_issuer(der).as_deref(), Some(r#""our authority""#));
        }
    }

    #[test]
    fn what_is_neither_tells_nothing() {
        for nothing in [&b""[..], b"\x30\x03\x01\x02\x03", b"no certificate"] {
            assert_eq!(certificate_end(nothing), None);
            assert_eq!(revocation_list_end(nothing), None);
            assert_eq!(revocation_list_issuer(nothing), None);
            assert_eq!(certificate_names(nothing), "a certificate without a name");
        }
    }
}
