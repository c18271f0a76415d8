//! Changes how a core module hands its log lines to the host: in pieces of eight bytes
//! instead of as text in its memory.
//!
//! To pass text, a component needs the module's memory before the module exists, and so gets
//! two more modules and a table that close the circle. They would be instantiated for every
//! decision, and hardly any decision logs: without them a decision takes a fifth less.
//! A log line takes some host calls more.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, CustomSection, EntityType, Function, FunctionSection, ImportSection,
    MemArg, Module, TypeSection, ValType,
};
use wasmparser::{FuncType, Parser, Payload, TypeRef};
use wit_component::StringEncoding;
use wit_component::metadata::{self, Bindgen};
use wit_parser::{WorldItem, WorldKey};

use super::sections::is_function;
use crate::LoadError;

/// The interface that a changed module imports, and its only function.
pub(crate) const INTERFACE: &str = "stockade:host/log";
pub(crate) const PIECE: &str = "piece";
/// The most that `count` may be.
pub(crate) const LONGEST_PIECE: usize = 8;

/// `left` is how many bytes of the line come after this piece.
const CONTRACT: &str = "package stockade:host; interface log { \
                        piece: func(level: u32, left: u32, bytes: u64, count: u32); }";
const LOG: &str = "stockade:policy/log@";
const WRITE: &str = "write";

type Encoded<T = ()> = Result<T, Error<Infallible>>;

/// The module, changed; nothing, where it has no log or is not as wit-bindgen makes it.
pub(super) fn in_pieces(module: &[u8]) -> Result<Option<Vec<u8>>, LoadError> {
    let not = |text: String| LoadError::NotAPolicy(text);
    let (stripped, world) = metadata::decode(module).map_err(|error| not(format!("{error:#}")))?;
    let (Some(stripped), Some(contract)) = (stripped, contract(world)?) else { return Ok(None) };
    let Some(mut change) = Change::of(&stripped).map_err(|error| not(error.to_string()))? else {
        return Ok(None);
    };
    let mut changed = Module::new();
    change
        .parse_core_module(&mut changed, Parser::new(0), &stripped)
        .map_err(|error| not(reason(&error)))?;
    changed.section(&CustomSection { name: "component-type".into(), data: contract.into() });
    Ok(Some(changed.finish()))
}

/// Returns the mistake, which the error itself keeps to its source.
fn reason(error: &Error<Infallible>) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The contract of the module, for a log in pieces.
fn contract(world: Bindgen) -> Result<Option<Vec<u8>>, LoadError> {
    let not = |error: &dyn std::fmt::Display| LoadError::NotAPolicy(format!("{error:#}"));
    let Bindgen { mut resolve, world, metadata, .. } = world;
    let is_utf8 = |key: &WorldKey, item: &WorldItem| {
        let WorldItem::Interface { id, .. } = item else { return false };
        let mut functions = resolve.interfaces[*id].functions.keys();
        functions.all(|name| {
            metadata.export_encodings.get(&resolve, key, name) == Some(StringEncoding::UTF8)
        })
    };
    let exports = &resolve.worlds[world].exports;
    let Some(key) = resolve.worlds[world].imports.keys().find(|key| {
        matches!(key, WorldKey::Interface(_)) && resolve.name_world_key(key).starts_with(LOG)
    }) else {
        return Ok(None);
    };
    if !exports.iter().all(|(key, item)| is_utf8(key, item)) {
        return Ok(None);
    }
    let key = key.clone();
    let package = resolve.push_source("host.wit", CONTRACT).map_err(|error| not(&error))?;
    let Some(&interface) = resolve.packages[package].interfaces.values().next() else {
        return Ok(None);
    };
    let imports = &mut resolve.worlds[world].imports;
    let Some(mut item) = imports.shift_remove(&key) else { return Ok(None) };
    if let WorldItem::Interface { id, .. } = &mut item {
        *id = interface;
    }
    imports.insert(WorldKey::Interface(interface), item);
    let encoded = metadata::encode(&resolve, world, StringEncoding::UTF8, None);
    encoded.map(Some).map_err(|error| not(&error))
}

