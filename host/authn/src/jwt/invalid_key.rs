//! Keys that cannot be used.

/// The most keys of one issuer.
pub(super) const MOST_KEYS: usize = 100;

/// The reason why keys cannot be used. `Display` quotes nothing of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJwtKey {
    /// Somebody could find it by trying.
    #[error(
        "the secret has {0} bytes; HS256 needs at least 32 (RFC 7518), such as the output of \
         `openssl rand -hex 32`"
    )]
    ShortSecret(usize),
    /// A key where a secret belongs: whoever knows the public key could sign.
    #[error("this is a key in PEM, not a secret; a public key goes into `public_key_file`")]
    KeyAsSecret,
    /// No `PUBLIC KEY` section.
    #[error(
        "there is no public key in this file; it holds one section `BEGIN PUBLIC KEY`, as \
         `openssl pkey -pubout` writes it"
    )]
    NoPublicKey,
    /// Several of them.
    #[error("this file holds several public keys; write a JWKS, so that each one has a `kid`")]
    SeveralPublicKeys,
    /// Neither RSA nor P-256 nor Ed25519.
    #[error("this public key is of a kind that is not used; use RSA, EC P-256 or Ed25519")]
    Kind,
    /// Too short, or longer than anybody needs.
    #[error("this RSA key has {0} bits; RS256 takes from 2048 to 8192")]
    Rsa(usize),
    /// One that makes forging easy, or no number of that kind.
    #[error("the exponent of this RSA key is not usable; it is usually 65537")]
    Exponent,
    /// No point of the curve's form.
    #[error("this public key does not have the form that its curve asks for")]
    Point,
    /// Not JSON as it should be.
    #[error("this is no JWKS (RFC 7517): {0}")]
    Json(String),
    /// A member that is missing or of another type.
    #[error("key {0} of this JWKS has no usable {1:?}")]
    Member(usize, &'static str),
    /// A secret that everybody can read.
    #[error(
        "key {0} of this JWKS is secret: public keys alone belong there; for HS256 use `secret_file`"
    )]
    SecretInSet(usize),
    /// Two keys that cannot be told apart.
    #[error("two keys of this JWKS have the `kid` {0:?} and the same algorithm")]
    RepeatedKid(String),
    /// It takes no part in this.
    #[error("no key of this JWKS verifies RS256, ES256 or EdDSA signatures")]
    NoKeys,
    /// More than anybody has.
    #[error("this JWKS has more than {MOST_KEYS} keys")]
    TooManyKeys,
}
