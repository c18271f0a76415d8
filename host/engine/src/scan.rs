//! A look at a module before anything expensive is done with it.
//!
//! wasmtime promises that a running guest cannot harm the host; it does not promise
//! that compiling one is cheap. A few hundred kilobytes can ask the compiler for many
//! gigabytes, mostly by many blocks times many locals in one function. What policies
//! need is far below these bounds.

mod contract;
mod core_module;
mod foreign;

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentExternalKind, Encoding, Parser, Payload,
};

use crate::LoadError;
use core_module::CoreModule;
use stockade_core::LARGEST_MODULE;

const BYTES: &str = "bytes";
const CORE_MODULES: &str = "core modules";
const MOST_CORE_MODULES: u64 = 3;
/// Types, imports, exports, aliases and canonical functions of a component together.
const MOST_COMPONENT_ITEMS: u64 = 2_000;

/// The kind of WebAssembly that a file is, by its first eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    CoreModule,
    Component,
}

/// The facts that a scan finds about a module.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) kind: Kind,
    /// The version of the contract that it is made for.
    pub(crate) contract: &'static str,
    /// The imports, by name.
    pub(crate) imports: Vec<String>,
}

/// Refuses what is no policy, what asks for capabilities, and what could be expensive.
pub(crate) fn scan(bytes: &[u8], memory_bytes: usize) -> Result<Scanned, LoadError> {
    foreign::check(bytes)?;
    let looked = within(BYTES, bytes.len() as u64, LARGEST_MODULE)
        .and_then(|()| Ok((kind(bytes)?, Scan::new(memory_bytes).run(bytes)?)));
    let (kind, (contract, imports)) = looked.map_err(|error| foreign::explained(error, bytes))?;
    wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::default())
        .validate_all(bytes)
        .map_err(|error| malformed(&error))?;
    Ok(Scanned { kind, contract, imports })
}

/// Tells a core module from a component, and refuses everything else and what is too large.
pub(crate) fn kind_of(bytes: &[u8]) -> Result<Kind, LoadError> {
    foreign::check(bytes)?;
    within(BYTES, bytes.len() as u64, LARGEST_MODULE)
        .and_then(|()| kind(bytes))
        .map_err(|error| foreign::explained(error, bytes))
}

fn kind(bytes: &[u8]) -> Result<Kind, LoadError> {
    let start = Parser::new(0).parse_all(bytes).next();
    match start {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(match encoding {
            Encoding::Module => Kind::CoreModule,
            Encoding::Component => Kind::Component,
        }),
        Some(Err(error)) => Err(malformed(&error)),
        _ => Err(LoadError::Malformed("it is empty".to_owned())),
    }
}

/// The module or component that a payload belongs to.
enum Frame {
    Core(CoreModule),
    Component,
}

struct Scan {
    memory_bytes: usize,
    stack: Vec<Frame>,
    core_modules: u64,
    component_items: u64,
    /// The cost of all functions together for the compiler.
    cost: u64,
    contract: Option<&'static str>,
    imports: Vec<String>,
}

impl Scan {
    const fn new(memory_bytes: usize) -> Self {
        Self {
            memory_bytes,
            stack: Vec::new(),
            core_modules: 0,
            component_items: 0,
            cost: 0,
            contract: None,
            imports: Vec::new(),
        }
    }

    fn run(mut self, bytes: &[u8]) -> Result<(&'static str, Vec<String>), LoadError> {
        for payload in Parser::new(0).parse_all(bytes) {
            self.payload(payload.map_err(|error| malformed(&error))?)?;
        }
        let contract = self.contract.ok_or_else(contract::missing_exports)?;
        Ok((contract, self.imports))
    }

    fn payload(&mut self, payload: Payload<'_>) -> Result<(), LoadError> {
        match payload {
            Payload::Version { encoding, .. } => self.enter(encoding),
            Payload::End(_) => {
                self.leave();
                Ok(())
            }
            Payload::CustomSection(_) => Ok(()),
            payload => match self.stack.last_mut() {
                Some(Frame::Core(module)) => module.payload(payload, &mut self.cost),
                _ => self.component_payload(payload),
            },
        }
    }

