//! The caller: a user of the configuration, with a key that is made for this one time, or the owner
//! of a key that a running gateway knows.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use http::Uri;
use serde::Serialize;
use stockade_authn::{
    ApiKey, AuthnError, Identity, JwtRefusal, KeyText, Presented, SupposedCaller,
};
use stockade_core::{
    Clock as _, CredentialId, Denial, DenialCause, ModelName, Operation, Secret, SystemClock,
    UserId, random,
};

use super::super::explain::question::Question;
use super::steps;
use super::upstream::Model;
use stockade_config::read_secret;
use stockade_control::generation::Generation;

/// The longest credential that is read; the longest that is taken has half of that.
const LONGEST: u64 = 64 << 10;

/// A credential for a running gateway, and where it was read.
pub(super) struct Credential {
    text: Secret<String>,
    from: PathBuf,
}

impl Credential {
    /// Reads it from a file that only its owner can read, or from standard input.
    pub(super) fn read(from: &Path) -> anyhow::Result<Self> {
        let text = if from == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
            text
        } else {
            let bytes = read_secret(from)?;
            String::from_utf8(bytes.expose().clone())
                .map_err(|_| anyhow::anyhow!("{} holds no key", from.display()))?
        };
        Ok(Self { text: Secret::new(text.trim().to_owned()), from: from.to_owned() })
    }
}

/// A user with a credential.
pub(super) struct Caller {
    pub(super) key: Secret<String>,
    identity: Identity,
    /// The file with the credential; `None` for one made for this time.
    from: Option<PathBuf>,
}

impl Caller {
    /// Identifies the user whom a credential proves, by the configuration and by keys that its
    /// issuer publishes.
    pub(super) async fn of_credential(
        credential: &Credential,
        generation: &Generation,
    ) -> anyhow::Result<Self> {
        let identity = match identify(&credential.text, generation) {
            // Only the issuer whose name is in the token is asked.
            Err(AuthnError::Jwt(JwtRefusal::NoKeys(issuer))) => {
                let fetched = generation.fetch_keys(&issuer).await;
                fetched.with_context(|| {
                    format!(
                        "the keys of issuer {issuer:?} cannot be fetched, so its token is not tried"
                    )
                })?;
                identify(&credential.text, generation)
            }
            other => other,
        };
        let identity =
            identity.with_context(|| format!("the key of {}", credential.from.display()))?;
        let (key, from) = (credential.text.clone(), Some(credential.from.clone()));
        Ok(Self { key, identity, from })
    }

    /// A user with a new key, which the generation knows from then on. `None` where the
    /// configuration has nobody.
    pub(super) fn private(
        user: Option<&str>,
        models: &[Model],
        generation: &mut Generation,
    ) -> anyhow::Result<Option<Self>> {
        let user = match user {
            Some(name) => UserId::new(name)?,
            None => match telling(generation, models) {
                Some(user) => user,
                None => return Ok(None),
            },
        };
        if generation.authenticator.suppose(&SupposedCaller::new(user.clone())).is_err() {
            let known = if generation.config.issuers.is_empty() { "" } else { BY_TOKEN };
            bail!("there is no enabled user {:?}{known}", user.as_str());
        }
        let text = KeyText::generate();
        let id = format!("doctor-{}", hex::encode(random::bytes::<4>()));
        let (id, digest) = (CredentialId::new(&id)?, text.digest());
        let key = ApiKey { id, user, digest, terms: Arc::default() };
        generation.change(|config| config.api_keys.push(key))?;
        let key = Secret::new(text.expose().to_owned());
        let identity = identify(&key, generation)?;
        Ok(Some(Self { key, identity, from: None }))
    }

    /// Returns the decision that the gateway must make about a request of this caller.
    pub(super) fn decision(
        &self,
        generation: &Generation,
        operation: Operation,
        model: Option<&ModelName>,
    ) -> Result<(), Denial> {
        let scope = self.identity.terms.scope.clone();
        let principal = self.identity.principal.clone();
        let mut question = Question::new(generation, principal, operation, model);
        question.input.scope = scope;
        decided(&question, generation)
    }
}

