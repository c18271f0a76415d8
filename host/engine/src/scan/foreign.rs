//! The kind of a file that is no WebAssembly, for the operator who named it.

use super::{BYTES, CORE_MODULES};
use crate::LoadError;

/// The beginning of a file, and the kind that it tells.
const BEGINNINGS: [(&[u8], &str); 13] = [
    (b"\x7fELF", "a program or library of Linux (ELF)"),
    (b"MZ", "a program or library of Windows (PE)"),
    (b"\xcf\xfa\xed\xfe", "a program or library of macOS (Mach-O)"),
    (b"!<arch>\n", "a static library (ar)"),
    (b"\x1f\x8b", "compressed with gzip; unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it"),
    (b"\xfd7zXZ", "compressed with xz; unpack it"),
    (b"PK\x03\x04", "a ZIP archive; unpack it"),
    (b"BC\xc0\xde", "LLVM bitcode"),
    (b"version https://git-lfs", "a pointer of Git LFS; fetch the file itself with `git lfs pull`"),
    (b"#!", "a script"),
    (b"-----BEGIN ", "a file in PEM, such as a key or a certificate"),
    (b"%PDF", "a PDF"),
];

/// Tells what the bytes are, without quoting them. Nothing for what begins like WebAssembly.
pub(super) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    match what(bytes) {
        None => Ok(()),
        Some(what) => Err(LoadError::NotWebAssembly(what.to_owned())),
    }
}

fn what(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\0asm") {
        return None;
    }
    if bytes.is_empty() {
        return Some("empty");
    }
    if b"\0asm".starts_with(bytes) || bytes.iter().all(|byte| *byte == 0) {
        return Some("cut off, or not written to its end");
    }
    let known = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning));
    Some(known.map_or_else(|| text(bytes), |(_, what)| what))
}

fn text(bytes: &[u8]) -> &'static str {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return "data of a kind that is not known here";
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let begins = |beginning: &str| {
        let start = text.get(..beginning.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    if begins("(module") || begins("(component") {
        "WebAssembly as text; assemble it with `wasm-tools parse`"
    } else if begins("<!doctype html") || begins("<html") {
        "a web page; what was downloaded is not the module"
    } else if begins("{") || begins("[") {
        "JSON, or text like it"
    } else if begins("#![") || begins("use ") || begins("//!") {
        "source text; build it with `stockade policy build`"
    } else if text.contains('\0') {
        "data of a kind that is not known here"
    } else {
        "text"
    }
}

/// The names of the sections of debug information in a module.
const DEBUG_SECTION: &[u8] = b".debug_info";

/// The beginning of a component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Says of what is too large whether it was built without optimization, or around an interpreter.
pub(super) fn explained(error: LoadError, bytes: &[u8]) -> LoadError {
    match error {
        LoadError::TooLarge { what, actual, limit, .. } => {
            let debug = bytes.windows(DEBUG_SECTION.len()).any(|window| window == DEBUG_SECTION);
            let component = bytes.starts_with(COMPONENT) && [BYTES, CORE_MODULES].contains(&&*what);
            LoadError::TooLarge { what, actual, limit, debug, component }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_what_they_are() {
        let cases: [(&[u8], &str); 16] = [
            (b"", "empty"),
            (b"\0as", "cut off"),
            (&[0; 4096], "cut off"),
            (b"\x7fELF\x02\x01\x01", "ELF"),
            (b"MZ\x90\0", "Windows"),
            (b"!<arch>\nlib.rmeta", "static library"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"PK\x03\x04", "ZIP"),
            (b"{\"a\": 1}", "JSON"),
            (b"\xef\xbb\xbf [1]", "JSON"),
            (b"(module)", "wasm-tools parse"),
            (b"<!DOCTYPE html>", "web page"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"#!/bin/sh\n", "script"),
            (b"hello", "text"),
            (b"\xff\xfe\0\x01", "not known"),
        ];
        for (bytes, part) in cases {
            let error = check(bytes).unwrap_err().to_string();
            assert!(error.contains(part), "{part}: {error}");
            assert!(!error.contains(|c: char| c.is_control() || c == '\u{fffd}'), "{error}");
        }
        assert!(check(b"\0asm\x01\0\0\0").is_ok());
    }
}
