//! The users' Ollama keys.

use std::str::FromStr as _;

use stockade_authn::{OllamaKey, OllamaPublicKey};
use stockade_core::{CredentialId, UserId};
use stockade_yaml::{Diagnostics, Spanned};

use super::names::Unique;
use crate::raw::RawOllamaKey;

/// The ids of one user so far, and the keys of all.
pub(super) struct Known {
    ids: Unique<CredentialId>,
    keys: Unique<OllamaPublicKey>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self { ids: Unique::new(), keys: Unique::new() }
    }

    /// Forgets the ids: those of another user may be the same.
    pub(super) fn begin_user(&mut self) {
        self.ids = Unique::new();
    }
}

pub(super) fn ollama_key(
    user: Option<&UserId>,
    raw: Spanned<RawOllamaKey>,
    known: &mut Known,
    diagnostics: &mut Diagnostics,
) -> Option<OllamaKey> {
    let Spanned { at, value: raw } = raw;
    let id = raw.id.required("id", at, diagnostics).and_then(|text| {
        let id = text.check(diagnostics, |id| CredentialId::new(id))?;
        known.ids.check(id.clone(), &format!("the Ollama key id {id:?}"), text.at, diagnostics);
        Some(id)
    });
    let line = raw.public_key.required("public_key", at, diagnostics)?;
    let Some(key) = line.check(diagnostics, |line| OllamaPublicKey::from_str(line)) else {
        // It may be the private one.
        diagnostics.mask(line.at);
        return None;
    };
    known.keys.check(key, "this Ollama key", line.at, diagnostics);
    Some(OllamaKey { id: id?, user: user?.clone(), key })
}
