//! The contract in C.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::bail;
use wit_parser::{Type, TypeDef, TypeDefKind, TypeId};

use super::contract::{Case, Contract, Field, Input, Layout, Shape};

const BEGINNING: &str = include_str!("beginning.h");
const HELPERS: &str = include_str!("helpers.h");
/// Words of C that are fields of the contract, or could become some.
const KEYWORDS: [&str; 8] =
    ["restrict", "default", "register", "static", "switch", "union", "case", "auto"];
/// The parts of a tuple.
const PARTS: [&str; 4] = ["first", "second", "third", "fourth"];

pub(super) fn write(contract: &Contract) -> anyhow::Result<String> {
    let mut out = version(BEGINNING, contract);
    let mut header = Header { contract, out: String::new(), known: BTreeSet::new() };
    for (id, def) in contract.types() {
        header.declare(id, def)?;
    }
    header.arguments()?;
    header.inputs()?;
    out.push_str(&header.out);
    out.push_str(&version(HELPERS, contract));
    Ok(out)
}

fn version(text: &str, contract: &Contract) -> String {
    text.replace("@1.0.0", &format!("@{}", contract.version))
}

struct Header<'a> {
    contract: &'a Contract,
    out: String,
    /// Names that are declared already: `option<string>` stands in the contract many times.
    known: BTreeSet<String>,
}

