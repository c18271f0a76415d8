//! Fields of a body, by their path.

use std::fmt;

/// The path of a field in a JSON body: the names of objects and of the field, with dots between
/// them, such as `think` or `options.num_gpu`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct FieldPath(Box<str>);

/// A text is not the path of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a field is named by its path, such as `think` or `options.num_gpu`")]
pub struct InvalidFieldPath;

impl FieldPath {
    /// The longest path, in bytes.
    pub const LONGEST: usize = 256;
    /// The most names in a path.
    pub const DEEPEST: usize = 8;

    /// Reads a path.
    ///
    /// # Errors
    /// Where it is empty, too long or too deep, has an empty name, or a character that is not to
    /// be seen.
    pub fn new(text: &str) -> Result<Self, InvalidFieldPath> {
        let mut names = text.split('.');
        let fits = text.len() <= Self::LONGEST && text.split('.').count() <= Self::DEEPEST;
        let plain = names.all(|name| !name.is_empty()) && !text.contains(crate::is_invisible);
        if fits && plain { Ok(Self(text.into())) } else { Err(InvalidFieldPath) }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the names on the way, the field's own last.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FieldPath {
    type Error = InvalidFieldPath;

    fn try_from(text: String) -> Result<Self, InvalidFieldPath> {
        Self::new(&text)
    }
}

impl From<FieldPath> for String {
    fn from(path: FieldPath) -> Self {
        path.0.into()
    }
}

/// Some of the tools that a request offers to the model.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolSelector {
    /// Those that make Ollama search the web: [`Parameters::web_search`](crate::Parameters).
    WebSearch,
    /// Those of this name: [`Content::tools`](crate::Content).
    Named(Box<str>),
}

impl fmt::Display for ToolSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebSearch => f.write_str("tools that search the web"),
            Self::Named(name) => write!(f, "tools called {name:?}"),
        }
    }
}

/// A rule for a field of a body before it is forwarded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldRule {
    /// It is left out, if it is there.
    Strip(FieldPath),
    /// A request that has it is refused.
    Forbid(FieldPath),
    /// It is written with this JSON value, which is no object and no list, if it is not there.
    Insert(FieldPath, String),
    /// These tools are left out of those that it offers.
    StripTools(ToolSelector),
}

impl FieldRule {
    /// Returns the field that it is about, where it is about a whole one.
    pub const fn path(&self) -> Option<&FieldPath> {
        match self {
            Self::Strip(path) | Self::Forbid(path) | Self::Insert(path, _) => Some(path),
            Self::StripTools(_) => None,
        }
    }

    /// Tells whether meeting it may change the request.
    pub const fn changes(&self) -> bool {
        matches!(self, Self::Strip(_) | Self::Insert(..) | Self::StripTools(_))
    }
}

#[cfg(test)]
mod tests {
    use super::{FieldPath, InvalidFieldPath};

    #[test]
    fn a_path_has_names() {
        let path = FieldPath::new("options.num_gpu").unwrap();
        assert_eq!(path.names().collect::<Vec<_>>(), ["options", "num_gpu"]);
        for wrong in ["", ".", "a.", ".a", "a..b", "a\nb", &"a.".repeat(9), &"x".repeat(300)] {
            assert_eq!(FieldPath::new(wrong), Err(InvalidFieldPath), "{wrong:?}");
        }
    }
}
