//! Policies, and the subjects that they judge.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stockade_core::{BindingName, PolicyName};
use stockade_yaml::{Location, Part};

use super::Subjects;

/// A policy that can be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// Its name in the configuration.
    pub name: PolicyName,
    /// The place of its code.
    pub module: ModuleLocation,
    /// The SHA-256 digest that the code must have, if it is pinned.
    pub digest: Option<[u8; 32]>,
    /// The longest time that one decision may take, if not the usual time.
    pub deadline: Option<Duration>,
    /// The memory that one decision may have, in bytes, if not the usual amount.
    pub memory: Option<u64>,
    /// True if an answer may be used again for equal questions of the same second.
    pub remember: bool,
    /// The place of its `module` in the file.
    pub at: Location,
}

/// The place of a policy's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleLocation {
    /// Shipped with the gateway; the name without `builtin/`.
    Builtin(String),
    /// A file, its path taken from the directory of the configuration file, and what it holds.
    File(PathBuf, ModuleBytes),
}

/// The content of a module's file.
#[derive(Clone, PartialEq, Eq)]
pub struct ModuleBytes(pub(crate) Arc<[u8]>);

impl ModuleBytes {
    /// Returns the bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ModuleBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// A policy, and the subjects that it judges.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Its name, unique.
    pub name: BindingName,
    /// A person's words about it.
    pub description: Option<String>,
    /// The subjects that it applies to.
    pub subjects: Subjects,
    /// The policy that judges.
    pub policy: PolicyName,
    /// The policy's settings as canonical JSON: keys sorted, no white space.
    pub settings: String,
    /// True if it is obeyed, false if it is only asked and recorded.
    pub enforced: bool,
    /// Its place in the file.
    pub at: Location,
    /// The settings with their places; `None` where the file has none.
    pub(crate) parts: Option<Part>,
}

impl Binding {
    /// Returns the place of a part of the settings, by a path such as `allow[2].name`.
    pub fn settings_at(&self, path: &str) -> Location {
        self.parts.as_ref().map_or(self.at, |parts| parts.locate(path))
    }
}
