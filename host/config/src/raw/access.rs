//! Policies, bindings and tests.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_core::{Dialect, ProofKind, Transport};
use stockade_yaml::{Entries, Setting, Slot};

use crate::schema;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Policy", extend("required" = ["module"]))]
pub(crate) struct RawPolicy {
    /// A file, or `builtin/` and the name of a shipped policy.
    #[schemars(schema_with = "schema::module")]
    pub(crate) module: Slot<String>,
    /// The digest that the file must have: sha256: and 64 hex digits.
    #[schemars(schema_with = "schema::digest")]
    pub(crate) digest: Slot<String>,
    /// The longest time that one decision may take, from 1ms to 1s.
    #[schemars(schema_with = "schema::duration")]
    pub(crate) deadline: Slot<String>,
    /// The memory that one decision may have, from 64KiB to 64MiB.
    #[schemars(schema_with = "schema::size")]
    pub(crate) memory: Slot<String>,
    /// True if an answer is used again for equal questions of the same second.
    pub(crate) remember: Slot<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Binding", extend("required" = ["name", "subjects", "policy"]))]
pub(crate) struct RawBinding {
    /// Unique; it stands in logs and in `stockade explain`.
    pub(crate) name: Slot<String>,
    /// For whoever reads this file.
    pub(crate) description: Slot<String>,
    /// The subjects that it applies to: `everyone`, or users and groups.
    pub(crate) subjects: Slot<RawSubjects>,
    /// The policy that judges, as it is called under `policies`.
    pub(crate) policy: Slot<String>,
    /// The policy's settings: see its documentation.
    pub(crate) settings: Slot<Setting>,
    /// `enforce` if it is obeyed, `shadow` if it is only asked and recorded.
    pub(crate) mode: Slot<Mode>,
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
    Word(#[schemars(schema_with = "schema::everyone")] Slot<String>),
    #[serde(rename = "mapping")]
    Chosen(Box<Slot<RawChosen>>),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Chosen")]
pub(crate) struct RawChosen {
    /// Everybody who is not excepted.
    pub(crate) everyone: Slot<bool>,
    /// These users.
    pub(crate) users: Slot<Vec<Slot<String>>>,
    /// The members of one of these groups.
    pub(crate) groups: Slot<Vec<Slot<String>>>,
    /// But not these.
    pub(crate) except: Slot<RawExcept>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Except")]
pub(crate) struct RawExcept {
    /// Not these users.
    pub(crate) users: Slot<Vec<Slot<String>>>,
    /// Nobody who is in one of these groups.
    pub(crate) groups: Slot<Vec<Slot<String>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Test", extend("required" = ["user", "operation", "expect"]))]
pub(crate) struct RawTest {
    /// The caller.
    pub(crate) user: Slot<String>,
    /// The kind of proof that the caller would give: a JWT where `groups` or `attributes` are
    /// given, else an API key. A user whom only an issuer knows needs `jwt`.
    #[schemars(schema_with = "schema::proof")]
    pub(crate) proof: Slot<ProofKind>,
    /// Groups that the caller's JWT would give besides those under `users`.
    pub(crate) groups: Slot<Vec<Slot<String>>>,
    /// Attributes that the caller's JWT would give besides those under `users`.
    pub(crate) attributes: Slot<Entries<String>>,
    /// The caller's address; 127.0.0.1, if left out.
    pub(crate) address: Slot<String>,
    /// The kind of listener: without TLS, with it, or with client certificates; without, if left
    /// out.
    #[schemars(schema_with = "schema::transport")]
    pub(crate) transport: Slot<Transport>,
    /// The operation.
    #[schemars(schema_with = "schema::operation")]
    pub(crate) operation: Slot<String>,
    /// The model, for an operation that names one.
    pub(crate) model: Slot<String>,
    /// The API; Ollama's own, if left out.
    #[schemars(schema_with = "schema::api")]
    pub(crate) api: Slot<Dialect>,
    /// The time, in `time_zone` or with an offset; that of loading, if left out.
    #[schemars(schema_with = "schema::moment")]
    pub(crate) time: Slot<String>,
    /// The decision: it must be allowed, or else denied.
    pub(crate) expect: Slot<Expectation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expectation {
    Allow,
    Deny,
}
