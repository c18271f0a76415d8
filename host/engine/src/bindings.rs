//! Rust types for `policy-sdk/wit/policy.wit`, generated. What goes to a guest is
//! borrowed, what comes from it is owned.

wasmtime::component::bindgen!({
    path: "../../policy-sdk/wit",
    world: "stockade-policy",
    ownership: Borrowing { duplicate_if_necessary: true },
});
