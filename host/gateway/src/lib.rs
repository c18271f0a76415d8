//! The way of a request: a listener takes it, the gateway identifies the caller, classifies
//! the request, decides, forwards and records it.
//!
//! [`Server`] is the whole: sockets, reload and shutdown in one object.

mod admit;
mod audit;
mod body;
mod bounded;
mod classify;
mod connection;
mod context;
mod cors;
mod decide;
mod forward;
mod gateway;
mod identify;
mod me;
mod metering;
mod own;
mod record;
mod refused;
pub mod resources;
mod server;
mod surplus;
mod token;

pub use audit::Audit;
pub use decide::catalogue::{CatalogueStatus, Snapshot, UpstreamCatalogue};
pub use metering::{LEDGER, Metering};
pub use server::{Server, StartError, proven_engine};
