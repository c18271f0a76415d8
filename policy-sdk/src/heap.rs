//! The heap of a policy in the sandbox.
//!
//! All of a policy's memory is put back after each decision, so what counts is how little of it
//! there is. The heap begins where the constants end, in the middle of a page, has nothing at its
//! end, and keeps no headers. What is freed is used again, since reading settings leaves much
//! behind; it is not joined, because an instance answers once.

#[cfg(any(target_family = "wasm", test))]
mod blocks;

#[cfg(target_family = "wasm")]
mod memory;

#[cfg(target_family = "wasm")]
pub use memory::Heap;

#[cfg(test)]
mod tests;
