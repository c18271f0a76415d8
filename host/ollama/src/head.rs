//! The head of an HTTP/1.1 request as bytes: whether all who read it agree where it ends,
//! where its body ends, and what its fields are.
//!
//! hyper reads heads more generously than that. It takes line feeds alone for the end of
//! a line, merges equal lengths, and drops `Content-Length` beside `Transfer-Encoding`
//! without a word, so that this can be seen nowhere but in the bytes. A proxy in front
//! that reads the same bytes otherwise would see other requests than the gateway.
//!
//! Source: RFC 9112, sections 2.2, 3, 5, 6 and 11.2.

mod begun;

use http::StatusCode;
use memchr::memchr;

use crate::work;
use begun::Begun;

/// The longest head, in bytes.
pub const LONGEST_HEAD: usize = 64 << 10;
/// The longest request line, in bytes.
const LONGEST_TARGET: usize = 16 << 10;
/// The longest word that is taken for a method in a head that is refused, in bytes.
const LONGEST_METHOD: usize = 20;
/// As many fields as hyper takes.
const MOST_FIELDS: usize = 100;

/// The end of the body that follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
}

/// A head that was read to its end and has one meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The byte at which it begins, behind empty lines.
    pub start: usize,
    /// The byte at which it ends, the empty line included.
    pub end: usize,
    /// The end of its body.
    pub body: BodyFraming,
}

/// The reason why a head is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadHead {
    /// The status to answer with.
    pub status: StatusCode,
    /// The message to the caller.
    pub message: &'static str,
}

const fn bad(message: &'static str) -> BadHead {
    BadHead { status: StatusCode::BAD_REQUEST, message }
}

const fn too_large(message: &'static str) -> BadHead {
    BadHead { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message }
}

const FORM: BadHead = bad("the request line must be a method, a path and HTTP/1.1");
const METHOD: BadHead = bad("the method must be written in capital letters");
const TARGET: BadHead = bad("the request target has a character that must be percent-encoded");
const VERSION: BadHead = bad("the version must be HTTP/1.1");
const FOLDED: BadHead = bad("a header field goes on in a second line; write it in one");
const NAME: BadHead = bad("a header field's name has a character that no name has");
const VALUE: BadHead = bad("a header field's value has a control character");

const TARGET_TOO_LONG: BadHead = BadHead {
    status: StatusCode::URI_TOO_LONG,
    message: "the request's target has more than 16 KiB",
};

/// Reads one head while it arrives.
///
/// ```
/// use stockade_ollama::{BodyFraming, HeadScanner};
///
/// let mut scanner = HeadScanner::default();
/// let mut bytes = b"POST /api/chat HTTP/1.1\r\nHost: gateway\r\nContent-Len".to_vec();
/// assert_eq!(scanner.scan(&bytes), Ok(None));
/// bytes.extend_from_slice(b"gth: 2\r\n\r\n{}");
/// let head = scanner.scan(&bytes).unwrap().unwrap();
/// assert_eq!((head.end, head.body), (bytes.len() - 2, BodyFraming::Length(2)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeadScanner {
    /// The beginning of the line that is not complete yet.
    line: usize,
    /// The point up to which its end was looked for.
    searched: usize,
    request: Option<Request>,
    fields: usize,
    length: Option<u64>,
    chunked: bool,
    begun: Begun,
}

/// The parts of a request line that are kept.
#[derive(Clone, Copy, Debug)]
struct Request {
    start: usize,
    is_http_10: bool,
}

