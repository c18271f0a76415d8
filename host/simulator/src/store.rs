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
/// The size of a model that stands for one in a cloud: that of its manifest's layers.
const REMOTE_SIZE: u64 = 384;
/// The host of such models.
const REMOTE_HOST: &str = "https://ollama.com:443";

/// A model to install that stands for one in a cloud.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) name: String,
    /// Its name in the cloud.
    pub(crate) model: String,
}

/// An installed model.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) name: Name,
    /// The digest of its manifest, which copies share.
    pub(crate) digest: String,
    /// Its name in the cloud, if it runs there.
    pub(crate) remote: Option<String>,
}

impl Model {
    /// A model that has no bytes: its digest is the one of its name.
    fn local(name: Name) -> Self {
        Self { digest: digest(&name), name, remote: None }
    }

    /// The members that all lists have.
    pub(crate) fn listed(&self) -> Value {
        let mut listed = json!({
            "name": self.name.to_string(),
            "model": self.name.to_string(),
            "size": if self.remote.is_some() { REMOTE_SIZE } else { SIZE },
            "digest": self.digest,
            "details": self.details(),
        });
        if let (Some(model), Some(members)) = (&self.remote, listed.as_object_mut()) {
            members.insert("remote_model".to_owned(), json!(model));
            members.insert("remote_host".to_owned(), json!(REMOTE_HOST));
        }
        listed
    }

    /// Its `details`. A model in a cloud has no file, and so no format.
    pub(crate) fn details(&self) -> Value {
        let (format, parameters, quantization) = match &self.remote {
            None => ("gguf", "3.2B", "Q4_K_M"),
            Some(_) => ("", "20.9B", "MXFP4"),
        };
        json!({
            "parent_model": "",
            "format": format,
            "family": "simulated",
            "families": ["simulated"],
            "parameter_size": parameters,
            "quantization_level": quantization,
        })
    }
}

/// The state that requests change.
#[derive(Debug)]
pub(crate) struct Store(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    installed: Vec<Model>,
    loaded: Vec<Model>,
    blobs: BTreeSet<String>,
}

impl Store {
    /// A store with these models, or the first that has no valid name.
    pub(crate) fn new(models: &[String], remotes: &[Remote]) -> Result<Self, String> {
        let name = |text: &String| {
            // A cloud model's file is installed under its complete name.
            let file = Reference::parse(text).ok()?.file_name();
            Name::parse_valid(&file)
        };
        let local =
            models.iter().map(|text| name(text).map(Model::local).ok_or_else(|| text.clone()));
        let remote = remotes.iter().map(|Remote { name: text, model }| {
            let local = name(text).map(Model::local).ok_or_else(|| text.clone())?;
            Ok(Model { remote: Some(model.clone()), ..local })
        });
        let installed = local.chain(remote).collect::<Result<_, _>>()?;
        let state = State { installed, ..State::default() };
        Ok(Self(Mutex::new(state)))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().installed.iter().map(|model| model.name.to_string()).collect()
    }

    pub(crate) fn installed(&self) -> Vec<Model> {
        self.lock().installed.clone()
    }

    pub(crate) fn loaded(&self) -> Vec<Model> {
        self.lock().loaded.clone()
    }

    /// The model that is installed under exactly this spelling.
    pub(crate) fn find(&self, name: &Name) -> Option<Model> {
        self.lock().installed.iter().find(|model| model.name == *name).cloned()
    }

    /// `getExistingName`: each part is replaced by an installed spelling of it.
    pub(crate) fn fold_to_installed(&self, name: Name) -> Name {
        let folded = |part: String, of: fn(&Name) -> &String| {
            let state = self.lock();
            let mut spellings = state.installed.iter().map(|model| of(&model.name));
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
        self.find(name).is_some()
    }

    pub(crate) fn install(&self, name: Name) {
        if !self.has(&name) {
            self.lock().installed.push(Model::local(name));
        }
    }

    /// Gives a model another name: both have one manifest then.
    pub(crate) fn copy(&self, source: &Name, destination: Name) {
        let Some(model) = self.find(source) else {
            return;
        };
        let mut state = self.lock();
        state.installed.retain(|known| known.name != destination);
        state.installed.push(Model { name: destination, ..model });
    }

    pub(crate) fn delete(&self, name: &Name) {
        let mut state = self.lock();
        state.installed.retain(|known| known.name != *name);
        state.loaded.retain(|known| known.name != *name);
    }

    /// Loads a model, unless it is in memory under another of its names.
    pub(crate) fn load(&self, name: &Name) {
        let Some(model) = self.find(name) else {
            return;
        };
        let mut state = self.lock();
        if !state.loaded.iter().any(|loaded| loaded.digest == model.digest) {
            state.loaded.push(model);
        }
    }

    pub(crate) fn unload(&self, name: &Name) {
        if let Some(model) = self.find(name) {
            self.lock().loaded.retain(|loaded| loaded.digest != model.digest);
        }
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
