//! The credential of a recorded request: does a configuration still have it?

use stockade_config::Config;
use stockade_core::record::Caller;
use stockade_core::{CredentialId, ProofKind, UnixTime, UserId};

/// What proved a caller, and whose it was.
pub(super) struct Credential<'a> {
    owner: Option<&'a UserId>,
    proof: Option<ProofKind>,
    id: Option<&'a CredentialId>,
    /// True if its owner speaks for somebody else.
    for_another: bool,
}

/// The reason why a credential of the past proves nothing by a configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Gone {
    /// There is none of this name.
    #[error("the {kind} {id:?} of {owner:?} is not in this configuration")]
    Named { kind: &'static str, id: String, owner: String },
    /// The user has none.
    #[error("{owner:?} has no {kind} in this configuration")]
    Kind { kind: &'static str, owner: String },
    /// The front end speaks for nobody any more.
    #[error("{0:?} may not speak for others by this configuration")]
    FrontEnd(String),
}

impl<'a> Credential<'a> {
    /// The credential of a recorded caller.
    pub(super) fn of(caller: &'a Caller<'_>) -> Self {
        let front_end = caller.front_end.as_deref();
        Self {
            owner: front_end.or(caller.user.as_deref()),
            proof: caller.proof,
            id: caller.credential.as_deref(),
            for_another: front_end.is_some(),
        }
    }

    /// Finds it in a configuration; returns the first second in which it is not good any more, if
    /// that is written there.
    ///
    /// # Errors
    /// It is not there, or not good for speaking for somebody.
    pub(super) fn find(&self, config: &Config) -> Result<Option<UnixTime>, Gone> {
        let (Some(owner), Some(proof)) = (self.owner, self.proof) else { return Ok(None) };
        let on_behalf = config.authentication.on_behalf.as_ref();
        if self.for_another && !on_behalf.is_some_and(|rule| rule.by.contains(owner)) {
            return Err(Gone::FrontEnd(owner.to_string()));
        }
        let key = config.api_keys.iter().find(|key| Some(&key.id) == self.id && key.user == *owner);
        let is_there = match proof {
            ProofKind::ApiKey => self.id.is_none() || key.is_some(),
            ProofKind::Basic => config.passwords.iter().any(|password| password.user == *owner),
            ProofKind::Mtls => {
                let mut entries = config.certificates.iter();
                entries.any(|entry| Some(&entry.id) == self.id && entry.user == *owner)
            }
            ProofKind::OllamaKey => {
                let mut keys = config.ollama_keys.iter();
                keys.any(|key| Some(&key.id) == self.id && key.user == *owner)
            }
            ProofKind::Token => !config.token_secrets.is_empty(),
            ProofKind::Jwt => self.is_of_issuer(config),
            ProofKind::Anonymous => config.authentication.anonymous.as_ref() == Some(owner),
        };
        if is_there {
            return Ok(key.and_then(|key| key.terms.expires));
        }
        Err(self.gone(proof, owner))
    }

    fn is_of_issuer(&self, config: &Config) -> bool {
        let name = self.id.map(|id| id.as_str().split('/').next().unwrap_or_default());
        config.issuers.iter().any(|issuer| Some(issuer.rules.id.as_str()) == name)
    }

    fn gone(&self, proof: ProofKind, owner: &UserId) -> Gone {
        let kind = match proof {
            ProofKind::ApiKey => "key",
            ProofKind::Basic => "password",
            ProofKind::Mtls => "certificate",
            ProofKind::Token => "token",
            ProofKind::Jwt => "issuer",
            ProofKind::OllamaKey => "Ollama key",
            ProofKind::Anonymous => "access without a credential",
        };
        let owner = owner.to_string();
        match self.id {
            Some(id) => Gone::Named { kind, id: id.to_string(), owner },
            None => Gone::Kind { kind, owner },
        }
    }
}
