//! Writes the contract into a core module, for compilers that know nothing of components.

use std::collections::BTreeMap;
use std::fmt;

use wasmparser::{ExternalKind, Parser, Payload, ValType, Validator, WasmFeatures};
use wit_component::StringEncoding;
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{
    ManglingAndAbi, Resolve, WasmExport, WasmExportKind, WorldId, WorldItem, WorldKey,
};

use crate::contract::{CONTRACT_TEXT, newest};
use crate::scan::{self, Kind};
use crate::{LoadError, check_module};

const WORLD: &str = "stockade-policy";
/// The custom section with the contract, also as `component-type:…`.
const SECTION: &str = "component-type";
const MEMORY: &str = "memory";
const REALLOC: &str = "cabi_realloc";

/// The reason why the contract cannot be written into a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// It is a component, and needs nothing.
    #[error("this is a component, which has the contract in it; the gateway takes it as it is")]
    Component,
    /// It has a contract already.
    #[error(
        "this module has a contract in it (its custom section `{0}`); the gateway takes it as it is"
    )]
    HasContract(String),
    /// It lacks exports that the contract asks for.
    #[error("this module is no policy yet: {}", .0.join("; "))]
    Exports(Vec<String>),
    /// The contract file of this program cannot be used, which is a fault of ours.
    #[error("the contract cannot be written: {0}")]
    Contract(String),
    /// The gateway would refuse the module.
    #[error(transparent)]
    Refused(#[from] LoadError),
}

/// Returns a core module with the newest contract in it.
///
/// # Errors
/// It is no core module, has a contract, or lacks what the contract asks for.
pub fn embed_contract(module: &[u8]) -> Result<Vec<u8>, EmbedError> {
    if scan::kind_of(module)? == Kind::Component {
        return Err(EmbedError::Component);
    }
    let exports = Exports::of(module).map_err(|error| scan::malformed(&error))?;
    if let Some(section) = contract_section(module) {
        return Err(EmbedError::HasContract(section));
    }
    let (resolve, world) = contract().map_err(|error| EmbedError::Contract(error.to_string()))?;
    let wrong = exports.problems(&wanted(&resolve, world));
    if !wrong.is_empty() {
        return Err(EmbedError::Exports(wrong));
    }
    let mut module = module.to_vec();
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .map_err(|error| EmbedError::Contract(format!("{error:#}")))?;
    check_module(&module)?;
    // The encoder compares the imports with the contract.
    wit_component::ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(false).encode())
        .map_err(|error| LoadError::NotAPolicy(format!("{error:#}")))?;
    Ok(module)
}

/// Returns the name of the custom section with a contract, if a core module has one.
pub(crate) fn contract_section(module: &[u8]) -> Option<String> {
    let payloads = Parser::new(0).parse_all(module).map_while(Result::ok);
    let mut names = payloads.filter_map(|payload| match payload {
        Payload::CustomSection(section) => Some(section.name().to_owned()),
        _ => None,
    });
    names.find(|name| name.starts_with(SECTION))
}

fn contract() -> anyhow::Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("policy.wit", CONTRACT_TEXT)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    Ok((resolve, world))
}

/// The type of a function of a core module.
#[derive(Debug, PartialEq, Eq)]
struct Signature {
    parameters: Vec<ValType>,
    results: Vec<ValType>,
}

impl Signature {
    fn of(signature: &WasmSignature) -> Self {
        let types = |types: &[WasmType]| types.iter().copied().map(value_type).collect();
        Self { parameters: types(&signature.params), results: types(&signature.results) }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |types: &[ValType]| {
            types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        match &*self.results {
            [] => write!(f, "({}) -> nothing", listed(&self.parameters)),
            results => write!(f, "({}) -> {}", listed(&self.parameters), listed(results)),
        }
    }
}

/// Pointers and lengths are numbers of 32 bits in a module of wasm32.
const fn value_type(ty: WasmType) -> ValType {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    }
}

/// The functions that a module has to export.
fn wanted(resolve: &Resolve, world: WorldId) -> Vec<(String, Signature)> {
    let realloc = Signature { parameters: vec![ValType::I32; 4], results: vec![ValType::I32] };
    let mut wanted = vec![(REALLOC.to_owned(), realloc)];
    for (key, item) in &resolve.worlds[world].exports {
        if let WorldItem::Interface { id, .. } = item {
            for function in resolve.interfaces[*id].functions.values() {
                let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
                let export = WasmExport::Func {
                    interface: Some(key as &WorldKey),
                    func: function,
                    kind: WasmExportKind::Normal,
                };
                let mangling = ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync);
                let name = resolve.wasm_export_name(mangling, export);
                wanted.push((name, Signature::of(&signature)));
            }
        }
    }
    wanted
}

