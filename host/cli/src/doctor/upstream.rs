//! Ollama's statements about itself, asked past the gateway.

use serde::Serialize;
use serde_json::Value;

use super::ask::{PATIENCE, Question, ask};
use stockade_config as config;

/// Ollama and its models.
#[derive(Serialize)]
pub(super) struct Upstream {
    pub(super) url: String,
    pub(super) version: Option<String>,
    pub(super) models: Vec<Model>,
    /// The models that are in memory.
    pub(super) loaded: Vec<Loaded>,
    /// The error, and its remedy.
    pub(super) error: Option<String>,
}

/// A model on disk.
#[derive(Serialize)]
pub(super) struct Model {
    pub(super) name: String,
    pub(super) digest: Option<String>,
    /// Bytes.
    pub(super) size: Option<u64>,
    pub(super) parameters: Option<String>,
    pub(super) quantization: Option<String>,
}

/// A model in memory.
#[derive(Serialize)]
pub(super) struct Loaded {
    pub(super) name: String,
    /// Bytes, those on a GPU included.
    pub(super) size: Option<u64>,
    pub(super) size_vram: Option<u64>,
}

impl Upstream {
    pub(super) async fn ask(configured: &config::Upstream) -> Self {
        let authority = &configured.authority;
        let mut found = Self {
            url: format!("http://{authority}"),
            version: None,
            models: Vec::new(),
            loaded: Vec::new(),
            error: None,
        };
        for path in ["/api/version", "/api/tags", "/api/ps"] {
            match ask(authority, &Question::get(path), None, PATIENCE).await {
                Ok(reply) if reply.status.is_success() => found.take(path, &reply.json()),
                Ok(reply) => {
                    found.error = Some(format!("it answers {path} with {}", reply.status));
                }
                Err(error) => {
                    found.error = Some(format!(
                        "it does not answer {path}: {error:#}; start Ollama there, or mend \
                         `upstream: url`"
                    ));
                    break;
                }
            }
        }
        if found.version.is_none() && found.error.is_none() {
            found.error = Some("it tells no version: is it Ollama?".to_owned());
        }
        found
    }

    fn take(&mut self, path: &str, answer: &Value) {
        let models = answer["models"].as_array().map_or(&[][..], Vec::as_slice);
        match path {
            "/api/version" => self.version = text(&answer["version"]),
            "/api/tags" => self.models = models.iter().filter_map(Model::read).collect(),
            _ => self.loaded = models.iter().filter_map(Loaded::read).collect(),
        }
    }
}

impl Model {
    fn read(value: &Value) -> Option<Self> {
        let details = &value["details"];
        Some(Self {
            name: text(&value["name"])?,
            digest: text(&value["digest"]),
            size: value["size"].as_u64(),
            parameters: text(&details["parameter_size"]),
            quantization: text(&details["quantization_level"]),
        })
    }
}

impl Loaded {
    fn read(value: &Value) -> Option<Self> {
        let (size, size_vram) = (value["size"].as_u64(), value["size_vram"].as_u64());
        Some(Self { name: text(&value["name"])?, size, size_vram })
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
