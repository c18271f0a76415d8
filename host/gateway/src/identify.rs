//! The first step: who is calling.

pub(crate) mod certificate;
pub(crate) mod cross_site;
pub(crate) mod passwords;
pub(crate) mod path_key;
pub(crate) mod revocation;
pub(crate) mod throttled;

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use stockade_authn::{Attempt, AuthnError, Clash, Identity, Presented, Replays, Step, Target};
use stockade_core::{ProofKind, UnixTime};

use crate::connection::refusals::RefusalLog;
use crate::context::Context;
use crate::identify::cross_site::Pages;
use crate::identify::passwords::PasswordChecks;
use crate::identify::revocation::is_still_valid;
use crate::identify::throttled::Throttled;
use crate::refused::Refused;
use crate::surplus::Surplus;
use stockade_control::generation::Generation;
use stockade_control::reload::Current;

/// The meaning of the connection's certificate.
enum Certified {
    /// There is none.
    None,
    /// It stands for no user.
    Nobody,
    As(Box<Identity>),
}

/// Proves who is calling.
pub(crate) struct Identifier {
    current: Arc<Current>,
    passwords: PasswordChecks,
    replays: Replays,
    throttled: Throttled,
    refusals: Arc<RefusalLog>,
    pages: Pages,
}

impl Identifier {
    pub(crate) fn new(
        current: Arc<Current>,
        refusals: Arc<RefusalLog>,
        surplus: Arc<Surplus>,
    ) -> Self {
        Self {
            current,
            passwords: PasswordChecks::new(surplus),
            replays: Replays::default(),
            throttled: Throttled::default(),
            refusals,
            pages: Pages::of_this_machine(),
        }
    }

    /// Proves who sent a request. `in_path` is the key that stood in front of its path.
    ///
    /// # Errors
    /// Why it is nobody, or has to wait.
    pub(crate) async fn identify(
        &self,
        context: &Context<'_>,
        parts: &Parts,
        in_path: Option<&str>,
    ) -> Result<Identity, Refused> {
        Visit { stage: self, context }.identify(parts, in_path).await
    }
}

/// The identification of one request.
#[derive(Clone, Copy)]
struct Visit<'a> {
    stage: &'a Identifier,
    context: &'a Context<'a>,
}

