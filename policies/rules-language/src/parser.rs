//! Reads conditions.

use crate::check::{Operator, check};
use crate::condition::{Condition, Test};
use crate::fact::{Fact, Kind};
use crate::token::{InvalidCondition, Token, TokenKind, tokens};

/// Longer conditions are several rules.
const LONGEST: usize = 4096;

/// Policies have little stack, and people read no deeper either.
const DEEPEST: usize = 12;

/// Words with a meaning of their own.
const KEYWORDS: [&str; 8] = ["and", "or", "not", "in", "like", "contains", "is", "any"];

pub(crate) fn parse(text: &str) -> Result<Condition, InvalidCondition> {
    if text.len() > LONGEST {
        let message = format!("a condition has at most {LONGEST} bytes; make several rules of it");
        return Err(InvalidCondition::at(1, message));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.chars().count() + 1 };
    let condition = parser.either(0)?;
    match parser.peek() {
        None => Ok(condition),
        Some(token) => {
            let message = format!("{token} cannot stand here; join conditions with `and` or `or`");
            Err(InvalidCondition::at(token.column, message))
        }
    }
}

pub(crate) struct Parser {
    tokens: Vec<Token>,
    next: usize,
    /// The column behind the last character.
    end: usize,
}

impl Parser {
    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    pub(crate) fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned()?;
        self.next += 1;
        Some(token)
    }

    pub(crate) fn column(&self) -> usize {
        self.peek().map_or(self.end, |token| token.column)
    }

    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.is_word(word));
        self.next += usize::from(is_next);
        is_next
    }

    pub(crate) fn eat_sign(&mut self, sign: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.is_sign(sign));
        self.next += usize::from(is_next);
        is_next
    }

    pub(crate) fn error<T>(&self, message: impl Into<String>) -> Result<T, InvalidCondition> {
        Err(InvalidCondition::at(self.column(), message))
    }

    fn either(&mut self, depth: usize) -> Result<Condition, InvalidCondition> {
        let mut parts = vec![self.both(depth)?];
        while self.eat_word("or") {
            parts.push(self.both(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn both(&mut self, depth: usize) -> Result<Condition, InvalidCondition> {
        let mut parts = vec![self.one(depth)?];
        while self.eat_word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Condition, InvalidCondition> {
        if depth >= DEEPEST {
            return self.error("this is nested too deeply; make several rules of it");
        }
        if self.eat_word("not") {
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.eat_sign("(") {
            let inner = self.either(depth + 1)?;
            if !self.eat_sign(")") {
                return self.error("a `)` is missing here");
            }
            return Ok(inner);
        }
        self.test().map(Condition::Test)
    }

    fn test(&mut self) -> Result<Test, InvalidCondition> {
        let any = self.eat_word("any");
        let column = self.column();
        let Some(token) = self.take() else {
            return self.error("a fact is missing here, such as `operation` or `model.name`");
        };
        let text = match token.kind {
            TokenKind::Word(text) if !is_keyword(&text) => match Fact::named(&text) {
                Ok(fact) => return self.about(any, fact, column),
                Err(_) if self.is_membership() => text,
                Err(message) => return Err(InvalidCondition::at(column, message)),
            },
            TokenKind::Quoted(text) if self.is_membership() => text,
            kind => {
                let token = Token { column, kind };
                let message =
                    format!("{token} stands where a fact is expected, such as `operation`");
                return Err(InvalidCondition::at(column, message));
            }
        };
        self.membership(text)
    }

    /// `"ops" in groups`, or `not in`.
    fn membership(&mut self, text: String) -> Result<Test, InvalidCondition> {
        let negated = self.eat_word("not");
        self.eat_word("in");
        let column = self.column();
        let fact = match self.take() {
            Some(Token { kind: TokenKind::Word(name), .. }) => {
                Fact::named(&name).map_err(|message| InvalidCondition::at(column, message))?
            }
            _ => {
                return Err(InvalidCondition::at(
                    column,
                    "a list is missing here, such as `groups`",
                ));
            }
        };
        if fact.field.kind() != Kind::List {
            let message = format!("`{fact}` is no list; write `{fact} = {text}`");
            return Err(InvalidCondition::at(column, message));
        }
        let check = crate::Check::Contains(vec![text]);
        Ok(Test { any: false, fact, negated, check })
    }

    fn is_membership(&self) -> bool {
        let at = |ahead: usize, word| {
            self.tokens.get(self.next + ahead).is_some_and(|token| token.is_word(word))
        };
        at(0, "in") || at(0, "not") && at(1, "in")
    }

    fn about(&mut self, any: bool, fact: Fact, column: usize) -> Result<Test, InvalidCondition> {
        if any && !fact.field.is_of_model() {
            let message = format!("`any` is for facts about models, and `{fact}` is none");
            return Err(InvalidCondition::at(column, message));
        }
        let column = self.column();
        let (operator, negated) = self.operator()?;
        let (check, turned) = check(self, &fact, operator, column)?;
        Ok(Test { any, fact, negated: negated != turned, check })
    }

    /// The operator and whether it is negated; [`Operator::None`] where the fact stands alone.
    fn operator(&mut self) -> Result<(Operator, bool), InvalidCondition> {
        for (sign, operator, negated) in Operator::SIGNS {
            if self.eat_sign(sign) {
                return Ok((operator, negated));
            }
        }
        if self.eat_word("is") {
            let negated = self.eat_word("not");
            let missing = self.eat_word("missing");
            return Ok((if missing { Operator::Missing } else { Operator::Equal }, negated));
        }
        let negated = self.eat_word("not");
        for (word, operator) in Operator::WORDS {
            if self.eat_word(word) {
                return Ok((operator, negated));
            }
        }
        if negated {
            return self.error("behind `not` stands `in`, `like` or `contains` here");
        }
        Ok((Operator::None, false))
    }
}

pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}
