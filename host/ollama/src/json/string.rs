//! The inside of strings.

use bytes::Bytes;

use super::Problem;

/// The first control character, which JSON wants escaped.
pub(super) fn control_character(text: &[u8]) -> Option<usize> {
    // Without an early exit the loop becomes vector instructions.
    let any = text.iter().fold(0, |any, byte| any | u8::from(*byte < 0x20));
    if any == 0 {
        return None;
    }
    text.iter().position(|byte| *byte < 0x20)
}

/// The known facts of an escape.
#[derive(Clone, Copy)]
pub(super) struct Escape {
    /// Its bytes.
    pub(super) length: usize,
    /// True if it is half a surrogate pair, which is no character.
    pub(super) is_half: bool,
}

/// The escape that `text` begins with.
pub(super) fn escape(text: &[u8]) -> Result<Escape, Problem> {
    match text.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
            Ok(Escape { length: 2, is_half: false })
        }
        Some(b'u') => unicode_escape(text)
            .map(|(character, length)| Escape { length, is_half: character.is_none() }),
        Some(_) => Err(Problem::Escape),
        None => Err(Problem::Unfinished),
    }
}

/// `\uXXXX`, or two of them that stand for one character. Half a pair stands for none, and
/// what follows it is read for itself.
///
/// Source: Go `encoding/json/decode.go` (`unquoteBytes`).
fn unicode_escape(text: &[u8]) -> Result<(Option<char>, usize), Problem> {
    let first = code_unit(text)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((Some(character), 6));
    }
    let rest = &text[6..];
    if first >= 0xdc00 || !rest.starts_with(b"\\u") {
        return Ok((None, 6));
    }
    let second = code_unit(rest)?;
    if !(0xdc00..0xe000).contains(&second) {
        return Ok((None, 6));
    }
    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok((char::from_u32(code), 12))
}

/// The body with U+FFFD in the place of each of these escapes, which is as long.
pub(super) fn without_halves(body: Bytes, halves: &[usize]) -> Bytes {
    if halves.is_empty() {
        return body;
    }
    let mut bytes = Vec::from(body);
    for half in halves {
        if let Some(escape) = bytes.get_mut(*half..*half + 6) {
            escape.copy_from_slice(b"\\ufffd");
        }
    }
    bytes.into()
}

fn code_unit(text: &[u8]) -> Result<u32, Problem> {
    let digits = text.get(2..6).ok_or(Problem::Unfinished)?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(Problem::Escape)?;
        Ok(unit << 4 | digit)
    })
}

/// A string's content, where its escapes were found to be valid.
pub(super) fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let (character, length) = resolve(&rest[at..]);
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[at + length..];
    }
    out.extend_from_slice(rest);
    String::from_utf8_lossy(&out).into_owned()
}

fn resolve(escape: &[u8]) -> (char, usize) {
    let character = match escape.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let (character, length) = unicode_escape(escape).unwrap_or((None, 6));
            return (character.unwrap_or(char::REPLACEMENT_CHARACTER), length);
        }
        Some(other) => char::from(*other),
        None => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (character, 2)
}
