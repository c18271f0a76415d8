//! From bytes to values.

use super::{DecodeError, Json};

/// Deeper than any client nests, and shallow enough for the stack.
const DEEPEST: usize = 256;

/// The first value of a body; what follows it is not looked at.
pub(crate) fn read_first(body: &[u8]) -> Result<Json, DecodeError> {
    let mut parser = Parser { rest: body };
    parser.skip_space();
    if parser.rest.is_empty() {
        return Err(DecodeError("missing request body".to_owned()));
    }
    parser.value(0)
}

struct Parser<'a> {
    rest: &'a [u8],
}

fn ends_early() -> DecodeError {
    DecodeError("unexpected EOF".to_owned())
}

fn invalid(byte: u8, place: &str) -> DecodeError {
    let character = char::from(byte);
    DecodeError(format!("invalid character {character:?} {place}"))
}

impl Parser<'_> {
    fn peek(&self) -> Result<u8, DecodeError> {
        self.rest.first().copied().ok_or_else(ends_early)
    }

    fn next(&mut self) -> Result<u8, DecodeError> {
        let byte = self.peek()?;
        self.rest = &self.rest[1..];
        Ok(byte)
    }

    fn skip_space(&mut self) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let end = self.rest.iter().position(|byte| !space(byte));
        self.rest = &self.rest[end.unwrap_or(self.rest.len())..];
    }

    fn value(&mut self, depth: usize) -> Result<Json, DecodeError> {
        if depth > DEEPEST {
            return Err(DecodeError("json: exceeded max depth".to_owned()));
        }
        self.skip_space();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Json::Text),
            b't' => self.literal("true", Json::Bool(true)),
            b'f' => self.literal("false", Json::Bool(false)),
            b'n' => self.literal("null", Json::Null),
            b'-' | b'0'..=b'9' => self.number(),
            other => Err(invalid(other, "looking for beginning of value")),
        }
    }

    fn literal(&mut self, word: &str, value: Json) -> Result<Json, DecodeError> {
        for expected in word.bytes() {
            let byte = self.next()?;
            if byte != expected {
                return Err(invalid(byte, &format!("in literal {word}")));
            }
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Json, DecodeError> {
        let before = self.rest;
        if self.peek()? == b'-' {
            self.next()?;
        }
        if self.peek()? == b'0' {
            self.next()?;
        } else {
            self.digits()?;
        }
        if self.rest.first() == Some(&b'.') {
            self.next()?;
            self.digits()?;
        }
        if matches!(self.rest.first(), Some(b'e' | b'E')) {
            self.next()?;
            if matches!(self.peek()?, b'+' | b'-') {
                self.next()?;
            }
            self.digits()?;
        }
        let spelling = &before[..before.len() - self.rest.len()];
        Ok(Json::Number(String::from_utf8_lossy(spelling).into_owned()))
    }

    fn digits(&mut self) -> Result<(), DecodeError> {
        let first = self.next()?;
        if !first.is_ascii_digit() {
            return Err(invalid(first, "in numeric literal"));
        }
        while self.rest.first().is_some_and(u8::is_ascii_digit) {
            self.next()?;
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Json, DecodeError> {
        self.next()?;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek()? == b']' {
            self.next()?;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.next()? {
                b',' => {}
                b']' => return Ok(Json::Array(items)),
                other => return Err(invalid(other, "after array element")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, DecodeError> {
        self.next()?;
        let mut entries = Vec::new();
        self.skip_space();
        if self.peek()? == b'}' {
            self.next()?;
            return Ok(Json::Object(entries));
        }
        loop {
            entries.push(self.entry(depth)?);
            self.skip_space();
            match self.next()? {
                b',' => {}
                b'}' => return Ok(Json::Object(entries)),
                other => return Err(invalid(other, "after object key:value pair")),
            }
        }
    }

    fn entry(&mut self, depth: usize) -> Result<(String, Json), DecodeError> {
        self.skip_space();
        match self.peek()? {
            b'"' => {}
            other => {
                return Err(invalid(other, "looking for beginning of object key string"));
            }
        }
        let key = self.string()?;
        self.skip_space();
        match self.next()? {
            b':' => Ok((key, self.value(depth + 1)?)),
            other => Err(invalid(other, "after object key")),
        }
    }

    fn string(&mut self) -> Result<String, DecodeError> {
        self.next()?;
        let mut bytes = Vec::new();
        loop {
            match self.next()? {
                b'"' => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
                b'\\' => {
                    let character = self.escape()?;
                    let mut buffer = [0; 4];
                    bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                }
                control @ ..0x20 => return Err(invalid(control, "in string literal")),
                byte => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self) -> Result<char, DecodeError> {
        match self.next()? {
            b'n' => Ok('\n'),
            b't' => Ok('\t'),
            b'r' => Ok('\r'),
            b'b' => Ok('\u{8}'),
            b'f' => Ok('\u{c}'),
            plain @ (b'"' | b'\\' | b'/') => Ok(char::from(plain)),
            b'u' => self.unicode_escape(),
            other => Err(invalid(other, "in string escape code")),
        }
    }

    /// A surrogate without its other half becomes U+FFFD, and what follows it is read
    /// on its own.
    fn unicode_escape(&mut self) -> Result<char, DecodeError> {
        let first = self.hex4()?;
        if let (0xD800..0xDC00, [b'\\', b'u', ..]) = (first, self.rest) {
            let before = self.rest;
            self.rest = &self.rest[2..];
            let second = self.hex4()?;
            if (0xDC00..0xE000).contains(&second) {
                let joined = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.rest = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, DecodeError> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.next()?;
            let digit = char::from(byte).to_digit(16);
            code = code * 16
                + digit.ok_or_else(|| invalid(byte, "in \\u hexadecimal character escape"))?;
        }
        Ok(code)
    }
}
