//! Names from the configuration, as types that cannot be mixed up.

use std::fmt;
use std::sync::Arc;

/// A name that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidId {
    reason: String,
}

const LONGEST: usize = 200;

fn check(kind: &str, text: &str) -> Result<(), InvalidId> {
    let reason = if text.is_empty() {
        format!("a {kind} must not be empty")
    } else if text.len() > LONGEST {
        format!("a {kind} has at most {LONGEST} bytes, this one has {}", text.len())
    } else if text.trim() != text {
        format!("a {kind} must not begin or end with white space: {text:?}")
    } else if text.contains(crate::is_invisible) {
        format!("a {kind} must not contain control or invisible characters: {text:?}")
    } else {
        return Ok(());
    };
    Err(InvalidId { reason })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a name and wraps it.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                check($kind, text)?;
                Ok(Self(text.into()))
            }

            /// A name that no configuration can have, for what stands in where there is
            /// nothing.
            pub fn placeholder() -> Self {
                Self("".into())
            }

            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
    };
}

id!(
    /// A user's name. It may contain `:`.
    UserId, "user name"
);
id!(
    /// A group's name.
    GroupName, "group name"
);
id!(
    /// A policy's name in the configuration.
    PolicyName, "policy name"
);
id!(
    /// A binding's name; unique in a configuration.
    BindingName, "binding name"
);
id!(
    /// A quota's name; unique in a configuration.
    QuotaName, "quota name"
);
id!(
    /// A credential of a user: a name for a key, never the key.
    CredentialId, "credential id"
);

#[cfg(test)]
mod tests {
    use super::UserId;

    #[test]
    fn names_that_would_confuse_a_log_are_refused() {
        for bad in
            ["", " alice", "alice\n", "a\u{7f}", "ali\u{202e}ce", "ali\u{200b}ce", &"x".repeat(201)]
        {
            assert!(UserId::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(UserId::new("svc:batch").unwrap().as_str(), "svc:batch");
    }
}
