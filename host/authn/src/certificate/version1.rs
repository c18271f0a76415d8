//! Certificates of X.509 version 1 (RFC 5280, section 4.1): those without extensions, as
//! `openssl x509 -req` without an extension file makes them. The library that verifies all others
//! does not read them.
//!
//! They are read strictly: every length in its shortest form, every part where it belongs, and
//! nothing besides. So no other reader can see other names in what is signed.

use stockade_core::UnixTime;

use super::validity;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// A certificate of version 1. Nothing of it is true yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version1<'a> {
    /// The bytes that are signed.
    pub signed: &'a [u8],
    /// The method of the signature: the content of an `AlgorithmIdentifier`.
    pub algorithm: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// The issuer that signed it: the content of a `Name`.
    pub issuer: &'a [u8],
    /// The first second of it.
    pub not_before: UnixTime,
    /// The last second of it.
    pub not_after: UnixTime,
    /// Its public key: a `SubjectPublicKeyInfo` with its header.
    pub key: &'a [u8],
}

impl<'a> Version1<'a> {
    /// Reads a certificate. Nothing for one of another version, and for what is none.
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let mut whole = Reader(der);
        let mut parts = Reader(whole.take(SEQUENCE)?.content);
        whole.end()?;
        let signed = parts.take(SEQUENCE)?;
        let algorithm = parts.take(SEQUENCE)?;
        let signature = bits(parts.take(BIT_STRING)?.content)?;
        parts.end()?;
        let mut fields = Reader(signed.content);
        // All later versions have their number, in `[0]`, before the serial number.
        fields.take(INTEGER)?;
        let inner = fields.take(SEQUENCE)?;
        let issuer = fields.take(SEQUENCE)?.content;
        let (not_before, not_after) = lifetime(fields.take(SEQUENCE)?.content)?;
        fields.take(SEQUENCE)?;
        let key = fields.take(SEQUENCE)?.whole;
        fields.end()?;
        (inner.content == algorithm.content).then_some(Self {
            signed: signed.whole,
            algorithm: algorithm.content,
            signature,
            issuer,
            not_before,
            not_after,
            key,
        })
    }
}

/// Takes the content of a `SubjectPublicKeyInfo` apart: the content of its algorithm, and its key.
pub fn public_key(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = Reader(content);
    let algorithm = parts.take(SEQUENCE)?.content;
    let key = bits(parts.take(BIT_STRING)?.content)?;
    parts.end()?;
    Some((algorithm, key))
}

/// The content of a sequence that stands alone.
pub fn sequence(der: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(der);
    let content = reader.take(SEQUENCE)?.content;
    reader.end()?;
    Some(content)
}

/// A bit string of whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    content.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bits)| bits)
}

fn lifetime(content: &[u8]) -> Option<(UnixTime, UnixTime)> {
    let mut times = Reader(content);
    let mut time = || {
        let (tag, element) = times.any()?;
        validity::time(tag, element.content)
    };
    let lifetime = (time()?, time()?);
    times.end()?;
    Some(lifetime)
}

struct Element<'a> {
    /// With its tag and length.
    whole: &'a [u8],
    content: &'a [u8],
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, element)| element)
    }

    fn any(&mut self) -> Option<(u8, Element<'a>)> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = length(first, rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some((tag, Element { whole, content }))
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// A length in its shortest form (X.690, section 10.1), of up to 64 KiB.
fn length(first: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    match (first, rest) {
        (0..=0x7f, rest) => Some((usize::from(first), rest)),
        (0x81, [low, rest @ ..]) if *low >= 0x80 => Some((usize::from(*low), rest)),
        (0x82, [high, low, rest @ ..]) if *high > 0 => {
            Some((usize::from(*high) << 8 | usize::from(*low), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// `openssl req -x509` and `openssl x509 -req` without extensions, for CN=alice.
    const ALICE: &[u8] = include_bytes!("version1/alice.der");

    #[test]
    fn a_certificate_of_version_1_is_taken_apart() {
        let alice = Version1::read(ALICE).unwrap();
        assert!(alice.not_before < alice.not_after);
        let (algorithm, key) = public_key(sequence(alice.key).unwrap()).unwrap();
        // 1.2.840.10045.2.1 on 1.2.840.10045.3.1.7, and a point of it.
        assert_eq!((algorithm.len(), key.len(), key[0]), (19, 65, 4));
        assert!(ALICE.windows(alice.signed.len()).any(|window| window == alice.signed));
        assert_eq!(super::super::names::common_name(ALICE).as_deref(), Some("alice"));
    }

    #[test]
    fn other_versions_are_left_to_others() {
        let key = KeyPair::generate().unwrap();
        let later = CertificateParams::default().self_signed(&key).unwrap();
        assert_eq!(Version1::read(later.der()), None);
    }

    #[test]
    fn nothing_but_the_one_form_is_read() {
        for cut in 0..ALICE.len() {
            assert_eq!(Version1::read(&ALICE[..cut]), None);
        }
        let mut longer = ALICE.to_vec();
        longer.push(0);
        assert_eq!(Version1::read(&longer), None);
        // Lengths that could be shorter.
        for (first, rest) in
            [(0x80, &[0_u8; 4][..]), (0x81, &[0x7f]), (0x82, &[0, 0x80]), (0x83, &[0, 0, 1])]
        {
            assert_eq!(length(first, rest), None);
        }
        assert_eq!(length(0x81, &[0x80]), Some((128, &[][..])));
        assert_eq!(length(0x82, &[1, 0]), Some((256, &[][..])));
    }

    /// Whatever is changed, it is either not read, or what is changed is read.
    #[test]
    fn every_byte_counts() {
        let alice = Version1::read(ALICE).unwrap();
        for place in 0..ALICE.len() {
            for flip in [1, 0x80] {
                let mut changed = ALICE.to_vec();
                changed[place] ^= flip;
                assert_ne!(Version1::read(&changed), Some(alice), "{place}");
            }
        }
    }
}
