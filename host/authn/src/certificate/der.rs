//! As much of DER as leads to a few fields of a certificate.
//!
//! The certificate has been verified by a complete implementation before, and what is not
//! as expected here is not there.

pub(super) const SEQUENCE: u8 = 0x30;

/// The parts of what is signed (RFC 5280, section 4.1).
pub(super) fn to_be_signed(certificate: &[u8]) -> Option<Elements<'_>> {
    let certificate = Elements(certificate).only(SEQUENCE)?;
    Elements(certificate).only(SEQUENCE).map(Elements)
}

/// The elements of a DER sequence: tag and content.
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Elements<'a> {
    /// The content of the first element, which must have this tag.
    pub(super) fn only(mut self, tag: u8) -> Option<&'a [u8]> {
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