impl Header<'_> {
    fn declare(&mut self, id: TypeId, def: &TypeDef) -> anyhow::Result<()> {
        let name = self.mangled(Type::Id(id))?;
        if !self.known.insert(name.clone()) {
            return Ok(());
        }
        self.out.push('\n');
        comment(&mut self.out, "", def.docs.contents.as_deref());
        if let Some(Layout { size, shape }) = self.contract.layout(id, def) {
            return match shape {
                Shape::Record(fields) => self.record(&name, size, &fields),
                Shape::Enum(cases) => self.numbers(&name, &name, &cases),
                Shape::Variant(cases, offset) => self.variant(&name, size, &cases, offset),
            };
        }
        let size = self.contract.size(Type::Id(id));
        let field = |name, ty, offset| Field { name, docs: None, ty, offset };
        match &def.kind {
            TypeDefKind::Option(ty) => {
                let offset = self.contract.option_offset(*ty);
                let fields = [field("is-some", Type::Bool, 0), field("value", *ty, offset)];
                self.record(&name, size, &fields)
            }
            TypeDefKind::Tuple(tuple) => {
                let offsets = self.contract.offsets(&tuple.types);
                let parts = PARTS.into_iter().zip(&tuple.types).zip(offsets);
                let fields: Vec<_> =
                    parts.map(|((name, ty), offset)| field(name, *ty, offset)).collect();
                self.record(&name, size, &fields)
            }
            TypeDefKind::List(ty) => self.list(&name, *ty),
            TypeDefKind::Result(result) if result.ok.is_none() => {
                let Some(error) = result.err else { bail!("a result without an error") };
                let offset = self.contract.option_offset(error);
                let fields = [field("is-error", Type::Bool, 0), field("error", error, offset)];
                self.record(&name, size, &fields)
            }
            other => bail!("the header cannot say `{}` yet", other.as_str()),
        }
    }

    fn record(&mut self, name: &str, size: usize, fields: &[Field<'_>]) -> anyhow::Result<()> {
        writeln!(self.out, "typedef struct {{")?;
        for field in fields {
            comment(&mut self.out, "    ", field.docs);
            writeln!(self.out, "    {} {};", self.type_name(field.ty)?, word(field.name))?;
        }
        writeln!(self.out, "}} stockade_{name};")?;
        self.size(name, size)?;
        fields.iter().try_for_each(|field| self.offset(name, &word(field.name), field.offset))
    }

    fn list(&mut self, name: &str, ty: Type) -> anyhow::Result<()> {
        let of = self.type_name(ty)?;
        writeln!(
            self.out,
            "typedef struct {{\n    const {of} *items;\n    uint32_t count;\n}} stockade_{name};"
        )?;
        self.size(name, 8)?;
        self.offset(name, "count", 4)
    }

    /// The numbers of cases, under their own type and beginning with the name of another.
    fn numbers(&mut self, name: &str, of: &str, cases: &[Case<'_>]) -> anyhow::Result<()> {
        writeln!(self.out, "typedef uint8_t stockade_{name};\nenum {{")?;
        for (number, case) in cases.iter().enumerate() {
            comment(&mut self.out, "    ", case.docs);
            let name = format!("STOCKADE_{of}_{}", snake(case.name)).to_uppercase();
            writeln!(self.out, "    {name} = {number},")?;
        }
        writeln!(self.out, "}};")?;
        Ok(())
    }

    fn variant(
        &mut self,
        name: &str,
        size: usize,
        cases: &[Case<'_>],
        offset: usize,
    ) -> anyhow::Result<()> {
        let bare: Vec<_> =
            cases.iter().map(|case| Case { name: case.name, docs: case.docs, ty: None }).collect();
        self.numbers(&format!("{name}_tag"), name, &bare)?;
        writeln!(self.out, "typedef struct {{\n    stockade_{name}_tag tag;\n    union {{")?;
        for case in cases {
            if let Some(ty) = case.ty {
                writeln!(self.out, "        {} {};", self.type_name(ty)?, word(case.name))?;
            }
        }
        writeln!(self.out, "    }} of;\n}} stockade_{name};")?;
        self.size(name, size)?;
        self.offset(name, "of", offset)
    }

    fn size(&mut self, name: &str, size: usize) -> anyhow::Result<()> {
        let name = format!("stockade_{name}");
        Ok(writeln!(self.out, "_Static_assert(sizeof({name}) == {size}, \"size of {name}\");")?)
    }

    fn offset(&mut self, name: &str, field: &str, offset: usize) -> anyhow::Result<()> {
        let (name, what) = (format!("stockade_{name}"), format!("stockade_{name}.{field}"));
        let actual = format!("offsetof({name}, {field})");
        Ok(writeln!(self.out, "_Static_assert({actual} == {offset}, \"place of {what}\");")?)
    }

    fn arguments(&mut self) -> anyhow::Result<()> {
        let (size, fields) = self.contract.arguments()?;
        writeln!(self.out, "\n/// The arguments that the host gives to `evaluate`.")?;
        self.record("evaluate_arguments", size, &fields)
    }

    /// A function for each input, which does not return where it is withheld.
    fn inputs(&mut self) -> anyhow::Result<()> {
        self.out.push_str("\nstatic _Noreturn void stockade_undeclared(const char *input);\n");
        for Input { of, field, name, ty } in self.contract.inputs() {
            let (returned, field) = (self.type_name(ty)?, word(field));
            write!(
                self.out,
                "\n/// Returns the input `{name}`, which `stockade_describe` has to declare.\n\
                 static inline const {returned} *stockade_{of}_{field}(const stockade_{of} *{of}) {{\n    \
                 if (!{of}->{field}.is_some) stockade_undeclared(\"{name}\");\n    \
                 return &{of}->{field}.value;\n}}\n"
            )?;
        }
        Ok(())
    }

    fn type_name(&self, ty: Type) -> anyhow::Result<String> {
        Ok(match ty {
            Type::Bool => "bool".to_owned(),
            Type::U8 => "uint8_t".to_owned(),
            Type::U16 => "uint16_t".to_owned(),
            Type::U32 => "uint32_t".to_owned(),
            Type::U64 => "uint64_t".to_owned(),
            Type::S64 => "int64_t".to_owned(),
            Type::String | Type::Id(_) => format!("stockade_{}", self.mangled(ty)?),
            other => bail!("the header cannot say {other:?} yet"),
        })
    }

    /// A name for a type that has none in the contract, such as `option_string`.
    fn mangled(&self, ty: Type) -> anyhow::Result<String> {
        let Type::Id(id) = ty else {
            return Ok(format!("{ty:?}").to_lowercase());
        };
        let def = self.contract.definition(id);
        if let Some(name) = &def.name {
            return Ok(snake(name));
        }
        Ok(match &def.kind {
            TypeDefKind::Option(ty) => format!("option_{}", self.mangled(*ty)?),
            TypeDefKind::List(ty) => format!("list_{}", self.mangled(*ty)?),
            TypeDefKind::Result(_) => "configured".to_owned(),
            TypeDefKind::Tuple(tuple) => {
                let parts: Result<Vec<_>, _> =
                    tuple.types.iter().map(|ty| self.mangled(*ty)).collect();
                format!("tuple_{}", parts?.join("_"))
            }
            other => bail!("the header cannot say `{}` yet", other.as_str()),
        })
    }
}

fn comment(out: &mut String, indent: &str, docs: Option<&str>) {
    for line in docs.unwrap_or_default().lines() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{indent}/// {line}");
    }
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// A name that C does not take for itself.
fn word(name: &str) -> String {
    let name = snake(name);
    if KEYWORDS.contains(&&*name) { name + "_" } else { name }
}
