//! The configuration that is tried out beside the one in force.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_yaml::Field;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Shadow", extend("required" = ["config"]))]
pub(crate) struct RawShadow {
    /// The file: a whole configuration, which judges every request after its answer.
    pub(crate) config: Field<String>,
}
