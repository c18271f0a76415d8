//! Keys that verify, each for one algorithm.
//!
//! The algorithm belongs to the key and not to the token: a public key is of another type
//! than a secret, so it can never be used as one, and there is no key that verifies
//! nothing.

use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use sha2::Sha256;
use stockade_core::Secret;

use super::invalid_key::InvalidJwtKey;

/// An algorithm by which a token may be signed (RFC 7518, section 3.1; RFC 8037). There is no
/// `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    /// Returns the name that headers have for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// By the name that headers and keys have for it.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            // RFC 9864 gives the second name to the one curve that is meant.
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A key, and with it the only algorithm that it verifies.
pub(super) enum VerifyingKey {
    Hs256(Hmac<Sha256>),
    Rs256(RsaPublicKeyComponents<Vec<u8>>),
    /// An uncompressed point.
    Es256([u8; 65]),
    EdDsa([u8; 32]),
}

/// RFC 7518, section 3.2: at least as long as the hash.
const SHORTEST_SECRET: usize = 32;
/// RFC 7518, section 3.3, and what `ring` takes at most.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const UNCOMPRESSED: u8 = 0x04;

impl VerifyingKey {
    pub(super) fn secret(secret: &Secret<Vec<u8>>) -> Result<Self, InvalidJwtKey> {
        let bytes = secret.expose();
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            return Err(InvalidJwtKey::KeyAsSecret);
        }
        if bytes.len() < SHORTEST_SECRET {
            return Err(InvalidJwtKey::ShortSecret(bytes.len()));
        }
        let mac = Hmac::new_from_slice(bytes);
        mac.map(Self::Hs256).map_err(|_| InvalidJwtKey::ShortSecret(bytes.len()))
    }

    /// Modulus and exponent, big-endian, zeros in front allowed.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, InvalidJwtKey> {
        let (n, e) = (without_zeros(n), without_zeros(e));
        let first = n.first().ok_or(InvalidJwtKey::Rsa(0))?;
        let bits = n.len() * 8 - first.leading_zeros() as usize;
        if !RSA_BITS.contains(&bits) {
            return Err(InvalidJwtKey::Rsa(bits));
        }
        // An exponent of 1 would make every text its own signature.
        if e.len() > 4 || e.last().is_none_or(|last| last % 2 == 0) || e == [1] {
            return Err(InvalidJwtKey::Exponent);
        }
        Ok(Self::Rs256(RsaPublicKeyComponents { n: n.to_vec(), e: e.to_vec() }))
    }

    pub(super) fn p256(point: &[u8]) -> Result<Self, InvalidJwtKey> {
        match <[u8; 65]>::try_from(point) {
            Ok(point) if point[0] == UNCOMPRESSED => Ok(Self::Es256(point)),
            _ => Err(InvalidJwtKey::Point),
        }
    }

    pub(super) fn ed25519(key: &[u8]) -> Result<Self, InvalidJwtKey> {
        key.try_into().map(Self::EdDsa).map_err(|_| InvalidJwtKey::Point)
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::Hs256,
            Self::Rs256(_) => Algorithm::Rs256,
            Self::Es256(_) => Algorithm::Es256,
            Self::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hs256(mac) => {
                let mut mac = mac.clone();
                mac.update(message);
                mac.verify_slice(signature).is_ok()
            }
            Self::Rs256(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok(),
            Self::Es256(point) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(message, signature).is_ok()
            }
            Self::EdDsa(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
            }
        }
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
