//! The bounds of one core module.

use wasmparser::{
    ExportSectionReader, FunctionBody, ImportSectionReader, Operator, Payload, TypeSectionReader,
};

use super::{contract, malformed, unsupported, within};
use crate::limits::TABLE_ELEMENTS;
use crate::{LoadError, guest_text};

const MOST_TYPES: u64 = 5_000;
const MOST_FUNCTIONS: u64 = 20_000;
const MOST_IMPORTS: u64 = 100;
const MOST_EXPORTS: u64 = 1_000;
const MOST_GLOBALS: u64 = 1_000;
const MOST_TABLES: u64 = 1;
const MOST_MEMORIES: u64 = 1;
const MOST_SEGMENTS: u64 = 10_000;
const MOST_LOCALS: u64 = 10_000;
const LARGEST_FUNCTION: u64 = 256 << 10;
/// Blocks times locals: the compiler's time and memory grow with it. At these bounds
/// they stay within a few seconds and a few hundred megabytes.
const MOST_COST_OF_A_FUNCTION: u64 = 2_000_000;
const MOST_COST: u64 = 8_000_000;
const WASM_PAGE: u64 = 64 << 10;

/// The facts known so far of a module that is being read.
pub(super) struct CoreModule {
    /// A module on its own: its imports and exports are those of the policy.
    is_whole: bool,
    /// The version of the contract whose exports it has.
    contract: Option<&'static str>,
    /// The imports, if it is whole.
    imports: Vec<String>,
    memory_bytes: usize,
    /// Number of parameters by type.
    parameters: Vec<u64>,
    /// Type by function, in the order of the bodies.
    functions: Vec<u32>,
    bodies: usize,
}

impl CoreModule {
    pub(super) const fn new(is_whole: bool, memory_bytes: usize) -> Self {
        Self {
            is_whole,
            contract: None,
            imports: Vec::new(),
            memory_bytes,
            parameters: Vec::new(),
            functions: Vec::new(),
            bodies: 0,
        }
    }

    /// For a module on its own: the version of the contract, and what it imports.
    pub(super) fn into_whole(self) -> (Option<&'static str>, Vec<String>) {
        (self.contract, self.imports)
    }

    pub(super) fn payload(
        &mut self,
        payload: Payload<'_>,
        cost: &mut u64,
    ) -> Result<(), LoadError> {
        let count = u64::from;
        match payload {
            Payload::TypeSection(types) => self.types(types),
            Payload::ImportSection(imports) => self.imports(imports),
            Payload::FunctionSection(functions) => {
                within("functions", count(functions.count()), MOST_FUNCTIONS)?;
                let types: Result<_, _> = functions.into_iter().collect();
                self.functions = types.map_err(|error| malformed(&error))?;
                Ok(())
            }
            Payload::TableSection(tables) => {
                within("tables", count(tables.count()), MOST_TABLES)?;
                tables.into_iter().try_for_each(|table| {
                    let table = table.map_err(|error| malformed(&error))?;
                    within("entries of a table", table.ty.initial, TABLE_ELEMENTS as u64)
                })
            }
            Payload::MemorySection(memories) => {
                within("memories", count(memories.count()), MOST_MEMORIES)?;
                let allowed = self.memory_bytes as u64 / WASM_PAGE;
                memories.into_iter().try_for_each(|memory| {
                    let memory = memory.map_err(|error| malformed(&error))?;
                    within("pages (64 KiB) of memory to begin with", memory.initial, allowed)
                })
            }
            Payload::GlobalSection(globals) => {
                within("globals", count(globals.count()), MOST_GLOBALS)
            }
            Payload::ExportSection(exports) => self.exports(exports),
            Payload::ElementSection(elements) => {
                within("element segments", count(elements.count()), MOST_SEGMENTS)
            }
            Payload::DataSection(data) => {
                within("data segments", count(data.count()), MOST_SEGMENTS)
            }
            Payload::TagSection(_) => Err(unsupported("exceptions")),
            Payload::CodeSectionEntry(body) => self.body(&body, cost),
            _ => Ok(()),
        }
    }

    fn types(&mut self, types: TypeSectionReader<'_>) -> Result<(), LoadError> {
        within("types", u64::from(types.count()), MOST_TYPES)?;
        for ty in types.into_iter_err_on_gc_types() {
            let ty = ty.map_err(|error| malformed(&error))?;
            self.parameters.push(ty.params().len() as u64);
        }
        Ok(())
    }

    fn imports(&mut self, imports: ImportSectionReader<'_>) -> Result<(), LoadError> {
        within("imports", u64::from(imports.count()), MOST_IMPORTS)?;
        if !self.is_whole {
            return Ok(());
        }
        imports.into_imports().try_for_each(|import| {
            let import = import.map_err(|error| malformed(&error))?;
            contract::check_import(import.module).map_err(|error| match error {
                LoadError::ForbiddenImport(module) => {
                    LoadError::ForbiddenImport(told(&module, import.name))
                }
                other => other,
            })?;
            self.imports.push(told(import.module, import.name));
            Ok(())
        })
    }

    fn exports(&mut self, exports: ExportSectionReader<'_>) -> Result<(), LoadError> {
        within("exports", u64::from(exports.count()), MOST_EXPORTS)?;
        for export in exports {
            let export = export.map_err(|error| malformed(&error))?;
            // `stockade:policy/policy@1.0.0#evaluate`
            let interface = export.name.split_once('#').map_or("", |(name, _)| name);
            if self.is_whole {
                self.contract = self.contract.or(contract::policy_export(interface)?);
            }
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>, total: &mut u64) -> Result<(), LoadError> {
        let length = body.range().len() as u64;
        within("bytes in one function", length, LARGEST_FUNCTION)?;
        let locals = self.next_parameters() + locals(body)?;
        within("locals in one function", locals, MOST_LOCALS)?;
        let cost = (1 + blocks(body)?) * (1 + locals);
        within("blocks × locals in one function", cost, MOST_COST_OF_A_FUNCTION)?;
        *total += cost;
        within("blocks × locals in all functions", *total, MOST_COST)
    }

    fn next_parameters(&mut self) -> u64 {
        let ty = self.functions.get(self.bodies).copied();
        self.bodies += 1;
        let parameters = ty.and_then(|ty| self.parameters.get(usize::try_from(ty).ok()?));
        parameters.copied().unwrap_or(0)
    }
}

fn locals(body: &FunctionBody<'_>) -> Result<u64, LoadError> {
    let reader = body.get_locals_reader().map_err(|error| malformed(&error))?;
    reader.into_iter().try_fold(0, |sum, group| {
        let (count, _) = group.map_err(|error| malformed(&error))?;
        Ok(sum + u64::from(count))
    })
}

/// Places where control flow meets: what begins a block, and each target of a table.
fn blocks(body: &FunctionBody<'_>) -> Result<u64, LoadError> {
    let reader = body.get_operators_reader().map_err(|error| malformed(&error))?;
    reader.into_iter().try_fold(0, |sum, operator| {
        Ok(sum
            + match operator.map_err(|error| malformed(&error))? {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Else
                | Operator::BrIf { .. } => 1,
                Operator::BrTable { targets } => u64::from(targets.len()) + 1,
                _ => 0,
            })
    })
}

/// Bytes of an import's name that people are shown.
const LONGEST_IMPORT: usize = 200;

/// An import by its two names, which the module's author has chosen.
fn told(module: &str, name: &str) -> String {
    guest_text::one_line(&format!("{module}::{name}"), LONGEST_IMPORT)
}
