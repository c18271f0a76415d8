//! Modules and components as what they are on disk: a list of sections.

use std::ops::Range;

use wasm_encoder::{Component, ComponentSectionId, Module, RawSection};
use wasmparser::{BinaryReader, BinaryReaderError, TypeRef};

pub(super) type Result<T> = std::result::Result<T, BinaryReaderError>;

pub(super) struct Section {
    pub(super) id: u8,
    pub(super) data: Range<usize>,
}

/// The outermost sections of a module or a component, as they lie there.
pub(super) fn sections(binary: &[u8]) -> Result<Vec<Section>> {
    let header = Module::HEADER.len();
    let mut reader = BinaryReader::new(binary, 0);
    reader.read_bytes(header)?;
    let mut sections = Vec::new();
    while !reader.eof() {
        let id = reader.read_u8()?;
        let length = reader.read_var_u32()? as usize;
        let start = reader.original_position();
        reader.read_bytes(length)?;
        sections.push(Section { id, data: start..start + length });
    }
    Ok(sections)
}

/// The same component with other core modules; everything else stays as it is.
pub(super) fn with_modules(
    component: &[u8],
    change: impl Fn(&[u8]) -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let mut changed = Component::new();
    for Section { id, data } in sections(component)? {
        let data = &component[data];
        if id == ComponentSectionId::CoreModule as u8 {
            changed.section(&RawSection { id, data: &change(data)? });
        } else {
            changed.section(&RawSection { id, data });
        }
    }
    Ok(changed.finish())
}

/// Tells whether an import takes an index of a function.
pub(super) const fn is_function(import: &TypeRef) -> bool {
    matches!(import, TypeRef::Func(_) | TypeRef::FuncExact(_))
}
