//! Forms: `multipart/form-data` with an audio file, read strictly and written again.
//!
//! A form has as many readings as JSON: parts with one name, names in two encodings, text
//! before and behind the parts. What is read here has one, and what is forwarded is made
//! of it, between boundaries of the gateway's own. The file itself is never copied.
//!
//! Source: RFC 7578; Ollama `middleware/openai.go` (`TranscriptionMiddleware`), Go
//! `mime/multipart`.

mod change;
mod disposition;

use std::collections::HashSet;

use bytes::Bytes;
use http::HeaderValue;
use memchr::memmem;
use stockade_core::Quoted;

use crate::shape::fold::fold;
use crate::work;
use disposition::{Disposition, parse_disposition};

/// More parts than any client sends.
const MOST_PARTS: usize = 64;
/// The longest headers of a part, in bytes.
const LONGEST_HEADERS: usize = 4 << 10;
/// The fields that Ollama reads, or could read.
const KNOWN: [&str; 7] =
    ["model", "file", "language", "prompt", "response_format", "temperature", "stream"];

/// The reason why a form is refused. The texts are for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    #[error("the form does not begin with its boundary")]
    Beginning,
    #[error("the form does not end with its boundary and nothing behind it")]
    End,
    #[error("the form has more than {MOST_PARTS} parts")]
    TooManyParts,
    #[error("part {0} of the form has headers without an end, or longer than 4 KiB")]
    Headers(usize),
    #[error("part {0} of the form has a header other than Content-Disposition and Content-Type")]
    OtherHeader(usize),
    #[error(
        "part {0} of the form needs one `Content-Disposition: form-data; name=\"…\"` with a \
         plain name"
    )]
    Disposition(usize),
    #[error("the form has the field {} twice", Quoted(.0))]
    Twice(String),
    #[error("the field {name} could be read as {:?}; spell it so, or leave it out", .1, name = Quoted(.0))]
    Folded(String, &'static str),
    #[error("the field {} must be text, without a file name", Quoted(.0))]
    NotText(String),
    #[error("the field \"file\" must be a file, with a file name")]
    NotFile,
    #[error("the form has no field {0:?}")]
    Missing(&'static str),
}

impl FormError {
    /// Returns the message for a log: the names of fields are the caller's content.
    pub(super) fn logged(&self) -> String {
        match self {
            Self::Twice(_) => "the form has a field twice".to_owned(),
            Self::Folded(_, known) => format!("a field could be read as {known:?}"),
            Self::NotText(_) => "a field that must be text is none".to_owned(),
            other => other.to_string(),
        }
    }
}

/// A form that has one reading.
#[derive(Clone, Debug)]
pub(super) struct Form {
    model: String,
    texts: Vec<(String, Bytes)>,
    file: File,
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    content_type: Option<String>,
    content: Bytes,
}

impl Form {
    /// Reads a form. `boundary` is that of its content type.
    pub(super) fn read(body: &Bytes, boundary: &str) -> Result<Self, FormError> {
        let (mut model, mut file, mut texts) = (None, None, Vec::new());
        let mut names: Vec<String> = Vec::new();
        for part in parts(body, boundary)? {
            let name = part.disposition.name.clone();
            check_name(&name, &names)?;
            names.push(name.clone());
            match (name.as_str(), part.disposition.file) {
                ("file", Some(file_name)) => {
                    let content = part.content;
                    file = Some(File { name: file_name, content_type: part.content_type, content });
                }
                ("file", None) => return Err(FormError::NotFile),
                (_, Some(_)) => return Err(FormError::NotText(name)),
                (_, None) => {
                    let text = str::from_utf8(&part.content);
                    let text = text.map_err(|_| FormError::NotText(name.clone()))?;
                    if name == "model" {
                        model = Some(text.to_owned());
                    } else {
                        texts.push((name, part.content));
                    }
                }
            }
        }
        let model = model.ok_or(FormError::Missing("model"))?;
        let file = file.ok_or(FormError::Missing("file"))?;
        Ok(Self { model, texts, file })
    }

    /// The model, as the caller spells it.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// The fields but for the model and the file.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.texts.iter();
        texts.map(|(name, text)| (name.as_str(), str::from_utf8(text).unwrap_or_default()))
    }

    /// The form as it is sent: its content type, and its bytes in pieces.
    pub(super) fn write(self, model: &str) -> (HeaderValue, Vec<Bytes>) {
        let boundary = self.free_boundary();
        let field = |name: &str, text: &str| {
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
            )
        };
        let texts = self.texts.iter();
        let texts = texts.map(|(name, text)| field(name, &String::from_utf8_lossy(text)));
        let file = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; \
             filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            self.file.name,
            self.file.content_type.as_deref().unwrap_or("application/octet-stream"),
        );
        let head: String =
            std::iter::once(field("model", model)).chain(texts).chain([file]).collect();
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let content_type = HeaderValue::try_from(content_type)
            .unwrap_or_else(|_| HeaderValue::from_static("multipart/form-data"));
        let end = format!("\r\n--{boundary}--\r\n");
        (content_type, vec![head.into(), self.file.content, end.into()])
    }

    /// A boundary that is in none of the parts.
    fn free_boundary(&self) -> String {
        let texts = self.texts.iter().map(|(_, text)| text);
        free_boundary(std::iter::once(&self.file.content).chain(texts))
    }
}

