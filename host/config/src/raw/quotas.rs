//! Quotas, the queue before Ollama, and the account of what was used.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_yaml::Field;

use super::access::RawSubjects;
use crate::value_schema;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Quota", extend("required" = ["name", "subjects"]))]
pub(crate) struct RawQuota {
    /// Unique; callers who have used it up are told. Under the same name, a quota that was
    /// changed goes on with what was used.
    pub(crate) name: Field<String>,
    /// For whoever reads this file.
    pub(crate) description: Field<String>,
    /// The subjects that it limits: `everyone`, or users and groups.
    pub(crate) subjects: Field<RawSubjects>,
    /// The kind of subject that has a share of its own: each `user` with all keys and tokens, each
    /// `group`, each `key`, or all `together` one. `user`, if left out.
    pub(crate) per: Field<PerSubject>,
    /// Patterns of the models that count, such as `llama3.*`; all, if left out.
    pub(crate) models: Field<Vec<Field<String>>>,
    /// The operations that count; if left out, those that run or change models or ask the web.
    #[schemars(schema_with = "value_schema::operations")]
    pub(crate) operations: Field<Vec<Field<String>>>,
    /// Requests.
    pub(crate) requests: Field<RawRequests>,
    /// Tokens of prompts and answers together.
    pub(crate) tokens: Field<RawCounts>,
    /// Tokens of prompts.
    pub(crate) input_tokens: Field<RawCounts>,
    /// Tokens of answers.
    pub(crate) output_tokens: Field<RawCounts>,
    /// The time in which models read prompts and produced answers.
    pub(crate) gpu_time: Field<RawTimes>,
    /// The most requests under way at once.
    #[schemars(schema_with = "value_schema::count")]
    pub(crate) concurrent: Field<u64>,
    /// Bytes of models that Ollama fetches from a registry.
    pub(crate) pulled: Field<RawSizes>,
    /// `refuse` what there is no room for, serve it `last`, or only count and tell: `shadow`.
    pub(crate) on_exceeded: Field<Exceeding>,
    /// The rule while the store of replicas is away: `refuse` what was not granted before, count
    /// alone up to a part of the limit (`local`), or up to all of it (`ignore`).
    pub(crate) on_store_loss: Field<StoreLoss>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PerSubject {
    User,
    Group,
    Key,
    Together,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Exceeding {
    Refuse,
    Last,
    Shadow,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StoreLoss {
    Refuse,
    Local,
    Ignore,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Requests")]
pub(crate) struct RawRequests {
    /// Requests in a minute, evenly spread but for the `burst`.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) minute: Field<String>,
    /// Requests that may come at once; as many as in a minute, if left out.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) burst: Field<String>,
    /// Requests in an hour by the clock of `time_zone`.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) hour: Field<String>,
    /// Requests on a day of `time_zone`.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) day: Field<String>,
    /// Requests in a month of `time_zone`.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) month: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Counts")]
pub(crate) struct RawCounts {
    /// In an hour by the clock of `time_zone`.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) hour: Field<String>,
    /// On a day of `time_zone`.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) day: Field<String>,
    /// In a month of `time_zone`.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) month: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Times")]
pub(crate) struct RawTimes {
    /// In an hour by the clock of `time_zone`.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) hour: Field<String>,
    /// On a day of `time_zone`.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) day: Field<String>,
    /// In a month of `time_zone`.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) month: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Sizes")]
pub(crate) struct RawSizes {
    /// In an hour by the clock of `time_zone`.
    #[schemars(schema_with = "value_schema::size")]
    pub(crate) hour: Field<String>,
    /// On a day of `time_zone`.
    #[schemars(schema_with = "value_schema::size")]
    pub(crate) day: Field<String>,
    /// In a month of `time_zone`.
    #[schemars(schema_with = "value_schema::size")]
    pub(crate) month: Field<String>,
}

/// The rule for a damaged file.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "OnDamage")]
pub(crate) enum Damaged {
    /// The gateway does not start.
    #[default]
    Refuse,
    /// The file is set aside, and counting begins at zero.
    StartAtZero,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Queue")]
pub(crate) struct RawQueue {
    /// The most requests that wait: 100, if left out.
    #[schemars(schema_with = "value_schema::count")]
    pub(crate) length: Field<u64>,
    /// The most requests of one user that wait: 20, if left out.
    #[schemars(schema_with = "value_schema::count")]
    pub(crate) per_user: Field<u64>,
    /// The longest time that a request waits for its turn: 5m, if left out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) wait: Field<String>,
    /// The time for which requests for a model that is loaded go before those for another: 20s, if
    /// left out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) switch_after: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Usage")]
pub(crate) struct RawUsage {
    /// The time for which is kept who used what: 400d, if left out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) retention: Field<String>,
    /// `refuse` to start with a damaged file, or set it aside and `start-at-zero`.
    pub(crate) on_damage: Field<Damaged>,
    /// The most tokens of an answer whose caller sets no limit, where a quota counts them: 8k, if
    /// left out.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) answer_limit: Field<String>,
    /// The store by which several gateways share quotas.
    pub(crate) store: Field<RawStore>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Store")]
pub(crate) struct RawStore {
    /// The URL of one server: `valkey://host:6379`, `valkeys://host:6379` with TLS, or
    /// `unix:///run/valkey.sock`.
    pub(crate) url: Field<String>,
    /// The URLs of some servers of a cluster, in place of `url`.
    pub(crate) cluster: Field<Vec<Field<String>>>,
    /// The user of the store, if not its default one.
    pub(crate) user: Field<String>,
    /// The file with the user's password, that only its owner can read.
    pub(crate) password_file: Field<String>,
    /// The file with the authorities of its certificate, in PEM; those of the system, if left out.
    pub(crate) ca: Field<String>,
    /// The first part of all keys: gateways with another one share nothing. `stk`, if left out.
    pub(crate) prefix: Field<String>,
    /// The time for which a request waits for the store: 250ms, if left out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) timeout: Field<String>,
    /// The time for which a gateway that does not reach the store may spend what it was granted of
    /// budgets: 10m, if left out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) budgets_kept: Field<String>,
    /// The same for requests at once: as long those of a gateway that has died count. 30s, if left
    /// out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) running_kept: Field<String>,
    /// The time for which a store that is new, or has forgotten all, grants nothing: 10s, if left
    /// out. Every gateway has to reach it within.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) settle: Field<String>,
}

/// The amounts that the caller of a test has used.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Used")]
pub(crate) struct RawUsed {
    /// Requests.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) requests: Field<String>,
    /// Tokens of prompts and answers together.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) tokens: Field<String>,
    /// Tokens of prompts.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) input_tokens: Field<String>,
    /// Tokens of answers.
    #[schemars(schema_with = "value_schema::amount")]
    pub(crate) output_tokens: Field<String>,
    /// GPU time.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) gpu_time: Field<String>,
    /// Pulled bytes.
    #[schemars(schema_with = "value_schema::size")]
    pub(crate) pulled: Field<String>,
}
