//! Failures on the way to the gateway, and what the user is told to do.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use http::StatusCode;
use hyper_util::client::legacy;
use rustls::{AlertDescription, CertificateError};
use stockade_core::{Clock, UnixTime};

use crate::GatewayUrl;
use crate::connector::{ConnectError, PATIENCE};
use crate::credential::{CredentialError, written};
use crate::tls::{ShownCertificate, TlsError};

/// The body of the caller's request broke off.
#[derive(Debug, thiserror::Error)]
#[error("the caller's request broke off")]
pub(crate) struct CallerGone;

/// The reason why the gateway gives no answer. `Display` is for the user; it names no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is nothing to prove who is asking.
    #[error("{0}")]
    Credential(#[from] CredentialError),
    /// A file for TLS cannot be used.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// Nobody answers.
    #[error(
        "the gateway {gateway} cannot be reached: {cause}; is it running, and is this machine in \
         its network? The next request tries again"
    )]
    Unreachable { gateway: String, cause: String },
    /// Nobody answers in time.
    #[error(
        "the gateway {gateway} does not answer within {} seconds; is it running, and is this \
         machine in its network? The next request tries again",
        PATIENCE.as_secs()
    )]
    Slow { gateway: String },
    /// The name leads to another machine.
    #[error(
        "{gateway} leads to another machine, and without TLS everybody on the way could read the \
         credential; use https, or say --send-credential-unencrypted"
    )]
    NotHere { gateway: String },
    /// The one who answers cannot prove to be the gateway.
    #[error("the certificate of {gateway} is not accepted, and nothing was sent: {}", advice(.cause, .ca.as_ref()))]
    Untrusted { gateway: String, cause: CertificateError, ca: Option<PathBuf> },
    /// The gateway does not take the client certificate.
    #[error("{0}")]
    ClientCertificate(String),
    /// The one who answers does not speak TLS as it should.
    #[error("no TLS connection to {gateway} is made: {cause}; is the scheme right?")]
    Handshake { gateway: String, cause: String },
    /// It broke off before it answered.
    #[error("the gateway {gateway} broke off before it answered ({cause}); ask again")]
    Broken { gateway: String, cause: String },
    /// The caller's request broke off.
    #[error("{0}")]
    Caller(#[from] CallerGone),
    /// The request cannot be written, which is a fault of ours.
    #[error("the request cannot be sent on: {0}")]
    Unwritable(#[from] http::Error),
}

impl Failure {
    /// The status of the answer that tells of it.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Credential(_) | Self::ClientCertificate(_) => StatusCode::UNAUTHORIZED,
            Self::Slow { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Caller(_) => StatusCode::BAD_REQUEST,
            Self::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Tls(_)
            | Self::Unreachable { .. }
            | Self::NotHere { .. }
            | Self::Untrusted { .. }
            | Self::Handshake { .. }
            | Self::Broken { .. } => StatusCode::BAD_GATEWAY,
        }
    }
}

/// The form in which a failure is told.
pub(crate) struct Attempt<'a> {
    pub(crate) gateway: &'a GatewayUrl,
    pub(crate) certificate: Option<&'a ShownCertificate>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) clock: &'a dyn Clock,
}

impl Attempt<'_> {
    /// Says what an error of the HTTP client means.
    pub(crate) fn failed(&self, error: &legacy::Error) -> Failure {
        let gateway = self.gateway.to_string();
        if cause::<CallerGone>(error).is_some() {
            return Failure::Caller(CallerGone);
        }
        if let Some(error) = tls_cause(error) {
            return self.tls(error, gateway);
        }
        match cause::<ConnectError>(error) {
            Some(ConnectError::Slow) => Failure::Slow { gateway },
            Some(ConnectError::NotHere) => Failure::NotHere { gateway },
            Some(ConnectError::Tls(error)) => {
                Failure::Handshake { gateway, cause: error.to_string() }
            }
            Some(error) => Failure::Unreachable { gateway, cause: innermost(error) },
            None => Failure::Broken { gateway, cause: innermost(error) },
        }
    }

    fn tls(&self, error: &rustls::Error, gateway: String) -> Failure {
        match error {
            rustls::Error::InvalidCertificate(cause) => {
                Failure::Untrusted { gateway, cause: cause.clone(), ca: self.ca.clone() }
            }
            rustls::Error::AlertReceived(alert)
                if is_about_certificate(*alert, self.certificate.is_some()) =>
            {
                Failure::ClientCertificate(self.refused_certificate(*alert))
            }
            other => Failure::Handshake { gateway, cause: other.to_string() },
        }
    }

    fn refused_certificate(&self, alert: AlertDescription) -> String {
        let gateway = self.gateway;
        let Some(ShownCertificate { path, names, end }) = self.certificate else {
            return format!(
                "the gateway {gateway} asks for a client certificate; name yours by --cert and --key"
            );
        };
        let path = path.display();
        let ended = |end: &&UnixTime| **end < self.clock.now();
        match end.as_ref().filter(ended) {
            Some(end) => format!(
                "{path}: the client certificate of {names} ended at {}; put a new one with its key \
                 there, which are then used at once",
                written(*end)
            ),
            None => format!(
                "the gateway {gateway} does not accept the client certificate of {names} in {path} \
                 ({}); ask its operator, or put another one there, which is then used at once",
                alert_name(alert)
            ),
        }
    }
}

/// Tells whether an alert means the certificate that was shown, or that none was. One that is
/// signed by another authority of the same name is no certificate to decrypt.
const fn is_about_certificate(alert: AlertDescription, shown: bool) -> bool {
    (shown && matches!(alert, AlertDescription::DecryptError))
        || matches!(
            alert,
            AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
        )
}

const fn alert_name(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => "it asks for one that it knows",
        AlertDescription::CertificateRevoked => "it is revoked",
        AlertDescription::CertificateExpired => "it has ended",
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            "its authority is unknown there"
        }
        _ => "the gateway does not say why",
    }
}

/// The fault of the gateway's certificate, and what to do about it.
fn advice(cause: &CertificateError, ca: Option<&PathBuf>) -> String {
    let by = ca.map_or_else(
        || "the authorities of this machine".to_owned(),
        |path| path.display().to_string(),
    );
    match cause {
        // Another authority of the same name, as one that was made anew has.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "it is not signed by {by}; where the gateway has an authority of its own, name a file \
             with its certificate by --ca (it is read again when it changes)"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has ended; tell the gateway's operator, and look at the clock of this machine"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; look at the clock of this machine".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name; use the name that the certificate has".to_owned()
        }
        other => format!("{other}; tell the gateway's operator"),
    }
}

/// An error and what it came of.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The innermost error, which says what the system said.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let last = chain(error).last();
    last.unwrap_or(error).to_string()
}

/// The error of a certain kind that lies below, if there is one.
fn cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The error of TLS that lies below: an error of I/O does not name what it holds as its source.
fn tls_cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    chain(error).find_map(|error| {
        error.downcast_ref().or_else(|| {
            let held = error.downcast_ref::<io::Error>()?.get_ref()?;
            held.downcast_ref()
        })
    })
}
