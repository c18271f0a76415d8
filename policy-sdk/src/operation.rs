//! The operations that a caller can ask for.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::AccessClass;

macro_rules! define {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $class:ident;)*) => {
        /// One thing that a caller can ask for.
        ///
        /// Ollama adds operations within a minor version. The ones that this SDK does
        /// not know arrive as [`Operation::Other`]; a policy must not allow them.
        ///
        /// In settings an operation is its name, and only a known name is accepted.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $($(#[$doc])* $name,)*
            /// An operation that this SDK does not know, by its name.
            Other(Box<str>),
        }

        impl Operation {
            /// The names of all operations that this SDK knows.
            pub const NAMES: &[&str] = &[$($text,)*];

            /// The name used in configuration and in the audit log.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(name) => name,
                }
            }

            /// The kind of thing that it does; `None` for an operation that this SDK does not
            /// know. A request says it for those too: [`Request::access`](crate::Request::access).
            pub fn access(&self) -> Option<AccessClass> {
                match self {
                    $(Self::$name => Some(AccessClass::$class),)*
                    Self::Other(_) => None,
                }
            }

            fn known(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

stockade_names::operations! { decided define }

/// A word that names no operation this SDK knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOperation(Box<str>);

impl fmt::Display for UnknownOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Operation::NAMES.join(", ");
        write!(f, "{:?} is not an operation; use one of: {known}", self.0)
    }
}

impl std::error::Error for UnknownOperation {}

impl FromStr for Operation {
    type Err = UnknownOperation;
    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        Self::known(name).ok_or_else(|| UnknownOperation(name.into()))
    }
}

/// Never fails: a request may carry an operation that is newer than this SDK.
impl From<String> for Operation {
    fn from(name: String) -> Self {
        Self::known(&name).unwrap_or_else(|| Self::Other(name.into_boxed_str()))
    }
}

impl From<&str> for Operation {
    fn from(name: &str) -> Self {
        name.to_owned().into()
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Operation {
    fn schema_name() -> Cow<'static, str> {
        "Operation".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The name of something that a caller can ask for.",
            "enum": Self::NAMES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Operation;

    #[test]
    fn every_name_is_read_back_as_itself() {
        for name in Operation::NAMES {
            let operation: Operation = name.parse().unwrap();
            assert_eq!(operation.as_str(), *name);
            assert_eq!(Operation::from(*name), operation);
            assert!(!matches!(operation, Operation::Other(_)), "{name}");
        }
    }

    #[test]
    fn a_newer_operation_is_kept_in_requests_and_refused_in_settings() {
        let newer = Operation::from("dream");
        assert_eq!(newer, Operation::Other("dream".into()));
        assert_eq!(newer.as_str(), "dream");
        let error = serde_json::from_str::<Operation>("\"dream\"").unwrap_err();
        assert!(
            error.to_string().starts_with("\"dream\" is not an operation; use one of: generate,"),
            "{error}"
        );
        assert!("Chat".parse::<Operation>().is_err(), "names are lower case");
    }
}
