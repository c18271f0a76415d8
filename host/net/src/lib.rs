//! TLS, and the HTTP client by which the gateway asks for what it needs.

mod client;
pub mod tls;

pub use client::{Endpoint, FetchError, get, post};
pub use tls::Tls;
