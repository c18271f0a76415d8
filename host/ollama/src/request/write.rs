//! A request, written for Ollama.

use bytes::Bytes;
use http::{HeaderValue, Method};
use stockade_core::{ModelName, ModelRole, Obligations};

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
    /// The base of a new model in the spelling under which it is installed. Ollama finds it by
    /// exactly that, and pulls it otherwise. Another model than the judged one counts for nothing.
    pub installed_base: Option<ModelName>,
}

impl CanonicalRequest {
    fn spell_base(&mut self, installed: &ModelName) {
        for model in &mut self.models {
            if model.role == ModelRole::Base && model.name == *installed {
                model.name = installed.clone();
            }
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
        if let Some(installed) = &options.installed_base {
            self.spell_base(installed);
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
