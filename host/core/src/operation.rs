//! The operations that a caller can ask for, whatever the API it speaks.

/// The API that a route belongs to; it decides the shape of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Ollama's own, `/api/…`.
    Native,
    /// `OpenAI`'s, `/v1/…`.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic's, `/v1/messages`.
    Anthropic,
}

/// The kind of thing that an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessClass {
    /// Answered without a credential.
    Public,
    /// Runs a model.
    Inference,
    /// Reads what is there.
    Read,
    /// Changes models, memory or disk.
    Manage,
    /// Touches the host owner's ollama.com account.
    Account,
    /// Searches or fetches from the web through the owner's account.
    Web,
}

macro_rules! define {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $class:ident;)*) => {
        /// One thing that a caller can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation { $($(#[$doc])* $name,)* }

        impl Operation {
            /// All operations, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name used in policies, configuration and the audit log.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The kind of thing that it does.
            pub const fn access(self) -> AccessClass {
                match self { $(Self::$name => AccessClass::$class,)* }
            }
        }
    };
}

stockade_names::operations! { all define }

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is not an operation", crate::Quoted(.0))]
pub struct UnknownOperation(String);

impl std::str::FromStr for Operation {
    type Err = UnknownOperation;
    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        let named = |operation: &&Self| operation.as_str() == text;
        Self::ALL.iter().find(named).copied().ok_or_else(|| UnknownOperation(text.to_owned()))
    }
}

impl serde::Serialize for Operation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Operation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
