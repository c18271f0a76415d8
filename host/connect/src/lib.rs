//! A local end of a gateway: it stands on a user's own machine where Ollama would stand, and adds
//! the user's credential to what programs there ask.
//!
//! Programs that can be given nothing but an address, or not even that, reach the gateway through
//! it without a setting. A request passes these steps:
//!
//! 1. `peer`: the connection comes from a process of the same user, where the system tells.
//! 2. `admission`: the request names this machine, no foreign web page makes it, and its path is
//!    one of Ollama's.
//! 3. `credential`: the key, token or certificate of now, from files that may change.
//! 4. `headers`, `upstream`: placeholders that programs send are dropped, the credential is added,
//!    and bodies are streamed both ways as they are.
//! 5. `failure`: what goes wrong is answered in the caller's dialect, with what to do.
//!
//! Whoever reaches it is answered with the user's rights, so it listens on loopback addresses only.

mod admission;
mod answer;
mod blocking;
mod condition;
mod config;
mod connector;
mod credential;
mod failure;
mod gateway_url;
mod headers;
mod linger;
mod peer;
mod private_file;
mod relay;
mod renewal;
mod server;
mod tls;
mod token;
mod upstream;

pub use config::{BearerSource, CertificateFiles, Config, DEFAULT_ADDRESS, OriginMatcher};
pub use credential::CredentialError;
pub use gateway_url::{GatewayUrl, InvalidGatewayUrl};
pub use private_file::FileError;
pub use server::{Connect, StartError};
pub use tls::TlsError;