/// The change in a module: one import and all calls of it.
struct Change {
    /// The index of the import.
    write: u32,
    /// That of the function that takes its place, behind all others.
    instead: u32,
    /// That of the first new type.
    types: u32,
}

impl Change {
    fn of(module: &[u8]) -> wasmparser::Result<Option<Self>> {
        let (mut types, mut functions, mut write) = (Vec::new(), 0, None);
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        types.extend(group?.into_types());
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        let is_write = import.module.starts_with(LOG) && import.name == WRITE;
                        if let (TypeRef::Func(kind), true) = (import.ty, is_write) {
                            if write.is_some() {
                                return Ok(None);
                            }
                            write = Some((functions, kind));
                        }
                        functions += u32::from(is_function(&import.ty));
                    }
                }
                Payload::FunctionSection(section) => functions += section.count(),
                _ => {}
            }
        }
        let is_text = |kind: u32| {
            let kind = types.get(kind as usize).map(|kind| &kind.composite_type.inner);
            let text = FuncType::new([wasmparser::ValType::I32; 3], []);
            matches!(kind, Some(wasmparser::CompositeInnerType::Func(kind)) if *kind == text)
        };
        Ok(write.filter(|(_, kind)| is_text(*kind)).map(|(write, _)| Self {
            write,
            instead: functions,
            types: u32::try_from(types.len()).unwrap_or(u32::MAX),
        }))
    }

    /// `write` in terms of `piece`: (level, start, length).
    fn instead(&self) -> Function {
        let (level, start, length) = (0, 1, 2);
        let at = MemArg { offset: 0, align: 0, memory_index: 0 };
        let mut function = Function::new([]);
        let mut body = function.instructions();
        // A loop over the text, from its start to its end.
        body.loop_(BlockType::Empty);
        body.local_get(length).i32_const(8).i32_ge_u().if_(BlockType::Empty);
        {
            body.local_get(level).local_get(length).i32_const(8).i32_sub();
            body.local_get(start).i64_load(at).i32_const(8).call(self.write);
            body.local_get(start).i32_const(8).i32_add().local_set(start);
            body.local_get(length).i32_const(8).i32_sub().local_set(length);
        }
        body.else_().local_get(length).if_(BlockType::Empty);
        {
            body.local_get(level).local_get(length).i32_const(1).i32_sub();
            body.local_get(start).i64_load8_u(at).i32_const(1).call(self.write);
            body.local_get(start).i32_const(1).i32_add().local_set(start);
            body.local_get(length).i32_const(1).i32_sub().local_set(length);
        }
        body.else_();
        {
            // A line without text.
            body.local_get(level).i32_const(0).i64_const(0).i32_const(0).call(self.write);
        }
        body.end().end().local_get(length).br_if(0).end().end();
        function
    }
}

impl Reencode for Change {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Encoded<u32> {
        Ok(if function == self.write { self.instead } else { function })
    }

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Encoded {
        if let wasmparser::KnownCustom::Name(names) = section.as_known() {
            // Names are a help, and a policy runs without.
            if let Ok(names) = self.custom_name_section(names) {
                module.section(&names);
            }
            return Ok(());
        }
        utils::parse_custom_section(self, module, section)
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Encoded {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([ValType::I32, ValType::I32, ValType::I64, ValType::I32], []);
        types.ty().function([ValType::I32; 3], []);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Encoded {
        for import in section.into_imports() {
            let import = import?;
            if import.module.starts_with(LOG) && import.name == WRITE {
                imports.import(INTERFACE, PIECE, EntityType::Function(self.types));
            } else {
                utils::parse_import(self, imports, import)?;
            }
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Encoded {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.types + 1);
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Encoded {
        utils::parse_code_section(self, code, section)?;
        code.function(&self.instead());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
