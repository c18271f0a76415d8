//! The simulator as its callers see it, over TCP.

mod control;
mod library;
mod routes;
mod streams;
mod support;
