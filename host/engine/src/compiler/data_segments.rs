//! Keeps small what has to be put back into a policy's memory after each decision.
//!
//! wasmtime copies everything from a snapshot's first byte to its last. Rust's allocator
//! writes a byte at the very end of its memory, so that a heap of half a kilobyte became an
//! image of 60 KiB of zeros. Such a stray, far behind everything else, is written by the
//! module's start function instead. What a policy finds in its memory is the same.

use wasm_encoder::{
    ConstExpr, DataSection, Function, MemArg, Module, RawSection, SectionId, StartSection,
};
use wasmparser::{BinaryReader, DataKind, Operator, Parser, Payload, TypeRef};

use super::sections::{Result, Section, is_function, sections, with_modules};

/// Data behind a gap of this many bytes is a stray,
const GAP: u32 = 8 << 10;
/// unless it is longer than this.
const LONGEST_STRAY: usize = 64;

/// One data segment; passive where it has no place.
struct Segment<'a> {
    at: Option<u32>,
    data: &'a [u8],
}

impl Segment<'_> {
    fn end(&self) -> Option<u32> {
        self.at?.checked_add(u32::try_from(self.data.len()).ok()?)
    }
}

/// The facts about a module that are needed to give it a start function.
#[derive(Default)]
struct Found<'a> {
    segments: Vec<Segment<'a>>,
    /// The type of functions without parameters and results.
    plain: Option<u32>,
    functions: u32,
    /// The number of functions with a body here.
    bodies: u32,
    starts: bool,
    /// It has a segment whose place is not a number, or another memory.
    unusual: bool,
}

/// The component with the strays of its modules written at their start.
pub(super) fn compact(component: &[u8]) -> Result<Vec<u8>> {
    with_modules(component, |module| Ok(compacted(module)?.unwrap_or_else(|| module.to_vec())))
}

/// The module with its strays written at its start; nothing, where there are none.
fn compacted(module: &[u8]) -> Result<Option<Vec<u8>>> {
    let found = Found::read(module)?;
    // Without a function of its own a module has no place for one more.
    let usual = found.bodies > 0 && !found.starts && !found.unusual;
    let Some(plain) = found.plain.filter(|_| usual) else { return Ok(None) };
    let Some(first) = found.first_stray() else { return Ok(None) };
    let mut compact = Module::new();
    let mut started = false;
    for Section { id, data } in sections(module)? {
        let data = &module[data];
        let is = |section: SectionId| id == section as u8;
        if !started && (is(SectionId::Element) || is(SectionId::DataCount) || is(SectionId::Code)) {
            compact.section(&StartSection { function_index: found.functions });
            started = true;
        }
        if is(SectionId::Function) {
            let mut entry = Vec::new();
            leb(&mut entry, plain);
            compact.section(&RawSection { id, data: &one_more(data, &entry)? });
        } else if is(SectionId::Code) {
            let body = found.start(first).into_raw_body();
            let mut entry = Vec::new();
            leb(&mut entry, u32::try_from(body.len()).unwrap_or(u32::MAX));
            entry.extend(body);
            compact.section(&RawSection { id, data: &one_more(data, &entry)? });
        } else if is(SectionId::Data) {
            compact.section(&found.data(first));
        } else {
            compact.section(&RawSection { id, data });
        }
    }
    Ok(Some(compact.finish()))
}

