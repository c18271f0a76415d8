//! Policies, bindings and tests.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_core::Dialect;

use crate::config::schema;
use crate::config::settings::Setting;
use crate::config::slot::Slot;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Policy", extend("required" = ["module"]))]
pub(in crate::config) struct RawPolicy {
    /// A file, or `builtin/` and the name of a shipped policy.
    #[schemars(schema_with = "schema::module")]
    pub(in crate::config) module: Slot<String>,
    /// The digest that the file must have: sha256: and 64 hex digits.
    #[schemars(schema_with = "schema::digest")]
    pub(in crate::config) digest: Slot<String>,
    /// How long one decision may take, from 1ms to 1s.
    #[schemars(schema_with = "schema::duration")]
    pub(in crate::config) deadline: Slot<String>,
    /// How much memory one decision may have, from 64KiB to 64MiB.
    #[schemars(schema_with = "schema::size")]
    pub(in crate::config) memory: Slot<String>,
    /// Whether an answer is used again for equal questions of the same second.
    pub(in crate::config) remember: Slot<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Binding", extend("required" = ["name", "subjects", "policy"]))]
pub(in crate::config) struct RawBinding {
    /// Unique; it stands in logs and in `stockade explain`.
    pub(in crate::config) name: Slot<String>,
    /// For whoever reads this file.
    pub(in crate::config) description: Slot<String>,
    /// Whom it applies to: `everyone`, or users and groups.
    pub(in crate::config) subjects: Slot<RawSubjects>,
    /// The policy that judges, as it is called under `policies`.
    pub(in crate::config) policy: Slot<String>,
    /// The policy's settings: see its documentation.
    pub(in crate::config) settings: Slot<Setting>,
    /// Whether it is obeyed, or only asked and recorded.
    pub(in crate::config) mode: Slot<Mode>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Mode {
    Enforce,
    Shadow,
}

/// `everyone`, or a mapping.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "$by-shape")]
#[schemars(rename = "Subjects", untagged)]
pub(in crate::config) enum RawSubjects {
    #[serde(rename = "scalar")]
    Word(#[schemars(schema_with = "schema::everyone")] Slot<String>),
    #[serde(rename = "mapping")]
    Chosen(Box<Slot<RawChosen>>),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Chosen")]
pub(in crate::config) struct RawChosen {
    /// Everybody who is not excepted.
    pub(in crate::config) everyone: Slot<bool>,
    /// These users.
    pub(in crate::config) users: Slot<Vec<Slot<String>>>,
    /// Who is in one of these groups.
    pub(in crate::config) groups: Slot<Vec<Slot<String>>>,
    /// But not these.
    pub(in crate::config) except: Slot<RawExcept>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Except")]
pub(in crate::config) struct RawExcept {
    /// Not these users.
    pub(in crate::config) users: Slot<Vec<Slot<String>>>,
    /// Nobody who is in one of these groups.
    pub(in crate::config) groups: Slot<Vec<Slot<String>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Test", extend("required" = ["user", "operation", "expect"]))]
pub(in crate::config) struct RawTest {
    /// Who would call.
    pub(in crate::config) user: Slot<String>,
    /// What for.
    #[schemars(schema_with = "schema::operation")]
    pub(in crate::config) operation: Slot<String>,
    /// With which model, for an operation that names one.
    pub(in crate::config) model: Slot<String>,
    /// In which API; Ollama's own, if left out.
    #[schemars(schema_with = "schema::api")]
    pub(in crate::config) api: Slot<Dialect>,
    /// When, in `time_zone` or with an offset; at the time of loading, if left out.
    #[schemars(schema_with = "schema::moment")]
    pub(in crate::config) time: Slot<String>,
    /// Whether it must be allowed, or else denied.
    pub(in crate::config) expect: Slot<Expectation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Expectation {
    Allow,
    Deny,
}