    fn enter(&mut self, encoding: Encoding) -> Result<(), LoadError> {
        let frame = match (encoding, self.stack.len()) {
            (Encoding::Module, depth) => {
                self.core_modules += 1;
                within(CORE_MODULES, self.core_modules, MOST_CORE_MODULES)?;
                if depth > 1 {
                    return Err(nested());
                }
                Frame::Core(CoreModule::new(depth == 0, self.memory_bytes))
            }
            (Encoding::Component, 0 | 1) => Frame::Component,
            (Encoding::Component, _) => return Err(nested()),
        };
        self.stack.push(frame);
        Ok(())
    }

    fn leave(&mut self) {
        if let Some(Frame::Core(module)) = self.stack.pop()
            && self.stack.is_empty()
        {
            (self.contract, self.imports) = module.into_whole();
        }
    }

    fn component_payload(&mut self, payload: Payload<'_>) -> Result<(), LoadError> {
        let is_outermost = self.stack.len() == 1;
        match payload {
            Payload::ComponentStartSection { .. } => {
                return Err(unsupported("a start function of the component"));
            }
            Payload::ComponentImportSection(imports) => {
                self.count(imports.count())?;
                for import in imports {
                    let import = import.map_err(|error| malformed(&error))?;
                    if is_outermost {
                        contract::check_import(import.name.name)?;
                        self.imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(exports) => {
                self.count(exports.count())?;
                for export in exports {
                    let export = export.map_err(|error| malformed(&error))?;
                    if is_outermost && export.kind == ComponentExternalKind::Instance {
                        let contract = contract::policy_export(export.name.name)?;
                        self.contract = self.contract.or(contract);
                    }
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                self.count(functions.count())?;
                for function in functions {
                    check_canonical(&function.map_err(|error| malformed(&error))?)?;
                }
            }
            Payload::ComponentTypeSection(types) => self.count(types.count())?,
            Payload::ComponentAliasSection(aliases) => self.count(aliases.count())?,
            Payload::ComponentInstanceSection(instances) => self.count(instances.count())?,
            Payload::InstanceSection(instances) => self.count(instances.count())?,
            Payload::CoreTypeSection(types) => self.count(types.count())?,
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, items: u32) -> Result<(), LoadError> {
        self.component_items += u64::from(items);
        within("items of the component", self.component_items, MOST_COMPONENT_ITEMS)
    }
}

/// Calls in and out with UTF-8 text, nothing else: resources, threads and async are
/// not in the contract.
fn check_canonical(function: &CanonicalFunction) -> Result<(), LoadError> {
    let (CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. }) =
        function
    else {
        return Err(unsupported("resources, threads or asynchronous calls"));
    };
    for option in options {
        match option {
            CanonicalOption::UTF8
            | CanonicalOption::Memory(_)
            | CanonicalOption::Realloc(_)
            | CanonicalOption::PostReturn(_) => {}
            CanonicalOption::UTF16 | CanonicalOption::CompactUTF16 => {
                return Err(unsupported("text that is not UTF-8"));
            }
            _ => return Err(unsupported("asynchronous calls or garbage collection")),
        }
    }
    Ok(())
}

fn within(what: &'static str, actual: u64, limit: u64) -> Result<(), LoadError> {
    if actual <= limit {
        Ok(())
    } else {
        Err(LoadError::TooLarge {
            what: what.into(),
            actual,
            limit,
            debug: false,
            component: false,
        })
    }
}

pub(crate) fn malformed(error: &wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Malformed(error.to_string())
}

fn unsupported(what: &str) -> LoadError {
    LoadError::Unsupported(what.to_owned())
}

/// The encoder makes one level of components, without modules, for the names of types.
fn nested() -> LoadError {
    unsupported(
        "other components inside, as tools for JavaScript and Python make them; write the policy \
         in Rust, C or Zig",
    )
}

#[cfg(test)]
mod tests;
