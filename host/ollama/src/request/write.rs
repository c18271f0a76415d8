//! A request, written for Ollama.

use bytes::Bytes;
use http::{HeaderValue, Method};
use stockade_core::{ModelName, Obligations};

use crate::route::PathValue;

use super::{Body, CanonicalRequest, obligations};
use crate::Refusal;
use crate::shape::Kind;

/// A request as it is sent to Ollama. Its headers are
/// [`upstream_request_headers`](crate::response::upstream_request_headers).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRequest {
    /// The method.
    pub method: Method,
    /// The path; there is no query.
    pub path: String,
    /// The body.
    pub body: UpstreamBody,
    /// True if the stream will end with a usage that the caller did not ask for, to be taken out
    /// again by [`UsageChunkFilter`](crate::response::UsageChunkFilter).
    pub usage_to_hide: bool,
}

/// The body of a request to Ollama.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamBody {
    /// Nothing.
    Empty,
    /// A JSON object.
    Json(Bytes),
    /// A form.
    Form {
        /// Its content type, with the boundary.
        content_type: HeaderValue,
        /// Its bytes.
        pieces: Vec<Bytes>,
    },
    /// The caller's body, passed on while it arrives.
    Stream,
}

/// The gateway's own wishes about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Lets a stream of `OpenAI`'s API end with the usage, so that it can be counted. Where the
    /// caller did [not ask](CanonicalRequest::asked_for_usage) for it, it has to be taken out of
    /// the answer again.
    pub include_usage: bool,
    /// Leaves out `keep_alive`, so that Ollama uses its own.
    pub without_keep_alive: bool,
    /// Asks for the progress of a pull or create whose caller wants its end only.
    pub with_progress: bool,
    /// Models in the spelling under which they are installed: some of Ollama's routes find a model
    /// by exactly that, and a `create` pulls its base otherwise. Others than those that were judged
    /// count for nothing.
    pub installed: Vec<ModelName>,
}

impl CanonicalRequest {
    /// Writes a model in its installed spelling, wherever the request names it.
    fn spell(&mut self, installed: &ModelName) {
        let named = self.models.iter_mut().map(|model| &mut model.name);
        let in_path = match &mut self.value {
            PathValue::Model(name) => Some(name),
            _ => None,
        };
        for name in named.chain(in_path).filter(|name| *name == installed) {
            *name = installed.clone();
        }
    }

    /// Writes the request for Ollama.
    ///
    /// # Errors
    /// An obligation cannot be met: 403.
    pub fn write(
        mut self,
        obligations: &Obligations,
        options: &WriteOptions,
    ) -> Result<UpstreamRequest, Refusal> {
        if let Body::Json(body) = &mut self.body
            && options.without_keep_alive
        {
            body.leave_out(|kind| matches!(kind, Kind::KeepAlive));
        }
        if let Body::Json(body) = &mut self.body
            && options.with_progress
        {
            for place in body.places(|kind| matches!(kind, Kind::Stream)) {
                body.set(place, "true".to_owned());
            }
        }
        for installed in &options.installed {
            self.spell(installed);
        }
        obligations::apply(&mut self, obligations)
            .map_err(|unmet| Refusal::forbidden(self.dialect(), unmet.to_string()))?;
        let mut usage_to_hide = false;
        let body = match self.body {
            Body::Empty => UpstreamBody::Empty,
            Body::Stream => UpstreamBody::Stream,
            Body::Form(form) => {
                let model = self.models.first().map_or("", |model| model.name.spelled());
                let (content_type, pieces) = form.write(model);
                UpstreamBody::Form { content_type, pieces }
            }
            Body::Json(mut body) => {
                if options.include_usage && self.parameters.streaming {
                    usage_to_hide = body.ask_for_usage();
                }
                UpstreamBody::Json(body.write(&self.models, ModelName::spelled))
            }
        };
        Ok(UpstreamRequest {
            method: self.route.methods[0].clone(),
            path: self.route.path.with_value(&self.value),
            body,
            usage_to_hide,
        })
    }
}