impl Visit<'_> {
    async fn identify(self, parts: &Parts, in_path: Option<&str>) -> Result<Identity, Refused> {
        let target = Target {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query(),
        };
        let asserted =
            self.asserted(parts, in_path).map_err(|error| self.unproven(&error, None))?;
        let presented = match Presented::of_request(&parts.headers, in_path.or(asserted), target) {
            Ok(presented) => presented,
            Err(error) => return Err(self.unproven(&error, None)),
        };
        let kind = presented.kind();
        if kind == Some(ProofKind::Basic) && !self.context.link.is_confidential() {
            return Err(self.unproven(&AuthnError::Insecure, kind));
        }
        let now = self.context.now();
        let certified = self.certified(now).map_err(|error| self.refused_certificate(&error))?;
        let asserted = asserted.map(|_| ProofKind::Jwt);
        if let Some(proof) = self.sent_unasked(&certified, kind).or(asserted) {
            self.stage.pages.check(self.context, parts, proof)?;
        }
        match (&certified, kind) {
            (Certified::As(identity), None) => {
                let identity = self.represented(Identity::clone(identity), parts)?;
                return self.unless_revoked(identity, now);
            }
            (Certified::Nobody, None) => {
                return Err(self.refused_certificate(&AuthnError::UnknownCertificate));
            }
            _ => {}
        }
        let proven = self.prove(&presented, now).await?;
        let proven = proven.and_then(|identity| match &certified {
            Certified::As(other) if other.principal.user != identity.principal.user => {
                Err(AuthnError::SeveralCredentials(Clash::Certificate))
            }
            _ => Ok(identity),
        });
        let identity = proven.map_err(|error| self.unproven(&error, kind))?;
        let identity = self.represented(identity, parts)?;
        self.unless_revoked(identity, now)
    }

    /// The token that something in front of the gateway has put into a header of its own, once
    /// it knew who sits at the browser. It counts like a key in front of the path.
    fn asserted<'p>(
        self,
        parts: &'p Parts,
        in_path: Option<&str>,
    ) -> Result<Option<&'p str>, AuthnError> {
        let names = self.context.generation.authenticator.token_headers();
        let asserted = Presented::token_in(&parts.headers, names)?;
        match (asserted, in_path) {
            (Some(token), Some(key)) if token != key => {
                Err(AuthnError::SeveralCredentials(Clash::Asserted))
            }
            _ => Ok(asserted),
        }
    }

    /// The user for whom the caller speaks, if it may.
    fn represented(self, identity: Identity, parts: &Parts) -> Result<Identity, Refused> {
        let authenticator = &self.context.generation.authenticator;
        authenticator
            .represented(identity, &parts.headers)
            .map_err(|error| self.unproven(&error, None))
    }

    /// A caller who may also come in by the configuration that is being compiled, if there
    /// is one: a revocation does not wait for that.
    fn unless_revoked(self, identity: Identity, now: UnixTime) -> Result<Identity, Refused> {
        let certificate = (self.context.link.certificate.as_deref(), self.context.link.listener);
        let holds = |pending: &Generation| is_still_valid(pending, certificate, &identity, now);
        if self.stage.current.pending().is_none_or(|pending| holds(&pending)) {
            return Ok(identity);
        }
        Err(self.unproven(&AuthnError::Revoked, None))
    }

    /// Returns the caller, or why it is nobody. Whoever has to wait is refused here.
    async fn prove(
        self,
        presented: &Presented<'_>,
        now: UnixTime,
    ) -> Result<Result<Identity, AuthnError>, Refused> {
        let authenticator = &self.context.generation.authenticator;
        let attempt = Attempt::of(presented, self.context.client);
        let password = attempt.filter(Attempt::is_password);
        let held = password.and_then(|attempt| self.wait(&attempt, now));
        let begun = match held {
            Some(_) => authenticator.begin_while_locked(presented, now),
            None => authenticator.begin(presented, now),
        };
        let proven = match begun {
            Ok(Step::Proven(identity)) => {
                let admit =
                    |signature| self.stage.replays.admit(signature, self.context.client, now);
                presented.signature().map_or(Ok(()), admit).map(|()| identity)
            }
            Ok(Step::Check(check)) => {
                let wait = || password.and_then(|attempt| self.wait(&attempt, now));
                let checked = self.stage.passwords.run(check, wait).await?;
                authenticator.finish(checked, now)
            }
            Err(error) => Err(error),
        };
        if let (Err(error), Some(attempt)) = (&proven, &attempt) {
            let before = held.filter(|_| error.is_guess());
            if let Some(wait) = before.or_else(|| {
                self.stage.throttled.failed(self.context.generation, error, attempt, now)
            }) {
                return Err(Refused::throttled(wait));
            }
        }
        Ok(proven)
    }

    fn wait(self, attempt: &Attempt<'_>, now: UnixTime) -> Option<Duration> {
        self.stage.throttled.wait(self.context.generation, attempt, now)
    }

    /// The proof that a browser sends by itself, whichever page makes it send.
    fn sent_unasked(self, certified: &Certified, kind: Option<ProofKind>) -> Option<ProofKind> {
        match (certified, kind) {
            (_, Some(ProofKind::Basic)) => kind,
            (Certified::As(_), None) => Some(ProofKind::Mtls),
            (Certified::None, None) => {
                let anonymous = &self.context.generation.config.authentication.anonymous;
                anonymous.as_ref().map(|_| ProofKind::Anonymous)
            }
            _ => None,
        }
    }

    /// Returns whom the connection's certificate stands for. It was verified at the handshake, and
    /// is again by each generation that the connection lives to see.
    fn certified(self, now: UnixTime) -> Result<Certified, AuthnError> {
        let Some(certificate) = &self.context.link.certificate else {
            return Ok(Certified::None);
        };
        let identity =
            certificate.identity(self.context.generation, self.context.link.listener, now)?;
        Ok(identity.map_or(Certified::Nobody, |identity| Certified::As(Box::new(identity))))
    }

    fn refused_certificate(self, error: &AuthnError) -> Refused {
        if let Some(certificate) = &self.context.link.certificate {
            self.stage.refusals.refused(self.context.link.peer, &certificate.names(), error);
        }
        self.unproven(error, None)
    }

    /// Clients such as browsers and wget send a password only when they are asked for it.
    fn unproven(self, error: &AuthnError, kind: Option<ProofKind>) -> Refused {
        let asked = self.context.generation.authenticator.has_passwords()
            && self.context.link.is_confidential();
        let basic = asked && matches!(kind, None | Some(ProofKind::Basic));
        Refused::unproven(error, basic)
    }
}
