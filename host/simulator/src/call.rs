//! One request on its way through a handler.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::go_json::{DecodeError, Fields, Json, read_first};
use crate::name::{InvalidReference, Name, Reference};
use crate::reply::{Failure, Reply};
use crate::store::Store;

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A request and what its handler needs.
pub(crate) struct Call<'a> {
    pub(crate) received: &'a Received,
    /// The value of the route's parameter, decoded.
    pub(crate) parameter: String,
    pub(crate) store: &'a Store,
    /// The number of pieces of a generated text.
    pub(crate) chunks: usize,
    /// The models that the request turned out to be about.
    pub(crate) understood: Vec<String>,
}

pub(crate) type Answer = Result<Reply, Failure>;

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<InvalidReference> for Failure {
    fn from(error: InvalidReference) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// The wording of the error that a model is missing.
#[derive(Clone, Copy)]
pub(crate) enum Missing {
    Short,
    TryPulling,
}

impl Call<'_> {
    /// The body as Go's decoder reads it.
    pub(crate) fn json(&self) -> Result<Json, Failure> {
        if self.received.headers.get("content-encoding").is_some_and(|encoding| encoding == "zstd")
            && self.received.path.starts_with("/v1/")
        {
            return Err(Failure::Status(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the simulated Ollama does not read zstd".to_owned(),
            ));
        }
        Ok(read_first(&self.received.body)?)
    }

    /// The installed model that a request runs or shows.
    pub(crate) fn model(&mut self, text: &str) -> Result<Name, Failure> {
        let name = self.folded(text)?;
        self.installed(name, Missing::Short)
    }

    /// The same, under its installed spelling, which need not exist.
    pub(crate) fn folded(&mut self, text: &str) -> Result<Name, Failure> {
        let name = self.referenced(text)?;
        Ok(self.store.fold_to_installed(name))
    }

    /// A reference to a local model, read but not looked up.
    pub(crate) fn referenced(&mut self, text: &str) -> Result<Name, Failure> {
        let reference = Reference::parse(text)?;
        let name = valid(&reference.base)?;
        if reference.cloud {
            self.understood.push(reference.file_name());
            return Err(Failure::SignIn);
        }
        Ok(name)
    }

    /// The name, if it is installed under this spelling. It counts as understood in any
    /// case.
    pub(crate) fn installed(&mut self, name: Name, missing: Missing) -> Result<Name, Failure> {
        self.understand(&name);
        if self.store.has(&name) {
            Ok(name)
        } else {
            Err(Failure::not_found(match missing {
                Missing::Short => format!("model '{name}' not found"),
                Missing::TryPulling => {
                    format!("model \"{name}\" not found, try pulling it first")
                }
            }))
        }
    }

    /// Loads a model that is about to run. One that stands for a model in a cloud would run there,
    /// and nobody is signed in.
    pub(crate) fn load(&self, name: &Name) -> Result<(), Failure> {
        if self.store.find(name).is_some_and(|model| model.remote.is_some()) {
            return Err(Failure::SignIn);
        }
        self.store.load(name);
        Ok(())
    }

    pub(crate) fn understand(&mut self, name: &Name) {
        self.understood.push(name.to_string());
    }
}

/// A name that has no suffix taken off.
pub(crate) fn valid(text: &str) -> Result<Name, Failure> {
    Name::parse_valid(text).ok_or_else(|| Failure::bad_request("invalid model name"))
}

/// `model`, or else `name`, which older clients send.
pub(crate) fn model_or_name(fields: Fields<'_>) -> Result<&str, Failure> {
    match fields.text("model")? {
        "" => Ok(fields.text("name")?),
        model => Ok(model),
    }
}
