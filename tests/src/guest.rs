//! Guests from WebAssembly text, made as `wasm-tools parse` and `wasm-tools component embed`
//! make them.

use wit_component::StringEncoding;
use wit_parser::Resolve;

const CONTRACT: &str = include_str!("../../policy-sdk/wit/policy.wit");

/// A core module with the contract in its custom section, in this version of it.
pub fn from_text(text: &str, version: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text.replace("@1.0.0", &format!("@{version}"))).unwrap();
    let mut resolve = Resolve::default();
    let contract = CONTRACT.replace("@1.0.0", &format!("@{version}"));
    let package = resolve.push_str("policy.wit", &contract).unwrap();
    let world = resolve.select_world(&[package], Some("stockade-policy")).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .unwrap();
    module
}