/// The way to ask as somebody for whom no key can be made.
const BY_TOKEN: &str = " under `users`; one whom only an issuer knows asks a running gateway with a \
                        token of that issuer: `--gateway http://127.0.0.1:11435 --key FILE`";

fn identify(text: &Secret<String>, generation: &Generation) -> Result<Identity, AuthnError> {
    let presented = Presented::from_secret(text.expose())?;
    generation.authenticator.identify(&presented, SystemClock.now())
}

/// Returns the decision about a caller whom nobody has to prove.
pub(super) fn decision(
    generation: &Generation,
    caller: &SupposedCaller,
    (operation, model): (Operation, Option<&ModelName>),
) -> Result<(), Denial> {
    match generation.authenticator.suppose(caller) {
        Ok(principal) => {
            decided(&Question::new(generation, principal, operation, model), generation)
        }
        Err(error) => Err(Denial::overall(DenialCause::NoBinding, error.to_string())),
    }
}

fn decided(question: &Question, generation: &Generation) -> Result<(), Denial> {
    question.decide(generation).result.map(|_| ()).map_err(Denial::from)
}

/// The first user who may list models and to whom one that is there is denied: such a user
/// shows both answers. Otherwise one to whom anything is denied, otherwise anybody.
fn telling(generation: &Generation, models: &[Model]) -> Option<UserId> {
    let may = |user: &UserId, operation, model: Option<&ModelName>| {
        decision(generation, &SupposedCaller::new(user.clone()), (operation, model)).is_ok()
    };
    let lists = |user: &UserId| may(user, Operation::List, None);
    let denied = |user: &UserId, models: &[Model], of: &[Operation]| {
        let mut refusals = steps::refusals(models).filter(|(_, asked, _)| of.contains(asked));
        refusals.any(|(_, operation, model)| !may(user, operation, Some(&model)))
    };
    let there = |user: &UserId| denied(user, models, &[Operation::Show]);
    let users = || generation.config.users.iter().filter(|user| !user.disabled);
    let found = users().find(|user| lists(&user.id) && there(&user.id));
    let found = found.or_else(|| {
        users().find(|user| lists(&user.id) && denied(&user.id, &[], &[Operation::Delete]))
    });
    let found = found.or_else(|| users().find(|user| lists(&user.id)));
    found.or_else(|| users().next()).map(|user| user.id.clone())
}

/// The gateway that was asked, and the user who asked it.
#[derive(Serialize)]
pub(super) struct Asked {
    /// The running gateway's address; nothing for a private one.
    gateway: Option<String>,
    user: Option<UserId>,
    /// The name of the credential, and the file that it was read from.
    credential: Option<CredentialId>,
    credential_from: Option<PathBuf>,
}

impl Asked {
    pub(super) fn new(gateway: Option<&Uri>, caller: Option<&Caller>) -> Self {
        let from = caller.and_then(|caller| caller.from.clone());
        let principal = caller.map(|caller| &caller.identity.principal);
        let named = principal.filter(|_| from.is_some());
        Self {
            gateway: gateway.map(|uri| uri.to_string().trim_end_matches('/').to_owned()),
            user: principal.map(|principal| principal.user.clone()),
            credential: named.and_then(|principal| principal.credential.clone()),
            credential_from: from,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gateway {
            Some(gateway) => write!(f, "the running gateway at {gateway}")?,
            None => f.write_str("a private gateway of this configuration, on loopback")?,
        }
        match (&self.user, &self.credential_from) {
            (None, _) => f.write_str("; no user is enabled, so only strangers ask"),
            (Some(user), None) => write!(f, ", by {user} with a key made for this one time"),
            (Some(user), Some(from)) => {
                let name = self.credential.as_ref().map_or("", CredentialId::as_str);
                let stdin = from == Path::new("-");
                let place =
                    if stdin { "standard input".to_owned() } else { from.display().to_string() };
                write!(f, ", by {user} with the credential {name} from {place}")
            }
        }
    }
}
