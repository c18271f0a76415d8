//! The setting `web_search`.

use std::borrow::Cow;
use std::fmt;

use stockade_policy_sdk::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use stockade_policy_sdk::serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// The fate of tools that search the web on the account of the host's owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebSearch {
    /// `false`: a request that offers one is not allowed.
    #[default]
    Refused,
    /// `drop`: such a request is allowed without them.
    Dropped,
    /// `true`: they are forwarded.
    Allowed,
}

const DROP: &str = "drop";

impl<'de> Deserialize<'de> for WebSearch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagOrDrop)
    }
}

struct FlagOrDrop;

impl Visitor<'_> for FlagOrDrop {
    type Value = WebSearch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`true`, `false` or `drop`")
    }

    fn visit_bool<E: Error>(self, allowed: bool) -> Result<WebSearch, E> {
        Ok(if allowed { WebSearch::Allowed } else { WebSearch::Refused })
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<WebSearch, E> {
        if word == DROP {
            Ok(WebSearch::Dropped)
        } else {
            Err(E::invalid_value(Unexpected::Str(word), &self))
        }
    }
}

impl JsonSchema for WebSearch {
    fn schema_name() -> Cow<'static, str> {
        "WebSearch".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [false, true, DROP] })
    }
}
