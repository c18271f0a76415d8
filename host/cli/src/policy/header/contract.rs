//! The types of the contract with their layout in memory.

use anyhow::Context;
use stockade_engine::CONTRACT_TEXT;
use wit_parser::{Function, Resolve, SizeAlign, Type, TypeDef, TypeDefKind, TypeId};

/// The contract as it was read, with the sizes that the canonical ABI gives its types.
pub(super) struct Contract {
    pub(super) resolve: Resolve,
    sizes: SizeAlign,
    /// The version, such as `1.0.0`.
    pub(super) version: String,
}

/// A type in memory.
pub(super) struct Layout<'a> {
    pub(super) size: usize,
    pub(super) shape: Shape<'a>,
}

/// The parts of a type.
pub(super) enum Shape<'a> {
    Record(Vec<Field<'a>>),
    /// A number of one byte.
    Enum(Vec<Case<'a>>),
    /// A number of one byte, and where what belongs to it begins.
    Variant(Vec<Case<'a>>, usize),
}

/// A field of a record.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) docs: Option<&'a str>,
    pub(super) ty: Type,
    pub(super) offset: usize,
}

/// A case of a variant or an enum.
pub(super) struct Case<'a> {
    pub(super) name: &'a str,
    pub(super) docs: Option<&'a str>,
    pub(super) ty: Option<Type>,
}

/// A field that is told to policies which declare an input.
pub(super) struct Input<'a> {
    /// The record that it is in.
    pub(super) of: &'a str,
    pub(super) field: &'a str,
    /// The word by which it is declared.
    pub(super) name: &'a str,
    pub(super) ty: Type,
}

impl Contract {
    pub(super) fn read() -> anyhow::Result<Self> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("policy.wit", CONTRACT_TEXT)?;
        let version = resolve.packages[package].name.version.as_ref();
        let version = version.context("the contract has no version")?.to_string();
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Ok(Self { resolve, sizes, version })
    }

    /// Every type, each after those that it is made of. Other names of a type are left out.
    pub(super) fn types(&self) -> impl Iterator<Item = (TypeId, &TypeDef)> {
        let types = self.resolve.types.iter();
        types.filter(|(_, def)| !matches!(def.kind, TypeDefKind::Type(_)))
    }

    /// Follows other names of a type.
    pub(super) fn definition(&self, mut id: TypeId) -> &TypeDef {
        while let TypeDefKind::Type(Type::Id(other)) = self.resolve.types[id].kind {
            id = other;
        }
        &self.resolve.types[id]
    }

    /// Returns the bytes that a value takes.
    pub(super) fn size(&self, ty: Type) -> usize {
        self.sizes.size(&ty).size_wasm32()
    }

    /// Returns the layout of a record, an enum or a variant; nothing for other types.
    pub(super) fn layout<'a>(&self, id: TypeId, def: &'a TypeDef) -> Option<Layout<'a>> {
        let shape = match &def.kind {
            TypeDefKind::Record(record) => {
                let types = record.fields.iter().map(|field| &field.ty);
                let offsets = self.sizes.field_offsets(types);
                let fields = record.fields.iter().zip(offsets).map(|(field, (offset, ty))| Field {
                    name: &field.name,
                    docs: field.docs.contents.as_deref(),
                    ty: *ty,
                    offset: offset.size_wasm32(),
                });
                Shape::Record(fields.collect())
            }
            TypeDefKind::Enum(list) => {
                let cases = list.cases.iter().map(|case| Case {
                    name: &case.name,
                    docs: case.docs.contents.as_deref(),
                    ty: None,
                });
                Shape::Enum(cases.collect())
            }
            TypeDefKind::Variant(variant) => {
                let payloads = variant.cases.iter().map(|case| case.ty.as_ref());
                let offset = self.sizes.payload_offset(variant.tag(), payloads).size_wasm32();
                let cases = variant.cases.iter().map(|case| Case {
                    name: &case.name,
                    docs: case.docs.contents.as_deref(),
                    ty: case.ty,
                });
                Shape::Variant(cases.collect(), offset)
            }
            _ => return None,
        };
        Some(Layout { size: self.size(Type::Id(id)), shape })
    }

    /// Returns where the payload of an option begins.
    pub(super) fn option_offset(&self, payload: Type) -> usize {
        let cases = [None, Some(&payload)];
        self.sizes.payload_offset(wit_parser::Int::U8, cases).size_wasm32()
    }

    /// Returns where each of these begins, one after the other.
    pub(super) fn offsets(&self, types: &[Type]) -> Vec<usize> {
        let offsets = self.sizes.field_offsets(types);
        offsets.into_iter().map(|(offset, _)| offset.size_wasm32()).collect()
    }

    /// Returns what `evaluate` is given, and its bytes: too much for parameters, so it lies in
    /// memory like a record.
    pub(super) fn arguments(&self) -> anyhow::Result<(usize, Vec<Field<'_>>)> {
        let parameters = &self.function("evaluate")?.params;
        let types: Vec<_> = parameters.iter().map(|parameter| parameter.ty).collect();
        let fields = parameters.iter().zip(self.offsets(&types)).map(|(parameter, offset)| Field {
            name: &parameter.name,
            docs: None,
            ty: parameter.ty,
            offset,
        });
        Ok((self.sizes.params(&types).size.size_wasm32(), fields.collect()))
    }

    /// Finds a function of the interface that policies export.
    pub(super) fn function(&self, name: &str) -> anyhow::Result<&Function> {
        let mut interfaces = self.resolve.interfaces.iter();
        let policy = interfaces.find(|(_, one)| one.name.as_deref() == Some("policy"));
        let (_, policy) = policy.context("the contract has no interface `policy`")?;
        policy.functions.get(name).with_context(|| format!("the contract has no `{name}`"))
    }

    /// Returns the fields that are withheld from policies which do not declare them.
    pub(super) fn inputs(&self) -> Vec<Input<'_>> {
        let mut inputs = Vec::new();
        for (_, def) in self.types() {
            let (Some(of), TypeDefKind::Record(record)) = (def.name.as_deref(), &def.kind) else {
                continue;
            };
            for field in &record.fields {
                let name = match (of, field.name.as_str()) {
                    // A request may have no body, whatever is declared.
                    ("request", "body") => continue,
                    ("request", name) => name,
                    ("model", "presence") => "catalogue",
                    _ => continue,
                };
                if let Type::Id(id) = field.ty
                    && let TypeDefKind::Option(ty) = self.definition(id).kind
                {
                    inputs.push(Input { of, field: &field.name, name, ty });
                }
            }
        }
        inputs
    }
}
