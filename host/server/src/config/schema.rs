//! The JSON Schema of the configuration, for editors: made of the types that read it.
//!
//! It knows the shape. What only the gateway can know, such as whether a group exists, is
//! for `stockade check` to say.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use stockade_core::{AccessClass, Dialect, Operation};

use super::raw::RawConfig;
use super::settings::Setting;
use super::slot::{Entries, Slot};

/// The schema. In the draft that editors know best.
pub fn json_schema() -> Value {
    let generator = SchemaGenerator::new(SchemaSettings::draft07());
    let mut schema = generator.into_root_schema_for::<RawConfig>();
    RecursiveTransform(unquoted).transform(&mut schema);
    schema.to_value()
}

/// Nobody has to quote a name that looks like a number, so any scalar is text. What has a
/// form has said so itself.
fn unquoted(schema: &mut Schema) {
    let form = ["enum", "const", "pattern"];
    let plain = form.iter().all(|key| schema.get(*key).is_none());
    if plain && schema.get("type").is_some_and(|kind| kind == "string") {
        schema.insert("type".to_owned(), serde_json::json!(["string", "number", "boolean"]));
    }
}

impl<T: JsonSchema> JsonSchema for Slot<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Entries of {}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": generator.subschema_for::<T>(),
        })
    }
}

impl JsonSchema for Setting {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

pub(super) fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^\s*([0-9]+\s*[A-Za-zµ]+\s*)+$", "examples": ["5ms", "10s", "24h"] })
}

pub(super) fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "integer"],
        "pattern": r"^\s*[0-9]+\s*([KkMmGgTt]?[Ii]?[Bb])?\s*$",
        "minimum": 0,
        "examples": ["512KiB", "64MiB", "64GiB"],
    })
}

pub(super) fn depth(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 128 })
}

pub(super) fn digest(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(sha256:)?[0-9A-Fa-f]{64}$" })
}

pub(super) fn moment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9]{4}-", "examples": ["2027-01-01T00:00:00Z"] })
}

pub(super) fn everyone(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": "everyone" })
}

pub(super) fn module(_: &mut SchemaGenerator) -> Schema {
    let shipped: Vec<_> =
        crate::builtin::NAMES.iter().map(|name| format!("builtin/{name}")).collect();
    json_schema!({ "anyOf": [{ "enum": shipped }, { "type": "string", "pattern": "." }] })
}

pub(super) fn operation(_: &mut SchemaGenerator) -> Schema {
    let judged = |operation: &&Operation| operation.access() != AccessClass::Public;
    let names: Vec<_> = Operation::ALL.iter().filter(judged).map(|o| o.as_str()).collect();
    json_schema!({ "enum": names })
}

pub(super) fn api(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [Dialect::Native, Dialect::OpenAi, Dialect::Anthropic] })
}

pub(super) fn operations(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": operation(generator), "minItems": 1 })
}
