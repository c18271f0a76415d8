//! The requests that there are.

mod path;
mod reference;
mod shown;
mod table;

use http::Method;
use stockade_core::{Dialect, ModelRole, Operation};

use crate::response::ListKind;
use crate::shape::{Kind, Shape};

pub use path::{Parameter, Path, dialect_of_path};
pub(crate) use path::{PathValue, canonical_digest};
pub use reference::reference_markdown;
pub use shown::shown_path;
pub(crate) use table::OLLAMA;
pub use table::ROUTES;

/// One thing that can be asked of Ollama.
#[derive(Debug)]
pub struct Route {
    /// The operation that is asked for. A body can narrow it, for instance to
    /// [`Load`](Operation::Load).
    pub operation: Operation,
    /// The API that it belongs to.
    pub dialect: Dialect,
    /// The methods, which mean the same to Ollama.
    pub methods: &'static [Method],
    /// The path.
    pub path: Path,
    /// The kind of body of the request.
    pub body: BodyKind,
    /// The kind of Ollama's answer.
    pub response: ResponseKind,
}

/// The kind of body of a request.
#[derive(Clone, Copy, Debug)]
pub enum BodyKind {
    /// Nothing.
    None,
    /// A JSON object.
    Json(&'static Shape),
    /// The bytes of a blob, which are streamed.
    Blob,
    /// A form with an audio file.
    Multipart,
}

/// The kind of Ollama's answer, where it answers 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// Nothing.
    Empty,
    /// A line of text.
    Text,
    /// A JSON object.
    Json,
    /// JSON objects, one on each line, unless the request says `"stream": false`.
    Ndjson,
    /// Server-sent events if the request says `"stream": true`, else a JSON object.
    Sse,
    /// A list of models, to be filtered.
    List(ListKind),
}

impl ResponseKind {
    /// Tells whether the answer is streamed where the request does not say; `None` where it never
    /// is.
    pub const fn streams_by_default(self) -> Option<bool> {
        match self {
            Self::Ndjson => Some(true),
            Self::Sse => Some(false),
            Self::Empty | Self::Text | Self::Json | Self::List(_) => None,
        }
    }
}

impl Route {
    /// The fields that name models, with what happens to those.
    pub fn model_fields(&self) -> impl Iterator<Item = (&'static str, ModelRole)> {
        let of_body = match self.body {
            BodyKind::Json(shape) => shape.fields,
            BodyKind::None | BodyKind::Blob | BodyKind::Multipart => &[],
        };
        let in_form = matches!(self.body, BodyKind::Multipart).then_some(("model", ModelRole::Use));
        let in_path = (self.path.parameter() == Some(Parameter::Model))
            .then_some(("{model}", ModelRole::Use));
        let in_body = of_body.iter().filter_map(|field| match field.kind {
            Kind::Model(role) => Some((field.name, role)),
            _ => None,
        });
        in_path.into_iter().chain(in_form).chain(in_body)
    }
}
