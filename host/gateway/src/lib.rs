//! The way of a request: a listener takes it, the gateway identifies the caller, classifies
//! the request, decides, forwards and records it.
//!
//! [`Server`] is the whole: sockets, reload and shutdown in one object.

mod acceptor;
mod answer;
mod body;
mod bounded;
mod catalogue;
mod certificate;
mod classify;
mod connections;
mod consequences;
mod context;
mod cors;
mod cross_site;
mod decide;
mod forward;
mod gateway;
mod guard;
mod identify;
mod link;
mod list;
mod listener;
mod memory;
mod passwords;
mod path_key;
mod patience;
mod pause;
mod proxy_protocol;
mod readers;
mod record;
mod refused;
pub mod resources;
mod seat;
mod seated;
mod server;
mod strangers;
mod surplus;
mod tenure;
mod throttled;
mod token;
mod upstream;

pub use server::{Server, StartError, proven_engine};
