use wasmparser::{Encoding, Payload, Validator};
use wit_component::ComponentEncoder;
use wit_parser::Resolve;

use super::*;

const MODULE: &str = r#"(module
    (import "stockade:policy/log@1.0.0" "write" (func $log (param i32 i32 i32)))
    (table funcref (elem $log))
    (memory (export "memory") 1)
    (func $described (result i32) (i32.const 0))
    (func (export "stockade:policy/policy@1.0.0#describe") (result i32) (i32.const 0))
    (func (export "stockade:policy/policy@1.0.0#configure") (param i32 i32) (result i32)
      (call $log (i32.const 0) (i32.const 0) (i32.const 9)) (call $described))
    (func (export "stockade:policy/policy@1.0.0#evaluate") (param i32) (result i32)
      (i32.const 0))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))"#;

fn module(text: &str, encoding: StringEncoding) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = Resolve::default();
    let contract = include_str!("../../../../../policy-sdk/wit/policy.wit");
    let package = resolve.push_source("policy.wit", contract).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
    module
}

fn core_modules(module: &[u8]) -> usize {
    let mut encoder = ComponentEncoder::default().module(module).unwrap().validate(true);
    let component = encoder.encode().unwrap();
    let is_module = |payload: &wasmparser::Result<Payload<'_>>| {
        matches!(payload, Ok(Payload::Version { encoding: Encoding::Module, .. }))
    };
    Parser::new(0).parse_all(&component).filter(is_module).count()
}

#[test]
fn the_component_of_a_changed_module_is_one_module() {
    let module = module(MODULE, StringEncoding::UTF8);
    assert_eq!(core_modules(&module), 3);
    let changed = in_pieces(&module).unwrap().unwrap();
    Validator::new().validate_all(&changed).unwrap();
    assert_eq!(core_modules(&changed), 1);
}

#[test]
fn what_is_not_as_expected_stays_as_it_is() {
    let silent = MODULE.replace("stockade:policy/log@1.0.0", "somewhere");
    assert!(in_pieces(&module(&silent, StringEncoding::UTF8)).unwrap().is_none());
    // The scan refuses it afterwards.
    assert!(in_pieces(&module(MODULE, StringEncoding::UTF16)).unwrap().is_none());
    assert!(in_pieces(&wat::parse_str(MODULE).unwrap()).unwrap().is_none());
    assert!(in_pieces(b"\0asm").is_err());
}