impl<'a> Found<'a> {
    fn read(module: &'a [u8]) -> Result<Self> {
        let mut found = Self::default();
        let mut types = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    for kind in section.into_iter_err_on_gc_types() {
                        let kind = kind?;
                        if kind.params().is_empty() && kind.results().is_empty() {
                            found.plain = found.plain.or(Some(types));
                        }
                        types += 1;
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        found.functions += u32::from(is_function(&import.ty));
                        found.unusual |= matches!(import.ty, TypeRef::Memory(_));
                    }
                }
                Payload::FunctionSection(section) => found.functions += section.count(),
                Payload::CodeSectionStart { count, .. } => found.bodies = count,
                Payload::StartSection { .. } => found.starts = true,
                Payload::DataSection(section) => {
                    for segment in section {
                        found.segment(&segment?)?;
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn segment(&mut self, segment: &wasmparser::Data<'a>) -> Result<()> {
        let at = match &segment.kind {
            DataKind::Passive => None,
            DataKind::Active { offset_expr, .. } => {
                let place = offset_expr.get_operators_reader().read()?;
                let Operator::I32Const { value } = place else {
                    self.unusual = true;
                    return Ok(());
                };
                Some(value.cast_unsigned())
            }
        };
        self.segments.push(Segment { at, data: segment.data });
        Ok(())
    }

    /// From where on everything is a stray, if little is.
    fn first_stray(&self) -> Option<u32> {
        let mut placed: Vec<_> =
            self.segments.iter().filter_map(|one| Some((one.at?, one.end()?))).collect();
        placed.sort_unstable();
        let mut end = placed.first()?.1;
        let mut first = None;
        for (at, next) in placed {
            if at.saturating_sub(end) >= GAP {
                first = Some(at);
            }
            end = end.max(next);
        }
        let behind = |one: &&Segment<'_>| one.at.is_some_and(|at| Some(at) >= first);
        let length: usize = self.segments.iter().filter(behind).map(|one| one.data.len()).sum();
        first.filter(|_| length <= LONGEST_STRAY)
    }

    /// Writes the strays, byte by byte.
    fn start(&self, first: u32) -> Function {
        let mut function = Function::new([]);
        let mut body = function.instructions();
        for segment in &self.segments {
            let Some(at) = segment.at.filter(|at| *at >= first) else { continue };
            for (byte, at) in segment.data.iter().zip(at..) {
                body.i32_const(at.cast_signed()).i32_const(i32::from(*byte));
                body.i32_store8(MemArg { offset: 0, align: 0, memory_index: 0 });
            }
        }
        body.end();
        function
    }

    /// All segments, since they are counted, the strays without their bytes.
    fn data(&self, first: u32) -> DataSection {
        let mut data = DataSection::new();
        for Segment { at, data: bytes } in &self.segments {
            match at {
                None => data.passive(bytes.iter().copied()),
                Some(at) if *at >= first => {
                    data.active(0, &ConstExpr::i32_const(0), std::iter::empty())
                }
                Some(at) => {
                    data.active(0, &ConstExpr::i32_const(at.cast_signed()), bytes.iter().copied())
                }
            };
        }
        data
    }
}

/// A section that is a counted list, with one more entry.
fn one_more(section: &[u8], entry: &[u8]) -> Result<Vec<u8>> {
    let mut reader = BinaryReader::new(section, 0);
    let count = reader.read_var_u32()?;
    let mut list = Vec::with_capacity(section.len() + entry.len() + 1);
    leb(&mut list, count.saturating_add(1));
    list.extend_from_slice(&section[reader.original_position()..]);
    list.extend_from_slice(entry);
    Ok(list)
}

fn leb(to: &mut Vec<u8>, number: u32) {
    wasm_encoder::Encode::encode(&number, to);
}

#[cfg(test)]
mod tests {
    use wasmparser::Validator;

    use super::*;

    fn segments(module: &[u8]) -> Vec<(Option<u32>, Vec<u8>)> {
        let found = Found::read(module).unwrap();
        found.segments.iter().map(|one| (one.at, one.data.to_vec())).collect()
    }

    #[test]
    fn a_stray_at_the_end_of_memory_is_written_at_the_start() {
        let module = wat::parse_str(
            r#"(module (type (func (param i32))) (type (func))
                (func (export "f") (param i32) (memory.init 0 (local.get 0) (local.get 0) (local.get 0)))
                (memory 2) (table funcref (elem 0))
                (data "later") (data (i32.const 1024) "constants") (data (i32.const 2000) "heap")
                (data (i32.const 131036) "\28\01"))"#,
        )
        .unwrap();
        let compact = compacted(&module).unwrap().unwrap();
        Validator::new().validate_all(&compact).unwrap();
        assert_eq!(
            segments(&compact),
            [
                (None, b"later".to_vec()),
                (Some(1024), b"constants".to_vec()),
                (Some(2000), b"heap".to_vec()),
                (Some(0), Vec::new()),
            ]
        );
        assert!(Found::read(&compact).unwrap().starts);
    }

    /// The memory that a module begins with.
    fn memory(module: &[u8]) -> Vec<u8> {
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, module).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        instance.get_memory(&mut store, "memory").unwrap().data(&store).to_vec()
    }

    #[test]
    fn memory_is_the_same_with_and_without() {
        for stray in ["a", "\\00\\01", "the very last bytes: 0123456789"] {
            let length = wat::parse_str(format!("(module (memory 1) (data \"{stray}\"))")).unwrap();
            let length = segments(&length)[0].1.len();
            let module = wat::parse_str(format!(
                r#"(module (memory (export "memory") 2) (func)
                  (data (i32.const 70) "overlap") (data (i32.const 72) "ping")
                  (data (i32.const {}) "{stray}") (data (i32.const 100000) "z"))"#,
                131_072 - length
            ))
            .unwrap();
            let compact = compacted(&module).unwrap().unwrap();
            assert!(memory(&compact) == memory(&module), "{stray}");
        }
    }

    #[test]
    fn a_module_stays_as_it_is_where_that_would_not_be_the_same() {
        let stray = r#"(data (i32.const 0) "a") (data (i32.const 60000) "b")"#;
        let unchanged = |text: &str| {
            let module = wat::parse_str(format!("(module {text})")).unwrap();
            compacted(&module).unwrap().is_none()
        };
        assert!(!unchanged(&format!("(memory 1) (func) {stray}")));
        let no_functions = format!("(type (func)) (memory 1) {stray}");
        let already_starts = format!("(memory 1) (func) (start 0) {stray}");
        let not_its_own = format!("(import \"a\" \"b\" (memory 1)) (func) {stray}");
        let no_such_type = format!("(memory 1) (func (param i32)) {stray}");
        let computed = "(memory 1) (global i32 (i32.const 9)) (func) \
                        (data (i32.const 0) \"a\") (data (global.get 0) \"b\")";
        let near = r#"(memory 1) (func) (data (i32.const 0) "a") (data (i32.const 5000) "b")"#;
        let much = format!(
            r#"(memory 1) (func) (data (i32.const 0) "a") (data (i32.const 60000) "{}")"#,
            "b".repeat(LONGEST_STRAY + 1)
        );
        for text in
            [&no_functions, &already_starts, &not_its_own, &no_such_type, computed, near, &much]
        {
            assert!(unchanged(text), "{text}");
        }
    }
}
