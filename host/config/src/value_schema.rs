//! The schemas of single values of the configuration, which have a form or are words of a set.

use schemars::{Schema, SchemaGenerator, json_schema};
use stockade_core::{AccessClass, Dialect, ModelRole, Operation, ProofKind, Transport};

pub(crate) fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^\s*([0-9]+\s*[A-Za-zµ]+\s*)+$", "examples": ["5ms", "10s", "24h"] })
}

pub(crate) fn sync(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "examples": ["each", "100ms", "os"] })
}

pub(crate) fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "integer"],
        "pattern": r"^\s*[0-9]+\s*([KkMmGgTt]?[Ii]?[Bb])?\s*$",
        "minimum": 0,
        "examples": ["512KiB", "64MiB", "64GiB"],
    })
}

pub(crate) fn amount(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "integer"],
        "pattern": r"^\s*[0-9]+\s*[kKMG]?\s*$",
        "minimum": 0,
        "examples": [500, "50k", "5M"],
    })
}

pub(crate) fn depth(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 128 })
}

pub(crate) fn count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 1_000_000 })
}

pub(crate) fn failures(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 10_000 })
}

pub(crate) fn digest(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(sha256:)?[0-9A-Fa-f]{64}$" })
}

pub(crate) fn moment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9]{4}-", "examples": ["2027-01-01T00:00:00Z"] })
}

pub(crate) fn everyone(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": "everyone" })
}

pub(crate) fn module(_: &mut SchemaGenerator) -> Schema {
    // Which policies are shipped is not known here; `json_schema` fills them in.
    json_schema!({ "anyOf": [{ "enum": [] }, { "type": "string", "pattern": "." }] })
}

pub(crate) fn operation(_: &mut SchemaGenerator) -> Schema {
    let is_decided = |operation: &&Operation| operation.access() != AccessClass::Public;
    let names: Vec<_> = Operation::ALL.iter().filter(is_decided).map(|o| o.as_str()).collect();
    json_schema!({ "enum": names })
}

pub(crate) fn api(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [Dialect::Native, Dialect::OpenAi, Dialect::Anthropic] })
}

pub(crate) fn proof(_: &mut SchemaGenerator) -> Schema {
    use ProofKind::{Anonymous, ApiKey, Basic, Jwt, Mtls, OllamaKey, Token};
    json_schema!({ "enum": [ApiKey, Basic, Mtls, Token, Jwt, OllamaKey, Anonymous] })
}

pub(crate) fn transport(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [Transport::Plain, Transport::Tls, Transport::MutualTls] })
}

pub(crate) fn role(_: &mut SchemaGenerator) -> Schema {
    use ModelRole::{Base, Destination, Source, Target, Use};
    json_schema!({ "enum": [Use, Target, Source, Base, Destination] })
}

pub(crate) fn operations(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": operation(generator), "minItems": 1 })
}
