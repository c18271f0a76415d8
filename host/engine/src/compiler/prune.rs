//! Leaves out of a policy what is never called at its stage of life.
//!
//! A policy first describes itself and reads its settings, and from its snapshot on it only
//! decides. Most of its code is for reading JSON. Functions that only the other stage
//! reaches become a trap, so that a snapshot takes half of the compiling and of the memory.
//! Should one of them run all the same, it traps, and the request is refused.

use std::collections::{BTreeMap, HashSet};

use wasm_encoder::{
    CodeSection, Function, Instruction, Module, NameSection, RawSection, SectionId,
};
use wasmparser::{
    BinaryReader, CustomSectionReader, ElementItems, ExternalKind, FunctionBody, KnownCustom, Name,
    NameMap, Operator, Parser, Payload,
};

use super::sections::{Result, is_function, sections, with_modules};

/// The stage at which a policy runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// Before its snapshot.
    Making,
    /// Before its snapshot, where it is known what it says about itself.
    Configuring,
    /// From its snapshot on.
    Deciding,
}

impl Stage {
    /// The ends of the names of exports that the host never calls then.
    const fn never_called(self) -> &'static [&'static str] {
        match self {
            Self::Making => &["#evaluate"],
            Self::Configuring => &["#evaluate", "#describe"],
            Self::Deciding => &["#describe", "#configure"],
        }
    }
}

/// The same component, in which what is only called at the other stage traps.
pub(super) fn prune(component: &[u8], stage: Stage) -> Result<Vec<u8>> {
    with_modules(component, |module| prune_module(module, stage))
}

fn prune_module(module: &[u8], stage: Stage) -> Result<Vec<u8>> {
    let calls = Calls::read(module, stage)?;
    let needed = calls.reached();
    let mut pruned = Module::new();
    for section in sections(module)? {
        if section.id == SectionId::Code as u8 {
            pruned.section(&calls.code(&needed));
        } else if let Some(names) = names(&module[section.data.clone()], section.id) {
            // Names that cannot be read are nobody's.
            if let Ok(kept) = kept(names, &needed) {
                pruned.section(&kept);
            }
        } else {
            pruned.section(&RawSection { id: section.id, data: &module[section.data] });
        }
    }
    Ok(pruned.finish())
}

/// The names of functions, where a section has them.
fn names(data: &[u8], id: u8) -> Option<NameMap<'_>> {
    if id != SectionId::Custom as u8 {
        return None;
    }
    let section = CustomSectionReader::new(BinaryReader::new(data, 0)).ok()?;
    let KnownCustom::Name(names) = section.as_known() else { return None };
    names.into_iter().find_map(|name| match name {
        Ok(Name::Function(names)) => Some(names),
        _ => None,
    })
}

/// Those of them that a trap can name.
fn kept(names: NameMap<'_>, needed: &HashSet<u32>) -> Result<NameSection> {
    let mut kept = BTreeMap::new();
    for naming in names {
        let naming = naming?;
        if needed.contains(&naming.index) {
            kept.insert(naming.index, naming.name);
        }
    }
    let mut functions = wasm_encoder::NameMap::new();
    for (index, name) in kept {
        functions.append(index, name);
    }
    let mut section = NameSection::new();
    section.functions(&functions);
    Ok(section)
}

/// The calls between functions of a core module. Functions are counted with the imported ones
/// first.
#[derive(Default)]
struct Calls<'a> {
    imported: u32,
    bodies: Vec<FunctionBody<'a>>,
    /// Called by each body, or handed out by it.
    callees: Vec<Vec<u32>>,
    /// Called from outside or through a table, or it may be.
    roots: Vec<u32>,
}

impl<'a> Calls<'a> {
    fn read(module: &'a [u8], stage: Stage) -> Result<Self> {
        let mut calls = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        calls.imported += u32::from(is_function(&import?.ty));
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        let mut ends = stage.never_called().iter();
                        let needless = ends.any(|end| export.name.ends_with(end));
                        if export.kind == ExternalKind::Func && !needless {
                            calls.roots.push(export.index);
                        }
                    }
                }
                Payload::StartSection { func, .. } => calls.roots.push(func),
                Payload::GlobalSection(globals) => {
                    for global in globals {
                        calls.roots.extend(mentioned(global?.init_expr.get_operators_reader())?);
                    }
                }
                Payload::ElementSection(elements) => {
                    for element in elements {
                        calls.roots.extend(listed(element?.items)?);
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    calls.callees.push(mentioned(body.get_operators_reader()?)?);
                    calls.bodies.push(body);
                }
                _ => {}
            }
        }
        Ok(calls)
    }

    /// All that can run.
    fn reached(&self) -> HashSet<u32> {
        let mut reached = HashSet::new();
        let mut next = self.roots.clone();
        while let Some(function) = next.pop() {
            if reached.insert(function) {
                let body = function.checked_sub(self.imported);
                let callees = body.and_then(|body| self.callees.get(body as usize));
                next.extend(callees.into_iter().flatten());
            }
        }
        reached
    }

    /// The bodies of all functions, a trap for those that are not needed.
    fn code(&self, needed: &HashSet<u32>) -> CodeSection {
        let mut code = CodeSection::new();
        let mut trap = Function::new([]);
        trap.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
        for (function, body) in (self.imported..).zip(&self.bodies) {
            if needed.contains(&function) {
                code.raw(body.as_bytes());
            } else {
                code.function(&trap);
            }
        }
        code
    }
}

fn listed(items: ElementItems<'_>) -> Result<Vec<u32>> {
    match items {
        ElementItems::Functions(functions) => functions.into_iter().collect(),
        ElementItems::Expressions(_, expressions) => {
            let mut functions = Vec::new();
            for expression in expressions {
                functions.extend(mentioned(expression?.get_operators_reader())?);
            }
            Ok(functions)
        }
    }
}

/// Every function that some code names, whatever for.
fn mentioned(operators: wasmparser::OperatorsReader<'_>) -> Result<Vec<u32>> {
    let mut functions = Vec::new();
    for operator in operators {
        if let Operator::Call { function_index }
        | Operator::ReturnCall { function_index }
        | Operator::RefFunc { function_index } = operator?
        {
            functions.push(function_index);
        }
    }
    Ok(functions)
}

#[cfg(test)]
mod tests;
