//! The JSON Schema of the configuration, for editors: made of the types that read it.
//!
//! It knows the shape. What only the gateway can know, such as whether a group exists, is
//! for `stockade check` to say.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use stockade_core::{AccessClass, Dialect, ModelRole, Operation, ProofKind, Transport};

use super::policy_tests::RawCases;
use super::raw::RawConfig;

/// The schema, in the draft that editors know best. `shipped` are the schemas of the settings
/// of shipped policies: they hold for bindings of policies that are called the same.
pub fn json_schema(shipped: &[(&str, Value)]) -> Value {
    let generator = SchemaGenerator::new(SchemaSettings::draft07());
    let mut schema = generator.into_root_schema_for::<RawConfig>();
    RecursiveTransform(unquoted).transform(&mut schema);
    let mut schema = schema.to_value();
    let definitions = &mut schema["definitions"];
    definitions["Binding"]["allOf"] = shipped.iter().map(|(name, _)| settings_of(name)).collect();
    let modules = shipped.iter().map(|(name, _)| format!("builtin/{name}"));
    definitions["Policy"]["properties"]["module"]["anyOf"][0]["enum"] = modules.collect();
    for (name, settings) in shipped {
        let mut settings = settings.clone();
        move_references(&mut settings, name);
        definitions[definition(name)] = settings;
    }
    schema
}

/// The schema of the tests of one policy, in the same draft.
pub fn policy_tests_json_schema() -> Value {
    let generator = SchemaGenerator::new(SchemaSettings::draft07());
    let mut schema = generator.into_root_schema_for::<RawCases>();
    RecursiveTransform(unquoted).transform(&mut schema);
    schema.to_value()
}

fn definition(policy: &str) -> String {
    format!("settings-of-{policy}")
}

/// Returns the rule that a binding of this policy must keep to.
fn settings_of(policy: &str) -> Value {
    let settings = format!("#/definitions/{}", definition(policy));
    json!({
        "if": { "properties": { "policy": { "const": policy } }, "required": ["policy"] },
        "then": { "properties": { "settings": { "$ref": settings } } },
    })
}

/// A policy's schema is whole in itself; within this one it stands deeper.
fn move_references(schema: &mut Value, policy: &str) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| move_references(item, policy)),
        Value::Object(members) => {
            members.remove("$schema");
            for (key, value) in members {
                match value {
                    Value::String(target) if key == "$ref" => {
                        let home = format!("#/definitions/{}/", definition(policy));
                        *target = target.replacen("#/", &home, 1);
                    }
                    _ => move_references(value, policy),
                }
            }
        }
        _ => {}
    }
}

/// Nobody has to quote a name that looks like a number, so any scalar is text. What has a
/// form has said so itself.
fn unquoted(schema: &mut Schema) {
    let form = ["enum", "const", "pattern"];
    let plain = form.iter().all(|key| schema.get(*key).is_none());
    if plain && schema.get("type").is_some_and(|kind| kind == "string") {
        schema.insert("type".to_owned(), json!(["string", "number", "boolean"]));
    }
}

pub(super) fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^\s*([0-9]+\s*[A-Za-zµ]+\s*)+$", "examples": ["5ms", "10s", "24h"] })
}

pub(super) fn sync(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "examples": ["each", "100ms", "os"] })
}

pub(super) fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "integer"],
        "pattern": r"^\s*[0-9]+\s*([KkMmGgTt]?[Ii]?[Bb])?\s*$",
        "minimum": 0,
        "examples": ["512KiB", "64MiB", "64GiB"],
    })
}

pub(super) fn amount(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "integer"],
        "pattern": r"^\s*[0-9]+\s*[kKMG]?\s*$",
        "minimum": 0,
        "examples": [500, "50k", "5M"],
    })
}

pub(super) fn depth(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 128 })
}

pub(super) fn count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 1_000_000 })
}

pub(super) fn failures(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 10_000 })
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
    // Which policies are shipped is not known here; `json_schema` fills them in.
    json_schema!({ "anyOf": [{ "enum": [] }, { "type": "string", "pattern": "." }] })
}

pub(super) fn operation(_: &mut SchemaGenerator) -> Schema {
    let judged = |operation: &&Operation| operation.access() != AccessClass::Public;
    let names: Vec<_> = Operation::ALL.iter().filter(judged).map(|o| o.as_str()).collect();
    json_schema!({ "enum": names })
}

pub(super) fn api(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [Dialect::Native, Dialect::OpenAi, Dialect::Anthropic] })
}

pub(super) fn proof(_: &mut SchemaGenerator) -> Schema {
    use ProofKind::{Anonymous, ApiKey, Basic, Jwt, Mtls, OllamaKey, Token};
    json_schema!({ "enum": [ApiKey, Basic, Mtls, Token, Jwt, OllamaKey, Anonymous] })
}

pub(super) fn transport(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [Transport::Plain, Transport::Tls, Transport::MutualTls] })
}

pub(super) fn role(_: &mut SchemaGenerator) -> Schema {
    use ModelRole::{Base, Destination, Source, Target, Use};
    json_schema!({ "enum": [Use, Target, Source, Base, Destination] })
}

pub(super) fn operations(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": operation(generator), "minItems": 1 })
}
