//! Machine code that a compiler of ours has made, taken as what it is.

#![expect(unsafe_code, reason = "wasmtime cannot tell whose code it is given; this module knows")]

use crate::LoadError;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// The end of the text of an error that forbids what this module does.
const FORBIDDEN: [&str; 2] = ["(os error 1)", "(os error 13)"];

/// The reason why machine code is not taken, if it is that memory may not become executable.
pub(crate) fn forbidden(error: &wasmtime::Error) -> Option<String> {
    let text = format!("{error:#}");
    FORBIDDEN.iter().any(|end| text.ends_with(end)).then(|| {
        format!(
            "the system forbids to make machine code executable ({text}); a systemd unit does that \
             with `MemoryDenyWriteExecute=yes`: leave it out for this service; SELinux does it \
             without `execmem`"
        )
    })
}

/// The reason why a policy cannot be compiled, as wasmtime says it.
pub(crate) fn not_compiled(error: &wasmtime::Error) -> LoadError {
    LoadError::Compile(forbidden(error).unwrap_or_else(|| format!("{error:#}")))
}

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
