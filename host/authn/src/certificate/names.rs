//! The subject's alternative names of a certificate (RFC 5280, section 4.2.1.6).
//!
//! Only what leads there is read: the certificate has been verified by a complete
//! implementation before, and what is not as expected here gives no names.

use super::CertificateName;

const SEQUENCE: u8 = 0x30;
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
    let certificate = Elements(certificate).only(SEQUENCE)?;
    let to_be_signed = Elements(certificate).only(SEQUENCE)?;
    let extensions = Elements(to_be_signed).find(|(tag, _)| *tag == EXTENSIONS)?.1;
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

/// The elements of a DER sequence: tag and content.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The content of the first element, which must have this tag.
    fn only(mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let value = digits.iter().fold(0, |value, digit| value << 8 | usize::from(*digit));
                (value, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}
