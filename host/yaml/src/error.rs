//! Errors in a configuration, for a log line and for a person.

mod excerpt;

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use stockade_core::visible;

pub(crate) use self::excerpt::Excerpt;
use self::excerpt::Paint;
use super::location::Location;

/// One thing that is wrong with a configuration, or may be.
///
/// `Display` is one line, `file:line:column: message`; [`render`](Self::render) adds
/// the excerpt and the help.
#[derive(Clone, Debug)]
pub struct ConfigError {
    file: PathBuf,
    at: Option<Location>,
    message: String,
    help: Option<String>,
    excerpt: Option<Box<Excerpt>>,
    included_from: Vec<String>,
    warning: bool,
    passing: bool,
}

impl ConfigError {
    /// An error about a whole file.
    pub fn new(file: &Path, message: &str) -> Self {
        Self {
            file: file.to_owned(),
            at: None,
            message: printable(message),
            help: None,
            excerpt: None,
            included_from: Vec::new(),
            warning: false,
            passing: false,
        }
    }

    /// The same error at a place, with the line that stands there.
    pub(crate) fn at(mut self, at: Location, excerpt: Option<Excerpt>) -> Self {
        self.at = Some(at);
        self.excerpt = excerpt.map(Box::new);
        self
    }

    /// It may be meant so: the configuration is taken all the same.
    #[must_use]
    pub fn into_warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// The machine was short of something: the same configuration may load a moment later.
    #[must_use]
    pub fn into_passing(mut self) -> Self {
        self.passing = true;
        self
    }

    /// The same error with the places that led to its file, the nearest first.
    #[must_use]
    pub fn included_from(mut self, chain: &[String]) -> Self {
        self.included_from = chain.iter().map(|place| printable(place)).collect();
        self
    }

    /// The same error with a word on what to do instead.
    #[must_use]
    pub fn with_help(mut self, help: &str) -> Self {
        self.help = Some(printable(help));
        self
    }

    /// The file that is wrong.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the place in the file.
    pub const fn location(&self) -> Option<Location> {
        self.at
    }

    /// Returns the text of the error.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the advice on what to do instead.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The error for a terminal: message, place, excerpt with a caret, and help.
    pub fn render(&self, color: bool) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out, &Paint { color });
        out
    }

    fn write(&self, out: &mut String, paint: &Paint) -> fmt::Result {
        let kind = if self.warning { paint.warning("warning") } else { paint.error("error") };
        writeln!(out, "{kind}{}", paint.bold(&format!(": {}", self.message)))?;
        writeln!(out, "  {} {}", paint.dim("-->"), self.place())?;
        if let Some(excerpt) = &self.excerpt {
            excerpt.write(out, paint)?;
        }
        for place in &self.included_from {
            let note = paint.bold("note");
            writeln!(out, "  {} {note}: included from {place}", paint.dim("="))?;
        }
        if let Some(help) = &self.help {
            writeln!(out, "  {} {}: {help}", paint.dim("="), paint.bold("help"))?;
        }
        Ok(())
    }

    fn place(&self) -> String {
        let file = printable(&self.file.to_string_lossy());
        match self.at {
            Some(at) => format!("{file}:{at}"),
            None => file,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        if let Some(place) = self.included_from.first() {
            write!(f, " [included from {place}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// `{file, line, column, message, help, included_from}`, what does not apply left out.
impl Serialize for ConfigError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &self.file.to_string_lossy())?;
        if let Some(at) = self.at {
            map.serialize_entry("line", &at.line())?;
            map.serialize_entry("column", &at.column())?;
        }
        map.serialize_entry("message", &self.message)?;
        if let Some(help) = &self.help {
            map.serialize_entry("help", help)?;
        }
        if !self.included_from.is_empty() {
            map.serialize_entry("included_from", &self.included_from)?;
        }
        map.end()
    }
}

/// Everything that is wrong with a configuration; at least one thing.
#[derive(Clone)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
    files: Vec<PathBuf>,
    passing: bool,
}

impl ConfigErrors {
    /// Fails if there are errors.
    pub fn check(errors: Vec<ConfigError>) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self::from_all(errors)) }
    }

    /// All of several errors, in the order of the files; there must be one.
    pub fn from_all(errors: impl IntoIterator<Item = ConfigError>) -> Self {
        Self { errors: errors.into_iter().collect(), files: Vec::new(), passing: false }
    }

    /// The same errors, with the files that were read.
    #[must_use]
    pub fn with_files(mut self, files: &[PathBuf]) -> Self {
        self.files = files.to_vec();
        self
    }

    /// The same errors, with whether the machine was short of something, so that the same
    /// files may load a moment later.
    #[must_use]
    pub fn passing(mut self, passing: bool) -> Self {
        self.passing |= passing;
        self
    }

    /// Tells whether the same files may load a moment later.
    pub fn is_passing(&self) -> bool {
        self.passing || self.errors.iter().any(|error| error.passing)
    }

    /// The files that the configuration was read from or that it looked for. A change in one of
    /// them may mend the errors. Empty for errors found later.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The errors, taken out.
    pub fn into_all(self) -> Vec<ConfigError> {
        self.errors
    }

    /// The errors, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.errors.iter()
    }

    /// All errors for a terminal, an empty line between them.
    pub fn render(&self, color: bool) -> String {
        render_all(&self.errors, color)
    }
}

/// Several for a terminal, an empty line between them.
pub fn render_all(errors: &[ConfigError], color: bool) -> String {
    let rendered: Vec<_> = errors.iter().map(|error| error.render(color)).collect();
    rendered.join("\n")
}

/// Without the inputs: where one was expected, something secret may stand.
impl fmt::Debug for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.errors).finish()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self::from_all([error])
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for ConfigErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.errors.serialize(serializer)
    }
}

/// One line for each error.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.iter().enumerate() {
            if index > 0 {
                f.write_char('\n')?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// A file's text must not move the cursor of whoever reads the error.
fn printable(text: &str) -> String {
    visible(text, |_| false).into_owned()
}