/// The beginning of boundaries; a number of [`DIGITS`] digits follows.
const BOUNDARY: &str = "stockade-form-";
const DIGITS: usize = 16;

/// The first boundary that none of the texts has. Each of them is gone over once, however
/// many boundaries it has: the caller may know how they are made.
fn free_boundary<'a>(texts: impl Iterator<Item = &'a Bytes>) -> String {
    let finder = memmem::Finder::new(BOUNDARY);
    let mut taken = HashSet::new();
    for text in texts {
        work::step(text.len());
        for found in finder.find_iter(text) {
            let number = &text[found + BOUNDARY.len()..];
            let digits = number.get(..DIGITS).and_then(|digits| str::from_utf8(digits).ok());
            taken.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
        }
    }
    // One of the first that are one more than those that are taken is free.
    let free = (0..=taken.len() as u64).find(|number| {
        work::step(1);
        !taken.contains(number)
    });
    format!("{BOUNDARY}{:0DIGITS$}", free.unwrap_or_default())
}

/// A list's name ends with `[]` and may be there several times; any other name once, and
/// in the spelling that Ollama reads.
fn check_name(name: &str, before: &[String]) -> Result<(), FormError> {
    let folded = fold(name);
    if let Some(known) = KNOWN.into_iter().find(|known| *known == folded && *known != name) {
        return Err(FormError::Folded(name.to_owned(), known));
    }
    let again = before.iter().any(|other| fold(other) == folded);
    if again && !name.ends_with("[]") {
        return Err(FormError::Twice(name.to_owned()));
    }
    Ok(())
}

struct Part {
    disposition: Disposition,
    content_type: Option<String>,
    content: Bytes,
}

fn parts(body: &Bytes, boundary: &str) -> Result<Vec<Part>, FormError> {
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let first = format!("--{boundary}\r\n");
    if !body.starts_with(first.as_bytes()) {
        return Err(FormError::Beginning);
    }
    let mut rest = body.slice(first.len()..);
    let mut parts = Vec::new();
    loop {
        if parts.len() == MOST_PARTS {
            return Err(FormError::TooManyParts);
        }
        let end = finder.find(&rest).ok_or(FormError::End)?;
        parts.push(part(&rest.slice(..end), parts.len() + 1)?);
        rest = rest.slice(end + delimiter.len()..);
        if rest.starts_with(b"\r\n") {
            rest = rest.slice(2..);
        } else if matches!(&rest[..], b"--" | b"--\r\n") {
            return Ok(parts);
        } else {
            return Err(FormError::End);
        }
    }
}

fn part(bytes: &Bytes, number: usize) -> Result<Part, FormError> {
    let end = memmem::find(&bytes[..bytes.len().min(LONGEST_HEADERS)], b"\r\n\r\n");
    let end = end.ok_or(FormError::Headers(number))?;
    let headers = str::from_utf8(&bytes[..end]).map_err(|_| FormError::Headers(number))?;
    let (mut disposition, mut content_type) = (None, None);
    for line in headers.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or(FormError::Headers(number))?;
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if disposition.is_none() => {
                disposition = Some(parse_disposition(value.trim_matches([' ', '\t'])));
            }
            "content-disposition" => return Err(FormError::Disposition(number)),
            "content-type" if content_type.is_none() => {
                content_type = Some(plain_type(value.trim_matches([' ', '\t'])));
            }
            _ => return Err(FormError::OtherHeader(number)),
        }
    }
    let disposition = disposition.flatten().ok_or(FormError::Disposition(number))?;
    Ok(Part { disposition, content_type: content_type.flatten(), content: bytes.slice(end + 4..) })
}

/// A media type without parameters; what is none is left out.
fn plain_type(value: &str) -> Option<String> {
    let (kind, subtype) = value.split_once('/')?;
    let token = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+_".contains(&byte);
        !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
    };
    (token(kind) && token(subtype)).then(|| value.to_ascii_lowercase())
}

/// The boundary of a form's content type.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let mut parts = content_type.split(';');
    if !parts.next()?.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut boundary = None;
    for parameter in parts {
        let (name, value) = parameter.trim().split_once('=')?;
        match name.to_ascii_lowercase().as_str() {
            "boundary" if boundary.is_none() => boundary = Some(value),
            "charset" => {}
            _ => return None,
        }
    }
    let value = boundary?;
    let value = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
    // The characters of RFC 2046, without the ones that would need quotes.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+'".contains(&byte);
    let fits = (1..=70).contains(&value.len()) && value.bytes().all(plain);
    fits.then(|| value.to_owned())
}

#[cfg(test)]
mod tests;
