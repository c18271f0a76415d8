//! How callers are proven, and whom their addresses are taken from.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::schema;
use crate::config::slot::Slot;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Authentication")]
pub(in crate::config) struct RawAuthentication {
    /// Whether a key may stand in front of the path: /k/KEY/api/chat.
    pub(in crate::config) key_in_path: Slot<bool>,
    /// The user that callers without a credential are.
    pub(in crate::config) anonymous: Slot<String>,
    /// The front ends that say in a header for which user they ask.
    pub(in crate::config) on_behalf: Slot<RawOnBehalf>,
    /// How long a right password is not hashed again.
    #[schemars(schema_with = "schema::duration")]
    pub(in crate::config) remember_passwords: Slot<String>,
    /// How those are slowed down who fail to prove who they are.
    pub(in crate::config) throttle: Slot<RawThrottle>,
    /// Whether an answer that is under way is cut when its caller's credential is revoked.
    pub(in crate::config) terminate_streams: Slot<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "OnBehalf", extend("required" = ["header", "by"]))]
pub(in crate::config) struct RawOnBehalf {
    /// The header with the name of the user, such as X-OpenWebUI-User-Email.
    pub(in crate::config) header: Slot<String>,
    /// The users that are front ends. From others the header means nothing.
    pub(in crate::config) by: Slot<Vec<Slot<String>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Throttle")]
pub(in crate::config) struct RawThrottle {
    /// Whether anybody is slowed down.
    pub(in crate::config) enabled: Slot<bool>,
    /// How many failures, of one address or with one user name, cost nothing.
    #[schemars(schema_with = "schema::failures")]
    pub(in crate::config) failures: Slot<u64>,
    /// How long the next try must wait then; each further failure doubles it.
    #[schemars(schema_with = "schema::duration")]
    pub(in crate::config) wait: Slot<String>,
    /// How long it must wait at most.
    #[schemars(schema_with = "schema::duration")]
    pub(in crate::config) longest_wait: Slot<String>,
    /// How long after the last failure all of them are forgotten.
    #[schemars(schema_with = "schema::duration")]
    pub(in crate::config) forget: Slot<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "TrustedProxies", extend("required" = ["addresses"]))]
pub(in crate::config) struct RawTrustedProxies {
    /// Their addresses, or ranges such as 10.0.0.0/8.
    pub(in crate::config) addresses: Slot<Vec<Slot<String>>>,
    /// The header in which they tell it; the other one is ignored.
    pub(in crate::config) header: Slot<ForwardingHeader>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum ForwardingHeader {
    XForwardedFor,
    Forwarded,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Tokens")]
pub(in crate::config) struct RawTokens {
    /// The secrets that sign tokens. The first one signs new ones.
    pub(in crate::config) secrets: Slot<Vec<Slot<RawTokenSecret>>>,
    /// The longest time for which a token may be good.
    #[schemars(schema_with = "schema::duration")]
    pub(in crate::config) max_ttl: Slot<String>,
    /// How far the clocks of others may be off.
    #[schemars(schema_with = "schema::duration")]
    pub(in crate::config) leeway: Slot<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "TokenSecret", extend("required" = ["id", "file"]))]
pub(in crate::config) struct RawTokenSecret {
    /// Its name in logs.
    pub(in crate::config) id: Slot<String>,
    /// The file that holds the secret and nothing else, and that nobody else can read.
    pub(in crate::config) file: Slot<String>,
}
