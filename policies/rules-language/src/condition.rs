//! Conditions, once they are read.

use std::fmt;

use stockade_policy_sdk::{ModelPattern, Network};

use crate::fact::{Fact, Field};
use crate::token::{InvalidCondition, quote};
use crate::{parser, value};

/// A condition on a request. [`Display`](fmt::Display) writes one that is read back as the same.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Holds if all of them do.
    All(Vec<Self>),
    /// Holds if one of them does.
    Any(Vec<Self>),
    /// Holds if this does not.
    Not(Box<Self>),
    /// Looks at one fact.
    Test(Test),
}

/// A look at one fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// One model of the request is enough; otherwise a fact about models has to hold for each.
    pub(crate) any: bool,
    pub(crate) fact: Fact,
    /// Holds where the check does not.
    pub(crate) negated: bool,
    pub(crate) check: Check,
}

/// A question about a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// It is true.
    Holds,
    /// The request says nothing about it.
    Missing,
    /// It is a number on this side of another.
    Compared(Comparison, i64),
    /// It is one of these numbers.
    Numbers(Vec<i64>),
    /// It is one of these texts.
    Texts(Vec<String>),
    /// It matches one of these, in which `*` stands for any characters.
    Like(Vec<String>),
    /// It is a model that matches one of these.
    Models(Vec<ModelPattern>),
    /// It is an address in one of these.
    Networks(Vec<Network>),
    /// It has one of these.
    Contains(Vec<String>),
    /// It has none but these.
    Within(Vec<String>),
}

/// A side of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    /// The sign by which it is written.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }

    pub(crate) const fn holds(self, one: i64, other: i64) -> bool {
        match self {
            Self::Less => one < other,
            Self::AtMost => one <= other,
            Self::More => one > other,
            Self::AtLeast => one >= other,
        }
    }
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and what to write instead.
    pub fn parse(text: &str) -> Result<Self, InvalidCondition> {
        parser::parse(text)
    }

    /// Calls a function with each test.
    pub(crate) fn visit<'c>(&'c self, look: &mut impl FnMut(&'c Test)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.visit(look);
                }
            }
            Self::Not(part) => part.visit(look),
            Self::Test(test) => look(test),
        }
    }

    /// Tells whether it holds for certain operations, or kinds of them, only.
    pub(crate) fn names_operations(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::names_operations),
            Self::Any(parts) => parts.iter().all(Self::names_operations),
            Self::Not(_) => false,
            Self::Test(test) => {
                matches!(test.fact.field, Field::Operation | Field::Access)
                    && matches!(test.check, Check::Texts(_))
                    && !test.negated
            }
        }
    }

    pub(crate) fn mentions(&self, field: Field) -> bool {
        let mut found = false;
        self.visit(&mut |test| found |= test.fact.field == field);
        found
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With parentheses where they were, and no others: they count as nesting.
        let binds = matches!(self, Self::Any(_));
        let part = |part: &Self, f: &mut fmt::Formatter<'_>| match part {
            Self::All(_) if binds => write!(f, "{part}"),
            Self::All(_) | Self::Any(_) => write!(f, "({part})"),
            Self::Not(_) | Self::Test(_) => write!(f, "{part}"),
        };
        let (parts, word) = match self {
            Self::All(parts) => (parts, " and "),
            Self::Any(parts) => (parts, " or "),
            Self::Not(negated) => {
                f.write_str("not ")?;
                return part(negated, f);
            }
            Self::Test(test) => return write!(f, "{test}"),
        };
        for (index, one) in parts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { word })?;
            part(one, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = if self.any { "any " } else { "" };
        write!(f, "{any}{}", self.fact)?;
        let not = if self.negated { "not " } else { "" };
        match &self.check {
            Check::Holds if self.negated => f.write_str(" = false"),
            Check::Holds => Ok(()),
            Check::Missing => write!(f, " is {not}missing"),
            Check::Compared(comparison, number) => {
                write!(f, " {} ", comparison.sign())?;
                value::write(self.fact.field.kind(), *number, f)
            }
            Check::Numbers(numbers) => {
                write!(f, " {not}in ")?;
                list(numbers, f, |number, f| value::write(self.fact.field.kind(), *number, f))
            }
            Check::Texts(texts) | Check::Within(texts) => {
                write!(f, " {not}in ")?;
                list(texts, f, |text, f| quote(text, f))
            }
            Check::Like(texts) => {
                write!(f, " {not}like ")?;
                list(texts, f, |text, f| quote(text, f))
            }
            Check::Contains(texts) => {
                write!(f, " {not}contains ")?;
                list(texts, f, |text, f| quote(text, f))
            }
            Check::Models(patterns) => {
                write!(f, " {not}like ")?;
                list(patterns, f, |pattern, f| quote(pattern.as_str(), f))
            }
            Check::Networks(networks) => {
                write!(f, " {not}in ")?;
                list(networks, f, |network, f| write!(f, "{network}"))
            }
        }
    }
}

fn list<T>(
    values: &[T],
    f: &mut fmt::Formatter<'_>,
    write: impl Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    f.write_str("[")?;
    for (index, value) in values.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        write(value, f)?;
    }
    f.write_str("]")
}
