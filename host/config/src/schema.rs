//! The JSON Schema of the configuration, for editors: made of the types that read it.
//!
//! It knows the shape. What only the gateway can know, such as whether a group exists, is
//! for `stockade check` to say.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::policy_tests::RawCases;
use crate::raw::RawConfig;

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
