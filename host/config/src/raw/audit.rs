//! The audit log.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_yaml::Field;

use crate::types::OnFailure;
use crate::value_schema;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Audit")]
pub(crate) struct RawAudit {
    /// False for no audit log. It is written, if there is a place for it.
    pub(crate) enabled: Field<bool>,
    /// The directory of the log: `audit` in `state_directory`, if left out.
    pub(crate) directory: Field<String>,
    /// `refuse` requests of which no line can be written, or `continue` and record the gap.
    pub(crate) on_failure: Field<OnFailure>,
    /// The time after which lines outlive a loss of power, such as 100ms; `each` for at once, `os`
    /// for when the operating system likes.
    #[schemars(schema_with = "value_schema::sync")]
    pub(crate) sync: Field<String>,
    /// The longest time that the disk may take, until it counts as stuck: 10s, if left out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) deadline: Field<String>,
    /// The end of a segment, which is a file.
    pub(crate) segment: Field<RawSegment>,
    /// The time for which ended segments are kept.
    pub(crate) retention: Field<RawRetention>,
    /// The places outside of the log to which checkpoints go.
    pub(crate) anchors: Field<RawAnchors>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Segment")]
pub(crate) struct RawSegment {
    /// A segment ends at this size: 100MiB, if left out.
    #[schemars(schema_with = "value_schema::size")]
    pub(crate) size: Field<String>,
    /// A segment ends at this age: 7d, if left out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) age: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Retention")]
pub(crate) struct RawRetention {
    /// A segment is removed so long after its end: 400d, if left out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) age: Field<String>,
    /// The oldest segments are removed where all are larger than this: 10GiB, if left out.
    #[schemars(schema_with = "value_schema::size")]
    pub(crate) size: Field<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Anchors")]
pub(crate) struct RawAnchors {
    /// The time between two of them: 10m, if left out.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) every: Field<String>,
    /// False to leave them out of the gateway's own log.
    pub(crate) log: Field<bool>,
    /// A file to which they are appended. It belongs on another disk or machine.
    pub(crate) file: Field<String>,
    /// A URL to which they are posted.
    pub(crate) url: Field<String>,
    /// The file with the authorities that vouch for the server of `url`, in PEM; those of the system,
    /// if left out.
    pub(crate) ca: Field<String>,
}
