//! The subject's alternative names of a certificate (RFC 5280, section 4.2.1.6).

use super::CertificateName;
use super::to_be_signed;
use crate::der::{Elements, SEQUENCE};

const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// `[3] EXPLICIT`, in which the extensions stand.
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;

pub(super) fn alternative_names(certificate: &[u8]) -> Option<Vec<CertificateName>> {
    let extensions = to_be_signed(certificate)?.find(|(tag, _)| *tag == EXTENSIONS)?.1;
    let extensions = Elements(extensions).only(SEQUENCE)?;
    let mut extensions = Elements(extensions);
    let names = extensions.find_map(|(_, extension)| subject_alt_name(extension))?;
    let names = Elements(names).only(SEQUENCE)?;
    Some(Elements(names).filter_map(|(tag, name)| general_name(tag, name)).collect())
}

/// The content of an extension, if it is the one looked for.
fn subject_alt_name(extension: &[u8]) -> Option<&[u8]> {
    let mut parts = Elements(extension);
    let (tag, identifier) = parts.next()?;
    let found = tag == OBJECT_IDENTIFIER && identifier == SUBJECT_ALT_NAME;
    // Whether it is critical may stand between the two.
    found.then(|| parts.find(|(tag, _)| *tag == OCTET_STRING).map(|(_, content)| content))?
}

fn general_name(tag: u8, name: &[u8]) -> Option<CertificateName> {
    let graphic = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let text = || String::from_utf8(name.to_vec()).ok().filter(|_| graphic);
    match tag {
        EMAIL => text().map(CertificateName::Email),
        DNS => text().map(|name| CertificateName::Dns(name.to_ascii_lowercase())),
        URI => text().map(CertificateName::Uri),
        _ => None,
    }
}
