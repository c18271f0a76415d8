//! The words and signs of a condition.

use std::fmt;

/// The reason why a text is no condition, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCondition {
    column: usize,
    message: String,
}

impl InvalidCondition {
    pub(crate) fn at(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: message.into() }
    }

    /// Returns the position of the character that it is about, counted from 1.
    pub const fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for InvalidCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at column {}: {}", self.column, self.message)
    }
}

impl std::error::Error for InvalidCondition {}

/// A piece of a condition, with the position of its first character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) column: usize,
    pub(crate) kind: TokenKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Word(String),
    Quoted(String),
    Sign(&'static str),
}

impl Token {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, TokenKind::Word(own) if own.eq_ignore_ascii_case(word))
    }

    pub(crate) fn is_sign(&self, sign: &str) -> bool {
        self.kind == TokenKind::Sign(own_sign(sign))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TokenKind::Word(text) => write!(f, "`{text}`"),
            TokenKind::Quoted(text) => write!(f, "{text:?}"),
            TokenKind::Sign(sign) => write!(f, "`{sign}`"),
        }
    }
}

/// Longer signs stand before those that they begin with.
const SIGNS: [&str; 13] = ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ","];

fn own_sign(sign: &str) -> &'static str {
    SIGNS.iter().find(|own| **own == sign).copied().unwrap_or("")
}

/// Cuts a condition into tokens.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, InvalidCondition> {
    let mut tokens = Vec::new();
    let (mut rest, mut column) = (text, 1);
    loop {
        let blank = rest.len() - rest.trim_start().len();
        column += rest[..blank].chars().count();
        rest = &rest[blank..];
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let (kind, length) = match first {
            '"' | '\'' => quoted(rest, first, column)?,
            first if is_of_word(first) => {
                let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
                (TokenKind::Word(rest[..length].to_owned()), length)
            }
            first => sign(rest, first, column)?,
        };
        tokens.push(Token { column, kind });
        column += rest[..length].chars().count();
        rest = &rest[length..];
    }
}

/// The characters of names, numbers, models, addresses and times.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || "_-.:/@*+".contains(character)
}

fn sign(rest: &str, first: char, column: usize) -> Result<(TokenKind, usize), InvalidCondition> {
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Ok((TokenKind::Sign(sign), sign.len()));
    }
    let message = match first {
        '&' => "write `and` instead of `&`".to_owned(),
        '|' => "write `or` instead of `|`".to_owned(),
        '!' => "write `not` instead of `!`".to_owned(),
        other => format!("{other:?} has no meaning here; put text in quotes"),
    };
    Err(InvalidCondition::at(column, message))
}

/// Text in quotes. A backslash takes the next character as it is.
fn quoted(rest: &str, quote: char, column: usize) -> Result<(TokenKind, usize), InvalidCondition> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
            end if end == quote => return Ok((TokenKind::Quoted(text), index + 1)),
            other => text.push(other),
        }
    }
    let message = format!("the text that begins here has no {quote} at its end");
    Err(InvalidCondition::at(column, message))
}

/// Writes text in quotes, so that it is read back as itself.
pub(crate) fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{character}")?;
    }
    f.write_str("\"")
}
