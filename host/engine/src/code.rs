//! Machine code that a compiler of ours has made, taken as what it is.

#![expect(unsafe_code, reason = "wasmtime cannot tell whose code it is given; this module knows")]

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// A component, given its machine code.
pub(crate) fn component(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the code comes from `compiler::CompilerBackend`: from wasmtime in this process, or from the
    // same program in a process that this one started, over a socket that nobody else has. It
    // is never read from a file. wasmtime refuses code of another version or other settings.
    unsafe { Component::deserialize(engine, code) }
}

/// A core module, given its machine code.
pub(crate) fn module(engine: &Engine, code: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: as above.
    unsafe { Module::deserialize(engine, code) }
}
