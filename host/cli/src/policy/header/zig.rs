//! The contract in Zig.

use std::fmt::Write as _;

use anyhow::bail;
use wit_parser::{Type, TypeDefKind};

use super::contract::{Case, Contract, Field, Layout, Shape};

const BEGINNING: &str = include_str!("beginning.zig");
const HELPERS: &str = include_str!("helpers.zig");
/// Words of Zig that are names of the contract, or could become some.
const KEYWORDS: [&str; 8] =
    ["error", "test", "switch", "union", "struct", "enum", "var", "anytype"];

pub(super) fn write(contract: &Contract) -> anyhow::Result<String> {
    let mut header = Header { contract, out: String::new(), checks: String::new() };
    for (id, def) in contract.types() {
        let Some(name) = &def.name else { continue };
        let Some(layout) = contract.layout(id, def) else {
            bail!("the header cannot say `{}` yet", def.kind.as_str());
        };
        header.out.push('\n');
        comment(&mut header.out, "", def.docs.contents.as_deref());
        header.declare(&title(name), &layout)?;
    }
    header.arguments()?;
    let Header { out, checks, .. } = header;
    let text = format!("{BEGINNING}{out}\ncomptime {{\n{checks}}}\n{HELPERS}");
    Ok(text.replace("@1.0.0", &format!("@{}", contract.version)))
}

struct Header<'a> {
    contract: &'a Contract,
    out: String,
    /// Assertions about sizes and places.
    checks: String,
}

impl Header<'_> {
    fn declare(&mut self, name: &str, Layout { size, shape }: &Layout<'_>) -> anyhow::Result<()> {
        match shape {
            Shape::Record(fields) => self.record(name, fields)?,
            Shape::Enum(cases) => self.numbers(name, cases)?,
            Shape::Variant(cases, offset) => self.variant(name, cases, *offset)?,
        }
        Ok(writeln!(self.checks, "    expect(@sizeOf({name}), {size});")?)
    }

    fn record(&mut self, name: &str, fields: &[Field<'_>]) -> anyhow::Result<()> {
        writeln!(self.out, "pub const {name} = extern struct {{")?;
        for field in fields {
            comment(&mut self.out, "    ", field.docs);
            writeln!(self.out, "    {}: {},", word(field.name), self.type_name(field.ty)?)?;
            self.offset(name, field.name, field.offset)?;
        }
        Ok(writeln!(self.out, "}};")?)
    }

    fn numbers(&mut self, name: &str, cases: &[Case<'_>]) -> anyhow::Result<()> {
        writeln!(self.out, "pub const {name} = enum(u8) {{")?;
        for case in cases {
            comment(&mut self.out, "    ", case.docs);
            writeln!(self.out, "    {},", word(case.name))?;
        }
        Ok(writeln!(self.out, "}};")?)
    }

    fn variant(&mut self, name: &str, cases: &[Case<'_>], offset: usize) -> anyhow::Result<()> {
        writeln!(self.out, "pub const {name} = extern struct {{\n    tag: enum(u8) {{")?;
        for case in cases {
            comment(&mut self.out, "        ", case.docs);
            writeln!(self.out, "        {},", word(case.name))?;
        }
        writeln!(self.out, "    }},\n    of: extern union {{")?;
        for case in cases {
            if let Some(ty) = case.ty {
                writeln!(self.out, "        {}: {},", word(case.name), self.type_name(ty)?)?;
            }
        }
        writeln!(self.out, "    }},\n}};")?;
        self.offset(name, "of", offset)
    }

    fn offset(&mut self, name: &str, field: &str, offset: usize) -> anyhow::Result<()> {
        let field = field.replace('-', "_");
        Ok(writeln!(self.checks, "    expect(@offsetOf({name}, \"{field}\"), {offset});")?)
    }

    fn arguments(&mut self) -> anyhow::Result<()> {
        let (size, fields) = self.contract.arguments()?;
        writeln!(self.out, "\n/// The arguments that the host gives to `evaluate`.")?;
        self.declare("EvaluateArguments", &Layout { size, shape: Shape::Record(fields) })
    }

    fn type_name(&self, ty: Type) -> anyhow::Result<String> {
        let id = match ty {
            Type::Bool => return Ok("bool".to_owned()),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => {
                return Ok(format!("{ty:?}").to_lowercase());
            }
            Type::S64 => return Ok("i64".to_owned()),
            Type::String => return Ok("String".to_owned()),
            Type::Id(id) => id,
            other => bail!("the header cannot say {other:?} yet"),
        };
        let def = self.contract.definition(id);
        if let Some(name) = &def.name {
            return Ok(title(name));
        }
        Ok(match &def.kind {
            TypeDefKind::Option(ty) => format!("Option({})", self.type_name(*ty)?),
            TypeDefKind::List(ty) => format!("List({})", self.type_name(*ty)?),
            TypeDefKind::Tuple(tuple) => match &*tuple.types {
                [first, second] => {
                    format!("Pair({}, {})", self.type_name(*first)?, self.type_name(*second)?)
                }
                _ => bail!("the header cannot say a tuple of this length yet"),
            },
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

/// `model-role` as a name of a type: `ModelRole`.
fn title(name: &str) -> String {
    name.split('-').map(crate::policy::new::capitalized).collect()
}

/// A name that Zig does not take for itself.
fn word(name: &str) -> String {
    let name = name.replace('-', "_");
    if KEYWORDS.contains(&&*name) { format!("@\"{name}\"") } else { name }
}
