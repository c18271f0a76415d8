//! Client certificates of X.509 version 1, which small authorities issue and webpki does not read.
//!
//! Such a certificate has no extensions, so it can say of itself neither what it is for nor that it
//! signs others. It is accepted only where an authority of the listener has signed it itself, and
//! not where revocation lists are asked for. Everything else stays with the verifier for all other
//! certificates, and so does every certificate that is not exactly of that form.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime as VerificationTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerMisbehaved,
    RootCertStore, SignatureScheme,
};
use stockade_authn::Version1;
use stockade_authn::version1::{public_key, sequence};

/// The reason why a certificate of version 1 is refused where another one would not be.
#[derive(thiserror::Error)]
enum NotWithVersion1 {
    #[error(
        "it is of X.509 version 1, which is not accepted where `crl` is set; issue it anew with \
         extensions (`openssl x509 -req … -extfile`)"
    )]
    Revocable,
    #[error(
        "it is of X.509 version 1, and its authority is narrowed by name constraints; issue it anew \
         with extensions (`openssl x509 -req … -extfile`)"
    )]
    Constrained,
}

/// The same as for people: rustls shows the causes of others in this form.
impl fmt::Debug for NotWithVersion1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<NotWithVersion1> for Error {
    fn from(why: NotWithVersion1) -> Self {
        CertificateError::Other(OtherError(Arc::new(why))).into()
    }
}

/// Verifies certificates of version 1, and leaves all others to another verifier.
#[derive(Debug)]
pub(super) struct WithVersion1 {
    pub(super) others: Arc<dyn ClientCertVerifier>,
    pub(super) authorities: Arc<RootCertStore>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    /// True if revocation lists are asked for.
    pub(super) revocable: bool,
}

impl WithVersion1 {
    fn verify(&self, leaf: &Version1<'_>, now: VerificationTime) -> Result<(), Error> {
        if self.revocable {
            return Err(NotWithVersion1::Revocable.into());
        }
        self.verify_issuer(leaf)?;
        if now.as_secs() < leaf.not_before.as_secs() {
            return Err(CertificateError::NotValidYet.into());
        }
        if now.as_secs() > leaf.not_after.as_secs() {
            return Err(CertificateError::Expired.into());
        }
        Ok(())
    }

    /// One of the authorities of that name must have signed it.
    fn verify_issuer(&self, leaf: &Version1<'_>) -> Result<(), Error> {
        let named = |anchor: &&TrustAnchor<'_>| anchor.subject.as_ref() == leaf.issuer;
        let mut refused = CertificateError::UnknownIssuer.into();
        for anchor in self.authorities.roots.iter().filter(named) {
            if anchor.name_constraints.is_some() {
                refused = NotWithVersion1::Constrained.into();
            } else if self.is_signed_by(leaf, anchor) {
                return Ok(());
            } else {
                refused = CertificateError::BadSignature.into();
            }
        }
        Err(refused)
    }

    fn is_signed_by(&self, leaf: &Version1<'_>, anchor: &TrustAnchor<'_>) -> bool {
        let Some((kind, key)) = public_key(anchor.subject_public_key_info.as_ref()) else {
            return false;
        };
        self.algorithms.all.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == leaf.algorithm
                && algorithm.public_key_alg_id().as_ref() == kind
                && algorithm.verify_signature(key, leaf.signed, leaf.signature).is_ok()
        })
    }

    /// As rustls verifies it for other certificates: by the algorithms of the scheme that are for
    /// such a key.
    fn verify_tls12(
        &self,
        leaf: &Version1<'_>,
        message: &[u8],
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
        let Some((_, algorithms)) = known else {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        };
        let Some((kind, key)) = sequence(leaf.key).and_then(public_key) else {
            return Err(CertificateError::BadEncoding.into());
        };
        let verified = algorithms.iter().any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == kind
                && algorithm.verify_signature(key, message, signed.signature()).is_ok()
        });
        if verified {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }
}

impl ClientCertVerifier for WithVersion1 {
    fn offer_client_auth(&self) -> bool {
        self.others.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.others.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.others.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: VerificationTime,
    ) -> Result<ClientCertVerified, Error> {
        match Version1::read(leaf) {
            Some(version1) => {
                self.verify(&version1, now)?;
                Ok(ClientCertVerified::assertion())
            }
            None => self.others.verify_client_cert(leaf, intermediates, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match Version1::read(certificate) {
            Some(version1) => self.verify_tls12(&version1, message, signed),
            None => self.others.verify_tls12_signature(message, certificate, signed),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match Version1::read(certificate) {
            Some(version1) => {
                let key = SubjectPublicKeyInfoDer::from(version1.key);
                verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
            }
            None => self.others.verify_tls13_signature(message, certificate, signed),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.others.supported_verify_schemes()
    }
}
