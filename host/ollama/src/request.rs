//! A request that has one meaning, and how it is written for Ollama.

mod body;
mod bounds;
mod change;
mod content;
mod edit;
mod facts;
mod form;
mod keep_alive;
mod object;
mod obligations;
mod prompt_bound;
mod tools;
mod write;
mod zstd;

use bytes::Bytes;
use http::StatusCode;
use stockade_core::{Dialect, ModelName, ModelRef, ModelRole, Operation, Parameters, Subject};

use crate::Refusal;
use crate::json::{self, JsonError, ReadLimits};
use crate::route::{BodyKind, PathValue, Route};
use crate::shape::{Kind, Shape};
pub use bounds::{MOST_DIGESTS, MOST_IMAGES, MOST_OBJECTS, MOST_TOOLS};
pub use change::several_models;
pub use write::{UpstreamBody, UpstreamRequest, WriteOptions};

use body::JsonBody;
use facts::Facts;
use form::Form;

pub(crate) use form::boundary;
pub(crate) use zstd::{Undecodable, decode as decode_zstd};

/// A request as policies judge it, and as Ollama will read it.
#[derive(Debug)]
pub struct CanonicalRequest {
    route: &'static Route,
    value: PathValue,
    operation: Operation,
    models: Vec<ModelRef>,
    parameters: Parameters,
    /// The bytes of images in the body, and of the objects around them.
    image_bytes: usize,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Empty,
    Json(JsonBody),
    Form(Form),
    Stream,
}