impl HeadScanner {
    /// Reads on. `bytes` are all that came since the end of the request before, those of earlier
    /// calls included; `None` where they do not have the whole head.
    ///
    /// # Errors
    /// The head is refused, as soon as that is certain.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<Head>, BadHead> {
        while let Some(found) = bytes.get(self.searched..).and_then(|rest| memchr(b'\n', rest)) {
            work::step(found);
            let end = self.searched + found;
            let line = &bytes[self.line..end];
            let line = line.strip_suffix(b"\r").ok_or(bad(
                "a line of the request's head ends with a line feed alone; end it with CR LF",
            ))?;
            let start = std::mem::replace(&mut self.line, end + 1);
            self.searched = self.line;
            let complete = self.line(start, line)?;
            self.check_size(self.line)?;
            if let Some(request) = complete {
                let body = self.framing(request)?;
                return Ok(Some(Head { start: request.start, end: self.line, body }));
            }
        }
        work::step(bytes.len() - self.searched);
        self.searched = bytes.len();
        self.check_size(bytes.len())?;
        self.begun.check(self.line, &bytes[self.line..], self.request.is_some())?;
        Ok(None)
    }

    fn check_size(&self, length: usize) -> Result<(), BadHead> {
        match &self.request {
            None if length > LONGEST_TARGET => Err(TARGET_TOO_LONG),
            _ if length > LONGEST_HEAD => Err(too_large("the request's head has more than 64 KiB")),
            _ if self.fields > MOST_FIELDS => {
                Err(too_large("the request has more than 100 header fields"))
            }
            _ => Ok(()),
        }
    }

    /// Takes a line; the request line again where it is the empty one behind the fields.
    fn line(&mut self, start: usize, line: &[u8]) -> Result<Option<Request>, BadHead> {
        match self.request {
            None if line.is_empty() && start < 4 => Ok(None),
            None => {
                let is_http_10 = request_line(line)?;
                self.request = Some(Request { start, is_http_10 });
                Ok(None)
            }
            Some(request) if line.is_empty() => Ok(Some(request)),
            Some(_) => self.field(line).map(|()| None),
        }
    }

    fn field(&mut self, line: &[u8]) -> Result<(), BadHead> {
        self.fields += 1;
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(FOLDED);
        }
        let colon = memchr(b':', line).ok_or(bad("a line of the head is no header field"))?;
        let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
        if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
            return Err(NAME);
        }
        if value.iter().any(|&byte| byte != b'\t' && byte.is_ascii_control()) {
            return Err(VALUE);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            self.content_length(value)
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.transfer_encoding(value)
        } else {
            Ok(())
        }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), BadHead> {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number =
            str::from_utf8(value).ok().filter(|_| digits).and_then(|text| text.parse().ok());
        let number = number.ok_or(bad("Content-Length must be one number"))?;
        match self.length.replace(number) {
            None => Ok(()),
            Some(_) => Err(bad("Content-Length must be sent once")),
        }
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), BadHead> {
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(bad("the only Transfer-Encoding is chunked"));
        }
        if std::mem::replace(&mut self.chunked, true) {
            return Err(bad("Transfer-Encoding must be sent once"));
        }
        Ok(())
    }

    fn framing(&self, request: Request) -> Result<BodyFraming, BadHead> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(bad("send Content-Length or Transfer-Encoding, not both")),
            (None, true) if request.is_http_10 => {
                Err(bad("HTTP/1.0 has no Transfer-Encoding; send Content-Length"))
            }
            (None, true) => Ok(BodyFraming::Chunked),
            (length, false) => Ok(BodyFraming::Length(length.unwrap_or(0))),
        }
    }
}

/// Reads a request line; tells whether the version is 1.0.
fn request_line(line: &[u8]) -> Result<bool, BadHead> {
    if line.len() > LONGEST_TARGET {
        return Err(TARGET_TOO_LONG);
    }
    let mut parts = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(FORM);
    };
    // All methods that there are; anything else is used by the gateway itself.
    if method.len() > begun::LONGEST_METHOD {
        return Err(FORM);
    }
    if method.is_empty() || !method.iter().all(u8::is_ascii_uppercase) {
        return Err(METHOD);
    }
    if method == b"CONNECT" {
        return Err(bad("this is a gateway to Ollama and no tunnel; CONNECT is refused"));
    }
    if target.is_empty() || !target.iter().all(|&byte| is_of_target(byte)) {
        return Err(TARGET);
    }
    match version {
        b"HTTP/1.1" => Ok(false),
        b"HTTP/1.0" => Ok(true),
        _ => Err(VERSION),
    }
}

/// The characters of a request target; not `#`, which would begin what is never sent.
fn is_of_target(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Without the white space that may surround a field's value: spaces and tabs, no others.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The method of a head that need not be complete or good, for its record.
pub fn method_of_head(bytes: &[u8]) -> Option<&str> {
    let line = bytes.trim_ascii_start().split(|&byte| byte == b'\r' || byte == b'\n').next()?;
    let (method, rest) = line.split_at(line.iter().position(|&byte| byte == b' ')?);
    let fits = method.len() <= LONGEST_METHOD && method.iter().all(u8::is_ascii_alphabetic);
    str::from_utf8(method).ok().filter(|method| fits && !method.is_empty() && !rest.is_empty())
}

/// The path of a head that need not be complete or good, for the shape of its error.
pub fn path_of_head(bytes: &[u8]) -> Option<&str> {
    let line = bytes.trim_ascii_start().split(|&byte| byte == b'\r' || byte == b'\n').next()?;
    let target = line.split(|&byte| byte == b' ').nth(1)?;
    let path = target.split(|&byte| byte == b'?').next()?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~:".contains(byte);
    let fits = path.first() == Some(&b'/') && path.len() <= 256 && path.iter().all(plain);
    str::from_utf8(path).ok().filter(|_| fits)
}

#[cfg(test)]
mod tests;
