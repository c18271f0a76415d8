//! The response side of the protocol: what the gateway answers itself, and what it
//! reads, filters and counts in what Ollama answers. Bytes in, bytes out.

mod error;
mod headers;
mod installed;
mod json;
mod list;
mod meter;
mod sse;
mod usage_chunk;

pub use error::{ERROR_CONTENT_TYPE, error_body, error_event, is_busy};
pub use headers::{
    BodyChange, EncodedResponse, RequestContent, is_named_by_connection, response_headers,
    upstream_request_headers,
};
pub use installed::{InstalledModel, LoadedModel, installed_models, loaded_models};
pub use list::{ListKind, ListedModel, ModelList, UnreadableList};
pub use meter::{Ending, Framing, Measurement, Meter, TokenUsage};
pub use usage_chunk::UsageChunkFilter;
