//! Holds a condition against a request.

use stockade_policy_sdk::{Request, Text};

use crate::condition::{Check, Condition, Test};
use crate::fact::{Fact, Field};
use crate::read::{Found, of_model, of_request};

/// The result of a condition. Where a fact is not known, and the condition does not hold or fail
/// without it, nobody knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Truth<'c> {
    Yes,
    No,
    Unknown(&'c Fact),
}

impl Truth<'_> {
    const fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unknown @ Self::Unknown(_) => unknown,
        }
    }
}

impl Condition {
    pub(crate) fn holds(&self, request: &Request) -> Truth<'_> {
        match self {
            Self::All(parts) => all(parts.iter().map(|part| part.holds(request))),
            Self::Any(parts) => all(parts.iter().map(|part| part.holds(request).not())).not(),
            Self::Not(part) => part.holds(request).not(),
            Self::Test(test) => test.holds(request),
        }
    }
}

/// One that does not hold decides, whatever is not known.
fn all<'c>(parts: impl Iterator<Item = Truth<'c>>) -> Truth<'c> {
    let mut whole = Truth::Yes;
    for part in parts {
        match part {
            Truth::No => return Truth::No,
            Truth::Unknown(_) if whole == Truth::Yes => whole = part,
            _ => {}
        }
    }
    whole
}

impl Test {
    fn holds(&self, request: &Request) -> Truth<'_> {
        let field = self.fact.field;
        if !field.is_of_model() {
            return self.about(of_request(&self.fact, request));
        }
        let models = request.models();
        let each = models.iter().map(|model| self.about(of_model(field, model)));
        match self.any {
            // Of no model nothing is true.
            _ if models.is_empty() => Truth::No,
            true => all(each.map(Truth::not)).not(),
            false => all(each),
        }
    }

    fn about(&self, found: Found<'_>) -> Truth<'_> {
        let holds = match (&self.check, found) {
            (_, Found::Unknown) => return Truth::Unknown(&self.fact),
            (check, Found::Missing) => *check == Check::Missing,
            (Check::Holds, Found::Truth(truth)) => truth,
            (Check::Compared(comparison, other), Found::Number(one)) => {
                comparison.holds(one, *other)
            }
            (Check::Numbers(numbers), Found::Number(number)) => numbers.contains(&number),
            (Check::Texts(texts), Found::Text(text)) => {
                texts.iter().any(|own| self.same(own, text))
            }
            (Check::Like(patterns), Found::Text(text)) => {
                patterns.iter().any(|pattern| self.like(pattern.as_bytes(), text.as_bytes()))
            }
            (Check::Models(patterns), Found::Text(name)) => {
                patterns.iter().any(|pattern| pattern.matches(name))
            }
            (Check::Networks(networks), Found::Text(address)) => {
                networks.iter().any(|network| network.contains(address))
            }
            (Check::Contains(names), Found::List(list)) => {
                names.iter().any(|name| list.contains(name))
            }
            (Check::Within(names), Found::List(list)) => list.iter().all(|own| names.contains(own)),
            (Check::Contains(words), Found::Texts(texts, role)) => {
                words.iter().any(|word| texts.iter().any(|text| has(text, role, word)))
            }
            // Nothing else is made of a condition.
            _ => false,
        };
        Truth::of(holds != self.negated)
    }

    /// Ollama's own words are written in this case and that.
    fn ignores_case(&self) -> bool {
        matches!(self.fact.field, Field::ModelFamily | Field::ModelQuantization)
    }

    fn same(&self, one: &str, other: &str) -> bool {
        one == other || self.ignores_case() && one.eq_ignore_ascii_case(other)
    }

    /// Tells whether `*` can be replaced by any characters to make the pattern the text. Going back
    /// to the last `*` is enough: a later one can take whatever an earlier one could have.
    fn like(&self, pattern: &[u8], text: &[u8]) -> bool {
        let fold = self.ignores_case();
        let same = |a: Option<&u8>, b: Option<&u8>| match (a, b) {
            (Some(a), Some(b)) => a == b || fold && a.eq_ignore_ascii_case(b),
            _ => false,
        };
        let (mut p, mut t, mut retry) = (0, 0, None);
        loop {
            if pattern.get(p) == Some(&b'*') {
                p += 1;
                retry = Some((p, t));
            } else if p == pattern.len() && t == text.len() {
                return true;
            } else if same(pattern.get(p), text.get(t)) {
                (p, t) = (p + 1, t + 1);
            } else {
                match retry {
                    Some((after, taken)) if taken < text.len() => {
                        (p, t) = (after, taken + 1);
                        retry = Some((after, taken + 1));
                    }
                    _ => return false,
                }
            }
        }
    }
}

/// Tells whether a text of the role has the word, whatever the case of its ASCII letters.
fn has(text: &Text, role: Option<&str>, word: &str) -> bool {
    let (text, word, of_role) =
        (text.text.as_bytes(), word.as_bytes(), role.is_none_or(|role| role == text.role));
    let Some((first, _)) = word.split_first().filter(|_| of_role) else {
        return false;
    };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr::memchr2_iter(lower, upper, text).any(|at| {
        let part = text.get(at..at + word.len());
        part.is_some_and(|part| part.eq_ignore_ascii_case(word))
    })
}
