//! The capabilities that a module may ask for before it runs at all.

use stockade_engine::{LoadError, ModuleSource};

use crate::guest::{ENGINE, Guest, limits};

fn refused(source: &ModuleSource) -> LoadError {
    ENGINE.prepare(source, &[], limits()).map(|policy| panic!("accepted: {policy:?}")).unwrap_err()
}

fn text(wat: &str) -> ModuleSource {
    ModuleSource::new("test", wat::parse_str(wat).unwrap())
}

#[test]
fn an_import_outside_of_the_contract_is_refused_by_name() {
    let wasi = Guest::new().declaring(
        r#"(import "wasi_snapshot_preview1" "fd_write"
             (func (param i32 i32 i32 i32) (result i32)))"#,
    );
    match refused(&wasi.source()) {
        LoadError::ForbiddenImport(name) => assert_eq!(name, "wasi_snapshot_preview1::fd_write"),
        other => panic!("{other}"),
    }
    let component = text(
        r#"(component (import "wasi:sockets/tcp@0.2.0" (instance
             (export "now" (func (result u64))))))"#,
    );
    match refused(&component) {
        LoadError::ForbiddenImport(name) => assert_eq!(name, "wasi:sockets/tcp@0.2.0"),
        other => panic!("{other}"),
    }
}

#[test]
fn another_version_of_the_contract_is_named() {
    match refused(&Guest::new().of_contract("2.3.4").source()) {
        LoadError::ContractVersion(version) => assert_eq!(version, "2.3.4"),
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_no_policy_is_told_apart() {
    for source in [text("(module)"), text("(component)")] {
        match refused(&source) {
            LoadError::NotAPolicy(_) => {}
            other => panic!("{other}"),
        }
    }
    for bytes in [&b""[..], b"\0asm", b"#!/bin/sh", b"\0asm\x01\0\0\0\xff\xff"] {
        match refused(&ModuleSource::new("test", bytes)) {
            LoadError::Malformed(_) | LoadError::NotWebAssembly(_) => {}
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_function_that_the_log_does_not_have_is_refused() {
    let guest = Guest::new().declaring(
        r#"(import "stockade:policy/log@1.0.0" "read" (func (param i32) (result i32)))"#,
    );
    let error = refused(&guest.source()).to_string();
    assert!(error.contains("read"), "{error}");
}
