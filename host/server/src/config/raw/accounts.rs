//! Users and their credentials.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::schema;
use crate::config::slot::{Entries, Slot};

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "User")]
pub(in crate::config) struct RawUser {
    /// The groups that this user is in.
    pub(in crate::config) groups: Slot<Vec<Slot<String>>>,
    /// API keys: `stockade key new` makes one and prints its line.
    pub(in crate::config) keys: Slot<Vec<Slot<RawKey>>>,
    /// For HTTP Basic, from `stockade password hash`.
    pub(in crate::config) password_hash: Slot<String>,
    /// Client certificates that stand for this user.
    pub(in crate::config) certificates: Slot<Vec<Slot<RawCertificate>>>,
    /// Keys with which `OLLAMA_AUTH=1 ollama` signs.
    pub(in crate::config) ollama_keys: Slot<Vec<Slot<RawOllamaKey>>>,
    /// Facts that are passed to policies.
    pub(in crate::config) attributes: Slot<Entries<String>>,
    /// Whether every credential of this user is refused.
    pub(in crate::config) disabled: Slot<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Key", extend("required" = ["id", "sha256"]))]
pub(in crate::config) struct RawKey {
    /// Its name in logs.
    pub(in crate::config) id: Slot<String>,
    /// The digest of the key: sha256: and 64 hex digits.
    #[schemars(schema_with = "schema::digest")]
    pub(in crate::config) sha256: Slot<String>,
    /// The end of its life.
    #[schemars(schema_with = "schema::moment")]
    pub(in crate::config) expires: Slot<String>,
    /// Words that stand beside it in logs.
    pub(in crate::config) labels: Slot<Entries<String>>,
    /// The only operations that it is good for.
    #[schemars(schema_with = "schema::operations")]
    pub(in crate::config) operations: Slot<Vec<Slot<String>>>,
    /// Patterns of the only models that it is good for.
    pub(in crate::config) models: Slot<Vec<Slot<String>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "OllamaKey", extend("required" = ["id", "public_key"]))]
pub(in crate::config) struct RawOllamaKey {
    /// Its name in logs.
    pub(in crate::config) id: Slot<String>,
    /// The line of `~/.ollama/id_ed25519.pub`.
    pub(in crate::config) public_key: Slot<String>,
}

/// Known by one of its names.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    rename = "Certificate",
    extend("required" = ["id"], "minProperties" = 2, "maxProperties" = 2)
)]
pub(in crate::config) struct RawCertificate {
    /// Its name in logs.
    pub(in crate::config) id: Slot<String>,
    /// Its DNS name.
    pub(in crate::config) dns: Slot<String>,
    /// Its URI, such as a SPIFFE id.
    pub(in crate::config) uri: Slot<String>,
    /// Its e-mail address.
    pub(in crate::config) email: Slot<String>,
    /// The common name of its subject.
    pub(in crate::config) cn: Slot<String>,
    /// Its user principal name, as Windows issues them.
    pub(in crate::config) upn: Slot<String>,
    /// Its IP address.
    pub(in crate::config) ip: Slot<String>,
    /// Its fingerprint.
    pub(in crate::config) sha256: Slot<String>,
}
