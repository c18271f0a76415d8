//! Proof of identity: credentials in, principals out.
//!
//! Nothing here opens a file or a socket or reads a clock. The configuration's users,
//! keys and secrets become an immutable [`Authenticator`]; a request's headers become
//! what the caller [`Presented`]; the two together, at a given time, become
//! an [`Identity`] or an [`AuthnError`].
//!
//! ```
//! use http::HeaderMap;
//! use stockade_authn::{ApiKey, Authenticator, Credentials, KeyText, Presented, Constraints, User};
//! use stockade_core::{CredentialId, UnixTime, UserId};
//!
//! let alice = UserId::new("alice")?;
//! let text = KeyText::generate();
//! let key = ApiKey {
//!     id: CredentialId::new("laptop")?,
//!     user: alice.clone(),
//!     digest: text.digest(),
//!     terms: Constraints::default().into(),
//! };
//! let authenticator = Authenticator::new(Credentials {
//!     users: vec![User::new(alice.clone())],
//!     api_keys: vec![key],
//!     ..Credentials::default()
//! })
//! .expect("one user and one key do not conflict");
//!
//! let mut headers = HeaderMap::new();
//! headers.insert("x-api-key", text.expose().parse()?);
//! let presented = Presented::from_headers(&headers, None)?;
//! let identity = authenticator.identify(&presented, UnixTime::from_secs(0))?;
//! assert_eq!(identity.principal.user, alice);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Each kind of credential is one module with the same three parts: what it looks like
//! in a request, what is stored of it, and `verify`, which compares the two. A new kind
//! adds a module, a case of [`Presented`] and a field of [`Authenticator`].

mod api_key;
mod authenticator;
mod basic;
mod certificate;
mod client;
mod constraints;
mod credentials;
mod der;
mod error;
mod expiring_map;
mod identity;
mod jwt;
mod ollama_key;
mod on_behalf;
mod presented;
mod scope;
mod supposed;
mod throttle;
mod token;
mod user;
mod verified;

pub use api_key::{ApiKey, InvalidKeyDigest, KeyDigest, KeyText, WeakKey};
pub use authenticator::{Authenticator, Step};
pub use basic::{
    InvalidPasswordHash, Password, PasswordCheck, PasswordChecked, PasswordHash, PasswordMemory,
    PasswordRules, WeakPassword,
};
pub use certificate::{
    CertificateName, ClientCertificate, Fingerprint, InvalidFingerprint, PresentedCertificate,
    certificate_end, certificate_names, revocation_list_end, revocation_list_issuer, version1,
    version1::Version1,
};
pub use client::{
    AddressRange, BadForwarding, BadProxyHeader, ClientIp, ForwardingHeader, InvalidRange,
    ProxyHeader, TrustedProxies,
};
pub use constraints::Constraints;
pub use credentials::{ConflictError, Credentials};
pub use error::{AuthnError, Clash, Holder, JwtRefusal};
pub use identity::Identity;
pub use jwt::{
    ClaimPath, InvalidClaimPath, InvalidJwtKey, JwtIssuer, JwtKeys, JwtMapping, JwtRules, KeySet,
};
pub use ollama_key::{
    InvalidPublicKey, OllamaKey, OllamaPublicKey, OllamaSignature, Replays, Target,
};
pub use on_behalf::OnBehalf;
pub use presented::Presented;
pub use scope::{OutOfScope, Scope};
pub use supposed::{ImpossibleCaller, SupposedCaller};
pub use throttle::{Attempt, Guess, Lockout, Throttle, ThrottleKey, ThrottleRules};
pub use token::{CannotIssue, Issued, TokenRules, TokenSecret, WeakSecret, issue};
pub use user::User;
