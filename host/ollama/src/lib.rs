//! The Ollama protocol, exactly. Bytes in, bytes out: no I/O happens here.
//!
//! A request becomes one that has a single meaning, or a [`Refusal`]:
//!
//! 1. [`route()`] finds the [`Route`] of a [`RequestHead`] in the one table of [`ROUTES`].
//! 2. [`Routed::read`] (or [`Routed::streamed`], for a blob) reads the body strictly and
//!    gives a [`CanonicalRequest`]: operation, models, parameters,
//!    [content](CanonicalRequest::content). That is what policies judge.
//! 3. [`CanonicalRequest::change`] makes it another one where a policy wants that, to be judged
//!    again.
//! 4. [`CanonicalRequest::write`] meets the policies' obligations and writes what is sent
//!    to Ollama: not the caller's bytes, but the same request in one form.
//!
//! ```
//! use http::{HeaderMap, HeaderValue, Method, Uri, Version};
//! use stockade_core::{Obligations, Operation, Subject};
//! use stockade_ollama::{ReadLimits, RequestHead, UpstreamBody, WriteOptions, route};
//!
//! # fn main() -> Result<(), stockade_ollama::Refusal> {
//! let mut headers = HeaderMap::new();
//! headers.insert("host", HeaderValue::from_static("localhost:11434"));
//! let head = RequestHead {
//!     method: &Method::POST,
//!     uri: &Uri::from_static("/api/generate"),
//!     headers: &headers,
//!     version: Version::HTTP_11,
//! };
//! let routed = route(&head)?;
//! let body = r#"{"prompt": "Why?", "model": "LLAMA3.2", "options": {"num_ctx": 4096}}"#;
//! let request = routed.read(body.into(), &ReadLimits::default())?;
//!
//! assert_eq!(request.operation(), Operation::Generate);
//! assert_eq!(request.models()[0].name.short(), "llama3.2:latest");
//! assert_eq!(request.parameters().context, Some(4096));
//!
//! let upstream = request.write(&Obligations::default(), &WriteOptions::default())?;
//! assert_eq!(upstream.path, "/api/generate");
//! let canonical = r#"{"model":"LLAMA3.2:latest","prompt":"Why?","options":{"num_ctx": 4096}}"#;
//! assert_eq!(upstream.body, UpstreamBody::Json(canonical.into()));
//! # Ok(())
//! # }
//! ```
//!
//! The way back is in [`response`].

mod head;
mod json;
pub mod page;
mod refusal;
mod request;
pub mod response;
mod route;
mod routing;
mod shape;
mod work;

pub use head::{
    BadHead, BodyFraming, Head, HeadScanner, LONGEST_HEAD, method_of_head, path_of_head,
};
pub use json::ReadLimits;
pub use refusal::Refusal;
pub use request::{
    CanonicalRequest, MOST_DIGESTS, MOST_IMAGES, MOST_OBJECTS, MOST_TOOLS, UpstreamBody,
    UpstreamRequest, WriteOptions, several_models,
};
pub use route::{
    BodyKind, Parameter, Path, ROUTES, ResponseKind, Route, dialect_of_path, reference_markdown,
    shown_path,
};
pub use routing::{RequestHead, Routed, route};
pub use shape::{Field, Kind, Shape};
