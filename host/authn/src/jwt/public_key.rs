//! A public key in PEM: `SubjectPublicKeyInfo` of RFC 5280, section 4.1.

use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::alg_id::{ECDSA_P256, ED25519, RSA_ENCRYPTION};
use rustls_pki_types::pem::PemObject as _;

use super::invalid_key::InvalidJwtKey;
use super::key::VerifyingKey;
use crate::der::{Elements, SEQUENCE};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

pub(super) fn from_pem(pem: &[u8]) -> Result<VerifyingKey, InvalidJwtKey> {
    let mut keys = SubjectPublicKeyInfoDer::pem_slice_iter(pem);
    let Some(Ok(key)) = keys.next() else {
        return Err(InvalidJwtKey::NoPublicKey);
    };
    if keys.next().is_some() {
        return Err(InvalidJwtKey::SeveralPublicKeys);
    }
    let (algorithm, key) = parts(&key).ok_or(InvalidJwtKey::Kind)?;
    if algorithm == RSA_ENCRYPTION.as_ref() {
        let (n, e) = rsa(key).ok_or(InvalidJwtKey::Kind)?;
        VerifyingKey::rsa(n, e)
    } else if algorithm == ECDSA_P256.as_ref() {
        VerifyingKey::p256(key)
    } else if algorithm == ED25519.as_ref() {
        VerifyingKey::ed25519(key)
    } else {
        Err(InvalidJwtKey::Kind)
    }
}

/// The content of `AlgorithmIdentifier`, and the key's own bytes.
fn parts(info: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = Elements(Elements(info).only(SEQUENCE)?);
    let (_, algorithm) = parts.next().filter(|(tag, _)| *tag == SEQUENCE)?;
    let (_, bits) = parts.next().filter(|(tag, _)| *tag == BIT_STRING)?;
    // The first byte counts the bits that are left over at the end.
    Some((algorithm, bits.strip_prefix(&[0])?))
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn rsa(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut numbers = Elements(Elements(key).only(SEQUENCE)?);
    let mut number = || numbers.next().filter(|(tag, _)| *tag == INTEGER).map(|(_, n)| n);
    Some((number()?, number()?))
}
