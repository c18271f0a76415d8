//! Users and their credentials.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_yaml::{Entries, Field};

use crate::value_schema;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "User")]
pub(crate) struct RawUser {
    /// The groups that this user is in.
    pub(crate) groups: Field<Vec<Field<String>>>,
    /// API keys: `stockade key new` makes one and prints its line.
    pub(crate) keys: Field<Vec<Field<RawKey>>>,
    /// For HTTP Basic, from `stockade password hash`.
    pub(crate) password_hash: Field<String>,
    /// Client certificates that stand for this user.
    pub(crate) certificates: Field<Vec<Field<RawCertificate>>>,
    /// Keys with which `OLLAMA_AUTH=1 ollama` signs.
    pub(crate) ollama_keys: Field<Vec<Field<RawOllamaKey>>>,
    /// Facts that are passed to policies.
    pub(crate) attributes: Field<Entries<String>>,
    /// True if every credential of this user is refused.
    pub(crate) disabled: Field<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Key", extend("required" = ["id", "sha256"]))]
pub(crate) struct RawKey {
    /// Its name in logs.
    pub(crate) id: Field<String>,
    /// The digest of the key: sha256: and 64 hex digits.
    #[schemars(schema_with = "value_schema::digest")]
    pub(crate) sha256: Field<String>,
    /// The end of its life.
    #[schemars(schema_with = "value_schema::moment")]
    pub(crate) expires: Field<String>,
    /// Words that stand beside it in logs.
    pub(crate) labels: Field<Entries<String>>,
    /// The only operations that it is good for.
    #[schemars(schema_with = "value_schema::operations")]
    pub(crate) operations: Field<Vec<Field<String>>>,
    /// Patterns of the only models that it is good for.
    pub(crate) models: Field<Vec<Field<String>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "OllamaKey", extend("required" = ["id", "public_key"]))]
pub(crate) struct RawOllamaKey {
    /// Its name in logs.
    pub(crate) id: Field<String>,
    /// The line of `~/.ollama/id_ed25519.pub`.
    pub(crate) public_key: Field<String>,
}

/// Known by one of its names.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    rename = "Certificate",
    extend("required" = ["id"], "minProperties" = 2, "maxProperties" = 2)
)]
pub(crate) struct RawCertificate {
    /// Its name in logs.
    pub(crate) id: Field<String>,
    /// Its DNS name.
    pub(crate) dns: Field<String>,
    /// Its URI, such as a SPIFFE id.
    pub(crate) uri: Field<String>,
    /// Its e-mail address.
    pub(crate) email: Field<String>,
    /// The common name of its subject.
    pub(crate) cn: Field<String>,
    /// Its user principal name, as Windows issues them.
    pub(crate) upn: Field<String>,
    /// Its IP address.
    pub(crate) ip: Field<String>,
    /// Its fingerprint.
    pub(crate) sha256: Field<String>,
}
