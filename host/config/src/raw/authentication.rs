//! The ways in which callers are proven, and the proxies from which their addresses are taken.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_yaml::Field;

use crate::value_schema;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Authentication")]
pub(crate) struct RawAuthentication {
    /// True if a key may stand in front of the path: /k/KEY/api/chat.
    pub(crate) key_in_path: Field<bool>,
    /// The user that callers without a credential are.
    pub(crate) anonymous: Field<String>,
    /// The front ends that say in a header for which user they ask.
    pub(crate) on_behalf: Field<RawOnBehalf>,
    /// The time for which a right password is not hashed again.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) remember_passwords: Field<String>,
    /// The rules that slow down those who fail to prove who they are.
    pub(crate) throttle: Field<RawThrottle>,
    /// True if an answer that is under way is cut when its caller's credential is revoked.
    pub(crate) terminate_streams: Field<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "OnBehalf", extend("required" = ["header", "by"]))]
pub(crate) struct RawOnBehalf {
    /// The header with the name of the user, such as X-OpenWebUI-User-Email.
    pub(crate) header: Field<String>,
    /// The users that are front ends. From others the header means nothing.
    pub(crate) by: Field<Vec<Field<String>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Throttle")]
pub(crate) struct RawThrottle {
    /// True if anybody is slowed down.
    pub(crate) enabled: Field<bool>,
    /// The number of failures, of one address or with one user name, that cost nothing.
    #[schemars(schema_with = "value_schema::failures")]
    pub(crate) failures: Field<u64>,
    /// The time that the next try must wait then; each further failure doubles it.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) wait: Field<String>,
    /// The longest time that it must wait.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) longest_wait: Field<String>,
    /// The time after the last failure until all of them are forgotten.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) forget: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "TrustedProxies", extend("required" = ["addresses"]))]
pub(crate) struct RawTrustedProxies {
    /// Their addresses, or ranges such as 10.0.0.0/8.
    pub(crate) addresses: Field<Vec<Field<String>>>,
    /// The header in which they tell it; the other one is ignored.
    pub(crate) header: Field<ForwardingHeader>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForwardingHeader {
    XForwardedFor,
    Forwarded,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Tokens")]
pub(crate) struct RawTokens {
    /// The secrets that sign tokens. The first one signs new ones.
    pub(crate) secrets: Field<Vec<Field<RawTokenSecret>>>,
    /// The longest time for which a token may be good.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) max_ttl: Field<String>,
    /// The most that the clocks of others may be off.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) leeway: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "TokenSecret", extend("required" = ["id", "file"]))]
pub(crate) struct RawTokenSecret {
    /// Its name in logs.
    pub(crate) id: Field<String>,
    /// The file that holds the secret and nothing else, and that nobody else can read.
    pub(crate) file: Field<String>,
}
