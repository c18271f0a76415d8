use std::borrow::Cow;

use super::{Kind, Scanned, scan};
use stockade_core::LARGEST_MODULE;

use crate::LoadError;

const MEMORY: usize = 16 << 20;

const EXPORT: &str = r#"(func (export "stockade:policy/policy@1.0.0#evaluate"))"#;

fn scan_text(wat: &str) -> Result<Scanned, LoadError> {
    scan(&wat::parse_str(wat).unwrap(), MEMORY)
}

/// A policy-like module with something more in it.
fn with(more: &str) -> Result<Scanned, LoadError> {
    scan_text(&format!("(module {more} {EXPORT})"))
}

fn too_large(result: Result<Scanned, LoadError>) -> Cow<'static, str> {
    match result {
        Err(LoadError::TooLarge { what, actual, limit, .. }) => {
            assert!(actual > limit);
            what
        }
        other => panic!("{other:?}"),
    }
}

fn bomb(blocks: usize, locals: usize) -> String {
    let body = "(block ".repeat(blocks) + &")".repeat(blocks);
    let locals = "i32 ".repeat(locals);
    format!("(func (local {locals}) {body})")
}

#[test]
fn a_small_module_and_its_component_pass() {
    let scanned = with(r#"(import "stockade:policy/log@1.0.0" "write" (func))"#).unwrap();
    assert_eq!((scanned.kind, scanned.contract), (Kind::CoreModule, "1.0.0"));
    assert_eq!(scanned.imports, ["stockade:policy/log@1.0.0::write"]);
    with(&bomb(100, 100)).unwrap();
}

#[test]
fn blocks_times_locals_are_bounded_for_one_function_and_for_all() {
    assert_eq!(too_large(with(&bomb(5_000, 1_000))), "blocks × locals in one function");
    let many = bomb(1_000, 1_000).repeat(9);
    assert_eq!(too_large(with(&many)), "blocks × locals in all functions");
}

#[test]
fn parameters_and_jump_tables_count_like_locals_and_blocks() {
    let parameters = "i32 ".repeat(900);
    let blocks = "(block)".repeat(3_000);
    let function = format!("(func (param {parameters}) {blocks})");
    assert_eq!(too_large(with(&function)), "blocks × locals in one function");

    let targets = "0 ".repeat(20_000);
    let locals = "i32 ".repeat(200);
    let table = format!("(func (local {locals}) (block (br_table {targets} (i32.const 0))))");
    assert_eq!(too_large(with(&table)), "blocks × locals in one function");
}

#[test]
fn sizes_and_counts_are_bounded() {
    let cases = [
        ("(func (local i64) nop)".repeat(20_001), "functions"),
        (format!("(func {})", "nop ".repeat(300_000)), "bytes in one function"),
        ("(global i32 (i32.const 0))".repeat(1_001), "globals"),
        ("(memory 257)".to_owned(), "pages (64 KiB) of memory to begin with"),
        ("(table 10001 funcref)".to_owned(), "entries of a table"),
        ("(table 1 funcref) (table 1 funcref)".to_owned(), "tables"),
        (format!("(memory 1) {}", "(data (i32.const 0) \"x\")".repeat(10_001)), "data segments"),
        (exports(1_001), "exports"),
    ];
    for (module, expected) in cases {
        assert_eq!(too_large(with(&module)), expected);
    }
    let mut huge = b"\0asm\x01\0\0\0".to_vec();
    huge.resize((4 << 20) + 1, 0);
    assert_eq!(too_large(scan(&huge, MEMORY)), "bytes");
}

#[test]
fn parts_of_components_that_policies_do_not_have_are_refused() {
    let cases = [(
        "(component (type $r (resource (rep i32))) (core func (canon resource.drop $r)))",
        "resources",
    )];
    for (component, expected) in cases {
        match scan_text(component) {
            Err(LoadError::Unsupported(what)) => assert!(what.contains(expected), "{what}"),
            other => panic!("{component}: {other:?}"),
        }
    }
}

#[test]
fn components_of_other_components_are_refused_with_what_to_do() {
    for component in
        ["(component (component (core module)))", "(component (component (component)))"]
    {
        let error = scan_text(component).unwrap_err().to_string();
        assert!(error.contains("other components inside"), "{error}");
        assert!(error.contains("JavaScript and Python") && error.contains("Rust, C or Zig"));
    }
    // One level without modules is how the encoder names types.
    let error = scan_text("(component (component))").unwrap_err().to_string();
    assert!(error.contains("does not export"), "{error}");

    let modules = "(core module)".repeat(4);
    let error = scan_text(&format!("(component {modules})")).unwrap_err().to_string();
    assert!(error.contains("4 core modules") && error.contains("an interpreter inside"), "{error}");
    let mut huge = wat::parse_str("(component)").unwrap();
    huge.resize(usize::try_from(LARGEST_MODULE).unwrap() + 1, 0);
    let error = scan(&huge, MEMORY).unwrap_err().to_string();
    assert!(error.contains("bytes") && error.contains("an interpreter inside"), "{error}");
}

#[test]
fn text_in_another_encoding_is_refused() {
    let component = r#"(component
        (core module $m (memory (export "m") 1)
          (func (export "f") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func (result string)
          (canon lift (core func $i "f") (memory $i "m") string-encoding=utf16)))"#;
    match scan_text(component) {
        Err(LoadError::Unsupported(what)) => assert!(what.contains("UTF-8"), "{what}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn exceptions_are_refused() {
    match with("(tag)") {
        Err(LoadError::Unsupported(what)) => assert!(what.contains("exceptions"), "{what}"),
        other => panic!("{other:?}"),
    }
}

fn exports(count: usize) -> String {
    let exports: Vec<String> = (0..count).map(|n| format!("(func (export \"f{n}\"))")).collect();
    exports.concat()
}

#[test]
fn a_debug_build_is_told_to_be_built_for_release() {
    let mut module = wat::parse_str(format!("(module {EXPORT})")).unwrap();
    // A custom section with a name and no content.
    module.extend([0, 12, 11]);
    module.extend(b".debug_info");
    assert!(scan(&module, MEMORY).is_ok());
    let text = |module: &[u8]| scan(module, MEMORY).unwrap_err().to_string();
    let large = usize::try_from(LARGEST_MODULE).unwrap() + 1;
    module.resize(large, 0);
    assert!(text(&module).contains("--release"), "{}", text(&module));
    let mut plain = b"\0asm\x01\0\0\0".to_vec();
    plain.resize(large, 0);
    assert!(!text(&plain).contains("--release"), "{}", text(&plain));
}

#[test]
fn a_forgotten_attribute_is_named() {
    let error = scan_text("(module (memory (export \"memory\") 1))").unwrap_err().to_string();
    assert!(error.contains("`#[policy]`") && error.contains("does not export"), "{error}");
}
