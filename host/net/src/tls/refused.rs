//! The owner of a client certificate that a handshake refused: rustls tells only why.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use stockade_authn::certificate_names;

tokio::task_local! {
    /// Of the handshake that this task is at.
    static REFUSED: RefCell<Option<String>>;
}

/// Returns the result of a handshake, and the owner of the certificate that it refused.
pub async fn noting<T>(handshake: impl Future<Output = T>) -> (T, Option<String>) {
    REFUSED
        .scope(RefCell::default(), async {
            let done = handshake.await;
            (done, REFUSED.with(RefCell::take))
        })
        .await
}

/// Verifies as another verifier does, and remembers whom that refused.
pub(super) struct Noting(pub(super) Arc<dyn ClientCertVerifier>);

impl fmt::Debug for Noting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ClientCertVerifier for Noting {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.verify_client_cert(leaf, others, now).inspect_err(|_| {
            // Outside of a handshake there is nobody to tell.
            REFUSED.try_with(|slot| slot.replace(Some(certificate_names(leaf)))).ok();
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