/// The parts of a module that the contract is about.
struct Exports {
    functions: BTreeMap<String, Signature>,
    has_memory: bool,
}

impl Exports {
    fn of(module: &[u8]) -> wasmparser::Result<Self> {
        let types = Validator::new_with_features(WasmFeatures::default()).validate_all(module)?;
        let mut found = Self { functions: BTreeMap::new(), has_memory: false };
        for payload in Parser::new(0).parse_all(module) {
            let Payload::ExportSection(exports) = payload? else { continue };
            for export in exports {
                let export = export?;
                match export.kind {
                    ExternalKind::Memory => found.has_memory |= export.name == MEMORY,
                    ExternalKind::Func => {
                        let id = types.as_ref().core_function_at(export.index);
                        let ty = types[id].unwrap_func();
                        let (parameters, results) = (ty.params().to_vec(), ty.results().to_vec());
                        let signature = Signature { parameters, results };
                        found.functions.insert(export.name.to_owned(), signature);
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// Says of each export that is missing or another what it has to be.
    fn problems(&self, wanted: &[(String, Signature)]) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.has_memory {
            problems.push(format!("it has to export its memory as `{MEMORY}`"));
        }
        for (name, signature) in wanted {
            match self.functions.get(name) {
                None => problems.push(format!("it has to export `{name}`, {signature}")),
                Some(found) if found != signature => problems
                    .push(format!("`{name}` has to be {signature}, and the module's is {found}")),
                Some(_) => {}
            }
        }
        if !problems.is_empty() && self.exports_another_version() {
            problems.push(format!("this Stockade writes version {} of the contract", newest()));
        }
        problems
    }

    fn exports_another_version(&self) -> bool {
        let prefix = "stockade:policy/policy@";
        let versions = self.functions.keys().filter_map(|name| name.strip_prefix(prefix));
        versions.filter_map(|rest| rest.split_once('#')).any(|(version, _)| version != newest())
    }
}

#[cfg(test)]
mod tests {
    use super::embed_contract;
    use crate::check_module;

    const GOOD: &str = r#"(module
        (import "stockade:policy/log@1.0.0" "write" (func (param i32 i64 i32 i32)))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "stockade:policy/policy@1.0.0#describe") (result i32) unreachable)
        (func (export "stockade:policy/policy@1.0.0#configure")
            (param i32 i32) (result i32) unreachable)
        (func (export "stockade:policy/policy@1.0.0#evaluate") (param i32) (result i32) unreachable))"#;

    fn embed(text: &str) -> Result<Vec<u8>, String> {
        embed_contract(&wat::parse_str(text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_module_with_the_contract_is_taken_and_not_written_again() {
        let module = embed(GOOD).unwrap();
        check_module(&module).unwrap();
        let again = embed_contract(&module).unwrap_err().to_string();
        assert!(again.contains("has a contract in it") && again.contains("component-type"));
    }

    #[test]
    fn what_is_missing_is_named_with_its_signature() {
        for (found, instead, message) in [
            ("#evaluate", "#judge", "export `stockade:policy/policy@1.0.0#evaluate`, (i32) -> i32"),
            ("cabi_realloc", "alloc", "export `cabi_realloc`, (i32, i32, i32, i32) -> i32"),
            ("(export \"memory\")", "", "export its memory as `memory`"),
            (
                "(param i32 i32) (result i32)",
                "(param i32 i64)",
                "#configure` has to be (i32, i32) -> i32, and the module's is \
                 (i32, i64) -> nothing",
            ),
            ("policy/policy@1.0.0", "policy/policy@0.9.0", "writes version 1.0.0 of the contract"),
            ("log@1.0.0\" \"write", "log@1.0.0\" \"print", "print"),
            ("stockade:policy/log@1.0.0", "wasi_snapshot_preview1", "no clock, no randomness"),
            ("i32 i64 i32 i32", "i32 i32", "write"),
        ] {
            assert!(GOOD.contains(found), "{found}");
            let error = embed(&GOOD.replace(found, instead)).unwrap_err();
            assert!(error.contains(message), "{message}: {error}");
        }
    }

    #[test]
    fn what_is_no_core_module_is_called_what_it_is() {
        assert!(embed("(component)").unwrap_err().contains("this is a component"));
        let error = embed_contract(b"(module)").unwrap_err().to_string();
        assert!(error.contains("WebAssembly as text"), "{error}");
        assert!(embed_contract(b"\0asm\x01\0\0\0\x07").is_err());
    }
}
