//! The files of secrets that are taken.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_yaml::Field;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "SecretFiles")]
pub(crate) struct RawSecretFiles {
    /// The others who may be able to read them: a group of the gateway's process (`own`), or on
    /// read-only mounts anybody (`any`).
    pub(crate) permissions: Field<Permissions>,
}

/// The others, besides its owner, who may be able to read the file of a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Permissions {
    /// A group that the process is in.
    #[default]
    Own,
    /// Anybody, if the file stands on a mount that is read-only.
    Any,
}
