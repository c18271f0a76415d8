//! The sandbox in which policies decide.
//!
//! A policy is a WebAssembly component that implements `policy-sdk/wit/policy.wit`.
//! [`Engine::prepare`] checks and compiles it together with the settings of its
//! bindings; [`PreparedPolicy::evaluate`] judges a request in a fresh instance, within
//! bounds of time, memory and stack that [`Engine::self_test`] proves to hold.
//!
//! Nothing else in Stockade knows wasmtime.

mod answer;
mod artifact;
mod artifact_cache;
mod bindings;
mod breaker;
mod chunk;
mod code;
mod compile_cache;
mod compiler;
mod compiler_process;
mod config;
mod contract;
mod embed;
mod engine;
mod error;
mod failure;
mod guest_log;
mod guest_text;
mod heap;
mod input;
mod inputs;
mod limiter;
mod limits;
mod metadata;
mod meter;
mod module;
mod policy;
mod processor;
mod runtime;
mod sandbox;
mod scan;
mod self_test;

mod ticker;

pub use artifact_cache::Artifacts;
pub use compiler::{ServeError, serve_compiler};
pub use compiler_process::{Compiler, CompilerProcess};
pub use config::EngineConfig;
pub use contract::{CONTRACT_TEXT, CONTRACTS};
pub use embed::{EmbedError, embed_contract};
pub use engine::Engine;
pub use error::{EngineError, LoadError, SettingsProblem};
pub use failure::Failure;
pub use heap::give_memory_back;
pub use inputs::{Inputs, UnknownInput};
pub use limits::PolicyLimits;
pub use metadata::Metadata;
pub use meter::{Meter, MeterError, Metered};
pub use module::{Digest, InvalidDigest, ModuleSource, check_module};
pub use policy::{Holds, Judgement, PreparedPolicy};
