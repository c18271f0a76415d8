//! The Rust that is generated from `wit/policy.wit`.

#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the canonical ABI sends no capacity"
)]

wit_bindgen::generate!({
    path: "wit",
    world: "stockade-policy",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "stockade_policy_sdk::bindings",
    additional_derives: [PartialEq],
});
