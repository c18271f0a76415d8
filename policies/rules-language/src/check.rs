//! Holds what is asked about a fact against what the fact is.

use stockade_policy_sdk::{Input, ModelPattern, Network};

use crate::condition::{Check, Comparison};
use crate::fact::{Fact, Kind};
use crate::parser::{Parser, is_keyword};
use crate::token::{InvalidCondition, Token, TokenKind};
use crate::value;

/// The words and signs between a fact and what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    None,
    Equal,
    In,
    Like,
    Contains,
    Missing,
    Compare(Comparison),
}

impl Operator {
    /// Each sign, and whether it negates.
    pub(crate) const SIGNS: [(&'static str, Self, bool); 8] = [
        ("=", Self::Equal, false),
        ("==", Self::Equal, false),
        ("!=", Self::Equal, true),
        ("<>", Self::Equal, true),
        ("<=", Self::Compare(Comparison::AtMost), false),
        (">=", Self::Compare(Comparison::AtLeast), false),
        ("<", Self::Compare(Comparison::Less), false),
        (">", Self::Compare(Comparison::More), false),
    ];
    pub(crate) const WORDS: [(&'static str, Self); 3] =
        [("in", Self::In), ("like", Self::Like), ("contains", Self::Contains)];
}

/// Reads what stands behind the operator, and tells whether it turns the test around (`= false`).
pub(crate) fn check(
    parser: &mut Parser,
    fact: &Fact,
    operator: Operator,
    column: usize,
) -> Result<(Check, bool), InvalidCondition> {
    let kind = fact.field.kind();
    let plain = |check: Result<Check, InvalidCondition>| check.map(|check| (check, false));
    match (operator, kind) {
        (Operator::Missing, _) => Ok((Check::Missing, false)),
        (Operator::None, Kind::Truth) => Ok((Check::Holds, false)),
        (Operator::Equal, Kind::Truth) => truth(parser),
        (Operator::Compare(comparison), kind) if is_number(kind) => {
            plain(number(parser, kind).map(|number| Check::Compared(comparison, number)))
        }
        (Operator::Equal | Operator::In, kind) if is_number(kind) => {
            plain(values(parser, operator, |parser| number(parser, kind)).map(Check::Numbers))
        }
        (Operator::Equal | Operator::In, Kind::Word(words)) => {
            plain(values(parser, operator, |parser| word(parser, fact, words)).map(Check::Texts))
        }
        (Operator::Equal | Operator::In, Kind::Text) => {
            plain(values(parser, operator, text).map(Check::Texts))
        }
        (Operator::Like, Kind::Text) => plain(values(parser, operator, text).map(Check::Like)),
        (Operator::Equal | Operator::In | Operator::Like, Kind::Model) => {
            let one = |parser: &mut Parser| model(parser, operator == Operator::Like);
            plain(values(parser, operator, one).map(Check::Models))
        }
        (Operator::Equal | Operator::In, Kind::Address) => {
            plain(values(parser, operator, network).map(Check::Networks))
        }
        (Operator::Contains, Kind::List) => {
            plain(values(parser, operator, word_in_list).map(Check::Contains))
        }
        (Operator::In, Kind::List) if fact.field.input() != Some(Input::Texts) => {
            plain(values(parser, operator, text).map(Check::Within))
        }
        _ => Err(InvalidCondition::at(column, misfit(fact))),
    }
}

const fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Count | Kind::Parameters | Kind::Bytes | Kind::Seconds | Kind::Minute)
}

/// Says what a fact can be compared with.
fn misfit(fact: &Fact) -> String {
    let example = match fact.field.kind() {
        Kind::Truth => format!("`{fact}` or `not {fact}`"),
        Kind::Count => format!("`{fact} > 8192`"),
        Kind::Parameters => format!("`{fact} <= 8B`"),
        Kind::Bytes => format!("`{fact} > 20 GB`"),
        Kind::Seconds => format!("`{fact} > 5m`"),
        Kind::Minute => format!("`{fact} >= 22:00`"),
        Kind::Word(words) => {
            let first = words.first().copied().unwrap_or_default();
            format!("`{fact} = {first}` or `{fact} in [{first}, …]`")
        }
        Kind::Text => {
            format!("`{fact} = \"…\"`, `{fact} in [\"…\", \"…\"]` or `{fact} like \"…*\"`")
        }
        Kind::Model => format!("`{fact} = qwen3:8b` or `{fact} like llama3.2:*`"),
        Kind::List => format!("`{fact} contains \"…\"` or `{fact} contains [\"…\", \"…\"]`"),
        Kind::Address => format!("`{fact} in 10.0.0.0/8`"),
    };
    format!("`{fact}` cannot be asked this; write {example}")
}

/// One value; or a list in brackets, of which one is enough.
fn values<T>(
    parser: &mut Parser,
    operator: Operator,
    mut one: impl FnMut(&mut Parser) -> Result<T, InvalidCondition>,
) -> Result<Vec<T>, InvalidCondition> {
    let column = parser.column();
    if !parser.eat_sign("[") {
        return Ok(vec![one(parser)?]);
    }
    if operator == Operator::Equal {
        return Err(InvalidCondition::at(column, "write `in` before a list"));
    }
    let mut values = Vec::new();
    loop {
        if parser.eat_sign("]") {
            break;
        }
        values.push(one(parser)?);
        if !parser.eat_sign(",") && !parser.peek().is_some_and(|token| token.is_sign("]")) {
            return parser.error("a `,` or `]` is missing here");
        }
    }
    if values.is_empty() {
        return Err(InvalidCondition::at(column, "the list is empty"));
    }
    Ok(values)
}

fn text(parser: &mut Parser) -> Result<String, InvalidCondition> {
    let column = parser.column();
    match parser.take().map(|Token { kind, .. }| kind) {
        Some(TokenKind::Quoted(text)) => Ok(text),
        Some(TokenKind::Word(text)) if !is_keyword(&text) => Ok(text),
        Some(TokenKind::Word(text)) => {
            let message = format!("if the text `{text}` is meant, put it in quotes");
            Err(InvalidCondition::at(column, message))
        }
        _ => Err(InvalidCondition::at(column, "a value is missing here")),
    }
}

/// An empty text is contained in every other, which nobody means.
fn word_in_list(parser: &mut Parser) -> Result<String, InvalidCondition> {
    let column = parser.column();
    match text(parser)? {
        empty if empty.is_empty() => Err(InvalidCondition::at(column, "this text is empty")),
        text => Ok(text),
    }
}

fn truth(parser: &mut Parser) -> Result<(Check, bool), InvalidCondition> {
    let column = parser.column();
    match text(parser)?.as_str() {
        "true" => Ok((Check::Holds, false)),
        "false" => Ok((Check::Holds, true)),
        other => {
            let message = format!("this is true or false, not `{other}`");
            Err(InvalidCondition::at(column, message))
        }
    }
}

fn word(parser: &mut Parser, fact: &Fact, words: &[&str]) -> Result<String, InvalidCondition> {
    let column = parser.column();
    let word = text(parser)?;
    if words.contains(&word.as_str()) {
        return Ok(word);
    }
    let message = format!("`{fact}` is never `{word}`; it is one of {}", words.join(", "));
    Err(InvalidCondition::at(column, message))
}

/// A number, with its unit behind it or apart: `20GB`, `20 GB`.
fn number(parser: &mut Parser, kind: Kind) -> Result<i64, InvalidCondition> {
    let column = parser.column();
    let number = text(parser)?;
    let bare = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let unit = match parser.peek().map(|token| &token.kind) {
        Some(TokenKind::Word(unit))
            if bare && !is_keyword(unit) && unit.bytes().all(|byte| byte.is_ascii_alphabetic()) =>
        {
            Some(unit.clone())
        }
        _ => None,
    };
    if unit.is_some() {
        parser.take();
    }
    value::read(kind, &number, unit.as_deref())
        .map_err(|message| InvalidCondition::at(column, message))
}

fn model(parser: &mut Parser, is_pattern: bool) -> Result<ModelPattern, InvalidCondition> {
    let column = parser.column();
    let spelling = text(parser)?;
    if spelling.contains('*') && !is_pattern {
        return Err(InvalidCondition::at(column, "write `like` before a pattern with `*`"));
    }
    let pattern = spelling.parse::<ModelPattern>();
    pattern.map_err(|error| InvalidCondition::at(column, format!("`{spelling}`: {error}")))
}

fn network(parser: &mut Parser) -> Result<Network, InvalidCondition> {
    let column = parser.column();
    let spelling = text(parser)?;
    let network = spelling.parse::<Network>();
    network.map_err(|error| InvalidCondition::at(column, format!("`{spelling}`: {error}")))
}
