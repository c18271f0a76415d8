//! Policies, bindings and tests.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_core::{Dialect, ProofKind, Transport};
use stockade_yaml::{Entries, Field, Setting};

use super::quotas::RawUsed;
use crate::value_schema;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Policy", extend("required" = ["module"]))]
pub(crate) struct RawPolicy {
    /// A file, or `builtin/` and the name of a shipped policy.
    #[schemars(schema_with = "value_schema::module")]
    pub(crate) module: Field<String>,
    /// The digest that the file must have: sha256: and 64 hex digits.
    #[schemars(schema_with = "value_schema::digest")]
    pub(crate) digest: Field<String>,
    /// The longest time that one decision may take, from 1ms to 1s.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) deadline: Field<String>,
    /// The memory that one decision may have, from 64KiB to 64MiB.
    #[schemars(schema_with = "value_schema::size")]
    pub(crate) memory: Field<String>,
    /// True if an answer is used again for equal questions of the same second.
    pub(crate) remember: Field<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Binding", extend("required" = ["name", "subjects", "policy"]))]
pub(crate) struct RawBinding {
    /// Unique; it stands in logs and in `stockade explain`.
    pub(crate) name: Field<String>,
    /// For whoever reads this file.
    pub(crate) description: Field<String>,
    /// The subjects that it applies to: `everyone`, or users and groups.
    pub(crate) subjects: Field<RawSubjects>,
    /// The policy that judges, as it is called under `policies`.
    pub(crate) policy: Field<String>,
    /// The policy's settings: see its documentation.
    pub(crate) settings: Field<Setting>,
    /// `enforce` if it is obeyed, `shadow` if it is only asked and recorded.
    pub(crate) mode: Field<Mode>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Enforce,
    Shadow,
}

/// `everyone`, or a mapping.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "$by-shape")]
#[schemars(rename = "Subjects", untagged)]
pub(crate) enum RawSubjects {
    #[serde(rename = "scalar")]
    Word(#[schemars(schema_with = "value_schema::everyone")] Field<String>),
    #[serde(rename = "mapping")]
    Chosen(Box<Field<RawChosen>>),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Chosen")]
pub(crate) struct RawChosen {
    /// Everybody who is not excepted.
    pub(crate) everyone: Field<bool>,
    /// These users.
    pub(crate) users: Field<Vec<Field<String>>>,
    /// The members of one of these groups.
    pub(crate) groups: Field<Vec<Field<String>>>,
    /// But not these.
    pub(crate) except: Field<RawExcept>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Except")]
pub(crate) struct RawExcept {
    /// Not these users.
    pub(crate) users: Field<Vec<Field<String>>>,
    /// Nobody who is in one of these groups.
    pub(crate) groups: Field<Vec<Field<String>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Test", extend("required" = ["user", "operation", "expect"]))]
pub(crate) struct RawTest {
    /// The caller.
    pub(crate) user: Field<String>,
    /// The kind of proof that the caller would give: a JWT where `groups` or `attributes` are
    /// given, else an API key. A user whom only an issuer knows needs `jwt`.
    #[schemars(schema_with = "value_schema::proof")]
    pub(crate) proof: Field<ProofKind>,
    /// Groups that the caller's JWT would give besides those under `users`.
    pub(crate) groups: Field<Vec<Field<String>>>,
    /// Attributes that the caller's JWT would give besides those under `users`.
    pub(crate) attributes: Field<Entries<String>>,
    /// The caller's address; 127.0.0.1, if left out.
    pub(crate) address: Field<String>,
    /// The name of the listener to which the caller would come; none, if left out.
    pub(crate) listener: Field<String>,
    /// The kind of listener: without TLS, with it, or with client certificates; that of
    /// `listener`, or without TLS, if left out.
    #[schemars(schema_with = "value_schema::transport")]
    pub(crate) transport: Field<Transport>,
    /// The operation.
    #[schemars(schema_with = "value_schema::operation")]
    pub(crate) operation: Field<String>,
    /// The model, for an operation that names one.
    pub(crate) model: Field<String>,
    /// The API; Ollama's own, if left out.
    #[schemars(schema_with = "value_schema::api")]
    pub(crate) api: Field<Dialect>,
    /// The time, in `time_zone` or with an offset; that of loading, if left out.
    #[schemars(schema_with = "value_schema::moment")]
    pub(crate) time: Field<String>,
    /// The amounts that the caller has used in this hour.
    pub(crate) after: Field<RawUsed>,
    /// The decision: it must be allowed, or else denied.
    pub(crate) expect: Field<Expectation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expectation {
    Allow,
    Deny,
}
