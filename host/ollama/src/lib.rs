//! The Ollama protocol, exactly. Bytes in, bytes out: no I/O happens here.

mod refusal;
pub mod response;

pub use refusal::Refusal;
