//! The installed models, the loaded models and the blobs.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::name::{Name, Reference};

/// Every timestamp of the simulation: nothing in it depends on when it runs.
pub(crate) const TIME: &str = "2026-01-01T12:00:00.000000Z";
/// The same in seconds since 1970.
pub(crate) const UNIX_TIME: u64 = 1_767_268_800;
/// The size that every model claims to have, in bytes.
pub(crate) const SIZE: u64 = 2_019_393_189;

/// The state that requests change.
#[derive(Debug)]
pub(crate) struct Store(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    installed: Vec<Name>,
    loaded: Vec<Name>,
    blobs: BTreeSet<String>,
}

impl Store {
    /// A store with these models, or the first that has no valid name.
    pub(crate) fn new(models: &[String]) -> Result<Self, String> {
        let name = |text: &String| {
            // A cloud model's file is installed under its complete name.
            let file = Reference::parse(text).ok()?.file_name();
            Name::parse_valid(&file)
        };
        let installed = models
            .iter()
            .map(|text| name(text).ok_or_else(|| text.clone()))
            .collect::<Result<_, _>>()?;
        let state = State { installed, ..State::default() };
        Ok(Self(Mutex::new(state)))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().installed.iter().map(Name::to_string).collect()
    }

    pub(crate) fn installed(&self) -> Vec<Name> {
        self.lock().installed.clone()
    }

    pub(crate) fn loaded(&self) -> Vec<Name> {
        self.lock().loaded.clone()
    }

    /// `getExistingName`: each part is replaced by an installed spelling of it.
    pub(crate) fn fold_to_installed(&self, name: Name) -> Name {
        let folded = |part: String, of: fn(&Name) -> &String| {
            let state = self.lock();
            let mut spellings = state.installed.iter().map(of);
            let known = spellings.find(|known| crate::go_json::equal_fold(known, &part));
            known.cloned().unwrap_or(part)
        };
        Name {
            host: folded(name.host, |name| &name.host),
            namespace: folded(name.namespace, |name| &name.namespace),
            model: folded(name.model, |name| &name.model),
            tag: folded(name.tag, |name| &name.tag),
        }
    }

    /// Tells whether it is installed under exactly this spelling.
    pub(crate) fn has(&self, name: &Name) -> bool {
        self.lock().installed.contains(name)
    }

    pub(crate) fn install(&self, name: Name) {
        let mut state = self.lock();
        if !state.installed.contains(&name) {
            state.installed.push(name);
        }
    }

    pub(crate) fn delete(&self, name: &Name) {
        let mut state = self.lock();
        state.installed.retain(|known| known != name);
        state.loaded.retain(|known| known != name);
    }

    pub(crate) fn load(&self, name: &Name) {
        let mut state = self.lock();
        if !state.loaded.contains(name) {
            state.loaded.push(name.clone());
        }
    }

    pub(crate) fn unload(&self, name: &Name) {
        self.lock().loaded.retain(|known| known != name);
    }

    pub(crate) fn has_blob(&self, digest: &str) -> bool {
        self.lock().blobs.contains(digest)
    }

    pub(crate) fn add_blob(&self, digest: String) {
        self.lock().blobs.insert(digest);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A digest for a model that has no bytes: the one of its name.
pub(crate) fn digest(name: &Name) -> String {
    sha256(name.to_string().as_bytes())
}

/// The `details` of every list of models.
pub(crate) fn details() -> Value {
    json!({
        "parent_model": "",
        "format": "gguf",
        "family": "simulated",
        "families": ["simulated"],
        "parameter_size": "3.2B",
        "quantization_level": "Q4_K_M",
    })
}
