//! The names of a certificate's subject: its common name, and the alternative ones (RFC 5280,
//! section 4.2.1.6).

use std::net::IpAddr;

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
const IP_ADDRESS: u8 = 0x87;
/// `[0]`, a name of another kind: the kind, and in `[0] EXPLICIT` the name.
const OTHER_NAME: u8 = 0xa0;
/// 1.3.6.1.4.1.311.20.2.3, Microsoft's user principal name.
const UPN: [u8; 10] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];
/// 2.5.4.3
pub(super) const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const BMP_STRING: u8 = 0x1e;

/// The subject, behind algorithm, issuer and validity.
pub(super) fn subject(certificate: &[u8]) -> Option<&[u8]> {
    let mut sequences = to_be_signed(certificate)?.filter(|(tag, _)| *tag == SEQUENCE);
    Some(sequences.nth(3)?.1)
}

/// The common name of the subject, if it has exactly one.
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    let sets = Elements(subject(certificate)?).filter(|(tag, _)| *tag == SET);
    let pairs = sets.flat_map(|(_, set)| Elements(set)).filter(|(tag, _)| *tag == SEQUENCE);
    let mut names = pairs.filter_map(|(_, pair)| {
        let mut pair = Elements(pair);
        let (kind, identifier) = pair.next()?;
        pair.next().filter(|_| kind == OBJECT_IDENTIFIER && identifier == COMMON_NAME)
    });
    let (tag, name) = names.next()?;
    if names.next().is_some() { None } else { string(tag, name) }
}

/// A string in one of the kinds that are in use, if it is not empty and can be printed.
fn string(tag: u8, text: &[u8]) -> Option<String> {
    let text = match tag {
        UTF8_STRING => String::from_utf8(text.to_vec()).ok()?,
        PRINTABLE_STRING | IA5_STRING => {
            String::from_utf8(text.to_vec()).ok().filter(|text| text.is_ascii())?
        }
        BMP_STRING => {
            let (pairs, rest) = text.as_chunks::<2>();
            let units: Vec<_> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())?
        }
        _ => return None,
    };
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

/// A user principal name, if this is one.
fn upn(name: &[u8]) -> Option<CertificateName> {
    let mut parts = Elements(name);
    let (tag, kind) = parts.next()?;
    let (explicit, value) = parts.next()?;
    let (kind_of_text, text) = Elements(value).next()?;
    let is_upn = tag == OBJECT_IDENTIFIER && kind == UPN && explicit == OTHER_NAME;
    let text = string(kind_of_text, text).filter(|_| is_upn)?;
    Some(CertificateName::Upn(text.to_lowercase()))
}

fn ip_address(address: &[u8]) -> Option<CertificateName> {
    let address = match *address {
        [a, b, c, d] => IpAddr::from([a, b, c, d]),
        _ => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
    };
    Some(CertificateName::Ip(address))
}

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
        IP_ADDRESS => ip_address(name),
        OTHER_NAME => upn(name),
        _ => None,
    }
}
