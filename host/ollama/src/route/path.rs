//! Paths, and the one value that a path can hold.

use std::fmt;

use stockade_core::{Dialect, ModelName};

/// The path of a route: a literal, or a literal and one last segment that varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    literal: &'static str,
    parameter: Option<Parameter>,
}

/// The meaning of the last segment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// The digest of a blob.
    Digest,
    /// A model.
    Model,
    /// A public key.
    Key,
}

/// The last segment of a request's path, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathValue {
    None,
    Digest(String),
    Model(ModelName),
    Key(String),
}

impl Path {
    pub(super) const fn new(literal: &'static str) -> Self {
        Self { literal, parameter: None }
    }

    pub(super) const fn with(literal: &'static str, parameter: Parameter) -> Self {
        Self { literal, parameter: Some(parameter) }
    }

    /// Returns the part before the segment that varies, or the whole.
    pub(super) const fn literal(self) -> &'static str {
        self.literal
    }

    /// Returns the meaning of the last segment, where it varies.
    pub const fn parameter(self) -> Option<Parameter> {
        self.parameter
    }

    /// Tells whether a path has this form.
    pub fn fits(self, path: &str) -> bool {
        self.matches(path).is_some()
    }

    /// The last segment of a path that has this form; empty where there is no parameter.
    pub(crate) fn matches(self, path: &str) -> Option<&str> {
        let rest = path.strip_prefix(self.literal)?;
        let fits = match self.parameter {
            None => rest.is_empty(),
            Some(_) => !rest.is_empty() && !rest.contains('/'),
        };
        fits.then_some(rest)
    }

    /// The path with a value in its place, as it is forwarded.
    pub(crate) fn with_value(self, value: &PathValue) -> String {
        let segment = match value {
            PathValue::None => "",
            PathValue::Digest(text) | PathValue::Key(text) => text,
            PathValue::Model(name) => name.spelled(),
        };
        format!("{}{segment}", self.literal)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.literal)?;
        f.write_str(match self.parameter {
            None => "",
            Some(Parameter::Digest) => "{digest}",
            Some(Parameter::Model) => "{model}",
            Some(Parameter::Key) => "{key}",
        })
    }
}

impl PathValue {
    /// Understands the last segment of a path. The error is for the caller.
    pub(crate) fn read(parameter: Option<Parameter>, segment: &str) -> Result<Self, String> {
        match parameter {
            None => Ok(Self::None),
            Some(Parameter::Digest) => canonical_digest(segment)
                .map(Self::Digest)
                .ok_or_else(|| "a blob is named by sha256: and 64 hexadecimal digits".to_owned()),
            Some(Parameter::Model) => {
                let spelling = percent_decoded(segment)
                    .ok_or("the model name in the path has a percent-escape that is not ASCII")?;
                let name = ModelName::parse(&spelling).map_err(|invalid| invalid.to_string())?;
                Self::model(name)
            }
            Some(Parameter::Key) => key(segment)
                .map(Self::Key)
                .ok_or_else(|| "the key in the path is not base64url".to_owned()),
        }
    }

    /// A model that Ollama can find by a path: its router takes a slash, escaped or not,
    /// for the end of the segment.
    pub(crate) fn model(name: ModelName) -> Result<Self, String> {
        if name.short().contains('/') {
            return Err(format!(
                "{name} cannot be named in a path, because of its slashes; use POST /api/show"
            ));
        }
        Ok(Self::Model(name))
    }
}

/// A digest in the spelling `sha256:<64 lower-case hexadecimal digits>`.
///
/// Source: Ollama `manifest/paths.go` (`BlobsPath`), which also takes `sha256-` and
/// upper case.
pub(crate) fn canonical_digest(text: &str) -> Option<String> {
    let hex = text.strip_prefix("sha256:").or_else(|| text.strip_prefix("sha256-"))?;
    let valid = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| format!("sha256:{}", hex.to_ascii_lowercase()))
}

/// Ollama ignores the key; it is passed on if it is nothing but a key.
fn key(segment: &str) -> Option<String> {
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
    let valid = segment.len() <= 1024 && segment.bytes().all(base64url);
    valid.then(|| segment.to_owned())
}

fn percent_decoded(segment: &str) -> Option<String> {
    let mut out = String::with_capacity(segment.len());
    let mut parts = segment.split('%');
    out.push_str(parts.next()?);
    for part in parts {
        let digits = part.get(..2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let byte = u8::from_str_radix(digits, 16).ok()?;
        out.push(byte.is_ascii().then_some(char::from(byte))?);
        out.push_str(&part[2..]);
    }
    Some(out)
}

/// The API that a path belongs to, also where there is no such route: it decides the
/// shape of the error.
pub fn dialect_of_path(path: &str) -> Dialect {
    let within = |root: &str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if within("/v1/systemone") {
        // Ollama's own from 0.35 on, errors included, although it stands there.
        Dialect::Native
    } else if within("/v1/messages") {
        Dialect::Anthropic
    } else if within("/v1") {
        Dialect::OpenAi
    } else {
        Dialect::Native
    }
}