impl CanonicalRequest {
    pub(crate) fn read(
        route: &'static Route,
        value: PathValue,
        body: Bytes,
        limits: &ReadLimits,
    ) -> Result<Self, Refusal> {
        let refuse = |status, message: &str| Refusal::new(status, route.dialect, message);
        check_length(route, &body, limits)?;
        match route.body {
            BodyKind::Json(shape) => Self::read_json(route, shape, body, limits),
            BodyKind::None if body.is_empty() => Ok(Self::without_json(route, value, Body::Empty)),
            BodyKind::None => Err(refuse(
                StatusCode::BAD_REQUEST,
                &format!("{} takes no body; send none", route.path),
            )),
            BodyKind::Blob => {
                Err(refuse(StatusCode::BAD_REQUEST, "a blob is streamed, not read as a whole"))
            }
            BodyKind::Multipart => Err(refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send a form as multipart/form-data with its boundary",
            )),
        }
    }

    pub(crate) fn streamed(route: &'static Route, value: PathValue) -> Result<Self, Refusal> {
        match route.body {
            BodyKind::Blob => Ok(Self::without_json(route, value, Body::Stream)),
            _ => Err(Refusal::bad_request(
                route.dialect,
                format!("the body of {} cannot be streamed", route.path),
            )),
        }
    }

    /// Understands a form, whose boundary its content type says.
    pub(crate) fn read_form(
        route: &'static Route,
        body: &Bytes,
        boundary: &str,
        limits: &ReadLimits,
    ) -> Result<Self, Refusal> {
        let refuse = |message: String| Refusal::bad_request(route.dialect, message);
        check_length(route, body, limits)?;
        let form = Form::read(body, boundary)
            .map_err(|error| refuse(error.to_string()).logged(error.logged()))?;
        let name = ModelName::parse(form.model())
            .map_err(|error| refuse(format!("the form's field model: {error}")))?;
        let mut request = Self::without_json(route, PathValue::None, Body::Form(form));
        request.models.push(ModelRef { name, role: ModelRole::Use });
        Ok(request)
    }

    fn without_json(route: &'static Route, value: PathValue, body: Body) -> Self {
        let mut models = Vec::new();
        let mut parameters = Parameters::default();
        match &value {
            PathValue::Model(name) => {
                models.push(ModelRef { name: name.clone(), role: ModelRole::Use });
            }
            PathValue::Digest(digest) => parameters.digests.push(digest.clone()),
            PathValue::None | PathValue::Key(_) => {}
        }
        Self { operation: route.operation, route, value, models, parameters, image_bytes: 0, body }
    }

    fn read_json(
        route: &'static Route,
        shape: &'static Shape,
        body: Bytes,
        limits: &ReadLimits,
    ) -> Result<Self, Refusal> {
        let refuse = |error: JsonError| {
            Refusal::bad_request(route.dialect, error.to_string()).logged(error.logged())
        };
        let length = body.len();
        let request = Self::understand(route, shape, body, limits).map_err(refuse)?;
        if shape.asks_questions() {
            let images = request.parameters.images > 0;
            check_within(route, length, bounds::longest_decision(images))?;
        }
        Ok(request)
    }

    fn understand(
        route: &'static Route,
        shape: &'static Shape,
        body: Bytes,
        limits: &ReadLimits,
    ) -> Result<Self, JsonError> {
        let document = json::read(body, limits)?;
        let facts = Facts::read(&document, shape)?;
        let mut parameters = facts.parameters;
        let by_default = route.response.streams_by_default();
        parameters.streaming = by_default.is_some_and(|default| facts.stream.unwrap_or(default));
        Ok(Self {
            operation: narrow(route.operation, facts.only_loads, parameters.keep_alive),
            route,
            value: PathValue::None,
            models: facts.models,
            parameters,
            image_bytes: facts.image_bytes,
            body: Body::Json(JsonBody::new(document, shape, limits, facts.include_usage)),
        })
    }

    /// The route.
    pub const fn route(&self) -> &'static Route {
        self.route
    }

    /// The API that the caller speaks.
    pub const fn dialect(&self) -> Dialect {
        self.route.dialect
    }

    /// Every model that the request names, the one it is about first.
    pub fn models(&self) -> &[ModelRef] {
        &self.models
    }

    /// Returns the parameters of the request that a policy may judge.
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The memory, in bytes, that the request takes besides its body.
    pub fn overhead(&self) -> usize {
        match &self.body {
            Body::Json(body) => body.overhead(),
            Body::Empty | Body::Form(_) | Body::Stream => 0,
        }
    }

    /// The body in its canonical form, with models in lower case, for policies that want to see
    /// it; `None` where there is no JSON.
    pub fn body_text(&self) -> Option<String> {
        match &self.body {
            Body::Json(body) => {
                String::from_utf8(body.write(&self.models, ModelName::short).into()).ok()
            }
            Body::Empty | Body::Form(_) | Body::Stream => None,
        }
    }

    /// The operation that `keep_alive` adds to the request: it unloads or pins the model once
    /// the request is answered. `None` where the operation is that already.
    pub fn side_effect(&self) -> Option<Operation> {
        let effect = self.parameters.keep_alive.and_then(keep_alive::effect)?;
        let own = matches!(self.operation, Operation::Load | Operation::Unload | Operation::Pin);
        (!own).then_some(effect)
    }

    /// The model that Ollama pulls for this request, if it is not installed. One that runs on
    /// another host is not looked for here.
    pub fn base(&self) -> Option<&ModelName> {
        let here = self.operation == Operation::Create && self.parameters.remote_host.is_none();
        let base = self.models.iter().find(|model| model.role == ModelRole::Base);
        base.filter(|_| here).map(|model| &model.name)
    }

    /// Forwards nothing of what the request says about plain HTTP, so that it is one over TLS.
    pub fn leave_out_insecure(&mut self) {
        self.parameters.insecure = false;
        if let Body::Json(body) = &mut self.body {
            body.leave_out(|kind| matches!(kind, Kind::Insecure));
        }
    }

    /// Notes which of the blobs that the request names its caller has not sent.
    pub fn note_foreign_digests(&mut self, is_foreign: impl Fn(&str) -> bool) {
        let named = self.parameters.digests.iter();
        self.parameters.foreign_digests =
            named.filter(|named| is_foreign(named)).cloned().collect();
    }

    /// Tells whether the caller wants to see the usage at the end of a stream of `OpenAI`'s API.
    pub fn asked_for_usage(&self) -> bool {
        matches!(&self.body, Body::Json(body) if body.asked_for_usage())
    }
}

fn check_length(route: &Route, body: &Bytes, limits: &ReadLimits) -> Result<(), Refusal> {
    check_within(route, body.len(), limits.bytes)
}

fn check_within(route: &Route, length: usize, most: usize) -> Result<(), Refusal> {
    if length <= most {
        return Ok(());
    }
    let message = format!("the body has more than the {most} bytes allowed");
    Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, route.dialect, message))
}

impl Subject for CanonicalRequest {
    fn operation(&self) -> Operation {
        self.operation
    }

    fn models(&self) -> &[ModelRef] {
        &self.models
    }
}

/// A request with nothing to answer only moves the model in or out of memory.
///
/// Source: Ollama `server/routes.go`, `GenerateHandler` and `ChatHandler`.
fn narrow(operation: Operation, only_loads: bool, keep_alive: Option<i64>) -> Operation {
    if !only_loads {
        return operation;
    }
    keep_alive.and_then(keep_alive::effect).unwrap_or(Operation::Load)
}

#[cfg(test)]
mod tests;
