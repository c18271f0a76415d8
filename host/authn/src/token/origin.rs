//! The credentials that tokens are made from, and end with.
//!
//! A token that is given for a key, a password or a certificate is signed together with
//! a digest of that credential. When the credential is removed or changed, there is
//! nothing left that the signature fits, though nothing is stored of any token. Tokens
//! that a program signs with the secret alone have no origin.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use stockade_core::{CredentialId, Principal, ProofKind, UserId};

use crate::{ApiKey, ClientCertificate, OllamaKey, Password, Terms};

/// A credential that a token was made from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) proof: ProofKind,
    pub(crate) id: Option<CredentialId>,
    pub(crate) terms: Arc<Terms>,
    pub(super) tag: [u8; 32],
}

impl Origin {
    fn new(proof: ProofKind, id: Option<CredentialId>, what: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(format!("stockade token origin\0{proof:?}\0{what}"));
        Self { proof, id, terms: Arc::default(), tag: hasher.finalize().into() }
    }

    fn proves(&self, principal: &Principal) -> bool {
        // An API key may come as a password.
        let kind = match (principal.proof, &principal.credential) {
            (ProofKind::Basic, Some(_)) => ProofKind::ApiKey,
            (proof, _) => proof,
        };
        self.proof == kind && self.id == principal.credential
    }
}

/// What a token was made from is shown by its name only.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("proof", &self.proof)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// All credentials that tokens can be made from, by user.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    by_user: HashMap<UserId, Vec<Arc<Origin>>>,
    /// What is tried for users who do not exist: as much work as for most who do.
    stand_in: Vec<Arc<Origin>>,
}

impl Origins {
    pub(crate) fn new(
        keys: &[ApiKey],
        passwords: &[Password],
        certificates: &[ClientCertificate],
        ollama_keys: &[OllamaKey],
    ) -> Self {
        let mut by_user: HashMap<UserId, Vec<Arc<Origin>>> = HashMap::new();
        let mut add = |user: &UserId, origin: Origin| {
            by_user.entry(user.clone()).or_default().push(Arc::new(origin));
        };
        for key in keys {
            let id = Some(key.id.clone());
            let origin = Origin::new(ProofKind::ApiKey, id, &key.digest.to_string());
            add(&key.user, Origin { terms: Arc::clone(&key.terms), ..origin });
        }
        for Password { user, hash } in passwords {
            add(user, Origin::new(ProofKind::Basic, None, &hash.to_string()));
        }
        for ClientCertificate { id, user, name } in certificates {
            add(user, Origin::new(ProofKind::Mtls, Some(id.clone()), &format!("{name:?}")));
        }
        for OllamaKey { id, user, key } in ollama_keys {
            add(user, Origin::new(ProofKind::OllamaKey, Some(id.clone()), &format!("{key:?}")));
        }
        let stand_in = vec![Arc::new(Origin::new(ProofKind::ApiKey, None, ""))];
        Self { by_user, stand_in }
    }

    /// What tokens of a user can be made from.
    pub(super) fn of(&self, user: &str) -> &[Arc<Origin>] {
        self.by_user.get(user).unwrap_or(&self.stand_in)
    }

    /// The credential that proved a caller.
    pub(super) fn find(&self, principal: &Principal) -> Option<&Arc<Origin>> {
        let origins = self.by_user.get(&principal.user)?;
        origins.iter().find(|origin| origin.proves(principal))
    }
}
