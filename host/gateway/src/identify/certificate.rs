//! The client certificate of a connection, and whether it is still good.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustls::pki_types::CertificateDer;
use stockade_authn::{AuthnError, Identity, PresentedCertificate, certificate_names};
use stockade_core::UnixTime;

use stockade_control::generation::Generation;
use stockade_net::Tls;

/// A certificate that was good when the connection was made.
pub(crate) struct PeerCertificate {
    presented: PresentedCertificate,
    chain: Vec<CertificateDer<'static>>,
    verified: Mutex<Verified>,
}

/// The last check that found the chain good.
struct Verified {
    generation: u64,
    until: UnixTime,
}

/// The time for which the answer holds within a generation: a connection may outlive its
/// certificate by this, in seconds.
const HOLDS: u64 = 60;

impl PeerCertificate {
    pub(crate) fn new(chain: Vec<CertificateDer<'static>>) -> Option<Self> {
        let presented = PresentedCertificate::read(chain.first()?);
        let never = Verified { generation: 0, until: UnixTime::from_secs(0) };
        Some(Self { presented, chain, verified: Mutex::new(never) })
    }

    /// Returns the names in the certificate, for the log.
    pub(crate) fn names(&self) -> String {
        self.chain.first().map(|leaf| certificate_names(leaf)).unwrap_or_default()
    }

    /// Returns the caller that a generation takes it for, at one of its listeners.
    pub(crate) fn identity(
        &self,
        generation: &Generation,
        listener: SocketAddr,
        now: UnixTime,
    ) -> Result<Option<Identity>, AuthnError> {
        if !self.is_good(generation.number, generation.tls(listener), now) {
            return Err(AuthnError::CertificateEnded);
        }
        generation.authenticator.certified(&self.presented)
    }

    /// Tells whether a generation accepts it now. `tls` is that generation's listener.
    fn is_good(&self, generation: u64, tls: Option<&Tls>, now: UnixTime) -> bool {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.generation == generation && now < verified.until {
            return true;
        }
        let good = tls.is_some_and(|tls| tls.accepts(&self.chain, now));
        if good {
            let until = UnixTime::from_secs(now.as_secs() + HOLDS);
            *verified = Verified { generation, until };
        }
        good
    }
}
